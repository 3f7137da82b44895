# The bot in a container: docs/kubernetes.md. Where pip finds packages is the builder's affair: tools/build_image gives its
# configuration and authorities as secrets of the build, which stay in no layer.
FROM docker.io/library/debian:bookworm-20260824-slim AS base
# Debian keeps no older version of a package on its mirrors, so a pin would break the build after each repair.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf /var/log/apt /var/log/dpkg.log

FROM base AS build
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends python3-pip
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_DEPS=1
WORKDIR /source
COPY requirements/bot.txt requirements/build.txt requirements/
# The folders of tests that wheels bring are a tenth of the image.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=authorities,target=/etc/ssl/certs/ca-certificates.crt \
    python3 -m venv --without-pip /build \
    && python3 -m venv --without-pip /opt/pumpwatch \
    && python3 -m pip --python /build/bin/python install --require-hashes --requirement requirements/build.txt \
    && python3 -m pip --python /opt/pumpwatch/bin/python install --require-hashes --requirement requirements/bot.txt \
    && find /opt/pumpwatch -type d -name tests -prune -exec rm -rf {} +
COPY . .
RUN /build/bin/python -m hatchling build --target wheel \
    && python3 -m pip --python /opt/pumpwatch/bin/python install --no-index dist/*.whl

FROM base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pumpwatch" \
      org.opencontainers.image.description="Detects pumps on Bybit and trades them under hard limits" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/pumpwatch /opt/pumpwatch
RUN install --directory --owner=10001 --group=10001 --mode=0700 /data
ENV PATH=/opt/pumpwatch/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/data \
    PUMPWATCH_HOME=/data \
    METRICS_ADDRESS=0.0.0.0 \
    METRICS_PORT=8000
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=60s --timeout=10s --start-period=600s --retries=5 CMD ["python3", "-c", \
    "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"METRICS_PORT\"]}/healthz', timeout=5)"]
ENTRYPOINT ["pumpwatch"]
CMD ["desk", "--json"]
