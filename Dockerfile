# Legwork in a container: docker build --tag legwork .
#
# Debian's own Python, so that its security updates come with those of the base. Pin the base by digest where you build:
#   docker build --build-arg BASE=debian:trixie-slim@sha256:... --tag legwork .
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends binutils ca-certificates python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python3 -m venv /tools \
 && /tools/bin/pip install --no-cache-dir --require-hashes --requirement requirements/build.txt \
 && python3 -m venv --without-pip /opt/legwork \
 && /tools/bin/pip --python /opt/legwork install --no-cache-dir --only-binary :all: --require-hashes \
      --requirement requirements/runtime.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY cards cards
COPY cds cds
RUN /tools/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /dist . \
 && /tools/bin/pip --python /opt/legwork install --no-cache-dir --no-deps /dist/*.whl \
 && find /opt/legwork -name '*.so' -exec strip --strip-debug {} +

FROM ${BASE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Legwork" \
      org.opencontainers.image.description="A CDS Hooks service that weighs the causes of legs that ache at rest" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"
# In the folders of this user are the clients' file and, without PostgreSQL, the database: mount them.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin legwork \
 && install --directory --owner legwork --group legwork /etc/legwork /var/lib/legwork
COPY --from=build /opt/legwork /opt/legwork
ENV PATH=/opt/legwork/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /var/lib/legwork
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
ENTRYPOINT ["legwork"]
CMD ["serve"]
