#!/bin/sh
# node.sh ADDRESS: Redis as one of three (docker-compose.ha.yml). On its very first start it follows $PRIMARY, unless it
# has that address; afterwards whom it followed last: Sentinels change that, and Redis keeps it in /data/redis.conf.
# When two of $SENTINELS agree who the primary is, that counts: an old one follows at once, and is not told ten seconds
# later.
set -eu
conf=/data/redis.conf
if [ -s $conf ]; then
    follows=$(sed -n 's/^replicaof //p' $conf)
elif [ "$1" = "$PRIMARY" ]; then
    follows=
else
    follows="$PRIMARY 6379"
fi
named=$(for s in $SENTINELS; do
    timeout 2 redis-cli -h "$s" -p 26379 sentinel get-master-addr-by-name lifecircle 2>/dev/null | head -n 1
done | sort | uniq -c | awk '$1 >= 2 {print $2}')
if [ "$named" = "$1" ]; then
    follows=
elif [ -n "$named" ]; then
    follows="$named 6379"
fi
cat >$conf.new <<CONF
include /etc/lifecircle/redis.conf
masteruser replica
masterauth $(cat /run/lifecircle/redis/replica-password)
replica-announce-ip $1
# a primary that nobody follows writes nothing: it may have been replaced without knowing
min-replicas-to-write 1
min-replicas-max-lag 5
repl-backlog-size 64mb
repl-timeout 20
repl-diskless-sync-delay 0
maxmemory ${REDIS_MAXMEMORY:-1gb}
${follows:+replicaof $follows}
CONF
chmod 600 $conf.new
mv $conf.new $conf
exec redis-server $conf
