# Lyceum in an image.
#
#   docker build -t lyceum .                      for CPUs
#   docker build -t lyceum --build-arg CUDA=1 .   with the CUDA libraries as well, 3 GB more
#   docker run --init -p 8080:8080 -v lyceum:/data lyceum
#
# It listens on every address of its container, so it wants a key of every caller: the first start makes the
# administrator's and prints it once, unless LYCEUM_ADMIN_KEY_FILE names a file that holds one.

FROM rust:1.95.0-slim-bookworm AS build
ENV XDG_CACHE_HOME=/cache
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /lyceum
# What changes seldom has layers of its own: the system's packages and libtorch.
COPY Makefile ./
COPY scripts scripts
RUN make setup
ARG CUDA=0
RUN if [ "$CUDA" = 1 ]; then make cuda; fi
COPY . .
RUN make dist

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libstdc++6 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin lyceum \
    && install -d -o lyceum -g lyceum /data
COPY --from=build /lyceum/dist /opt/lyceum
USER lyceum
# A container's processes end with it, so runs write a checkpoint instead of going on without the server.
ENV LYCEUM_DATA_DIR=/data LYCEUM_ON_SHUTDOWN=checkpoint LYCEUM_LISTEN=0.0.0.0:8080
EXPOSE 8080
VOLUME /data
WORKDIR /data
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/opt/lyceum/bin/health"]
ENTRYPOINT ["/opt/lyceum/bin/lyceum"]
CMD ["serve"]
