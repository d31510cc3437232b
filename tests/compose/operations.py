#!/usr/bin/env python3
"""docs/operations.md, followed word for word on a bare Debian: its commands are taken from the page and given there, in the
page's order; what they should come to is looked at after each. A command of the page that this neither gives nor leaves out
with a reason is a fault, and so is one that the page does not have any more.

    operations.py CLONE_OF SCRATCH     the repository; an empty folder, at the same place for the engine

The bare Debian is a container of $MACHINE_IMAGE (debian:bookworm-slim) with the engine's socket and nothing else; with
another one, debian:trixie-slim, what it has is Compose v2. Images as in the environment (REDIS_IMAGE and so on)."""
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from page import Machine, Page  # noqa: E402

DAEMONS = ("intake", "matcher", "inventory", "router", "notifier")
NAME = "lifecircle-operations"
PROJECT = "label=com.docker.compose.project=deploy"
KNOBS = {k: v for k, v in os.environ.items()
         if k in ("REDIS_IMAGE", "HAPROXY_IMAGE", "PROMETHEUS_IMAGE", "GRAFANA_IMAGE", "DEBIAN_IMAGE")}
KNOBS.update(LIFECIRCLE_IMAGE="lifecircle-operations", HTTPS_ADDRESS="127.0.0.1")
MANY_REDIS = [f"redis-{n}-data" for n in range(2, 7)] + [f"sentinel-{n}-data" for n in range(1, 4)]
# said on the page, and not given here
LEFT_OUT = {
    "docker-compose up -d": "given many times, by the blocks",
    "docker-compose run --rm lcctl": "the beginning of commands that are given",
    "docker compose": "the other name of docker-compose",
    "docker-compose restart edge": "given, for the certificate",
    "docker-compose restart redis": "as the edge's restart; Redis' own is in tests/chaos",
    "docker-compose stop": "in the block of Stop",
    "docker inspect": "with the container of one's own trouble",
    "lcctl replay DIR": "a recording; tests/integration/test_traced and others",
    "lcctl addresses build": "deploy/roads/README.md's, as `lcctl roads build`, which is given",
    "lcctl roads build": "given, from deploy/roads/README.md",
    "lcctl speeds": "shows what was learnt; tests/integration/test_learnt_speeds",
    "lcctl confirm": "tests/integration/test_address",
    "lcctl forget ORDER --recordings": "a recording; tests/integration/test_erasing",
    "lcctl man": "its text is docs/lcctl.1, which a test compares",
    "lcctl completion": "tests/integration/test_lcctl",
    ". <(lcctl completion bash)": "tests/integration/test_lcctl",
    "lcctl COMMAND --help": "tests/integration/test_lcctl",
    "lcctl key": "beside `lcctl chain add`; tests/integration/test_tenants",
    "lcctl courier": "beside `lcctl courier add`; tests/integration",
    "lcctl chain": "given, with other words",
    "lcctl library load": "the service `functions` is that",
    "lcctl audit": "given, in the block",
    "lcctl backup": "given, in the block",
    "lcctl drain HOST:PORT": "given, as docker-compose exec",
    "lcctl top": "given, as docker-compose run",
    "lcctl trace": "given, in the block",
    "lcctl lease": "given, as docker-compose run",
    "lcctl explain ORDER": "given, as docker-compose run",
    "lcctl forget": "given, as docker-compose run",
    "redis-cli --cluster reshard": "tests/run cluster moves slots under load",
    "redis-cli --cluster fix": "tests/run cluster",
    "redis-cli --cluster check": "looks only",
}


def fail(words):
    raise SystemExit(f"FAIL  {words}")


def need(true, words):
    if not true:
        fail(words)


