# The demo's robots (lc-city), built with what deploy/Dockerfile's stage `build` has, run beside lcctl.
ARG BUILD=lifecircle-build
ARG IMAGE=lifecircle
FROM ${BUILD} AS robots
COPY tests tests
RUN cmake -B /build -DLC_TESTS=ON && cmake --build /build --target lc-city && strip /build/tests/city/player/lc-city

FROM ${IMAGE}
COPY --from=robots /build/tests/city/player/lc-city /usr/local/bin/
COPY tests/city/data /data
COPY tests/compose/play.sh /usr/local/bin/play
