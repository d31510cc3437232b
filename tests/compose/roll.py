#!/usr/bin/python3
"""deploy/roll, when `docker-compose up` breaks off: the next run makes as many copies new as there were before.

Needs no engine: `docker`, `docker-compose` and `sleep` are this file under those names, and the containers a file."""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROLL = os.path.join(HERE, "..", "..", "deploy", "roll")
SERVICE, COPIES = "notifier", 3


def read():
    with open(os.environ["ENGINE"], encoding="utf-8") as f:
        return json.load(f)


def write(state):
    with open(os.environ["ENGINE"], "w", encoding="utf-8") as f:
        json.dump(state, f)


def container(state, labels):
    state["made"] += 1
    labels = {"com.docker.compose.project": "p", "com.docker.compose.service": SERVICE, **labels}
    state["all"][f"c{state['made']}"] = {"labels": labels}


def own(state):
    return [i for i, c in state["all"].items() if c["labels"]["com.docker.compose.oneoff"] == "False"]


def after(argv, name):
    return [value for word, value in zip(argv, argv[1:]) if word == name]


def docker(argv):
    state = read()
    if argv[0] == "ps":
        wanted = [f.removeprefix("label=").split("=", 1) for f in after(argv, "--filter")]
        for i, c in state["all"].items():
            if all(c["labels"].get(k) == v for k, v in wanted):
                print(i)
    elif argv[0] == "inspect":
        what = after(argv, "-f")[0]
        if "Health" in what:
            print("healthy")
        else:
            print(state["all"][argv[-1]]["labels"].get(what.split('"')[1], ""))
    elif argv[0] == "rm":
        for i in argv[1:]:
            del state["all"][i]
        write(state)


def compose(argv):
    state = read()
    if argv[0] == "ps":
        print("\n".join(own(state)))
    elif argv[0] == "run":
        if state["refuse"]:
            sys.exit(1)
        container(state, {"com.docker.compose.oneoff": "True", **dict(x.split("=", 1) for x in after(argv, "--label"))})
    elif argv[0] == "up":
        for i in own(state):
            del state["all"][i]
        wanted = int(after(argv, "--scale")[0].split("=")[1])
        broken = state["break"] > 0
        state["break"] -= broken
        for _ in range(1 if broken else wanted):
            container(state, {"com.docker.compose.oneoff": "False"})
        write(state)
        sys.exit(broken)
    write(state)


def roll():
    return subprocess.run([ROLL, SERVICE], capture_output=True, text=True, check=False)


def expect(what, is_so, done):
    if not is_so:
        sys.exit(f"expected {what}; roll said: {done.stdout}{done.stderr}; containers: {read()['all']}")


def main():
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("docker", "docker-compose", "sleep"):
            os.symlink(os.path.abspath(__file__), os.path.join(scratch, name))
        os.environ["PATH"] = scratch + ":" + os.environ["PATH"]
        os.environ["ENGINE"] = os.path.join(scratch, "engine")
        state = {"made": 0, "all": {}, "break": 1, "refuse": False}
        for _ in range(COPIES):
            container(state, {"com.docker.compose.oneoff": "False"})
        write(state)
        done = roll()
        expect("a run that breaks off and leaves stand-ins", done.returncode == 1 and len(read()["all"]) > COPIES, done)
        state = read()
        stand_ins = [i for i in state["all"] if i not in own(state)]
        del state["all"][stand_ins[0]]
        write({**state, "refuse": True})
        done = roll()
        expect("who answers to be left alone", done.returncode == 1 and set(stand_ins[1:]) <= set(read()["all"]), done)
        write({**read(), "refuse": False})
        done = roll()
        state = read()
        expect(f"{COPIES} copies and nobody else", len(own(state)) == COPIES == len(state["all"]), done)
        expect("success", done.returncode == 0, done)


called = os.path.basename(sys.argv[0])
if called in ("docker", "docker-compose"):
    (docker if called == "docker" else compose)(sys.argv[1:])
elif called != "sleep":
    main()
