//! TLS towards the far end of an e-mail port: a station by its pinned certificate, a smart-host by an authority and its name.
//!
//! Standards: RFC 3207 (behind STARTTLS), RFC 8446, RFC 6125 (names; by rustls-webpki). In: a connection, keys. Out: a stream, or one sentence that says what to do.
//! Left out: DANE, MTA-STS, TLS from the first octet (port 465). Shown by: `tests/it/email_client.rs`.

use crate::email::backend_anybody::Anybody;
use crate::email::keys::{Keys, Kind};
use crate::email::smtp::client::Tls as Wanted;
use crate::line::AsyncReadWrite;
use crate::line::ip::Tls;
use crate::line::ip::tcp::plain;
use crate::line::ip::tls::WorldClock;
use crate::message::Name;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a handshake with a smart-host may take.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// The largest file of authorities, in bytes; a system's whole store has about 220 kB.
const LARGEST: u64 = 1 << 20;
/// The largest file of a login.
const LARGEST_LOGIN: u64 = 4 << 10;

/// A stream under TLS, and what is to be said of it.
pub(super) type Secured = (Box<dyn AsyncReadWrite>, Vec<String>);

/// Whose certificate is taken.
#[derive(Clone, Debug)]
pub(super) enum Guard {
    /// The pinned one of a station; this station shows its own.
    Pinned(Tls),
    /// One that these authorities made for this host.
    Authority {
        /// A PEM file.
        file: PathBuf,
        /// The name that the certificate has to have.
        host: String,
    },
    /// Anybody's: nobody reads along, but nobody knows who is there.
    Anybody,
}

impl Guard {
    /// As the keys say.
    pub fn of(keys: &Keys, station: &Name) -> Guard {
        let smtp = keys.line.smtp.as_deref().unwrap_or_default();
        let host = smtp.rsplit_once(':').map_or(smtp, |(host, _)| host).trim_matches(['[', ']']).to_owned();
        match (keys.kind, &keys.line.tls, &keys.peer, &keys.line.authority) {
            (Kind::Line, Some(folder), Some(peer), _) => {
                Guard::Pinned(Tls { station: station.to_string(), peer: peer.to_string(), folder: folder.clone() })
            }
            (Kind::Gateway, .., Some(file)) => Guard::Authority { file: file.clone(), host },
            (Kind::Line | Kind::Gateway, ..) => Guard::Anybody,
        }
    }

    /// Whether the far end is known by its certificate.
    pub fn verifies(&self) -> bool {
        !matches!(self, Guard::Anybody)
    }

    /// Reads the files it needs, so that what is wrong with them is said before anybody is called. It waits for the disk.
    pub fn look(&self) -> Result<(), String> {
        match self {
            Guard::Pinned(tls) => tls.load().map(drop),
            Guard::Authority { .. } => self.config().map(drop),
            Guard::Anybody => Ok(()),
        }
    }

    /// Makes TLS on a connection. The sentence goes behind the far end's name.
    pub async fn secure(self, stream: TcpStream, at: String) -> Result<Secured, String> {
        if let Guard::Pinned(tls) = &self {
            let (far, notes) = tls.secure(stream, &at).await?;
            return Ok((Box::new(far), notes));
        }
        let config = self.config()?;
        let host = match &self {
            Guard::Authority { host, .. } => host.clone(),
            Guard::Pinned(_) | Guard::Anybody => {
                at.rsplit_once(':').map_or(at.as_str(), |(host, _)| host).trim_matches(['[', ']']).to_owned()
            }
        };
        let name =
            ServerName::try_from(host.clone()).map_err(|_| format!("cannot be asked for a certificate: `{host}` is no host's name"))?;
        let shaking = TlsConnector::from(Arc::new(config)).connect(name, stream);
        match tokio::time::timeout(HANDSHAKE, shaking).await {
            Ok(Ok(stream)) => Ok((Box::new(stream), vec![])),
            Ok(Err(e)) => Err(match e.get_ref().and_then(|inside| inside.downcast_ref::<Error>()) {
                Some(tls) => self.words(tls, &host),
                None => format!("broke the TLS handshake off ({})", plain(&e)),
            }),
            Err(_) => Err(format!("did not end the TLS handshake within {} s", HANDSHAKE.as_secs())),
        }
    }

