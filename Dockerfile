# Two stages: the first builds Fengsui's wheel and its environment from the hash locks, the second holds only what runs.

FROM python:3.11.13-slim-bookworm AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build

# The locks alone first: these layers are kept until a lock changes.
COPY requirements-build.lock requirements.lock ./
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --requirement requirements-build.lock
RUN python -m venv /opt/fengsui \
    && /opt/fengsui/bin/pip install --require-hashes --only-binary :all: --requirement requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY app/ app/
COPY config/ config/
COPY connectors/ connectors/
COPY detectors/ detectors/
COPY model/ model/
COPY packs/ packs/
COPY pipeline/ pipeline/
COPY rules/ rules/
COPY simulator/ simulator/
COPY store/ store/
RUN /opt/build/bin/hatchling build --target wheel --directory dist \
    && /opt/fengsui/bin/pip install --no-deps --no-index dist/*.whl
COPY deploy/fengsui/healthy.py /opt/fengsui/healthy.py


FROM python:3.11.13-slim-bookworm AS runtime
LABEL org.opencontainers.image.title="Fengsui 烽燧" \
      org.opencontainers.image.description="Real-time safety monitoring and early warning for a city district" \
      org.opencontainers.image.licenses="Apache-2.0"

RUN groupadd --gid 10001 fengsui \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/fengsui --shell /usr/sbin/nologin fengsui \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/fengsui /var/cache/fengsui /etc/fengsui

COPY --from=builder /opt/fengsui /opt/fengsui
ENV PATH=/opt/fengsui/bin:$PATH \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/var/cache/fengsui/numba

USER 10001:10001
WORKDIR /var/lib/fengsui
# Kernels compiled here start at once there; a host with another processor compiles its own into the volume at /var/cache/fengsui.
RUN fengsui warm

EXPOSE 9464 9465
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=8s --start-period=60s --retries=4 \
    CMD ["python", "/opt/fengsui/healthy.py", "http://127.0.0.1:9464/readyz", "http://127.0.0.1:9465/readyz"]
ENTRYPOINT ["fengsui", "run", "--config", "/etc/fengsui/fengsui.yaml"]
