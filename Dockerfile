# One image, two services: the api and the worker run the same code with different commands.
FROM python:3.11-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev python3-dev \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/xmetra
ENV PATH=/opt/xmetra/bin:$PATH
WORKDIR /src
COPY requirements.txt build-constraints.txt ./
RUN pip install --no-cache-dir -r requirements.txt
RUN PIP_CONSTRAINT=build-constraints.txt pip install --no-cache-dir --no-deps --use-pep517 \
    --config-settings="--build-option=build_ext" learn2learn==0.2.0
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY core core
COPY worker worker
RUN PIP_CONSTRAINT=build-constraints.txt pip install --no-cache-dir --no-deps .

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 xmetra && mkdir /data && chown xmetra /data
COPY --from=build /opt/xmetra /opt/xmetra
ENV PATH=/opt/xmetra/bin:$PATH PYTHONUNBUFFERED=1 HF_HUB_DISABLE_TELEMETRY=1
USER xmetra
VOLUME /data
EXPOSE 8000
CMD ["xmetra", "serve"]
