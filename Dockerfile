# docker build -t dragoman .
# --build-arg EXTRAS= leaves out what reads pages for models that cannot see; the proxy itself is all there.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ARG EXTRAS=all
WORKDIR /src
RUN python3 -m venv /opt/dragoman
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/dragoman/bin/pip install --no-cache-dir --disable-pip-version-check ".[${EXTRAS}]"

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="dragoman" \
      org.opencontainers.image.description="A proxy between coding agents and any model" \
      org.opencontainers.image.licenses="MIT"
# tini, as process 1, passes signals on from the first moment and reaps what others leave behind.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends tini \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 10001 -g 10001 /config \
 && install -d -o 10001 -g 10001 -m 0700 /data
COPY --from=build /opt/dragoman /opt/dragoman
ENV PATH=/opt/dragoman/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/data \
    XDG_DATA_HOME=/data \
    DRAGOMAN_CONFIG=/config/config.yaml \
    DRAGOMAN_LISTEN=:8080
USER 10001:10001
VOLUME ["/config", "/data"]
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=15s CMD ["dragoman", "health"]
ENTRYPOINT ["tini", "--", "dragoman"]
CMD ["serve"]