def docker(*words, check=True):
    done = subprocess.run(["docker", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    need(done.returncode == 0 or not check, f"docker {' '.join(words)}: {done.stdout}")
    return done.stdout.strip()


def until(what, true, seconds=150):
    ends = time.monotonic() + seconds
    while not true():
        need(time.monotonic() < ends, f"after {seconds} s not yet: {what}")
        time.sleep(1)


def copies(service):
    return docker("ps", "-q", "--filter", PROJECT, "--filter", f"label=com.docker.compose.service={service}").split()


def unhealthy():
    """Services that are neither healthy, nor ended with 0, nor without a check."""
    ids = docker("ps", "-aq", "--filter", PROJECT, "--filter", "label=com.docker.compose.oneoff=False").split()
    form = ('{{index .Config.Labels "com.docker.compose.service"}} {{.State.Status}} {{.State.ExitCode}} '
            '{{if .State.Health}}{{.State.Health.Status}}{{end}}')
    lines = docker("inspect", "-f", form, *ids).split("\n") if ids else ["nothing is there"]
    fine = re.compile(r"(\S+ running 0 healthy|archive running 0 ?|(secrets|functions|cluster) exited 0 ?)$")
    return [line for line in lines if not fine.match(line.strip())]


def all_healthy():
    try:
        until("everything healthy", lambda: not unhealthy())
    except SystemExit:
        print("\n".join(unhealthy()))
        raise


def ask(method, path, key=None, body=None, kind="application/json"):
    """At the edge; -> status, text. The certificate is looked at elsewhere."""
    far = http.client.HTTPSConnection("127.0.0.1", 8443, timeout=20, context=ssl._create_unverified_context())
    try:
        far.request(method, path, body, {"Content-Type": kind, **({"Authorization": "Bearer " + key} if key else {})})
        answer = far.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        far.close()


def served():
    """The name in the certificate that the edge shows."""
    try:
        told = ssl.get_server_certificate(("127.0.0.1", 8443), timeout=5)
    except OSError:
        return ""
    return subprocess.run(["openssl", "x509", "-noout", "-subject"], input=told, stdout=subprocess.PIPE, text=True,
                          check=True).stdout


class Callers(threading.Thread):
    """Somebody who asks all the time; tells how often it failed."""

    def __init__(self, key, path):
        super().__init__(daemon=True)
        self.key, self.path, self.asked, self.failed, self.over = key, path, 0, [], threading.Event()

    def run(self):
        while not self.over.wait(0.1):
            self.asked += 1
            try:
                status, text = ask("GET", self.path, self.key)
                if status != 200:
                    self.failed.append((status, text[:100]))
            except OSError as e:
                self.failed.append(e)

    def end(self):
        self.over.set()
        self.join()


class City:
    """The page, the machine, and what was made on it."""

    def __init__(self, top, scratch):
        self.top, self.scratch = top, scratch
        self.page = Page(os.path.join(top, "docs/operations.md"))
        self.tree = os.path.join(scratch, "lifecircle")
        self.folder = os.path.join(self.tree, "deploy")
        words = [("SERVICE", "matcher"), ("ORDER", "corner/4711")]
        self.machine = Machine(NAME, scratch, words)
        self.key = self.order = None

    def block(self, section, start, **how):
        return self.machine.give(self.page.find(section, start, True), **how)

    def said(self, section, start, more="", **how):
        """A command within a sentence; more: what somebody types behind it."""
        return self.machine.give(self.page.find(section, start, False) + more, **how)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
            f.write(text)

    def give(self, text, **how):
        return self.machine.give(text, **how)

    # ---- what is looked at ----

    def audit(self):
        said = self.give("docker-compose run --rm lcctl audit")
        need("the ledger adds up to every level" in said, "the ledger does not add up")
        # a held order may be placed meanwhile: entries are not compared
        return re.search(r"stores (\d+), levels (\d+), ledger entries \d+, orders (\d+)", said).groups()

    def stands(self):
        """The order is there, whoever is asked."""
        until("the order is told", lambda: self.state(self.order) != "")

    def state(self, order):
        try:
            status, text = ask("GET", f"/v1/orders/{order}", self.key)
        except OSError:
            return ""
        return json.loads(text)["status"] if status == 200 else ""

    def place(self, number):
        body = {"external_order_id": str(number), "currency": "USD", "dropoff": {"lat": 39.2861, "lng": -76.5877, "address": "3000 Fait Ave"},
                "customer": {"name": "Grace", "phone": "+14105550123"}, "lines": [{"sku": "COFFEE", "quantity": 2}]}
        told = []

        def taken():
            try:
                told[:] = ask("POST", "/v1/orders", self.key, json.dumps(body))
            except OSError:
                return False
            return told[0] in (200, 201, 202)
        until(f"order {number} is taken", taken)
        return json.loads(told[1])["order_id"]

    def open_shop(self):
        store = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [-76.5921, 39.2847]}, "properties": {
            "store_id": "fait-ave", "name": "Corner Shop", "prep_seconds": 60, "zone": {"type": "Polygon", "coordinates": [
                [[-76.62, 39.27], [-76.56, 39.27], [-76.56, 39.30], [-76.62, 39.30], [-76.62, 39.27]]]}}}
        status, text = ask("PUT", "/v1/stores", self.key, json.dumps(store), "application/geo+json")
        need(status == 200, text)
        status, text = ask("POST", "/v1/stock", self.key, "store_id,sku,quantity,price\nfait-ave,COFFEE,50,219\n", "text/csv")
        need(status == 200, text)
        self.order = self.place(4711)

    def volumes_gone(self, section):
        """The block of Back up that restores, with what `section` says to remove as well."""
        text = self.page.find("Back up", "docker-compose down", True)
        more = self.page.find(section, "docker volume rm", True) if section else ""
        one = [line for line in text.split("\n") if line.startswith("docker volume rm")]
        need(len(one) == 1, "Back up removes a volume in one line")
        self.machine.give(text.replace(one[0], one[0] + "\n" + more))


