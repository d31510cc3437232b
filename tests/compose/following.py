"""docs/operations.md from its first section to its last: what is given when, and what must have come of it."""
import json
import os
import re
import subprocess
import time
import urllib.request

from operations import (DAEMONS, NAME, PROJECT, Callers, all_healthy, ask, copies, docker, need, served, until)


def follow(city, up):
    for step in (start, certificate, first_order, stop, scale, own_file, small_ones, roads, upgrade, erase_and_back_up, restore,
                 keys, alerts, two_of_everything, cluster, own_cluster):
        print(f"== {step.__name__}", flush=True)
        step(city, up) if step in (start, upgrade) else step(city)
    need(not docker("ps", "-aq", "--filter", PROJECT), "docker-compose down -v has left containers")


def start(city, up):
    city.machine.give(city.page.find("Start", "apt-get install", True))
    # who clones from a folder of somebody else's must say that it may be
    city.give(f"git config --global --add safe.directory '*' && git clone -q {up} {city.tree}")
    if "2." in city.give("docker compose version 2>/dev/null || true"):
        city.machine.words.append(("docker-compose ", "docker compose "))
    city.machine.folder = city.tree
    said = city.block("Start", "cd deploy", seconds=2400)
    city.machine.folder = city.folder
    need(all(name in said for name in DAEMONS), "docker-compose ps shows not all daemons")
    all_healthy()
    password = city.said("Start", "docker-compose exec -T grafana").strip()
    need(re.fullmatch(r"\S{12,}", password), "Grafana's password is not shown")
    city.key = re.search(r"^lc_chain_\S+", city.block("Start", "lcctl chain add corner"), re.M).group(0)
    need("used_memory" in city.block("Start", "REDISCLI_AUTH"), "redis-cli as admin")


def certificate(city):
    make = ("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 -subj /CN=shop.example "
            "-keyout /tmp/key -out /tmp/cert 2>/dev/null; (umask 077; cat /tmp/cert /tmp/key >secrets/tls.pem)")
    change = city.page.find("Start", "secrets/tls.pem", True)
    compose = change.split("\n")[1]
    city.give("apt-get install -y openssl >/dev/null 2>&1")
    city.give(make)
    said = city.give(compose, may_fail=True)
    need("may not read it" in said and "localhost" in served(), "a certificate that cannot be read is refused, and nothing changes")
    city.give(change)
    until("the edge shows the new certificate", lambda: "shop.example" in served())
    for spoil, reason in (("sed -i '/PRIVATE/,/PRIVATE/d' secrets/tls.pem", "expected a key"),
                          ("cat /tmp/key >secrets/tls.pem", "expected a certificate"),
                          ("(cat /tmp/cert; openssl genpkey -algorithm ed25519) >secrets/tls.pem", "is not the key's")):
        city.give(spoil)
        need(reason in city.give(compose, may_fail=True) and "shop.example" in served(), f"refused: {reason}")
    city.give("cat /tmp/cert /tmp/key >secrets/tls.pem")


def first_order(city):
    city.open_shop()
    said = city.block("What happened to an order", "lcctl trace")
    need("received" in said and "order_answered" in said, "lcctl trace shows history and logs")
    need("fait-ave" in city.said("OrdersHeld", "docker-compose run --rm lcctl explain"), "lcctl explain")


def stop(city):
    before = city.audit()
    lines = city.page.find("Stop", "docker-compose stop", True).split("\n")
    need(len(lines) == 3, "Stop has three commands")
    for line in lines[:2]:
        city.give(line)
        need(not [i for d in DAEMONS for i in copies(d)], f"{line}: daemons run on")
        city.give("docker-compose up -d")
        all_healthy()
        need(city.audit() == before, f"{line}: {before} before")
    city.stands()


def scale(city):
    city.block("Scale", "--scale intake=2")
    all_healthy()
    have = [len(copies(d)) for d in DAEMONS]
    need(have == [2, 3, 2, 2, 2], f"copies: {have}")
    until("Prometheus has found them", lambda: scraped() == sum(have))


