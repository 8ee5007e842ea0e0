# The page and the service on a CPU, by a user without rights:
#   docker build -t nearfar .
#   docker run --rm -p 7860:7860 nearfar        then http://localhost:7860
# The root file system may be read-only: docker run --read-only --tmpfs /tmp ... (see compose.yaml).

FROM python:3.11-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY requirements/constraints.txt requirements/
COPY src src
COPY examples examples
RUN python -m venv /opt/nearfar
RUN /opt/nearfar/bin/pip install --no-cache-dir --constraint requirements/constraints.txt '.[web]'

FROM python:3.11-slim
COPY --from=build /opt/nearfar /opt/nearfar
ENV PATH=/opt/nearfar/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TMPDIR=/tmp \
    NEARFAR_CACHE=/tmp/cache \
    NEARFAR_HOME=/models \
    NEARFAR_SERVE_HOST=0.0.0.0 \
    NEARFAR_SERVE_PORT=7860
# a number, so that Kubernetes too can see that it is not root
USER 10001:10001
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
ENTRYPOINT ["nearfar"]
CMD ["serve"]
