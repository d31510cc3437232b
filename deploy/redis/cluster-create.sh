#!/bin/sh
# cluster-create.sh: makes one Cluster of the empty $NODES (address:port, three primaries and three that follow them),
# unless they are one already; ends when every node is in, and every primary is followed.
set -eu
password=$(cat /run/lifecircle/admin/redis-password)
cli() { redis-cli --no-auth-warning --user admin --pass "$password" "$@"; }
ask() { # NODE WORDS...
    node=$1
    shift
    timeout 5 redis-cli --no-auth-warning --user admin --pass "$password" -h "${node%:*}" -p "${node#*:}" "$@" | tr -d '\r'
}

# whole: does every node say that all slots are somebody's, and is nobody alone?
whole() {
    for n in $NODES; do
        ask "$n" cluster info | grep -q '^cluster_state:ok$' || return 1
        ask "$n" info replication | grep -qE '^(master_link_status:up|slave0:.*state=online)' || return 1
    done
}

made=
for n in $NODES; do
    [ "$(ask "$n" cluster info | sed -n 's/^cluster_slots_assigned://p')" != 16384 ] || made=$n
done
if [ -n "$made" ]; then
    echo "they are a Cluster already, says $made"
else
    # shellcheck disable=SC2086
    cli --cluster create $NODES --cluster-replicas 1 --cluster-yes
fi
i=0
until whole; do
    i=$((i + 1))
    if [ $i -gt 60 ]; then
        echo "not whole after a minute: see docs/operations.md, Redis Cluster" >&2
        ask "${made:-${NODES%% *}}" cluster nodes >&2
        exit 1
    fi
    sleep 1
done
ask "${NODES%% *}" cluster nodes
