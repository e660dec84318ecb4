# claimstream, without compilers, pip, debug symbols, others' tests or root.
FROM python:3.11-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends binutils
RUN python -m venv /opt/claimstream
ENV PATH=/opt/claimstream/bin:$PATH
WORKDIR /src
COPY requirements.txt .
RUN pip install --no-cache-dir --requirement requirements.txt
COPY . .
RUN pip install --no-cache-dir --no-deps .
RUN find /opt/claimstream -name '*.cpython-*.so' -exec strip --strip-unneeded {} + \
    && find /opt/claimstream/lib -type d -name tests -prune -exec rm -r {} + \
    && pip uninstall --yes pip

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home claimstream
COPY --from=build /opt/claimstream /opt/claimstream
ENV PATH=/opt/claimstream/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /tmp
USER claimstream
ENTRYPOINT ["claimstream"]
CMD ["worker"]
# Fails when a stage has lag but makes no progress, not merely when the process is gone.
HEALTHCHECK --interval=30s --timeout=30s --start-period=120s --retries=3 CMD ["claimstream", "health"]
