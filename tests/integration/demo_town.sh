# shellcheck shell=bash disable=SC2154
# Sourced by test_page.sh and test_lcctl.sh, with top, build and scratch set: a town of real daemons from deploy/demo.

demo=''
end() {
    [ -z "$demo" ] || { kill -INT "$demo" 2>/dev/null; wait "$demo" 2>/dev/null || true; }
    rm -rf "$scratch"
}
trap end EXIT

# demo_town OPTIONS...: of the demo; what it exports is there afterwards. Two minutes: on a machine with others on it
# half of one may not do.
demo_town() {
    local i
    set -m # a town of its own process group may be interrupted
    LIFECIRCLE_BUILD=$build "$top/deploy/demo" "$@" >"$scratch/town" 2>&1 &
    demo=$!
    set +m
    for ((i = 0; i < 1200; i++)); do
        ! grep -qs '^export LIFECIRCLE_REDIS' "$scratch/town" || break
        kill -0 "$demo" 2>/dev/null || break
        sleep 0.1
    done
    if ! grep -qs '^export LIFECIRCLE_REDIS' "$scratch/town"; then
        echo "the town did not come up:"
        tail -n 20 "$scratch/town"
        exit 1
    fi
    # shellcheck disable=SC1090
    . <(grep '^export ' "$scratch/town")
}

# await_key: until intake knows $KEY.
await_key() {
    local i
    for ((i = 0; i < 300; i++)); do
        [ "$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $KEY" "$INTAKE/v1/orders?external_order_id=x")" = 401 ] || return 0
        sleep 0.1
    done
    echo "intake does not know the chain's key"
    exit 1
}
