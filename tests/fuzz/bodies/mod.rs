//! What the fuzz targets do with their bytes. The everyday tests replay the kept corpus through the same code (`tests/it/fuzz.rs`),
//! so that it compiles and holds without cargo-fuzz.

mod bytes;
pub mod call;
pub mod decoder;
mod ends;
pub mod fax;
mod forge;
pub mod hdlc;
pub mod mail;
pub mod procedure;
pub mod smtp;
pub mod t38;
pub mod tiff;

pub use bytes::Bytes;
