#!/bin/sh
# In the player's container: the lunch hour, through the edge's TLS (service `outside` does it for the robots, which
# speak plain HTTP, and checks the certificate). The one ZeroMQ chain and lcctl are inside.
set -eu
address() { getent hosts "$1" | { read -r ip _ && echo "$ip"; }; }
export LD_LIBRARY_PATH=/usr/local/lib/robots
exec lc-city --lcctl lcctl --redis redis:6379 --city "$LIFECIRCLE_CITY" --timezone UTC --data /data \
    --intake "$(address outside):8080" --notifier "$(address outside):8080" --intake-zmq tcp://intake:7100 \
    --orders "${ORDERS:-200}" --speed "${SPEED:-60}" --seed "${SEED:-1}"