    fn config(&self) -> Result<ClientConfig, String> {
        let inside = |e: Error| format!("cannot be spoken to in TLS: {e}");
        let provider = Arc::new(ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_details(provider, Arc::new(WorldClock))
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .map_err(inside)?;
        let mut config = match self {
            Guard::Authority { file, .. } => builder.with_root_certificates(roots(file)?).with_no_client_auth(),
            Guard::Pinned(_) | Guard::Anybody => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(algorithms))).with_no_client_auth()
            }
        };
        config.resumption = Resumption::disabled(); // a certificate is looked at each time
        Ok(config)
    }

    fn words(&self, error: &Error, host: &str) -> String {
        let file = match self {
            Guard::Authority { file, .. } => file.display().to_string(),
            Guard::Pinned(_) | Guard::Anybody => String::new(),
        };
        match error {
            Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
                "shows a certificate that has ended: its operator has to renew it; nothing was handed over".into()
            }
            Error::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
                "shows a certificate that has not begun: set the clock that is wrong; nothing was handed over".into()
            }
            Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
                format!("shows a certificate that is not for `{host}`: write the name that it has in `line.smtp`; nothing was handed over")
            }
            Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
                format!(
                    "shows a certificate that no authority in `{file}` made: put the one that did there, or it is somebody else; nothing was handed over"
                )
            }
            Error::InvalidCertificate(other) => {
                format!("shows a certificate that is not taken ({other:?}); its operator has to mend it; nothing was handed over")
            }
            Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
                "takes neither TLS 1.3 nor 1.2 as they are spoken here; nothing was handed over".into()
            }
            other => format!("failed in the TLS handshake ({other}); nothing was handed over"),
        }
    }
}

/// Certificates of authorities.
fn roots(file: &Path) -> Result<RootCertStore, String> {
    let text = text(file, LARGEST)?;
    let shown = file.display();
    let mut roots = RootCertStore::empty();
    for cert in CertificateDer::pem_slice_iter(&text) {
        let cert = cert.map_err(|_| format!("cannot be verified: `{shown}` is damaged, it is no PEM file from end to end"))?;
        roots.add(cert).map_err(|e| format!("cannot be verified: a certificate in `{shown}` is none of an authority ({e})"))?;
    }
    match roots.is_empty() {
        true => Err(format!("cannot be verified: `{shown}` holds no certificate; put that of its authority there, as PEM")),
        false => Ok(roots),
    }
}

fn text(file: &Path, most: u64) -> Result<Vec<u8>, String> {
    let shown = file.display();
    let mut bytes = vec![];
    let read = std::fs::File::open(file).and_then(|f| f.take(most + 1).read_to_end(&mut bytes));
    read.map_err(|e| format!("cannot be called: `{shown}` cannot be read: {}", plain(&e)))?;
    match bytes.len() as u64 > most {
        true => Err(format!("cannot be called: `{shown}` is larger than {} kB", most >> 10)),
        false => Ok(bytes),
    }
}

/// Name and password for the far end, of a file that nobody else can read. It waits for the disk.
pub(super) fn login(file: &Path) -> Result<(String, String), String> {
    let shown = file.display();
    let about = std::fs::metadata(file).map_err(|e| format!("cannot be logged in to: `{shown}` cannot be read: {}", plain(&e)))?;
    if about.permissions().mode() & 0o077 != 0 {
        return Err(format!("cannot be logged in to: the password in `{shown}` can be read by others: chmod 600 {shown}, and change it"));
    }
    let text = String::from_utf8(text(file, LARGEST_LOGIN)?).unwrap_or_default();
    let mut lines = text.lines();
    let plain = |line: &&str| !line.is_empty() && line.chars().all(|c| !c.is_control());
    match (lines.next().filter(plain), lines.next().filter(plain), lines.next()) {
        (Some(name), Some(password), None) => Ok((name.into(), password.into())),
        _ => Err(format!("cannot be logged in to: `{shown}` is to hold two lines, the name and the password")),
    }
}

/// What a port's keys come to on this side, before it runs: `wanted` is what the session will ask for.
pub(in crate::email) fn check(keys: &Keys, station: &Name, wanted: Wanted) -> Result<Vec<String>, String> {
    let Some(smtp) = &keys.line.smtp else { return Ok(vec!["only receives: no `line.smtp`".into()]) };
    let guard = Guard::of(keys, station);
    if wanted != Wanted::Never {
        guard.look().map_err(|why| format!("{smtp}: {why}"))?;
    }
    if let Some(file) = &keys.login {
        login(file).map_err(|why| format!("{smtp} {why}"))?;
    }
    let how = match (&guard, wanted) {
        (_, Wanted::Never) => "in clear".to_owned(),
        (Guard::Pinned(tls), _) => format!("under TLS, to the pinned certificate of {}", tls.peer),
        (Guard::Authority { file, host }, _) => format!("under TLS, to a certificate for {host} by an authority in `{}`", file.display()),
        (Guard::Anybody, Wanted::Required) => "under TLS, to whoever is there".into(),
        (Guard::Anybody, Wanted::Wanted) => "under TLS if that is offered, to whoever is there".into(),
    };
    Ok(vec![format!("mail goes to {smtp}, {how}; nobody is called")])
}