def scraped():
    with urllib.request.urlopen('http://127.0.0.1:9090/api/v1/query?query=count(up{job=~"' + "|".join(DAEMONS) + '"}==1)', timeout=9) as f:
        found = json.load(f)["data"]["result"]
    return int(found[0]["value"][1]) if found else 0


def own_file(city):
    with open(city.page.path, encoding="utf-8") as f:
        text = re.search(r"```\n(services:\n.*?)```", f.read(), re.S).group(1)
    city.write("docker-compose.override.yml", text)
    city.give("docker-compose up -d")
    all_healthy()
    have = [len(copies(d)) for d in DAEMONS]
    need(have == [1, 3, 1, 1, 1], f"copies: {have}")
    command = docker("inspect", "-f", "{{.Config.Cmd}}", *copies("router"))
    need("--order-lines 100" in command, f"the router's command: {command}")
    need(city.give("git status --short") == "", "git sees what operators write")


def small_ones(city):
    city.block("Reload", "echo 'log-level = debug'")
    until("intake says all", lambda: '"event":"reloaded","log_level":"debug"' in docker("logs", *copies("intake")))
    need(city.give("git status --short") == "", "git sees live/settings")
    city.give("rm live/settings && docker-compose kill -s HUP intake")
    until("intake says less", lambda: '"event":"reloaded","log_level":"info"' in docker("logs", *copies("intake")))
    need("redis" in city.said("lcctl", "docker-compose run --rm lcctl top", " --once"), "lcctl top")
    def begun():
        return docker("inspect", "-f", "{{.State.StartedAt}}", *copies("matcher")).split()

    before = begun()
    need("and leaves" in city.said("lcctl", "docker-compose exec matcher lcctl drain", may_fail=True), "lcctl drain")
    until("a matcher has left and is back", lambda: len(begun()) == len(before) and len(set(begun()) - set(before)) == 1)
    all_healthy()
    need("router-" in city.give("docker-compose run --rm " + city.page.find("lcctl", "lcctl lease release", False)), "lcctl lease release")
    need("router-" in city.give("docker-compose run --rm lcctl lease"), "lcctl lease")
    need("total" in city.block("Finished orders", "/archive"), "the archive's folder")


def roads(city):
    """deploy/roads/README.md, with the map that the tests have."""
    with open(os.path.join(city.folder, "roads/README.md"), encoding="utf-8") as f:
        page = f.read()
    lines = re.findall(r"^    (\S.*)$", page, re.M)
    reload = re.search(r"`(docker-compose kill -s HUP [^`]*)`", page).group(1)
    need(len(lines) == 4, "deploy/roads/README.md has four commands")
    city.give("cp ../tests/city/data/baltimore.osm.pbf roads/berlin.osm.pbf")
    for line in lines:
        city.give(line)
    city.give("docker-compose up -d")
    all_healthy()
    for service in ("matcher", "router", "notifier"):
        until(f"{service} has the map", lambda s=service: '"event":"roads' in docker("logs", copies(s)[0]))
    city.give(lines[0])
    city.give(reload)
    city.give("rm .env && docker-compose up -d")
    all_healthy()


