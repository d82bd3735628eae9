//! Paper: what a page printer leaves, what a fax sends, and how both are shown.
//!
//! Standards: the files' own (see `png`, `pdf`). In: strikes, text, pictures. Out: a [`Sheet`], from it text, a picture, a document;
//! a bilevel [`Page`]. Left out: machines and codes (see `teletype`, `fax`), disk. Shown by: `docs/paper.md`, `docs/fax-pages.md`.

pub mod chart;
pub mod fit;
mod font;
pub mod form;
mod ink;
pub mod letter;
pub mod page;
pub mod pdf;
mod pen;
pub mod picture;
pub mod png;
mod sheet;
pub mod square;

pub use chart::chart;
pub use fit::Asked;
pub use form::{Form, Width};
pub use ink::mix;
pub use letter::{Letter, header, typeset};
pub use page::{Page, Resolution};
pub use pdf::{About, pdf};
pub use picture::{Dither, Grey, bilevel, draw, picture};
pub use png::png;
pub use sheet::{Layers, Sheet, Strike};
pub use square::{square, square_at};
