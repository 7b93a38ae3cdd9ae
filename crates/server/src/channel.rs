//! What a connection itself says of its client, below all that is spoken over it.

use rustls::{ProtocolVersion, ServerConnection};
use tokio::io::{DuplexStream, Empty};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::imap::Stream;

/// The label of RFC 9266 §2.
const EXPORTER: &[u8] = b"EXPORTER-Channel-Binding";

/// More addresses of one certificate are not looked at.
const MAX_ADDRESSES: usize = 20;

/// What is known of a connection; of one without TLS nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// What `tls-exporter` gives on both of its ends, and on no other connection (RFC 9266).
    pub exporter: Option<[u8; 32]>,
    /// The addresses of a client certificate that was verified (RFC 5280 §4.2.1.6, `rfc822Name`).
    pub addresses: Vec<String>,
}

impl Stream for TcpStream {}
impl Stream for UnixStream {}
impl Stream for DuplexStream {}
impl Stream for Empty {}

impl Stream for Box<dyn Stream> {
    fn channel(&self) -> Channel {
        (**self).channel()
    }
}

impl<S: Stream> Stream for TlsStream<S> {
    fn channel(&self) -> Channel {
        let (_, connection) = self.get_ref();
        Channel {
            exporter: exporter(connection),
            addresses: addresses(connection),
        }
    }
}

/// The addresses of the certificate that the client has shown: it was verified, or there was no handshake.
fn addresses(connection: &ServerConnection) -> Vec<String> {
    let certificate = connection.peer_certificates().and_then(|chain| chain.first());
    let parsed = certificate.and_then(|certificate| parse_x509_certificate(certificate).ok());
    let Some((_, certificate)) = parsed else {
        return Vec::new();
    };
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names
        .map(|names| &names.value.general_names[..])
        .unwrap_or_default();
    let address = |name: &GeneralName<'_>| match name {
        // A name without a domain is in nobody's: it must not become one in ours.
        GeneralName::RFC822Name(address) if address.contains('@') => Some((*address).to_owned()),
        _ => None,
    };
    names.iter().filter_map(address).take(MAX_ADDRESSES).collect()
}

/// GAP RFC 9266 §4: not over TLS 1.2, where it is safe with the extended master secret only, and nobody tells us
/// whether that is there.
fn exporter(connection: &ServerConnection) -> Option<[u8; 32]> {
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    // RFC 9266 §2: no context, 32 octets.
    connection.export_keying_material([0; 32], EXPORTER, None).ok()
}
