//! TLS 1.2 and 1.3: whose certificates are trusted, what this side shows, and what binds a login to the connection.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ::aws_lc_rs::digest::{SHA256, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, ProtocolVersion, RootCertStore,
    SignatureScheme,
};
use rustls_platform_verifier::Verifier;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Stream;
use crate::Server;
use crate::certificate::Untrusted;
use crate::error::{Cause, Failure, Step};

/// Which certificates of a server are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system trusts, for the server's name.
    #[default]
    System,
    /// Those that are signed by these roots, in DER, for the server's name.
    Roots(Vec<Vec<u8>>),
    /// Those that are signed by the roots in this file, in PEM, for the server's name.
    File(PathBuf),
    /// Those whose SHA-256, of the certificate in DER, is one of these, whatever their name, dates and signer.
    Pins(Vec<[u8; 32]>),
    /// Every one: whoever is in between can read and change everything.
    Anything,
}

/// A certificate and its key, shown to servers that ask for one.
#[derive(Clone)]
pub struct Identity(Arc<Shown>);

struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads a chain of certificates and a key, both in PEM.
    ///
    /// # Errors
    /// When there is no certificate or no key in what is given.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, rustls::pki_types::pem::Error> {
        let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(key)?;
        Ok(Identity(Arc::new(Shown { chain, key })))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// What TLS needs to know. What rustls makes of it is made once, and shared by the connections to one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    trust: Trust,
    identity: Option<Identity>,
    made: Arc<Mutex<Option<Arc<ClientConfig>>>>,
}

/// What TLS gives to a login.
#[derive(Clone, Debug, Default)]
pub(crate) struct Protection {
    /// Whether TLS is on.
    pub encrypted: bool,
    /// What `tls-exporter` gives (RFC 9266).
    pub exporter: Option<[u8; 32]>,
    /// Whether a client certificate can have been shown.
    pub certificate: bool,
}

impl Settings {
    pub(crate) fn set_trust(&mut self, trust: Trust) {
        self.trust = trust;
        self.made = Arc::default();
    }

    pub(crate) fn set_identity(&mut self, identity: Identity) {
        self.identity = Some(identity);
        self.made = Arc::default();
    }

    /// Begins TLS on a stream.
    pub(crate) async fn begin(
        &self,
        stream: Stream,
        server: &Server,
    ) -> Result<(Stream, Protection), Failure> {
        let failed = |cause| (Step::Tls, cause);
        let config = self.config().map_err(failed)?;
        let name = ServerName::try_from(super::ascii(&server.host))
            .map_err(|error| failed(Cause::TlsSettings(error.to_string().into())))?;
        let begun = timeout(
            server.time_outs.connect,
            TlsConnector::from(config).connect(name, stream),
        )
        .await;
        let stream = begun
            .map_err(|_| failed(Cause::TimedOut(server.time_outs.connect)))?
            .map_err(|error| failed(cause(error)))?;
        let connection = stream.get_ref().1;
        // RFC 9266 §2: with TLS 1.2 only where the extended master secret was used, which cannot be seen here.
        let binds = connection.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        let exported =
            binds.then(|| connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None));
        let protection = Protection {
            encrypted: true,
            exporter: exported.and_then(Result::ok),
            certificate: self.identity.is_some(),
        };
        Ok((Box::new(stream), protection))
    }

    fn config(&self) -> Result<Arc<ClientConfig>, Cause> {
        let mut made = self
            .made
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(config) = &*made {
            return Ok(config.clone());
        }
        let config = Arc::new(self.make()?);
        *made = Some(config.clone());
        Ok(config)
    }

    fn make(&self) -> Result<ClientConfig, Cause> {
        let wrong = |error: &dyn fmt::Display| Cause::TlsSettings(error.to_string().into());
        let provider = Arc::new(provider::default_provider());
        let verifier = self.verifier(provider.clone())?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        match &self.identity {
            None => Ok(builder.with_no_client_auth()),
            Some(Identity(shown)) => builder
                .with_client_auth_cert(shown.chain.clone(), shown.key.clone_key())
                .map_err(|error| wrong(&error)),
        }
    }

    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Cause> {
        let wrong = |error: &dyn fmt::Display| Cause::TlsSettings(error.to_string().into());
        let roots = match &self.trust {
            Trust::System => {
                let verifier = Verifier::new(provider.clone()).map_err(|error| wrong(&error))?;
                let rule = Rule::System(verifier);
                return Ok(Arc::new(Judge { rule, provider }));
            }
            Trust::Pins(pins) => {
                let rule = Rule::Pins(pins.clone());
                return Ok(Arc::new(Judge { rule, provider }));
            }
            Trust::Anything => {
                let rule = Rule::Anything;
                return Ok(Arc::new(Judge { rule, provider }));
            }
            Trust::Roots(roots) => roots
                .iter()
                .map(|root| CertificateDer::from(root.clone()))
                .collect(),
            Trust::File(file) => CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| wrong(&format!("{}: {error}", file.display())))?,
        };
        let mut store = RootCertStore::empty();
        for root in &roots {
            store.add(root.clone()).map_err(|error| wrong(&error))?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone()).build();
        let verifier = verifier.map_err(|error| wrong(&error))?;
        let rule = Rule::Roots { roots, verifier };
        Ok(Arc::new(Judge { rule, provider }))
    }
}

