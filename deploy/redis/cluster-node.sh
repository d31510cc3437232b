#!/bin/sh
# cluster-node.sh ADDRESS: Redis as a node of a Cluster (docker-compose.cluster.yml). Which slots it has, and whom it
# follows, it keeps in /data/nodes.conf.
set -eu
conf=/data/redis.conf
cat >$conf.new <<CONF
include /etc/lifecircle/redis.conf
masteruser replica
masterauth $(cat /run/lifecircle/redis/replica-password)
cluster-enabled yes
cluster-config-file /data/nodes.conf
cluster-announce-ip $1
cluster-node-timeout ${REDIS_DOWN_MS:-3000}
# a city goes on when another city's node is gone
cluster-require-full-coverage no
# a primary that nobody follows writes nothing: it may have been replaced without knowing
min-replicas-to-write 1
min-replicas-max-lag 5
repl-backlog-size 64mb
repl-timeout 20
repl-diskless-sync-delay 0
maxmemory ${REDIS_MAXMEMORY:-1gb}
CONF
chmod 600 $conf.new
mv $conf.new $conf
exec redis-server $conf
