# syntax=docker/dockerfile:1
# One image for every role: `distributor web`, `worker`, `beat`, `inbound`, `migrate`. Its servers are outside: see
# docker-compose.yml.

# The scripts of the web app. Node stays behind in this stage: the image has none.
FROM python:3.13-slim AS scripts
WORKDIR /source
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/node.txt requirements/
RUN pip install --quiet --require-hashes -r requirements/node.txt
COPY frontend frontend
RUN python frontend/bundle.py --insist

FROM python:3.13-slim AS build
WORKDIR /source
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/distributor
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN /opt/distributor/bin/pip install --quiet --require-hashes -r requirements/build.txt \
    && /opt/distributor/bin/pip install --quiet --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY worker worker
COPY templates templates
COPY content content
COPY frontend frontend
COPY --from=scripts /source/src/distributor/web/bundles src/distributor/web/bundles
RUN /opt/distributor/bin/pip install --quiet --no-deps --no-build-isolation .

FROM python:3.13-slim
# Workers keep their journals here, so it has to outlive the container.
RUN useradd --uid 10001 --create-home --home-dir /var/lib/distributor distributor
COPY --from=build /opt/distributor /opt/distributor
ENV PATH=/opt/distributor/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DISTRIBUTOR_DATA_DIR=/var/lib/distributor \
    DISTRIBUTOR_HOST=0.0.0.0
USER distributor
WORKDIR /var/lib/distributor
# A volume mounted there takes its owner from here.
RUN mkdir --mode=700 imports backups
VOLUME /var/lib/distributor
EXPOSE 8000
ENTRYPOINT ["distributor"]
CMD ["web"]
