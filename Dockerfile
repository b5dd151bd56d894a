# geotagger in a container, for computers without a GPU (--target cpu, the default) or with an NVIDIA
# GPU (--target cuda). See docs/guide/install.md.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE NOTICE.md requirements*.lock ./
COPY geotagger geotagger
RUN python -m venv /geotagger \
 && /geotagger/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock \
 && /geotagger/bin/pip install --no-cache-dir --no-deps .

# CUDA and cuDNN are Python packages, so no base image of NVIDIA is needed
FROM build AS build-cuda
RUN /geotagger/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements-cuda.lock

FROM python:${PYTHON}-slim AS base
RUN useradd --create-home --uid 1000 geotagger && install -d -m 1777 /state
# `untag` needs the journal in this volume
ENV GEOTAGGER_STATE=/state PATH=/geotagger/bin:$PATH
VOLUME /state
WORKDIR /photos
USER 1000
ENTRYPOINT ["geotagger"]
CMD ["--help"]

FROM base AS cuda
COPY --from=build-cuda /geotagger /geotagger
# read by NVIDIA's container toolkit
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM base AS cpu
COPY --from=build /geotagger /geotagger
