//! A far end that is taken whoever it is, as long as it has the key of the certificate it shows.
//!
//! Standards: RFC 7435 (opportunistic security), RFC 8446 4.4.3, RFC 5246 7.4.8 (the proof of the key). In: a certificate, a signature.
//! Out: whether the signature is that key's. Who it is, is looked at afterwards (`backend_server/tls.rs`) or nobody's matter (`backend_client/tls.rs`).
//! Left out: names, ages, authorities. Shown by: `tests/it/email_client_tls.rs`, `tests/it/email_server.rs`.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// Takes any certificate of a server or a client, with these algorithms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anybody(pub WebPkiSupportedAlgorithms);

type Proved = Result<HandshakeSignatureValid, Error>;

impl Anybody {
    fn tls12(&self, message: &[u8], cert: &CertificateDer<'_>, signature: &DigitallySignedStruct) -> Proved {
        verify_tls12_signature(message, cert, signature, &self.0)
    }
    fn tls13(&self, message: &[u8], cert: &CertificateDer<'_>, signature: &DigitallySignedStruct) -> Proved {
        verify_tls13_signature(message, cert, signature, &self.0)
    }
}

impl ClientCertVerifier for Anybody {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn client_auth_mandatory(&self) -> bool {
        false
    }
    fn verify_client_cert(&self, _: &CertificateDer<'_>, _: &[CertificateDer<'_>], _: UnixTime) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(&self, message: &[u8], cert: &CertificateDer<'_>, signature: &DigitallySignedStruct) -> Proved {
        self.tls12(message, cert, signature)
    }
    fn verify_tls13_signature(&self, message: &[u8], cert: &CertificateDer<'_>, signature: &DigitallySignedStruct) -> Proved {
        self.tls13(message, cert, signature)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

impl ServerCertVerifier for Anybody {
    #[rustfmt::skip]
    fn verify_server_cert(
        &self, _: &CertificateDer<'_>, _: &[CertificateDer<'_>], _: &ServerName<'_>, _: &[u8], _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(&self, message: &[u8], cert: &CertificateDer<'_>, signature: &DigitallySignedStruct) -> Proved {
        self.tls12(message, cert, signature)
    }
    fn verify_tls13_signature(&self, message: &[u8], cert: &CertificateDer<'_>, signature: &DigitallySignedStruct) -> Proved {
        self.tls13(message, cert, signature)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