def main():
    top, scratch = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    need(not docker("ps", "-aq", "--filter", PROJECT) and not docker("volume", "ls", "-q", "--filter", PROJECT),
         "a project `deploy` is on this engine: this would end it")
    from following import follow  # the page's sections, in its order
    os.makedirs(scratch, exist_ok=True)
    up = os.path.join(scratch, "up.git")
    subprocess.run(["git", "clone", "-q", "--bare", top, up], check=True)
    head = subprocess.run(["git", "-C", top, "rev-parse", "HEAD"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    subprocess.run(["git", "-C", up, "update-ref", "refs/heads/main", head], check=True)
    subprocess.run(["git", "-C", up, "symbolic-ref", "HEAD", "refs/heads/main"], check=True)
    city = City(top, scratch)
    words = [w for k, v in KNOBS.items() for w in ("-e", f"{k}={v}")]
    docker("run", "-d", "--name", NAME, "--network", "host", "-v", "/var/run/docker.sock:/var/run/docker.sock", "-v",
           f"{scratch}:{scratch}", *words, os.environ.get("MACHINE_IMAGE", "debian:bookworm-slim"), "sleep", "infinity")
    begun = time.monotonic()
    try:
        follow(city, up)
        left = [c for c in city.page.left() if c.block or not any(c.text.startswith(w) for w in LEFT_OUT)]
        for c in left:
            print(f"FAIL  {c.section}: on the page, and not given: {c.text}")
        need(not left, f"{len(left)} commands of the page were not given")
        given = [c for c in city.page.commands if c.given]
        print(f"{len(given)} of the page's {len(city.page.commands)} commands and blocks given in {time.monotonic() - begun:.0f} s")
        for c in city.page.left():
            print(f"  left out: {c.text.splitlines()[0]} ({next(v for k, v in LEFT_OUT.items() if c.text.startswith(k))})")
    finally:
        if not os.environ.get("LIFECIRCLE_TEST_KEEP"):
            clean(scratch)


def clean(scratch):
    for kind, name in (("ps", "label=lifecircle.operations"), ("ps", PROJECT)):
        ids = docker(kind, "-aq", "--filter", name, check=False).split()
        if ids:
            docker("rm", "-f", *ids, check=False)
    docker("exec", NAME, "bash", "-c", f"rm -rf {scratch}/*", check=False)
    docker("rm", "-f", NAME, check=False)
    for kind in ("volume", "network"):
        for name in docker(kind, "ls", "-q", "--filter", PROJECT, check=False).split():
            docker(kind, "rm", name, check=False)
    docker("network", "rm", "lifecircle-operations-own", check=False)
    docker("rmi", "-f", "lifecircle-operations", "lifecircle-operations-tools", check=False)


if __name__ == "__main__":
    main()
