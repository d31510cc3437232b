#!/bin/sh
# node.sh ADDRESS: Redis as one of three (docker-compose.ha.yml). On its very first start it follows $PRIMARY, unless it
# has that address; afterwards whom it followed last: Sentinels change that, and Redis keeps it in /data/redis.conf.
set -eu
conf=/data/redis.conf
if [ -s $conf ]; then
    follows=$(sed -n 's/^replicaof //p' $conf)
elif [ "$1" = "$PRIMARY" ]; then
    follows=
else
    follows="$PRIMARY 6379"
fi
cat >$conf.new <<CONF
include /etc/lifecircle/redis.conf
masteruser replica
masterauth $(cat /run/lifecircle/redis/replica-password)
replica-announce-ip $1
# a primary that nobody follows writes nothing: it may have been replaced without knowing
min-replicas-to-write ${REDIS_WAIT_REPLICAS:-1}
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
