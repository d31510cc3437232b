#!/usr/bin/env bash
# lcctl as people and programs use it: every command with --json, tables that align, colours on a terminal alone,
# completion, and the man page in docs/.
set -euo pipefail
top=@PROJECT_SOURCE_DIR@ build=@CMAKE_BINARY_DIR@
PATH=$build/services:$PATH
export PATH TERM=xterm LIFECIRCLE_CITY=bal
unset NO_COLOR

scratch=$(mktemp -d)
. "$top/tests/integration/demo_town.sh"

failed=0 passed=0
ok() { # ok WHAT COMMAND...
    local what=$1
    shift
    if "$@" >"$scratch/said" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL  %s\n' "$what"
        sed 's/^/    /' "$scratch/said"
    fi
}

# json EXPRESSION COMMAND...: its output is JSON, and of `v` (of every line, when there are several) this holds
json() {
    local expression=$1 said
    shift
    said=$("$@") || [ $? = 1 ] || return 1
    printf '%s\n' "$said"
    printf '%s' "$said" | python3 -c '
import json, sys
text = sys.stdin.read()
try: values = [json.loads(text)]
except ValueError: values = [json.loads(line) for line in text.splitlines()]
sys.exit(not values or not all(eval(sys.argv[1], {"v": v}) for v in values))' "$expression"
}

same() { [ "$1" = "$2" ] || { printf 'expected: %s\ngot:      %s\n' "$2" "$1"; false; }; }

demo_town --orders 0

