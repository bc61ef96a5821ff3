# What people type here.
quickstart:
    cargo run --release -- run configs/quickstart.toml
test:
    cargo test --release --workspace
lint:
    cargo fmt --all -- --check
    cargo clippy --release --workspace --all-targets -- -D warnings
ci:
    .ci/run
