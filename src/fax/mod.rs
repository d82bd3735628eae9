//! Fax: scan line codes, the files pages lie in, and (later) the call.
//!
//! Standards: ITU-T T.4, T.6; RFC 2301. In: pages of `paper::page`. Out: codes, files; and back.
//! Left out: typesetting and pictures (see `paper`), the call (T.30). Shown by: `docs/fax-pages.md`, the tests of each file.

pub mod code;
pub mod file;
pub mod pbm;
pub mod pdf;
pub mod raw;
pub mod resolution;
pub mod tiff;
