//! Certificates, and how TLS begins on a connection.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use config::TlsVersion;
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use types::Timestamp;

use crate::Tally;
use crate::imap::{Stream, Upgrade};

/// Why there is no TLS.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file could not be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {what}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A certificate could not be made.
    #[error("a certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
}

/// Two files in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The certificate, and those that lead to a root.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Files {
    /// The certificate that a server has made for itself and keeps in a folder; made now where it is not there.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn self_signed(folder: &Path, names: Vec<String>) -> Result<Self, TlsError> {
        let files = Files {
            certificate: folder.join("certificate.pem"),
            key: folder.join("key.pem"),
        };
        if files.certificate.exists() && files.key.exists() {
            return Ok(files);
        }
        fs::create_dir_all(folder).map_err(|cause| file(folder, cause))?;
        let mut params = CertificateParams::new(names)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "Posthouse, self-signed");
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        write(&files.key, 0o600, &key.serialize_pem())?;
        write(&files.certificate, 0o644, &certificate.pem())?;
        Ok(files)
    }

    /// The certificate with its key, and when it ends.
    fn load(&self, provider: &CryptoProvider) -> Result<(CertifiedKey, Timestamp), TlsError> {
        let content = |path: &Path, what: String| TlsError::Content {
            path: path.to_owned(),
            what,
        };
        let pem = fs::read(&self.certificate).map_err(|cause| file(&self.certificate, cause))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let chain = chain.map_err(|error| content(&self.certificate, error.to_string()))?;
        let Some(first) = chain.first() else {
            return Err(content(&self.certificate, "holds no certificate".to_owned()));
        };
        let (_, parsed) = x509_parser::parse_x509_certificate(first)
            .map_err(|error| content(&self.certificate, error.to_string()))?;
        let ends = Timestamp(parsed.validity().not_after.timestamp());
        let pem = fs::read(&self.key).map_err(|cause| file(&self.key, cause))?;
        let key =
            PrivateKeyDer::from_pem_slice(&pem).map_err(|error| content(&self.key, error.to_string()))?;
        let certified = CertifiedKey::from_der(chain, key, provider)
            .map_err(|error| content(&self.certificate, error.to_string()))?;
        Ok((certified, ends))
    }
}

/// Inode, length and time of change of a file; none where it is not there.
type FileState = Option<(u64, u64, i64, i64)>;

fn state_of(path: &Path) -> FileState {
    let found = fs::metadata(path).ok()?;
    Some((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

/// Asks clients for a certificate where there are authorities for them; nobody needs one.
fn verifier(
    authorities: Option<&Path>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let Some(path) = authorities else {
        return Ok(WebPkiClientVerifier::no_client_auth());
    };
    let content = |what: String| TlsError::Content {
        path: path.to_owned(),
        what,
    };
    let pem = fs::read(path).map_err(|cause| file(path, cause))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| content(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| content(error.to_string()))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .allow_unauthenticated()
        .build()
        .map_err(|error| content(error.to_string()))
}

/// The certificates of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// For whoever asks for none of the names.
    pub main: Files,
    /// For whoever asks for a name (RFC 6066 §3); `*.` before it stands for one label.
    pub named: Vec<(String, Files)>,
    /// The oldest version of TLS that is spoken.
    pub minimum: TlsVersion,
    /// The authorities whose certificates let clients in, where there are any.
    pub clients: Option<PathBuf>,
}

impl From<Files> for Choice {
    fn from(main: Files) -> Self {
        Choice {
            main,
            named: Vec::new(),
            minimum: TlsVersion::Tls12,
            clients: None,
        }
    }
}

/// When a certificate ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Its file.
    pub path: PathBuf,
    /// When.
    pub at: Timestamp,
}

/// The certificates that are in use. A clone is another handle to them.
#[derive(Clone)]
pub struct Certificates {
    choice: Arc<Choice>,
    current: Arc<RwLock<Current>>,
}

/// What was read.
struct Current {
    acceptor: TlsAcceptor,
    expiries: Vec<Expiry>,
    read: Vec<FileState>,
}

impl Choice {
    fn files(&self) -> impl Iterator<Item = &Files> {
        std::iter::once(&self.main).chain(self.named.iter().map(|(_, files)| files))
    }

    /// What tells that a file is another than it was.
    fn states(&self) -> Vec<FileState> {
        let pairs = self.files().flat_map(|files| [&files.certificate, &files.key]);
        pairs.chain(&self.clients).map(|path| state_of(path)).collect()
    }

    fn read(&self) -> Result<Current, TlsError> {
        // Before they are read: what changes meanwhile is read again.
        let read = self.states();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut expiries = Vec::new();
        let mut load = |files: &Files| {
            let (certified, at) = files.load(&provider)?;
            expiries.push(Expiry {
                path: files.certificate.clone(),
                at,
            });
            Ok::<_, TlsError>(Arc::new(certified))
        };
        let main = load(&self.main)?;
        let mut named = HashMap::new();
        for (name, files) in &self.named {
            named.insert(name.to_ascii_lowercase(), load(files)?);
        }
        let versions: &[_] = match self.minimum {
            TlsVersion::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
            TlsVersion::Tls13 => &[&rustls::version::TLS13],
        };
        let clients = verifier(self.clients.as_deref(), &provider)?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("the provider has suites for both versions")
            .with_client_cert_verifier(clients)
            .with_cert_resolver(Arc::new(ByName { main, named }));
        Ok(Current {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            expiries,
            read,
        })
    }
}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// When they cannot be read, or do not belong together.
    pub fn read(choice: impl Into<Choice>) -> Result<Self, TlsError> {
        let choice = choice.into();
        let current = choice.read()?;
        Ok(Certificates {
            choice: Arc::new(choice),
            current: Arc::new(RwLock::new(current)),
        })
    }

    /// Reads them again, for the connections that begin TLS from then on.
    ///
    /// # Errors
    /// When they cannot be read, or do not belong together: the certificates stay those they were.
    pub fn read_again(&self) -> Result<(), TlsError> {
        let current = self.choice.read()?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        Ok(())
    }

    /// Whether a file is another than the one that was read.
    #[must_use]
    pub fn have_changed(&self) -> bool {
        self.current().read != self.choice.states()
    }

    /// When they end.
    #[must_use]
    pub fn expiries(&self) -> Vec<Expiry> {
        self.current().expiries.clone()
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.current().acceptor.clone()
    }

    fn current(&self) -> RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives each client the certificate for the name it asks for.
#[derive(Debug)]
struct ByName {
    main: Arc<CertifiedKey>,
    named: HashMap<String, Arc<CertifiedKey>>,
}

impl ByName {
    fn find(&self, name: Option<&str>) -> &Arc<CertifiedKey> {
        let found = name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            let above = || Some(format!("*.{}", name.split_once('.')?.1));
            self.named.get(&name).or_else(|| self.named.get(&above()?))
        });
        found.unwrap_or(&self.main)
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(self.find(hello.server_name())))
    }
}

