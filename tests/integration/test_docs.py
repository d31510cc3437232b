#!/usr/bin/env python3
"""What the documents name is there: links and their headings, paths, commands of lcctl, flags of
lcctl and the daemons, suites and flags of tests/run. Every field of a message has its comment."""
import glob
import os
import re
import subprocess
import sys

top, build = "@PROJECT_SOURCE_DIR@", "@CMAKE_BINARY_DIR@"
daemons = ["lc-" + name for name in ("intake", "matcher", "inventory", "router", "notifier")]
roots = ("common/", "deploy/", "docs/", "proto/", "services/", "tests/")
faults = 0


def fault(where, words):
    global faults
    faults += 1
    print(f"FAIL  {where}: {words}")


def said(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def text_of(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def headings(path):
    """As GitHub makes them: lower case, no punctuation, dashes for spaces."""
    names = set()
    for line in re.findall(r"^#+ +(.*)$", text_of(path), re.M):
        line = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line)
        names.add(re.sub(r"[^\w\- ]", "", line.strip().lower()).replace(" ", "-"))
    return names


def check_messages(path):
    """Every field and value of a message says what it is, behind itself or in the line above."""
    above, fields = "", 0
    for number, line in enumerate(text_of(path).split("\n"), 1):
        name = re.match(r"\s+(?:[\w.]+ )*(\w+) = \d+.*;", line)
        fields += name is not None
        if name and "//" not in line and not above.strip().startswith("//"):
            fault(f"{path}:{number}", f"{name[1]} has no comment")
        above = line
    return fields


def check_links(page, text):
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = os.path.normpath(os.path.join(os.path.dirname(page), name)) if name else page
        if not os.path.exists(path):
            fault(page, f"no such file: {target}")
        elif anchor and path.endswith(".md") and anchor not in headings(path):
            fault(page, f"no such heading: {target}")


def check_path(page, word):
    word = word.rstrip(".,;:)")
    if not word.startswith(roots) or re.search(r"[<>{}$…A-Z]{2,}|\.\.\.|…", word):
        return
    made = word.startswith("deploy/secrets/") or os.path.exists(f"{build}/{word}")
    if not made and not glob.glob(word) and not glob.glob(word + ".*"):
        fault(page, f"no such path: {word}")


def check_flags(page, what, help_text, words):
    for word in words:
        flag = re.match(r"--[a-z][a-z-]*", word)
        if flag and flag.group() != "--help" and not re.search(
                re.escape(flag.group()) + r"(?![a-z-])", help_text):
            fault(page, f"{what} has no {flag.group()}")


def check_command(page, words):
    """words: of one command, as far as its pipe or end."""
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    if not words:
        return
    name = words[0].split("/")[-1]
    if name in daemons:
        check_flags(page, name, help_of[name], words[1:])
    elif name == "lcctl":
        verbs = [w for w in words[1:] if re.fullmatch(r"[a-z]+", w)]
        first = next((w for w in words[1:] if not w.startswith("-")), None)
        if first is None or not re.fullmatch(r"[a-z]+", first):
            return
        if first not in commands:
            fault(page, f"lcctl has no command {first}")
            return
        check_flags(page, "lcctl " + " ".join(verbs[:1]), commands[first] + general, words[1:])
    elif words[0].endswith("tests/run"):
        for suite in words[1:]:
            if re.fullmatch(r"[a-z]+", suite) and not re.search(rf"^  {suite} ", runs, re.M):
                fault(page, f"tests/run has no suite {suite}")
        check_flags(page, "tests/run", runs, words[1:])


os.chdir(top)
services = build + "/services/"
help_of = {name: said(services + name, "--help") for name in daemons}
runs = said("tests/run", "--help")
general = said(services + "lcctl", "--help")
commands = {w: said(services + "lcctl", "help", w)
            for w in set(re.findall(r"^  ([a-z]+)\b", general, re.M))}
if len(commands) < 20 or any("--city" not in text for text in help_of.values()):
    fault("test_docs", "cannot read what the programs say of themselves")

messages = sorted(glob.glob("proto/*.proto"))
if len(messages) < 8 or sum(check_messages(path) for path in messages) < 300:
    fault("test_docs", "cannot read the messages")
pages = sorted(p for p in glob.glob("**/*.md", recursive=True) if not p.startswith("build/"))
if len(pages) < 20:
    fault("test_docs", "no pages")
for page in pages:
    text = text_of(page)
    check_links(page, re.sub(r"```.*?```", "", text, flags=re.S))
    if page == "CHANGELOG.md":
        continue
    blocks = re.findall(r"```(?:sh|bash|console)?\n(.*?)```", text, re.S)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").split("\n")]
    for piece in re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S)) + lines:
        for word in piece.split():
            check_path(page, word.strip("\"'()[],"))
        for command in re.split(r"\||;|&&|\$\(", piece.split(" #")[0]):
            check_command(page, command.replace(")", " ").replace("[", " ").replace("]", " ").split())
print(f"{len(pages)} pages, {faults} faults")
sys.exit(faults > 0)
