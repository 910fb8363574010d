# One image for every part of docker-compose.yml. Nothing else in the project depends on Docker.
FROM python:3.13-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends mosquitto && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/gatehouse
COPY pyproject.toml constraints.txt README.md LICENSE gatehouse.py ./
COPY edge edge
COPY models models
COPY broker broker
COPY console console
RUN pip install --no-cache-dir -c constraints.txt '.[demo,oidc]'
RUN useradd --create-home gatehouse && install -d -o gatehouse /srv
USER gatehouse
WORKDIR /srv
ENTRYPOINT ["gatehouse"]
