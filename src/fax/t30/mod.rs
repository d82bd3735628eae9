//! T.30: the fax call. The caller and the answerer are machines; they speak to a modem (`fax::modem`), whatever carries it.
//!
//! Standard: ITU-T T.30 (07/96 as far as it was at hand; `docs/fax-call.md` says what is from elsewhere and what is ours).
//! In: pages, what a modem hears. Out: orders to the modem, pages received, events, an outcome that names the stage.
//! Left out: polling, V.34, operators. Shown by: `fixtures/dialogues/fax`, `docs/fax-call.md`.

pub mod capabilities;
pub mod frame;
