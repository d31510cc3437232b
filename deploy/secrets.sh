#!/bin/sh
# lifecircle-secrets: makes what is missing of passwords, keys and certificates, each where only the service
# that needs it looks. deploy/docker-compose.yml runs it once before everything else; what is there stays.
#
# What lies in /given wins: tls.pem (certificate chain and key in one file), city-secret (64 hex digits),
# redis-admin-password, redis-daemon-password, redis-replica-password, redis-sentinel-password,
# redis-health-password, grafana-password.
#
# lifecircle-secrets [GIVEN [RUN]]: other folders than /given and /run/lifecircle.
set -eu
umask 022 # the services run as different users; each sees only its own volume
given=${1:-/given}
run=${2:-/run/lifecircle}

random() { openssl rand -hex 32; }

refuse() {
    echo "secrets/$1: $2" >&2
    exit 1
}

# Else nothing given would be seen, and all of it made anew. By name: whoever may not list the folder (mode 711) can read.
[ ! -d "$given" ] || [ -x "$given" ] || refuse "" "user $(id -u) may not look into it: chmod 711 secrets"
for file in tls.pem city-secret redis-admin-password redis-daemon-password redis-replica-password redis-sentinel-password \
    redis-health-password grafana-password; do
    [ ! -e "$given/$file" ] || [ -r "$given/$file" ] || refuse "$file" "user $(id -u) may not read it: sudo chown $(id -u) secrets/$file"
done

# keep FILE NAME COMMAND...: FILE is what was given as NAME, or what is there already, or what COMMAND prints.
keep() {
    file=$1 name=$2
    shift 2
    if [ -s "$given/$name" ]; then
        tr -d '\r\n' <"$given/$name" >"$file.new"
    elif [ ! -s "$file" ]; then
        "$@" >"$file.new"
        echo "made $name"
    else
        return 0
    fi
    mv "$file.new" "$file"
}

hash() { tr -d '\r\n' <"$1" | openssl dgst -sha256 -r | cut -c1-64; }

keep "$run/admin/redis-password" redis-admin-password random
keep "$run/daemon/redis-password" redis-daemon-password random
keep "$run/redis/health-password" redis-health-password random
keep "$run/city/city-secret" city-secret random
keep "$run/grafana/admin-password" grafana-password random

case $(cat "$run/city/city-secret") in
*[!0-9a-fA-F]*) echo "city-secret: expected 64 hex digits" >&2; exit 1 ;;
esac

# Who may do what in Redis. A function's commands are checked with its caller's rights (Redis 7), so the daemons
# need those that common/redis/functions/ uses; they may not load functions, run scripts, delete keys or
# touch another city. docs/decisions/0007-rights-in-redis.md.
# The user `default` lets nobody in, but has every right: Redis 7.0 reads its append-only file as that user, and
# silently leaves out each transaction that this user may not execute.
city="{${LIFECIRCLE_CITY:?the city}}"
cat >"$run/redis/users.acl.new" <<ACL
user default off resetpass ~* &* +@all
user health on #$(hash "$run/redis/health-password") resetkeys resetchannels -@all +ping
user admin on #$(hash "$run/admin/redis-password") ~* &* +@all
user daemon on #$(hash "$run/daemon/redis-password") resetchannels ~$city ~$city:* -@all +ping +auth +@read -@dangerous -keys +fcall +fcall_ro +function|list +config|get +info +role +wait +asking +bitfield +geoadd +hdel +hset +lset +mset +rpush +set +xadd +xdel +xtrim +zadd +zrem +zremrangebyscore
ACL

# docker-compose.ha.yml and docker-compose.cluster.yml: who follows a primary
if [ -w "$run/sentinel" ] || [ "${LIFECIRCLE_REPLICAS:-no}" = yes ]; then
    keep "$run/redis/replica-password" redis-replica-password random
    cat >>"$run/redis/users.acl.new" <<ACL
user replica on #$(hash "$run/redis/replica-password") resetkeys resetchannels -@all +ping +psync +replconf
ACL
fi

# docker-compose.ha.yml: who decides which the primary is
if [ -w "$run/sentinel" ]; then
    keep "$run/sentinel/redis-password" redis-sentinel-password random
    cat >>"$run/redis/users.acl.new" <<ACL
user sentinel on #$(hash "$run/sentinel/redis-password") resetkeys resetchannels &__sentinel__:hello -@all +ping +auth +info +role +multi +exec +slaveof +config|rewrite +publish +subscribe +client|setname +client|kill +script|kill
ACL
    cat >"$run/sentinel/users.acl.new" <<ACL
user default on nopass resetkeys resetchannels -@all +ping +sentinel|get-master-addr-by-name
user sentinel on #$(hash "$run/sentinel/redis-password") ~* &* +@all
user admin on #$(hash "$run/admin/redis-password") ~* &* +@all
user daemon on #$(hash "$run/daemon/redis-password") resetkeys resetchannels &+switch-master -@all +ping +auth +subscribe +sentinel|get-master-addr-by-name
ACL
    mv "$run/sentinel/users.acl.new" "$run/sentinel/users.acl"
fi
mv "$run/redis/users.acl.new" "$run/redis/users.acl"

if [ -s "$given/tls.pem" ]; then
    # one that the edge cannot use would end it
    key=$(openssl pkey -in "$given/tls.pem" -passin pass: -pubout 2>/dev/null) || refuse tls.pem "expected a key, not encrypted, beside the certificate"
    for_key=$(openssl x509 -in "$given/tls.pem" -noout -pubkey 2>/dev/null) || refuse tls.pem "expected a certificate (PEM)"
    [ "$key" = "$for_key" ] || refuse tls.pem "the first certificate is not the key's"
    # not cp: whoever may read the file here, the edge, another user, must be able to
    cat "$given/tls.pem" >"$run/tls/edge.pem.new"
    mv "$run/tls/edge.pem.new" "$run/tls/edge.pem"
elif [ ! -s "$run/tls/edge.pem" ]; then
    name=${LIFECIRCLE_NAME:-localhost}
    work=$(mktemp -d)
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 -subj "/CN=$name" \
        -addext "subjectAltName=DNS:$name,DNS:localhost,DNS:edge,IP:127.0.0.1" \
        -keyout "$work/key" -out "$work/certificate" 2>/dev/null
    cat "$work/certificate" "$work/key" >"$run/tls/edge.pem.new"
    mv "$run/tls/edge.pem.new" "$run/tls/edge.pem"
    rm -r "$work"
    echo "made tls.pem, signed by itself for $name: replace it before anybody else calls"
fi