def upgrade(city, up):
    """Somebody changed what goes into the image; who asks meanwhile is answered."""
    away = os.path.join(city.scratch, "away")
    subprocess.run(f"git clone -q {up} {away} && cd {away} && echo '# the next version' >>deploy/secrets.sh && git -c user.name=t "
                   "-c user.email=t@example.com commit -qam 'The next version' && git push -q", shell=True, check=True)
    before = {d: copies(d) for d in DAEMONS}
    text = city.page.find("Upgrade", "git pull", True)
    lines = text.split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith("./roll"))
    city.give("\n".join(lines[:at]), seconds=2400)
    callers = [Callers(city.key, path) for path in (f"/v1/orders/{city.order}", "/") * 4]
    for one in callers:
        one.start()
    city.give(lines[at])
    for one in callers:
        one.end()
    failed = [why for one in callers for why in one.failed]
    print(f"{sum(one.asked for one in callers)} requests while the daemons were renewed, {len(failed)} failed: {failed[:3]}")
    need(all(one.asked > 50 for one in callers) and not failed, "requests failed while the daemons were renewed")
    city.give("\n".join(lines[at + 1:]))
    image = docker("image", "inspect", "-f", "{{.Id}}", "lifecircle-operations")
    for d in DAEMONS:
        now = copies(d)
        need(len(now) == len(before[d]) and not set(now) & set(before[d]), f"{d}: {before[d]} before, {now} now")
        need(all(docker("inspect", "-f", "{{.Image}}", i) == image for i in now), f"{d}: of another image")
    all_healthy()
    redis = copies("redis")
    city.give("rm docker-compose.override.yml && docker-compose up -d")
    need(copies("redis") == redis, "an upgrade, then up -d: Redis was made anew")
    all_healthy()
    city.stands()


def erase_and_back_up(city):
    city.block("Back up", "lcctl backup -")
    secret = city.said("Back up", "docker-compose exec -T intake cat").strip()
    need(re.fullmatch(r"[0-9a-f]{64}", secret), "city-secret")
    status, text = ask("POST", f"/v1/orders/{city.order}/cancel", city.key, json.dumps({"reason": "customer_cancelled"}))
    need(status == 200, text)
    keys = os.path.join(city.folder, "city.keys")
    size = os.path.getsize(keys)
    city.said("Erasing personal data", "--backup-keys /here/city.keys")
    need(os.path.getsize(keys) < size, "the backup's keys still have the order's")
    city.block("Erasing personal data", "lcctl forget corner/4711")


def restore(city):
    city.order = city.place(4712)
    before = city.audit()
    city.give(city.page.find("Back up", "lcctl backup -", True))
    city.volumes_gone(None)
    all_healthy()
    need(city.audit() == before, f"{before} before")
    city.stands()


def keys(city):
    redis = copies("redis")
    city.block("Encrypted links", "lcctl keys new")
    all_healthy()
    need(copies("redis") == redis, "keys made Redis anew")
    city.place(4713)
    city.give("sed -i /corner/d secrets/bus/lists/chains")
    city.said("Encrypted links", "docker-compose kill -s HUP SERVICE")
    need(city.give("git status --short") == "", "git sees what operators write")
    city.give("docker-compose up -d")
    all_healthy()


def alerts(city):
    """What to look at first, and what to do: as far as it is a command."""
    page = city.page
    city.give('admin=$(docker-compose run --rm -T --no-deps --entrypoint cat lcctl /run/lifecircle/admin/redis-password)\n' +
              page.find("RedisDisk", "bgrewriteaof", False))
    said = city.give('admin=$(docker-compose run --rm -T --no-deps --entrypoint cat lcctl /run/lifecircle/admin/redis-password)\n' +
                     page.find("RedisTrouble", "script kill", False), may_fail=True)
    need("NOTBUSY" in said, "script kill")
    need("Avail" in city.said("RedisDisk", "docker run --rm"), "df")
    need("ready" in city.said("ServiceNotReady", "lcctl ready"), "lcctl ready")
    for section in ("NotReplicated", "RedisAlone"):
        need("ready" in city.said(section, "docker-compose exec inventory lcctl ready"), section)
    need("nobody is on shift" in city.said("NoCouriers", "docker-compose run --rm lcctl couriers"), "lcctl couriers")
    need("of this version" in city.said("FunctionsDiffer", "library show"), "lcctl library show")
    for section, begin in (("Alerts", "docker-compose ps"), ("Alerts", "docker-compose logs --tail=100"), ("ServiceGone", "docker-compose ps"),
                           ("ServiceGone", "docker-compose up -d SERVICE"), ("RedisGone", "docker-compose up -d redis"),
                           ("RedisGone", "docker-compose run --rm functions"), ("RedisFull", "docker-compose up -d redis"),
                           ("FunctionsDiffer", "docker-compose run --rm functions"), ("DueRowsOverdue", "lcctl queue")):
        city.said(section, begin)
    city.write(".env", "REDIS_MAXMEMORY=1200mb\n")
    city.give(page.find("RedisFull", "docker-compose up -d redis", False))
    all_healthy()
    city.stands()
    city.write(".env", "")


