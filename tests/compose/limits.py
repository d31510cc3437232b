#!/usr/bin/python3
"""What `docker-compose config` says, on stdin: every service has limits of memory, processes and
logs, and no rights that it does not need; a daemon has time to leave and drain before it is killed."""
import json
import re
import sys

drain_s = int(sys.argv[1]) / 1000
text = sys.stdin.read()
try:
    services = json.loads(text)["services"]
except ValueError:
    import yaml  # docker-compose 1.29 needs it itself
    services = yaml.safe_load(text)["services"]
faults = []


def need(service, is_so, words):
    if not is_so:
        faults.append(f"{service}: {words}")


def seconds(text):
    """Of 15s, 1m0s; Compose's own 10 s when nothing is said."""
    if text is None:
        return 10
    return sum(int(n) * {"h": 3600, "m": 60, "s": 1}[unit] for n, unit in re.findall(r"(\d+)([hms])", text))


for name, s in services.items():
    logs = s.get("logging", {}).get("options", {})
    need(name, s.get("mem_limit"), "no mem_limit")
    need(name, int(s.get("pids_limit") or 0) > 0, "no pids_limit")
    need(name, logs.get("max-size") and logs.get("max-file"), "its logs have no limit")
    need(name, s.get("read_only") is True, "can write to its root")
    need(name, s.get("cap_drop") == ["ALL"], "keeps capabilities")
    need(name, "no-new-privileges:true" in s.get("security_opt", []), "can gain privileges")
    need(name, not s.get("privileged") and not s.get("cap_add"), "has more rights than others")
    command = s.get("command") or []
    if command and str(command[0]).startswith("lc-"):
        leave_s = int((s.get("environment") or {}).get("LIFECIRCLE_LEAVE_S") or 0)
        grace_s = seconds(s.get("stop_grace_period"))
        need(name, grace_s > leave_s + drain_s,
             f"is killed after {grace_s} s; it leaves for {leave_s} s and drains for up to {drain_s:.0f} s")
if not any(str((s.get("command") or [""])[0]) == "lc-notifier" for s in services.values()):
    faults.append("no notifier: are these our services?")
print("\n".join(f"FAIL  {f}" for f in faults) or f"{len(services)} services have their limits")
sys.exit(bool(faults))
