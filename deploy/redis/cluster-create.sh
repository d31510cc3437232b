#!/bin/sh
# cluster-create.sh: makes one Cluster of $NODES (address:port, three primaries and three that follow them), unless they
# are one already; ends when every node is in, and every primary is followed. All are empty, or the first alone has what a
# single Redis had, or a backup: then it keeps the slots of that, and the other slots are dealt out.
set -eu
password=$(cat /run/lifecircle/admin/redis-password)
cli() { redis-cli --no-auth-warning --user admin --pass "$password" "$@"; }
ask() { # NODE WORDS...
    node=$1
    shift
    timeout 5 redis-cli --no-auth-warning --user admin --pass "$password" -h "${node%:*}" -p "${node#*:}" "$@" | tr -d '\r'
}
tell() { # NODE WORDS...: what is answered with OK
    said=$(ask "$@")
    [ "$said" = OK ] || { echo "$*: $said" >&2 && exit 1; }
}
info() { ask "$1" cluster info | sed -n "s/^$2://p"; }

# whole: does every node say that all slots are somebody's, and is nobody alone?
whole() {
    for n in $NODES; do
        ask "$n" cluster info | grep -q '^cluster_state:ok$' || return 1
        ask "$n" info replication | grep -qE '^(master_link_status:up|slave0:.*state=online)' || return 1
    done
}

# acquainted: does each know all?
acquainted() {
    for n in $NODES; do
        [ "$(info "$n" cluster_known_nodes)" -ge "$(echo "$NODES" | wc -w)" ] || return 1
    done
}

# free FROM TO: the ranges of slots between them that nobody has, as the first node knows it.
free() {
    ask "$first" cluster nodes | awk -v from="$1" -v to="$2" '
        $8 == "connected" { for (i = 9; i <= NF; i++) if ($i !~ /^\[/) {
            n = split($i, range, "-")
            for (s = range[1]; s <= range[n]; s++) taken[s + 0] = 1 } }
        END { for (s = from; s <= to + 1; s++) {
            open = s <= to && !(s in taken)
            if (open && !was) start = s
            if (!open && was) printf "%d %d ", start, s - 1
            was = open } }'
}

# join: the first node has data. Whatever was done of this before is left out.
join() {
    # shellcheck disable=SC2086
    set -- $NODES
    echo "$1 has data: the others join it"
    epoch=0
    for n in "$@"; do
        epoch=$((epoch + 1))
        if [ "$(info "$n" cluster_known_nodes)" = 1 ] && [ "$(info "$n" cluster_current_epoch)" = 0 ]; then
            tell "$n" cluster set-config-epoch $epoch
        fi
        [ "$n" = "$1" ] || tell "$1" cluster meet "${n%:*}" "${n#*:}"
    done
    until acquainted; do pause "do not get acquainted"; done
    from=0 i=0
    for n in "$1" "$2" "$3"; do
        i=$((i + 1))
        to=$((16384 * i / 3 - 1))
        ranges=$(free $from $to)
        # shellcheck disable=SC2086
        [ -z "$ranges" ] || tell "$n" cluster addslotsrange $ranges
        from=$((to + 1))
    done
    for pair in "$1 $4" "$2 $5" "$3 $6"; do
        id=$(ask "${pair% *}" cluster myid)
        until ask "${pair#* }" cluster nodes | grep -q "^$id .*master"; do pause "know no primary"; done
        tell "${pair#* }" cluster replicate "$id"
    done
}

waited=0
pause() { # WHAT THEY DO
    waited=$((waited + 1))
    if [ $waited -gt 60 ]; then
        echo "they $1 after a minute: see docs/operations.md, Redis Cluster" >&2
        ask "$first" cluster nodes >&2
        exit 1
    fi
    sleep 1
}

first=${NODES%% *} made='' data=''
for n in $NODES; do
    [ "$(info "$n" cluster_slots_assigned)" != 16384 ] || [ "$(ask "$n" cluster nodes | grep -c slave)" -lt 3 ] || made=$n
    # a copy of the first's, when this was cut off before all followed, is no data of its own
    ask "$n" info replication | grep -q '^role:slave' || [ "$(ask "$n" dbsize)" = 0 ] || data="$data $n"
done
if [ -n "$made" ]; then
    echo "they are a Cluster already, says $made"
elif [ "$data" = " $first" ]; then
    join
elif [ -n "$data" ]; then
    echo "there are data in$data: expected them in $first alone, or nowhere" >&2
    exit 1
else
    # shellcheck disable=SC2086
    cli --cluster create $NODES --cluster-replicas 1 --cluster-yes
fi
until whole; do pause "are not whole"; done
ask "$first" cluster nodes
