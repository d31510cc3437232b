# The demo's robots (lc-city), built with what deploy/Dockerfile's stage `build` has, run beside lcctl.
ARG BUILD=lifecircle-build
ARG IMAGE=lifecircle
FROM ${BUILD} AS robots
COPY tests tests
RUN cmake -B /build -DLC_TESTS=ON && cmake --build /build --target lc-city && strip /build/tests/city/player/lc-city
# the libraries that the daemons do without
RUN mkdir /libraries && ldd /build/tests/city/player/lc-city | awk '$3 ~ /^\// {print $3}' | xargs -I{} cp -L {} /libraries/

FROM ${IMAGE}
COPY --from=robots /libraries /usr/local/lib/robots
COPY --from=robots /build/tests/city/player/lc-city /usr/local/bin/
COPY tests/city/data /data
COPY tests/compose/play.sh /usr/local/bin/play
