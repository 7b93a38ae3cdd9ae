//! The certificate, and how TLS begins on a connection.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

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
    /// The authorities whose certificates let clients in, where there are any.
    pub clients: Option<PathBuf>,
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
            clients: None,
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

    fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let content = |path: &Path, what: String| TlsError::Content {
            path: path.to_owned(),
            what,
        };
        let pem = fs::read(&self.certificate).map_err(|cause| file(&self.certificate, cause))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let chain = chain.map_err(|error| content(&self.certificate, error.to_string()))?;
        if chain.is_empty() {
            return Err(content(&self.certificate, "holds no certificate".to_owned()));
        }
        let pem = fs::read(&self.key).map_err(|cause| file(&self.key, cause))?;
        let key =
            PrivateKeyDer::from_pem_slice(&pem).map_err(|error| content(&self.key, error.to_string()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let clients = self.clients(&provider)?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_client_cert_verifier(clients)
                    .with_single_cert(chain, key)
            })
            .map_err(|error| content(&self.certificate, error.to_string()))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl Files {
    /// Asks clients for a certificate where there are authorities for them; nobody needs one.
    fn clients(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let Some(path) = &self.clients else {
            return Ok(WebPkiClientVerifier::no_client_auth());
        };
        let content = |what: String| TlsError::Content {
            path: path.clone(),
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
}

/// The certificate that is in use. A clone is another handle to it.
#[derive(Clone)]
pub struct Certificate {
    files: Arc<Files>,
    acceptor: Arc<RwLock<TlsAcceptor>>,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// When they cannot be read, or do not belong together.
    pub fn read(files: Files) -> Result<Self, TlsError> {
        let acceptor = files.acceptor()?;
        Ok(Certificate {
            files: Arc::new(files),
            acceptor: Arc::new(RwLock::new(acceptor)),
        })
    }

    /// Reads them again, for the connections that begin TLS from then on.
    ///
    /// # Errors
    /// When they cannot be read, or do not belong together: the certificate stays the one it was.
    pub fn read_again(&self) -> Result<(), TlsError> {
        let acceptor = self.files.acceptor()?;
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
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

/// What begins TLS on a connection later.
pub(crate) fn upgrade(acceptor: TlsAcceptor) -> Upgrade {
    Box::new(move |plain| {
        Box::pin(async move {
            let encrypted: Box<dyn Stream> = Box::new(acceptor.accept(plain).await?);
            Ok(encrypted)
        })
    })
}
