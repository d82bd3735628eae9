//! Fax: scan line codes, the files pages lie in, and the call.
//!
//! Standards: ITU-T T.4, T.6, T.30; RFC 2301. In: pages of `paper::page`. Out: codes, files, calls; and back.
//! Left out: typesetting and pictures (see `paper`). Shown by: `docs/fax-pages.md`, `docs/fax-call.md`, the tests of each file.

pub mod backend;
pub mod backend_apart;
pub mod backend_document;
pub mod backend_exchange;
pub mod backend_input;
pub mod backend_keys;
pub mod backend_line;
pub mod backend_spool;
pub mod backend_t38;
pub mod circuit;
pub mod code;
pub mod composing;
pub mod cover;
pub mod cover_sheet;
pub mod file;
pub mod hdlc;
pub mod keys;
pub mod kind;
pub mod modem;
pub mod pages;
pub mod pbm;
pub mod pdf;
pub mod range;
pub mod raw;
pub mod resolution;
pub mod simulated;
pub mod spool;
pub mod switch;
pub mod t30;
pub mod t38;
pub mod terminal;
pub mod tiff;

pub use backend::Fax;
