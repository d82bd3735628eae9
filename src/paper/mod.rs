//! Paper: what a page printer leaves, and how it is shown.
//!
//! Standards: the files' own (see `png`, `pdf`). In: strikes. Out: a [`Sheet`]; from it text, a picture, a document.
//! Left out: machines and codes (see `teletype`), disk. Shown by: `docs/paper.md`, the tests of each file.

mod font;
mod ink;
pub mod page;
pub mod pdf;
pub mod png;
mod sheet;

pub use ink::mix;
pub use page::{Page, Resolution};
pub use pdf::{About, pdf};
pub use png::png;
pub use sheet::{Layers, Sheet, Strike};
