//! Lines over IP: raw codes over TCP, made or waited for, in clear or in TLS between two stations that know each other's certificates.
//!
//! Standards: TCP (RFC 9293), keep-alive (RFC 1122 4.2.3.6), user timeout (RFC 5482); TLS 1.3 (RFC 8446), X.509 (RFC 5280), PEM (RFC 7468).
//! In: an address, a folder of certificates. Out: a stream of codes, one a byte, or one sentence that says why not.
//! Left out: RFC 2217, telnet, SOCKS. Shown by: `tests/it/ip.rs`, `tests/it/tls.rs`, `docs/lines-over-ip.md`.

pub mod certs;
pub mod door;
pub mod far;
pub mod tcp;
pub mod tls;
mod verify;

pub use door::Door;
pub use tcp::Patience;
pub use tls::Tls;
