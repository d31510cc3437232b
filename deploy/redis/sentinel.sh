#!/bin/sh
# sentinel.sh ADDRESS: one of three that decide which Redis is the primary (docker-compose.ha.yml). What they have agreed
# on is kept in /data/sentinel.conf; passwords are taken anew at each start.
set -eu
conf=/data/sentinel.conf
password=$(cat /run/lifecircle/sentinel/redis-password)
if [ ! -s $conf ]; then
    cat >$conf <<CONF
port 26379
bind * -::*
dir /data
aclfile /run/lifecircle/sentinel/users.acl
sentinel announce-ip $1
sentinel sentinel-user sentinel
sentinel sentinel-pass $password
sentinel monitor lifecircle $PRIMARY 6379 2
sentinel auth-user lifecircle sentinel
sentinel auth-pass lifecircle $password
sentinel down-after-milliseconds lifecircle ${REDIS_DOWN_MS:-3000}
sentinel failover-timeout lifecircle 10000
sentinel parallel-syncs lifecircle 2
CONF
    chmod 600 $conf
fi
sed "s/^sentinel sentinel-pass .*/sentinel sentinel-pass $password/; s/^sentinel auth-pass lifecircle .*/sentinel auth-pass lifecircle $password/" \
    $conf >$conf.new
cat $conf.new >$conf
rm $conf.new
exec redis-server $conf --sentinel
