# syntax=docker/dockerfile:1
# The processes of Casewire: `web` by default; compose.yaml runs the others from the same image.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/casewire
WORKDIR /src
# the dependencies are a layer of their own: they change less often than the code
COPY requirements.lock ./
RUN /opt/casewire/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE .env.example policy.example.toml ./
COPY connector connector
COPY salesforce salesforce
COPY docs/schemas docs/schemas
RUN /opt/casewire/bin/pip install --no-deps .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --user-group --create-home casewire
COPY --from=build /opt/casewire /opt/casewire
ENV PATH=/opt/casewire/bin:$PATH PYTHONUNBUFFERED=1 PORT=8080 CASEWIRE_LOG=json
# policy.toml is mounted here, if there is one
WORKDIR /home/casewire
USER casewire
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
CMD ["casewire", "web", "--host", "0.0.0.0"]
