"""What phones and customers were shown, against what Redis has, after `tests/run chaos`' rolling restart.

    pushes.py SAID HOST

SAID is what lc-city wrote with --log. Wrong is: a courier who was not shown the newest version of the route (missed); one who
was shown a version twice, or an older one, without having asked for all (doubled); a customer who listened and did not hear how
the order ended.
"""
import json
import struct
import subprocess
import sys

END_MS = 5000
ENDS = {"delivered", "collected", "cancelled", "returned", "rejected"}


def redis(host, *words):
    out = subprocess.run(["redis-cli", "-h", host, *words], stdout=subprocess.PIPE, check=True).stdout
    return out[:-1] if out.endswith(b"\n") else out


def main(said, host):
    shown, tracked, ended, done_at, wrong, pushes, last = {}, {}, {}, {}, [], 0, 0
    with open(said, encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            last = line["at"]
            if line["said"] == "answered" and line["order"]:
                done_at[line["order"]] = line["at"]
            if line["said"] == "route":
                before = shown.get(line["courier"], 0)
                pushes += 1
                if line["version"] <= before and not line["asked"]:
                    wrong.append(f"{line['courier']} was shown version {line['version']} after {before}, at {line['at']}")
                shown[line["courier"]] = max(before, line["version"])
            elif line["said"] == "tracked":
                tracked[line["order"]] = line["status"]
            elif line["said"] == "seen":
                ended[line["order"]] = line["state"]
    for courier, version in sorted(shown.items()):
        number = redis(host, "hget", "{bal}:courierids", courier).decode()
        newest = struct.unpack("<I", redis(host, "hget", "{bal}:routes", number)[:4])[0]
        if newest != version:
            wrong.append(f"{courier} was shown version {version} last; the route has {newest}")
    for order, status in sorted(tracked.items()):
        late = last - done_at.get(order, 0) < END_MS  # the city ended before it could listen again
        if ended.get(order) in ENDS and status != ended[order] and not late:
            wrong.append(f"the customer of {order} heard {status} last; it is {ended[order]}")
    print(f"  {pushes} routes were shown to {len(shown)} couriers, {len(tracked)} customers listened: "
          f"{len(wrong)} missed or doubled")
    for words in wrong[:20]:
        print("  WRONG " + words)
    return 1 if wrong or not shown or not tracked else 0


sys.exit(main(sys.argv[1], sys.argv[2]))
