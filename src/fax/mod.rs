//! Fax: scan line codes, the files pages lie in, and the call.
//!
//! Standards: ITU-T T.4, T.6, T.30; RFC 2301. In: pages of `paper::page`. Out: codes, files, calls; and back.
//! Left out: typesetting and pictures (see `paper`). Shown by: `docs/fax-pages.md`, `docs/fax-call.md`, the tests of each file.

pub mod backend_line;
pub mod backend_t38;
pub mod circuit;
pub mod code;
pub mod file;
pub mod hdlc;
pub mod modem;
pub mod pbm;
pub mod pdf;
pub mod raw;
pub mod resolution;
pub mod simulated;
pub mod t30;
pub mod t38;
pub mod tiff;
