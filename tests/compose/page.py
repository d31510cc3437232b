"""The commands of a document, and a bare machine to give them on: for operations.py."""
import os
import pty
import re
import select
import subprocess
import time

STARTS = ("docker-compose ", "docker ", "lcctl ", "redis-cli ", "apt-get ", ". <(")


class Command:
    def __init__(self, section, text, block):
        self.section, self.text, self.block = section, text, block
        self.given = False


class Page:
    """All fenced blocks and all commands within sentences, under their headings."""

    def __init__(self, path):
        self.path, self.commands, section, fence = path, [], "", None
        with open(path, encoding="utf-8") as f:
            lines = f.read().split("\n")
        prose = {}
        for line in lines:
            if line.startswith("```"):
                if fence is not None and fence and not self._shown(fence):
                    self.commands.append(Command(section, "\n".join(fence), True))
                fence = [] if fence is None else None
            elif fence is not None:
                fence.append(line)
            elif line.startswith("#"):
                section = line.lstrip("# ")
            else:
                prose.setdefault(section, []).append(line)
        for section, words in prose.items():
            for code in re.findall(r"`([^`]+)`", "\n".join(words)):
                if code.startswith(STARTS) and not code.startswith("lcctl help"):
                    self.commands.append(Command(section, code, False))

    @staticmethod
    def _shown(fence):
        """What a command prints, or a file has, and nobody types."""
        return not any(re.match(r"(\w+=)?[$(]*(cd|sudo|apt-get|docker|docker-compose|git|mkdir|redis-cli|lcctl)\b", l)
                       for l in fence)

    def find(self, section, start, block):
        found = [c for c in self.commands
                 if c.section == section and c.block == block and start in c.text]
        if len(found) != 1 and not (found and all(c.text == found[0].text for c in found)):
            raise SystemExit(f"FAIL  {self.path}, {section}: {len(found)} commands with: {start}")
        for c in found:
            c.given = True
        return found[0].text

    def left(self):
        return [c for c in self.commands if not c.given]


class Machine:
    """A container with a terminal, in which somebody types."""

    def __init__(self, name, folder, words):
        self.name, self.folder, self.words = name, folder, words

    def line(self, text):
        for old, new in self.words:
            text = text.replace(old, new)
        return text

    def give(self, text, user="root", may_fail=False, seconds=1200, typed=""):
        """Types text, and typed when it asks; -> what the terminal shows. Ends the check when the exit status is not 0."""
        text = self.line(text)
        print("\n".join("$ " + l for l in text.split("\n")), flush=True)
        own, theirs = pty.openpty()
        run = subprocess.Popen(
            ["docker", "exec", "-it", "-u", user, "-e", "TERM=xterm", "-e", "COLUMNS=200", "-w", self.folder, self.name,
             "bash", "-euo", "pipefail", "-c", text],
            stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
        os.close(theirs)
        os.write(own, typed.encode())
        shown, ends = b"", time.monotonic() + seconds
        while True:
            if select.select([own], [], [], 1)[0]:
                try:
                    piece = os.read(own, 65536)
                except OSError:
                    piece = b""
                if not piece:
                    break
                shown += piece
            elif run.poll() is not None:
                break
            if time.monotonic() > ends:
                run.kill()
                shown += b"\n(took too long)\n"
        os.close(own)
        status = run.wait()
        said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode("utf-8", "replace")).replace("\r", "")
        print(said[-3000:], flush=True)
        if status != 0 and not may_fail:
            raise SystemExit(f"FAIL  exit status {status}: {text}")
        return said
