# Builds an image of one program, the server with its site in it, on a base without a shell:
#
#   docker build -t event-feed . && docker run --rm -p 3000:3000 event-feed
#
# With `--build-arg FEATURES=embed,nats` the program can share its feed with other servers (docs/deploying.md).
#
# Layers that change seldom come first: a change of the sources builds only the crate.

FROM rust:1.99.1-slim-trixie AS rust
WORKDIR /build
# wasm-opt, in the newest version of this Debian, which offers no older one; curl, to download the other tools.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends binaryen curl \
  && rm -rf /var/lib/apt/lists/*

# Copies only the tools' part of the lock file, so that no other change of it rebuilds the tools.
FROM rust AS pins
COPY Cargo.lock ./
RUN sed -n '/^name = "wasm-bindgen"$/,/^version/p' Cargo.lock >pins && mv pins Cargo.lock

FROM rust AS build
COPY script/setup script/
COPY --from=pins /build/Cargo.lock ./
RUN script/setup build

# Builds every dependency for both sides, with empty sources.
ARG FEATURES=embed
COPY patches patches
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src style public examples tests/backplane tests/contract tests/model benches/fanout \
  && touch src/lib.rs style/main.css examples/tail.rs benches/fanout/main.rs \
    tests/backplane/main.rs tests/contract/main.rs tests/model/main.rs \
  && echo 'fn main() {}' >src/main.rs \
  && cargo leptos build --release --bin-features "$FEATURES"

COPY public public
COPY style style
COPY src src
# The sources may be older than the build of the empty ones, and cargo compares times.
RUN touch src/lib.rs src/main.rs && cargo leptos build --release --precompress --bin-features "$FEATURES"

FROM gcr.io/distroless/cc-debian13:nonroot
COPY --from=build /build/target/release/event-feed /usr/local/bin/event-feed
ENV EVENT_FEED_HOST=0.0.0.0
EXPOSE 3000
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["/usr/local/bin/event-feed", "--healthcheck"]
ENTRYPOINT ["/usr/local/bin/event-feed"]