def fallen(city, service, seconds=30):
    """One Redis dies; -> whom the Sentinels name."""
    docker("kill", copies(service)[0])
    until("another primary", lambda: "172.16.77.11" not in city.said("Two of everything", "sentinel get-master-addr-by-name"),
          seconds)


def acknowledged(city, chain):
    until(f"chain {chain} is acknowledged", lambda: safe(city, chain))


def safe(city, chain):
    """Whether lcctl says that it is done, and not that too few have it."""
    said = city.give(f"docker-compose run --rm --no-deps lcctl chain add {chain}-{time.time_ns() % 10**6} --name {chain}",
                     may_fail=True)
    return "key, shown only now" in said and "replicas have it" not in said


def two_of_everything(city):
    city.block("Two of everything", "docker-compose.ha.yml up -d")
    all_healthy()
    need([len(copies(d)) for d in DAEMONS] == [2] * 5, "not two of each daemon")
    city.stands()
    files = re.search(r"`(COMPOSE_FILE=docker-compose.yml:docker-compose.ha.yml)`", open(city.page.path, encoding="utf-8").read())
    city.write(".env", files.group(1) + "\n")
    acknowledged(city, "ha-one")
    fallen(city, "redis")
    need(not safe(city, "ha-no"), "acknowledged without a replica")
    city.said("ReplicaGone", "docker-compose ps redis redis-2 redis-3")
    city.give("docker start $(docker-compose ps -aq redis)" if ("docker-compose ", "docker compose ") in city.machine.words
              else "docker start $(docker-compose ps -q redis)")
    acknowledged(city, "ha-two")
    city.page.find("Two of everything", "docker-compose up -d", False)
    city.page.find("NotReplicated", "docker-compose up -d", False)
    docker("kill", copies("redis-3")[0])
    city.write(".env", files.group(1) + "\nREDIS_WAIT_DEGRADED=yes\n")
    city.give("docker-compose up -d --no-deps " + " ".join(DAEMONS))
    city.place(4714)
    city.write(".env", files.group(1) + "\n")
    city.give("docker-compose up -d")
    all_healthy()
    acknowledged(city, "ha-three")
    city.order, before = city.place(4715), city.audit()
    city.give(city.page.find("Back up", "lcctl backup -", True))
    city.volumes_gone("Two of everything")
    all_healthy()
    need(city.audit() == before, f"{before} before")
    city.stands()
    acknowledged(city, "ha-four")


def cluster(city):
    before = city.audit()
    city.give(city.page.find("Back up", "lcctl backup -", True))
    city.give("docker-compose down")
    city.give(city.page.find("Two of everything", "docker volume rm", True) + " deploy_redis-data")
    city.write(".env", "")
    # a single Redis' data, as they are in a volume
    city.give('docker-compose run --rm -T -v "$PWD/city.keys:/city.keys:ro" restore --keys /city.keys <city.rdb')
    city.block("Redis Cluster", "docker-compose.cluster.yml up -d")
    city.write(".env", "COMPOSE_FILE=docker-compose.yml:docker-compose.cluster.yml\n")
    all_healthy()
    need(city.audit() == before, f"{before} before")
    city.stands()
    acknowledged(city, "cluster-one")
    need("172.16.77.11" in city.said("Redis Cluster", "docker-compose logs intake"), "the node that has the city")
    said = city.give('admin=$(docker-compose run --rm -T --no-deps --entrypoint cat lcctl /run/lifecircle/admin/redis-password)\n' +
                     city.page.find("Redis Cluster", "cluster nodes", True))
    need(said.count("slave") == 3, "cluster nodes")
    before = city.audit()
    city.give(city.page.find("Back up", "lcctl backup -", True))
    city.volumes_gone("Redis Cluster")
    all_healthy()
    need(city.audit() == before, f"{before} before")
    city.stands()
    acknowledged(city, "cluster-two")
    city.give(city.page.find("Stop", "docker-compose stop", True).split("\n")[2])
    city.write(".env", "")
    city.give("docker-compose down -v")


