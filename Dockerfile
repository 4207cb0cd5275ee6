# Two images: `service`, which runs the API or the worker, and `gateway`, the load balancer before the APIs.
FROM python:3.11-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev python3-dev \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/xmetra
ENV PATH=/opt/xmetra/bin:$PATH
WORKDIR /src
COPY requirements.txt requirements-s3.txt build-constraints.txt ./
RUN pip install --no-cache-dir -r requirements.txt -r requirements-s3.txt
RUN PIP_CONSTRAINT=build-constraints.txt pip install --no-cache-dir --no-deps --use-pep517 \
    --config-settings="--build-option=build_ext" learn2learn==0.2.0
COPY client client
RUN PIP_CONSTRAINT=build-constraints.txt pip install --no-cache-dir --no-deps ./client
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY core core
COPY worker worker
RUN PIP_CONSTRAINT=build-constraints.txt pip install --no-cache-dir --no-deps .

FROM python:3.11-slim-bookworm AS gateway
RUN apt-get update \
    && apt-get install --yes --no-install-recommends haproxy \
    && rm -rf /var/lib/apt/lists/*
COPY deploy/haproxy.cfg /etc/haproxy/haproxy.cfg
USER haproxy
EXPOSE 8000
CMD ["haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"]

FROM python:3.11-slim-bookworm AS service
RUN useradd --create-home --uid 10001 xmetra && mkdir /data /weights && chown xmetra /data /weights
COPY --from=build /opt/xmetra /opt/xmetra
COPY samples /srv/samples
WORKDIR /srv
ENV PATH=/opt/xmetra/bin:$PATH PYTHONUNBUFFERED=1 HF_HUB_DISABLE_TELEMETRY=1 HF_HOME=/weights
USER xmetra
VOLUME /data /weights
EXPOSE 8000
CMD ["xmetra", "serve"]