/// What a failed handshake is to be called.
fn cause(error: std::io::Error) -> Cause {
    let Some(tls) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    else {
        return match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Cause::Closed,
            _ => Cause::Connection(error),
        };
    };
    match tls {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => {
            match other.downcast_ref::<Untrusted>() {
                Some(untrusted) => Cause::Certificate(Box::new(untrusted.clone())),
                None => Cause::Tls(tls.clone()),
            }
        }
        other => Cause::Tls(other.clone()),
    }
}

/// Trusts certificates by a rule of the caller's. That the server has the key is verified always.
///
/// What is not trusted is described here, where it can be seen. The server is told `certificate_unknown` then, whatever was wrong with it
/// (RFC 8446 §6.2): an error that carries a description has no alert of its own.
#[derive(Debug)]
struct Judge {
    rule: Rule,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Rule {
    /// What the system trusts.
    System(Verifier),
    /// What is signed by a root; a root that is the server's own certificate is trusted too, for its names and dates, as self-signed ones are.
    Roots {
        roots: Vec<CertificateDer<'static>>,
        verifier: Arc<WebPkiServerVerifier>,
    },
    /// What has one of these digests.
    Pins(Vec<[u8; 32]>),
    Anything,
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let judged = match &self.rule {
            Rule::Anything => Ok(ServerCertVerified::assertion()),
            Rule::Pins(pins) => pinned(pins, end_entity),
            Rule::System(verifier) => {
                verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            Rule::Roots { roots, verifier } => {
                let verified =
                    verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
                rooted(verified, roots, end_entity, server_name)
            }
        };
        judged.map_err(|error| match error {
            rustls::Error::InvalidCertificate(error) => {
                let untrusted = Untrusted::new(end_entity, server_name, error);
                CertificateError::Other(OtherError(Arc::new(untrusted))).into()
            }
            error => error,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// webpki takes no certificate that may sign as a server's own; where it is a root itself, it is looked at here. Its dates are good: they
/// come first there.
fn rooted(
    verified: Result<ServerCertVerified, rustls::Error>,
    roots: &[CertificateDer<'static>],
    shown: &CertificateDer<'_>,
    server_name: &ServerName<'_>,
) -> Result<ServerCertVerified, rustls::Error> {
    match verified {
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(_)))
            if roots.iter().any(|root| root == shown) =>
        {
            let parsed = rustls::server::ParsedCertificate::try_from(shown)?;
            rustls::client::verify_server_name(&parsed, server_name)?;
            Ok(ServerCertVerified::assertion())
        }
        verified => verified,
    }
}

fn pinned(pins: &[[u8; 32]], shown: &CertificateDer<'_>) -> Result<ServerCertVerified, rustls::Error> {
    let seen = digest(&SHA256, shown);
    match pins.iter().any(|pin| pin == seen.as_ref()) {
        true => Ok(ServerCertVerified::assertion()),
        false => Err(CertificateError::ApplicationVerificationFailure.into()),
    }
}
