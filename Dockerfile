# lnn-cli in a container, for CPUs or for NVIDIA GPUs. CONTRIBUTING.md says how it is built and checked.
FROM rust:1.95-bookworm AS build
# cpu or cuda: which of PyTorch's wheels brings libtorch.
ARG TORCH=cpu
# The commit that checkpoints name; the repository itself is not in the image.
ARG COMMIT=unknown
ENV PREFIX=/opt/lnn
RUN apt-get update && apt-get install --yes --no-install-recommends g++ python3-venv
WORKDIR /src
COPY . .
RUN LNN_TORCH="$TORCH" scripts/setup
RUN LNN_COMMIT="$COMMIT" cargo build --locked --release --package lnn-cli
# What runs: the program, and libtorch with the libraries of NVIDIA beside it, where its own run path looks for them.
RUN mkdir -p "$PREFIX/bin" "$PREFIX/site-packages/torch" && \
    cp "${CARGO_TARGET_DIR:-target}/release/lnn-cli" "$PREFIX/bin/" && \
    cp -a .libtorch/lib "$PREFIX/site-packages/torch/" && \
    if [ -d .libtorch/../nvidia ]; then cp -a .libtorch/../nvidia "$PREFIX/site-packages/"; fi

FROM debian:bookworm-slim
ENV PREFIX=/opt/lnn
ENV PATH="$PREFIX/bin:$PATH"
ENV LD_LIBRARY_PATH="$PREFIX/site-packages/torch/lib"
# For `docker run --gpus all`: what the driver of the host brings into the container.
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates libstdc++6 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/lnn /opt/lnn
RUN lnn-cli --version
WORKDIR /work
ENTRYPOINT ["lnn-cli"]