# ---- every command, for programs ----
lcctl --json chain add corner --name "Corner Shops" >"$scratch/chain"
ok 'chain add' json 'v["chain"] == "corner" and v["number"] == 1 and v["key"].startswith("lc_chain_")' cat "$scratch/chain"
KEY=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["key"])' <"$scratch/chain")
key_id=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])' <"$scratch/chain")
ok 'key new' json 'v["key"].startswith("lc_chain_")' lcctl --json key new corner
ok 'key revoke' json 'v["revoked"] is True' lcctl --json key revoke corner "$(lcctl --json key new corner | sed 's/.*"id":"\([^"]*\)".*/\1/')"
ok 'chain list' json 'len(v) == 3 and v[0]["currency"] == "USD" and v[0]["promise_s"] == 3600 and [k["revoked"] for k in v] == [False, False, True]' lcctl chain list --json
ok 'courier add' json 'v["courier"] == "ada" and v["token"].startswith("lc_courier_")' lcctl --json courier add ada --name Ada
ok 'courier add, a name as wide as it looks' json 'v["courier"] == "li"' lcctl --json courier add li --name 李四 --no-age-checks
ok 'courier list' json '[c["name"] for c in v] == ["Ada", "李四"] and v[1]["no_age_checks"] is True' lcctl --json courier list
ok 'courier revoke' json 'v == {"courier": "li", "revoked": True}' lcctl --json courier revoke li
ok 'operator add' json 'v["token"].startswith("lc_operator_") and len(v["id"]) == 8' lcctl --json operator add "Olga M."
ok 'operator list' json '[o["name"] for o in v] == ["demo", "Olga M."] or [o["name"] for o in v] == ["Olga M.", "demo"]' lcctl --json operator list
ok 'operator revoke' json 'v["revoked"] is True' lcctl --json operator revoke "$(lcctl operator list | awk '/Olga/ {print $1}')"
await_key
curl -sS -o /dev/null -X PUT "$INTAKE/v1/stores" -H "Authorization: Bearer $KEY" -H 'Content-Type: application/geo+json' -d '{
  "type": "Feature", "geometry": {"type": "Point", "coordinates": [-76.5921, 39.2847]}, "properties": {"store_id": "fait-ave",
  "name": "Fait Ave", "collects": true, "delivers": false}}'
printf 'store_id,sku,quantity,price\nfait-ave,COFFEE,20,219\n' |
    curl -sS -o /dev/null "$INTAKE/v1/stock" -H "Authorization: Bearer $KEY" -H 'Content-Type: text/csv' --data-binary @-
ok 'store add' json 'v["store"] == "corner/fait-ave" and v["token"].startswith("lc_store_")' lcctl --json store add corner/fait-ave
ok 'store list' json 'len(v) == 1' lcctl --json store list
curl -sS -o "$scratch/order" "$INTAKE/v1/orders" -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{
  "external_order_id": "4711", "currency": "USD", "fulfilment": "collection", "dropoff": {"lat": 39.2861, "lng": -76.5877},
  "lines": [{"sku": "COFFEE", "quantity": 2}]}'
for ((i = 0; i < 300; i++)); do
    ! lcctl --json order corner/4711 | grep -q '"state":"placed"' || break
    sleep 0.1
done
ok order json 'v["state"] == "placed" and v["chain"] == "corner" and v["store"] == "fait-ave" and v["total"] == 438 and v["lines"] == [{"sku": "COFFEE", "quantity": 2, "taken": 2, "unit_price": 219}]' lcctl --json order corner/4711
ok explain json 'v["store"] == "fait-ave" and v["candidates"][0]["failed"] is None and v["candidates"][0]["stock"]["missing_sku"] is None and v["dispatch"] is None and v["ruled"] == {"hold": False, "pinned": None, "banned": [], "route_frozen": False}' lcctl --json explain corner/4711
lcctl courier add bob --name Bob >/dev/null
ok 'what misses a word asks no Redis' same "$(lcctl --redis 127.0.0.1:1 order 2>&1 | head -n 1)" 'use: lcctl order ORDER'
ok 'and is wrong use' same "$(lcctl --redis 127.0.0.1:1 pin corner/4711 >/dev/null 2>&1 || echo $?)" 2
ok 'an order names its chain' grep -q '4711 (chain corner)' <(lcctl order corner/4711)
ok 'rulings, none, in words' bash -c 'lcctl rulings | grep -q "^nothing is ruled"'
ok 'rulings, none' json 'v == {"orders": [], "frozen": [], "log": []}' lcctl --json rulings
ok freeze json 'v == {"ruling": "freeze", "outcome": "done"}' lcctl --json freeze bob --who me
ok 'hold: not of an order for collection' json 'v["outcome"] == "not_now"' lcctl --json hold corner/4711
ok 'rulings name couriers' grep -q '^courier bob: frozen by me' <(lcctl rulings)
ok rulings json 'v["frozen"] == ["bob"] and v["log"][0]["who"] == "me" and v["log"][0]["courier"] == "bob"' lcctl --json rulings
ok 'freeze --lift' json 'v["outcome"] == "done"' lcctl --json freeze --lift bob
ok 'speeds, none' json 'v == []' lcctl --json speeds
ok 'speeds, none, for people' same "$(lcctl speeds | cut -c 1-19)" 'nothing was learnt:'
ok 'speeds reset' json 'v == {"forgotten": 0}' lcctl --json speeds reset --mode car
ok 'speeds, another mode' same "$(lcctl speeds --mode tram 2>&1 | head -n 1 | cut -c 1-30)" 'lcctl: --mode: expected foot, '
ok audit json 'v["adds_up"] is True and v["reserved"] == 2 and v["faults"] == []' lcctl --json audit
ok queue json '[q["queue"] for q in v] == ["match", "held", "dispatch", "expire", "webhook"] and v[3]["rows"] == 1' lcctl --json queue
ok 'couriers, none' json 'v == []' lcctl --json couriers
ok 'couriers, none, for people' same "$(lcctl couriers)" 'nobody is on shift'
ok 'lease, of another city' same "$(lcctl --city other lease 2>&1 || echo $?)" 'lcctl: no router has ever held the city other in this Redis
1'
ok 'no city' same "$(lcctl --city 'Bal timore' queue 2>&1 || echo $?)" 'lcctl: --city: expected 1 to 31 of a-z, 0-9 and -, got Bal timore
2'
ok 'no address' same "$(lcctl ready nonsense 2>&1 | head -n 1)" 'lcctl: expected HOST:PORT, got nonsense'
ok 'drain, no time' same "$(lcctl drain 127.0.0.1:1 --wait soon 2>&1 | head -n 1)" 'lcctl: --wait: expected a number from 0 to 3600, got soon'
ok 'archive, no days' same "$(lcctl archive "$scratch/archive" --days some 2>&1 | head -n 1 | cut -c 1-35)" 'lcctl: --days: expected days from 0'
ok 'library load' json 'v["loaded"] is True' lcctl --json library load
ok 'library show' json 'v == {"loaded": True, "this_version": True}' lcctl --json library show
mkdir "$scratch/data"
ok 'forget: not before it has ended' json 'v["outcome"] == "not_ended"' lcctl --json forget corner/4711
ok 'forget --older' json 'v == {"erased": 0}' lcctl --json forget --older 3
ok archive json 'v == {"archived": 0, "stay": 0, "erased": 0, "ledger_entries": 0}' lcctl --json archive "$scratch/archive"

# a history names the courier whom a ruling names, and leaves what people wrote
curl -sS -o /dev/null "$INTAKE/v1/orders" -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{
  "external_order_id": "4712", "currency": "USD", "dropoff": {"lat": 39.2861, "lng": -76.5877}, "lines": [{"sku": "COFFEE", "quantity": 1}]}'
bob=$(lcctl courier list | awk '$2 == "bob" {print $1}')
ok pin json 'v["outcome"] == "done"' lcctl --json pin corner/4712 bob --who me --why "as courier $bob said: courier $bob"
ok 'a history names couriers' grep -q "me: pinned to courier bob: as courier $bob said: courier $bob\$" <(lcctl order corner/4712)
ok 'explain names couriers' json 'v["ruled"]["pinned"] == "bob"' lcctl --json explain corner/4712

# stores go by the chain's name for them, and a folder is no log
ok 'order names the store' grep -q '^  store          corner/fait-ave$' <(lcctl order corner/4711)
ok 'explain names the store' grep -q '^  1  corner/fait-ave  ' <(lcctl explain corner/4711)
line() {
    printf '{"time":"2026-11-22T17:58:01.204Z","service":"intake","event":"order_answered","order":"%s","store":%s}\n' "$1" "$2"
}
order_4711=$(lcctl --json order corner/4711 | python3 -c 'import json, sys; print(json.load(sys.stdin)["order_id"])')
ok 'trace names the store' grep -q '  corner/fait-ave ' <(line "$order_4711" 1 | lcctl trace corner/4711 -)
ok 'and for programs as GET does' json 'v[0]["store"] == "fait-ave"' lcctl --json trace corner/4711 <(line "$order_4711" 1)
ok 'each line its own' json '[m["store"] for m in v][:3] == ["fait-ave", "7", "fait-ave"]' \
    lcctl --json trace corner/4711 <(for i in 1 7 1; do line "$order_4711" $i; done)
ok 'that nobody has, by number' grep -q '  order_answered  *7 ' <(line "$order_4711" 7 | lcctl trace corner/4711 -)
ok 'without Redis by number' grep -q '  order_answered  *1 ' <(line "$order_4711" 1 | lcctl --redis 127.0.0.1:1 trace "$order_4711" - 2>/dev/null)
ok 'trace refuses a folder' grep -q "^lcctl: $scratch: is a folder: expected log files" <(lcctl trace corner/4711 "$scratch" 2>&1)
ok 'addresses names a file once' bash -c '[ "$(lcctl addresses ask /none Eastern 2>&1)" = "lcctl: /none: No such file or directory" ]'

# ends_when_asked FILE COMMAND...: it goes on by itself, and its long wait ends with the first signal
ends_when_asked() {
    local said=$1 pid i
    shift
    "$@" >"$said" &
    pid=$!
    for ((i = 0; i < 300; i++)); do
        [ ! -s "$said" ] || break
        sleep 0.1
    done
    kill -TERM $pid && timeout 30 tail --pid=$pid -f /dev/null && wait $pid && [ -s "$said" ]
}
ok 'archive --every' ends_when_asked "$scratch/turns" lcctl archive --every 3600 "$scratch/archive"
ok 'top --every' ends_when_asked "$scratch/frames" lcctl top --every 3600

ok backup json 'v["bytes"] > 1000 and v["left_out"] == v["keys"]' lcctl --json backup "$scratch/backup"
ok 'backup keys' lcctl backup keys "$scratch/keys"
foreign() { ! lcctl restore "$1" "$scratch/data" >"$scratch/why" 2>&1 && grep -q "$1: expected a file that" "$scratch/why"; }
: >"$scratch/nothing"
ok 'restore, of nothing' foreign "$scratch/nothing"
ok 'restore, of something else' foreign "$scratch/keys"
full_disk() { (trap '' XFSZ && ulimit -f 1 && ! lcctl restore "$scratch/backup" "$scratch/data") 2>&1 | grep 'File too large'; }
ok 'restore, on a disk that is full' full_disk
ok 'restore, nothing is left of those' same "$(ls "$scratch/data")" ''
ok restore json 'v["bytes"] > 1000' lcctl --json restore "$scratch/backup" "$scratch/data"
ok ready json 'v["ready"] is True and v["status"] == 200' lcctl --json ready "${INTAKE#http://}"
ok secret json 'len(v["secret"]) == 64' lcctl --json secret
ok ports json 'len(set(v)) == 3' lcctl --json ports 3
mkdir "$scratch/steps"
ok 'replay of nothing' same "$(lcctl --json replay "$scratch/steps" 2>&1 || echo $?)" "lcctl: $scratch/steps: no recordings
1"
if ls "$top"/tests/city/data/*.osm.pbf >/dev/null 2>&1; then
    ok 'roads build' json 'v["modes"]["foot"]["edges"] > 100' lcctl --json roads build "$(ls "$top"/tests/city/data/*.osm.pbf | head -n 1)" -o "$scratch/roads" --modes foot
    ok 'roads info' json 'v["modes"] == ["foot"]' lcctl --json roads info "$scratch/roads"
    # delivery zones, from the chain's file to PUT and from GET back to PUT, as docs/roads.md has it
    cat >"$scratch/stores.geojson" <<'JSON'
{"type": "FeatureCollection", "features": [
  {"type": "Feature", "geometry": {"type": "Point", "coordinates": [-76.5921, 39.2847]}, "properties": {"store_id": "zoned", "name": "Fait Ave"}},
  {"type": "Feature", "geometry": {"type": "Point", "coordinates": [-76.579, 39.281]}, "properties": {"store_id": "counter", "name": "Boston St", "delivers": false}}]}
JSON
    put() { curl -sS -X PUT "$INTAKE/v1/stores" -H "Authorization: Bearer $KEY" -H 'Content-Type: application/geo+json' --data-binary @-; }
    lcctl roads zones "$scratch/roads" --mode foot --minutes 15 "$scratch/stores.geojson" >"$scratch/zoned.geojson"
    ok 'roads zones: who delivers gets one' json 'len(str(v["features"][0]["properties"]["zone"]["coordinates"])) > 500 and "zone" not in v["features"][1]["properties"]' cat "$scratch/zoned.geojson"
    ok 'roads zones: as PUT takes them' json '[(s["status"], s.get("note")) for s in v["stores"]] == [("created", None)] * 2' put <"$scratch/zoned.geojson"
    curl -sS "$INTAKE/v1/stores/zoned" -H "Authorization: Bearer $KEY" >"$scratch/store.geojson"
    ok 'roads zones: a zone stays' json 'v == __import__("json").load(open("'"$scratch"'/store.geojson"))' lcctl roads zones "$scratch/roads" --mode foot --minutes 30 "$scratch/store.geojson"
    lcctl roads zones "$scratch/roads" --mode foot --minutes 30 --replace - <"$scratch/store.geojson" >"$scratch/larger.geojson"
    ok 'roads zones: --replace' json 'v["stores"][0]["status"] == "updated"' put <"$scratch/larger.geojson"
    ok 'roads zones: off the map' same "$(sed 's/39.2847/38.2/' "$scratch/stores.geojson" | lcctl roads zones "$scratch/roads" --mode foot - 2>&1 >/dev/null || echo $?)" 'lcctl: features[0] zoned: no road within 1000 m of it on this map
1'
    ok 'roads zones: no stores' same "$(echo '[]' | lcctl roads zones "$scratch/roads" --mode foot - 2>&1 || echo $?)" 'lcctl: -: expected stores as a GeoJSON Feature or FeatureCollection: it is neither
3'
    ok 'roads ask' json 'v["metres"] > 100 and v["legs"]' lcctl --json roads ask "$scratch/roads" --mode foot 39.2847,-76.5921 39.2861,-76.5877
fi

# ---- for people ----
ok 'a table aligns what is wide' same "$(lcctl courier list)" 'NUMBER  COURIER  NAME  NO AGE CHECKS  REVOKED
     1  ada      Ada                  
     2  li       李四  no age checks  revoked
     3  bob      Bob                  '
ok 'no colours in a pipe' same "$(lcctl courier list | grep -c $'\033' || true)" 0
terminal() { script -qec "$*" /dev/null </dev/null; }
ok 'colours on a terminal' same "$(terminal lcctl courier list | grep -c $'\033\[1mNUMBER')" 1
ok 'none with NO_COLOR' same "$(NO_COLOR=1 terminal lcctl courier list | grep -c $'\033' || true)" 0
ok 'the key alone on the last line' same "$(lcctl key new corner | tail -n 1 | cut -c 1-9)" lc_chain_
ok 'wrong use says how' same "$(lcctl chain add 2>&1 | head -n 1 | cut -c 1-40)" 'use: lcctl chain add ID --name NAME [--c'
ok 'help of one command' same "$(lcctl queue --help | head -n 1)" 'lcctl queue'
ok 'the key that was made is there' json 'any(k["key"] == "'"$key_id"'" for k in v)' lcctl --json chain list

# ---- completion and man: from the same table ----
lcctl completion bash >"$scratch/completion"
lcctl man >"$scratch/man"
completes() { # completes WORDS... : what bash offers for the last one
    (
        set +eu
        # shellcheck disable=SC1091
        . "$scratch/completion"
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _lcctl
        printf '%s ' "${COMPREPLY[@]}"
    )
}
# A v6 address is asked of the network as it is, not of a name server with its brackets.
v6=$(lcctl --redis '[::1]:1' --city bal audit 2>&1) || true
ok 'takes [v6]:port' grep -Ei 'refused|not (supported|available)|cannot assign|unreachable' <<<"$v6"
ok 'completes commands' same "$(completes lcctl cha)" 'chain '
ok 'completes commands behind options' same "$(completes lcctl --redis unix:x expl)" 'explain '
ok 'completes verbs' same "$(completes lcctl courier '')" 'add list token revoke '
ok 'completes options' same "$(completes lcctl chain add x --pr)" '--price-policy --promise '
ok 'completes values' same "$(completes lcctl chain add x --price-policy '')" 'refuse take '
all=$(completes lcctl '')
for command in $(lcctl help | awk '/^  [a-z]/ {print $1}' | sort -u); do
    ok "completes $command" same "$(grep -ow -- "$command" <<<"$all" | head -n 1)" "$command"
    ok "man page has $command" grep -q "fB$command" "$scratch/man"
done
[ -z "$(command -v zsh)" ] || ok 'zsh reads its completion' zsh -n <(lcctl completion zsh)
ok 'docs/lcctl.1 is what lcctl man prints' diff "$top/docs/lcctl.1" "$scratch/man"

printf '%s passed, %s failed\n' "$passed" "$failed"
[ $failed = 0 ]