fn file(path: &Path, cause: io::Error) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        cause,
    }
}

/// Writes a file whole or not at all.
fn write(path: &Path, mode: u32, text: &str) -> Result<(), TlsError> {
    let unfinished = path.with_extension("new");
    let write = || {
        let mut opened = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&unfinished)?;
        opened.write_all(text.as_bytes())?;
        opened.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().map_err(|cause| file(path, cause))
}

/// The most that a TLS record holds (RFC 8446 §5.1).
const RECORD: usize = 1 << 14;

/// Begins TLS on a connection.
///
/// # Errors
/// The client does not speak TLS.
pub(crate) async fn begin(
    acceptor: TlsAcceptor,
    plain: Box<dyn Stream>,
    tally: &Tally,
) -> io::Result<Box<dyn Stream>> {
    // Of what a client does not read, one record and not four waits encrypted.
    let encrypted = acceptor
        .accept_with(plain, |tls| tls.set_buffer_limit(Some(RECORD)))
        .await?;
    tally.tls(encrypted.get_ref().1.protocol_version());
    Ok(Box::new(encrypted))
}

/// What begins TLS on a connection later.
pub(crate) fn upgrade(acceptor: TlsAcceptor, tally: Arc<Tally>) -> Upgrade {
    Box::new(move |plain| Box::pin(async move { begin(acceptor, plain, &tally).await }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(folder: &Path, name: &str) -> Files {
        Files::self_signed(&folder.join(name), vec![name.to_owned()]).unwrap()
    }

    #[test]
    fn each_name_has_its_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let load = |name: &str| Arc::new(made(folder.path(), name).load(&provider).unwrap().0);
        let (main, exact, wild) = (load("main"), load("exact"), load("wild"));
        let by_name = ByName {
            main: Arc::clone(&main),
            named: HashMap::from([
                ("mail.example.net".to_owned(), Arc::clone(&exact)),
                ("*.example.net".to_owned(), Arc::clone(&wild)),
            ]),
        };
        let check = |name: Option<&str>, wanted: &Arc<CertifiedKey>| {
            assert!(Arc::ptr_eq(by_name.find(name), wanted), "{name:?}");
        };
        check(Some("Mail.Example.NET"), &exact);
        check(Some("imap.example.net"), &wild);
        check(Some("a.b.example.net"), &main);
        check(Some("example.net"), &main);
        check(None, &main);
    }

    #[test]
    fn files_that_change_are_seen_and_bad_ones_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let files = made(folder.path(), "one");
        let certificates = Certificates::read(files.clone()).unwrap();
        assert!(!certificates.have_changed());
        let two = made(folder.path(), "two");
        fs::rename(&two.certificate, &files.certificate).unwrap();
        assert!(certificates.have_changed());
        // The key is still that of the other.
        assert!(certificates.read_again().is_err());
        assert!(certificates.have_changed());
        fs::rename(&two.key, &files.key).unwrap();
        certificates.read_again().unwrap();
        assert!(!certificates.have_changed());
        assert!(certificates.expiries()[0].at.0 > 0);
    }

    #[test]
    fn authorities_of_clients_are_read_again_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let authorities = folder.path().join("ca.pem");
        let choice = Choice {
            clients: Some(authorities.clone()),
            ..Choice::from(made(folder.path(), "one"))
        };
        assert!(Certificates::read(choice.clone()).is_err(), "it is not there");
        fs::copy(made(folder.path(), "two").certificate, &authorities).unwrap();
        let certificates = Certificates::read(choice).unwrap();
        assert!(!certificates.have_changed());
        fs::write(&authorities, "").unwrap();
        assert!(certificates.have_changed());
        assert!(certificates.read_again().is_err(), "nobody could be let in");
    }
}
