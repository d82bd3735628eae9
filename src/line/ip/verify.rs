//! Whether a certificate that a far end shows is the one that was brought by hand, and good today: in rustls's terms and in a sentence.
//!
//! Standards: TLS 1.3 (RFC 8446 4.4.2, 6.2), X.509 (RFC 5280 4.1.2.5). In: a certificate shown, those pinned, a time. Out: yes, or why not.
//! Left out: authorities and chains: what is pinned is the certificate itself. Shown by: the tests below, `tests/it/tls.rs`.

use super::certs::{Age, Cert, day, fingerprint, world_utc};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{AlertDescription, CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, SignatureScheme};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Who may be at the far end.
#[derive(Debug)]
pub(super) struct Pinned {
    /// Its station.
    pub peer: String,
    /// What it may show.
    pub certs: Vec<Cert>,
    /// Where they lie.
    pub file: PathBuf,
    /// This station's own.
    pub own: CertificateDer<'static>,
    pub algorithms: WebPkiSupportedAlgorithms,
    /// Why what was shown was refused.
    pub said: Mutex<Option<String>>,
}

impl Pinned {
    /// The sentence of the refusal, if there was one.
    pub fn refusal(&self) -> Option<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn judge(&self, shown: &CertificateDer<'_>) -> Result<(), Error> {
        self.look(shown, world_utc()).map_err(|(error, why)| {
            *self.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
            Error::InvalidCertificate(error)
        })
    }

    fn look(&self, shown: &CertificateDer<'_>, now: crate::time::Utc) -> Result<(), (CertificateError, String)> {
        let peer = &self.peer;
        let Some(cert) = self.certs.iter().find(|c| c.der == *shown) else { return Err(self.foreign(shown)) };
        match cert.age(now) {
            Age::Good => Ok(()),
            Age::Over => Err((
                CertificateError::Expired,
                format!(
                    "the certificate of {peer} ended on {}: its operator makes a new one (molink certs make {peer}), and you pin it (molink certs pin)",
                    day(cert.until)
                ),
            )),
            Age::Early => Err((
                CertificateError::NotValidYet,
                format!(
                    "the certificate of {peer} begins on {}, and it is {} here: set the clock that is wrong, or wait",
                    day(cert.from),
                    day(now)
                ),
            )),
        }
    }

    fn foreign(&self, shown: &CertificateDer<'_>) -> (CertificateError, String) {
        let (peer, file) = (&self.peer, self.file.display());
        if *shown == self.own {
            let why =
                format!("the far end shows this station's own certificate, and {peer} is expected: were the folders of the two mixed up?");
            return (CertificateError::ApplicationVerificationFailure, why);
        }
        let Ok(cert) = Cert::read(shown.clone().into_owned()) else {
            return (
                CertificateError::BadEncoding,
                format!("the far end shows something that is no certificate of a station, and {peer} is expected"),
            );
        };
        match &cert.station {
            Some(name) if name == peer => (
                CertificateError::UnknownIssuer,
                format!(
                    "the far end calls itself {peer}, but its certificate ({}) is not the one in `{file}`: if {peer} has made a new one, compare \
                     the whole SHA-256 by another way and pin it (molink certs pin); else it is somebody else",
                    short(shown)
                ),
            ),
            named => (
                CertificateError::ApplicationVerificationFailure,
                format!(
                    "the certificate shown is that of {}, and this line is to {peer}: look at address and `peer` on both sides",
                    named.as_deref().map_or("nobody by name".to_owned(), |n| format!("`{n}`"))
                ),
            ),
        }
    }

    fn signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms).inspect_err(|_| {
            let why = format!("the far end shows the certificate of {} without having its key: it is somebody else", self.peer);
            *self.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        })
    }
}

/// The first eight of 32 bytes: enough to tell two apart in a sentence.
fn short(der: &CertificateDer<'_>) -> String {
    format!("SHA-256 {}…", &fingerprint(der)[..23])
}

/// Why the far end refuses what this station shows, by the alert it sent.
pub(super) fn alert(alert: AlertDescription, peer: &str, us: &str) -> String {
    match alert {
        AlertDescription::CertificateExpired => {
            format!(
                "{peer} refuses the certificate of {us}, since it has ended or not begun there: look at it (molink certs show) and at both clocks"
            )
        }
        AlertDescription::UnknownCA | AlertDescription::CertificateUnknown | AlertDescription::BadCertificate => {
            format!("{peer} does not know the certificate of {us}: bring it {us}.crt, and there `molink certs pin {us}.crt`")
        }
        AlertDescription::AccessDenied => {
            format!("{peer} expects another station than {us} on this line: look at address and `peer` on both sides")
        }
        AlertDescription::CertificateRequired => format!("{peer} was shown no certificate"),
        AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure => {
            format!("the far end does not take TLS 1.3 as it is spoken here: is {peer} there, and is it molink?")
        }
        other => format!("{peer} ended the connection with the TLS alert {other:?}"),
    }
}

/// Why a greeting failed, where no certificate was judged.
pub(super) fn failed(error: &Error, peer: &str, us: &str) -> String {
    match error {
        Error::AlertReceived(description) => alert(*description, peer, us),
        Error::NoCertificatesPresented => format!("the far end shows no certificate, and only that of {peer} is taken"),
        Error::InvalidMessage(_) => format!("the far end does not speak TLS: does the line of {peer} have `tls` as well?"),
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::SupportedVersionsExtensionRequired) => {
            format!("the far end offers no TLS 1.3, and {peer} would")
        }
        other => format!("the TLS greeting with {peer} failed: {other}"),
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(shown).map(|()| ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into()) // never asked: only 1.3 is offered
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, cert, dss)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn verify_client_cert(&self, shown: &CertificateDer<'_>, _: &[CertificateDer<'_>], _: UnixTime) -> Result<ClientCertVerified, Error> {
        self.judge(shown).map(|()| ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, cert, dss)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
