//! The fuzz targets' bodies (`tests/fuzz`) over the kept corpus, without cargo-fuzz.

#[path = "../fuzz/bodies/mod.rs"]
mod bodies;
