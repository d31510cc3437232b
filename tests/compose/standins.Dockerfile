# What the official images of deploy/docker-compose.yml have, from Debian's packages, for machines that reach no
# image registry: same users, same folders, same entry points. Grafana is not in Debian: its stand-in only
# reads what is provisioned (grafana.py).
FROM debian:bookworm-slim AS packages
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends \
        redis-server haproxy prometheus python3-minimal python3-yaml wget \
    && rm -rf /var/lib/apt/lists/*

FROM packages AS redis
RUN mkdir /data && chown 999:999 /data
WORKDIR /data
CMD ["redis-server"]

FROM packages AS haproxy
USER 99:99
CMD ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]

FROM packages AS prometheus
RUN mkdir /prometheus && chown 65534:65534 /prometheus
USER 65534:65534
ENTRYPOINT ["prometheus"]

FROM packages AS grafana
COPY tests/compose/grafana.py /run.py
RUN mkdir -p /var/lib/grafana && chown 472:472 /var/lib/grafana
USER 472:472
ENTRYPOINT ["python3", "/run.py"]
