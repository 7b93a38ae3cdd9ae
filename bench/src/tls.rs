//! TLS for the connections of the idle cell. Every certificate is accepted: nothing secret is sent.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use anyhow::{Result, ensure};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};

/// A connection, with or without TLS.
pub(crate) enum Wire {
    /// In the clear.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    /// Sends one line and reads until a line begins with `until`; an empty line sends nothing.
    pub(crate) fn exchange(&mut self, line: &str, until: &str) -> Result<()> {
        let mut buffer = [0_u8; 4096];
        let mut seen = String::new();
        self.write(line.as_bytes())?;
        loop {
            let length = self.read(&mut buffer)?;
            ensure!(
                length > 0,
                "the server closed the connection after {line:?}: {seen:?}"
            );
            seen.push_str(&String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()));
            if seen.ends_with("\r\n") && seen.lines().any(|line| line.starts_with(until)) {
                return Ok(());
            }
            ensure!(
                !seen.contains(" NO ") && !seen.contains(" BAD "),
                "{line:?} is answered with {seen:?}"
            );
        }
    }

    /// Reads until something has come.
    pub(crate) fn until(&mut self, wanted: &str) -> Result<()> {
        let mut buffer = [0_u8; 4096];
        let mut seen = String::new();
        while !seen.contains(wanted) {
            let length = self.read(&mut buffer)?;
            ensure!(
                length > 0,
                "the server closed the connection, which waited for {wanted:?}"
            );
            seen.push_str(&String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()));
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes)?,
            Self::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()?;
            }
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        Ok(match self {
            Self::Plain(stream) => stream.read(buffer)?,
            Self::Tls(stream) => stream.read(buffer)?,
        })
    }
}

/// What every TLS connection shares.
pub(crate) fn config() -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let schemes = provider.signature_verification_algorithms.supported_schemes();
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody { schemes }))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Begins TLS on a connection.
pub(crate) fn wrap(config: &Arc<ClientConfig>, stream: TcpStream) -> Result<Wire> {
    let name = ServerName::try_from("localhost")?;
    let connection = ClientConnection::new(Arc::clone(config), name)?;
    Ok(Wire::Tls(Box::new(StreamOwned::new(connection, stream))))
}

#[derive(Debug)]
struct Anybody {
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
