FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/gateway
COPY pyproject.toml ./
COPY gateway gateway
COPY policies policies
COPY migrations migrations
RUN /opt/gateway/bin/pip install --no-cache-dir --disable-pip-version-check .

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 gateway \
    && useradd --system --uid 10001 --gid gateway --home-dir /data --no-create-home gateway \
    && install --directory --owner gateway --group gateway --mode 0700 /data
COPY --from=build /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GATEWAY_HOME=/data \
    GATEWAY_HOST=0.0.0.0 \
    GATEWAY_PORT=8080
USER gateway
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"GATEWAY_PORT\"]}/healthz', timeout=2)"]
ENTRYPOINT ["gateway"]
CMD ["serve"]