def own_cluster(city):
    """A Cluster of one's own: nodes a to f and one more, by the page's settings; redis-cli and lcctl from a box beside them."""
    page, net = city.page, "lifecircle-operations-own"
    with open(page.path, encoding="utf-8") as f:
        conf = re.search(r"```\n(cluster-enabled yes\n.*?)```", f.read(), re.S).group(1)
    words = [w for line in (conf + "appendonly yes\nappendfsync always\nmaxmemory-policy noeviction\nprotected-mode no\nbind *").split("\n")
             for w in ("--" + line.split("#")[0].strip()).split()]
    docker("network", "create", "--internal", net)
    box = ["--label", "lifecircle.operations=1", "--network", net]
    for name in ("a", "b", "c", "d", "e", "f", "new"):
        docker("run", "-d", "--name", f"{net}-{name}", *box, "--network-alias", name, os.environ.get("REDIS_IMAGE", "redis:7"), "redis-server", *words)
    # lcctl's image has no redis-cli: one with both
    build = subprocess.run(["docker", "build", "-q", "-t", "lifecircle-operations-tools", "-"], input=(
        "FROM lifecircle-operations\nUSER root\nRUN apt-get update -q && apt-get install -yq --no-install-recommends redis-tools\n"),
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    need(build.returncode == 0, build.stdout)
    docker("run", "-d", "--name", f"{net}-box", *box, "lifecircle-operations-tools", "sleep", "infinity")
    machine = city.machine
    machine.name, machine.folder, machine.words = f"{net}-box", "/", []
    making, loading, daemon = page.find("Redis Cluster", "--cluster create", True).split("\n")
    need("[OK] All 16384 slots covered" in machine.give(making, typed="yes\n"), "the Cluster is made")
    for name in "abcdef":  # each knows all, and is followed or follows
        until("every node knows", lambda n=name: "cluster_state:ok" in machine.give(f"redis-cli -h {n} cluster info") and
              re.search("master_link_status:up|state=online", machine.give(f"redis-cli -h {n} info replication")))
    machine.give("LIFECIRCLE_CITY=bal " + loading)
    machine.give("head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n' >/tmp/secret")
    said = machine.give("timeout 4 " + daemon.replace("…", "--allow-plain-tcp --listen tcp://0.0.0.0:7100 --http 0.0.0.0:8080 "
                        "--matcher tcp://127.0.0.1:7101 --inventory tcp://127.0.0.1:7102 --city-secret-file /tmp/secret"), may_fail=True)
    need('"event":"redis_up"' in said, "lc-intake and a Cluster of one's own")
    slot = int(machine.give(page.find("Redis Cluster", "cluster keyslot", False)).split()[-1])
    primary = owner(machine, slot)
    machine.words = [("ID-OF-ITS-PRIMARY", primary)]
    adding, taking = page.find("Redis Cluster", "--cluster add-node", True).split("\n")
    machine.give(adding)
    until("the new node follows", lambda: "master_link_status:up" in machine.give("redis-cli -h new info replication"))
    machine.give(taking)
    mine = machine.give("redis-cli -h new cluster myid").strip().strip('"')
    until("the new node has the city", lambda: owner(machine, slot) == mine)
    machine.name = NAME


def owner(machine, slot):
    for line in machine.give("redis-cli -h a cluster nodes").split("\n"):
        words = line.split()
        for span in words[8:] if len(words) > 8 and "master" in words[2] else []:
            low, _, high = span.partition("-")
            if low.isdigit() and int(low) <= slot <= int(high or low):
                return words[0]
    return None
