//! A server's certificate that is not trusted: what is wrong with it, and which certificate it is, for a person who has to decide.

use std::fmt;
use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use rustls::CertificateError;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::Language;

/// So many names are told; those of a large provider's certificate would fill the screen.
const MAX_NAMES: usize = 5;

/// The longest name that is told, in characters: DNS has no longer one (RFC 1035 §2.3.4).
const MAX_NAME: usize = 255;

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq)]
pub enum Flaw {
    /// It was good until then.
    Expired(Timestamp),
    /// It is good from then on.
    NotYetValid(Timestamp),
    /// One of those that it was signed with was good until then.
    SignerExpired(Timestamp),
    /// It is not for the server that was asked for: this one.
    OtherName(Box<str>),
    /// It was signed with nothing but itself.
    SelfSigned,
    /// It was signed by somebody who is not trusted: this one.
    UnknownSigner(Box<str>),
    /// It is not the pinned one.
    NotPinned,
    /// Something else.
    Other(CertificateError),
}

/// A certificate that is not trusted.
#[derive(Clone, Debug, PartialEq)]
pub struct Untrusted {
    flaw: Flaw,
    names: Vec<String>,
    digest: [u8; 32],
}

impl Untrusted {
    /// What `error` says of the certificate that a server has shown.
    pub(crate) fn new(shown: &CertificateDer<'_>, asked: &ServerName<'_>, error: CertificateError) -> Self {
        let parsed = parse_x509_certificate(shown).ok().map(|(_, parsed)| parsed);
        let mut sha = [0; 32];
        sha.copy_from_slice(digest(&SHA256, shown).as_ref());
        Untrusted {
            flaw: flaw(parsed.as_ref(), asked, error),
            names: parsed.as_ref().map(names).unwrap_or_default(),
            digest: sha,
        }
    }

    /// What is wrong with it.
    #[must_use]
    pub fn flaw(&self) -> &Flaw {
        &self.flaw
    }

    /// The hosts that it is for.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Its SHA-256, as a pin has it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    pub(crate) fn words(&self, language: Language) -> String {
        let flaw = self.flaw.words(language);
        let mut names = self.names.iter().take(MAX_NAMES).cloned().collect::<Vec<_>>();
        match self.names.len().saturating_sub(MAX_NAMES) {
            0 => {}
            more => names.push(language.pick(format!("{more} more"), format!("另外 {more} 个"))),
        }
        let names = match names.is_empty() {
            true => language.pick("no host", "没有任何主机").to_owned(),
            false => names.join(language.pick(", ", "、")),
        };
        let hex: String = self.digest.iter().map(|octet| format!("{octet:02x}")).collect();
        language.pick(
            format!("the server's certificate cannot be trusted: {flaw}. It is for {names} (sha256:{hex})"),
            format!("服务器的证书不可信：{flaw}。证书上的主机：{names}（sha256:{hex}）"),
        )
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(Language::English))
    }
}

impl std::error::Error for Untrusted {}

impl Flaw {
    fn words(&self, language: Language) -> String {
        match self {
            Flaw::Expired(at) => language.pick(format!("it expired on {at}"), format!("已于 {at} 过期")),
            Flaw::NotYetValid(at) => language.pick(
                format!("it is valid only from {at} on"),
                format!("自 {at} 起才有效"),
            ),
            Flaw::SignerExpired(at) => language.pick(
                format!("a certificate that it is signed with expired on {at}"),
                format!("签发它的证书已于 {at} 过期"),
            ),
            Flaw::OtherName(asked) => {
                language.pick(format!("it is not for {asked}"), format!("不是给 {asked} 的"))
            }
            Flaw::SelfSigned => language
                .pick("it is signed by nobody but itself", "是自签名的")
                .to_owned(),
            Flaw::UnknownSigner(signer) => language.pick(
                format!("it is signed by {signer}, who is not trusted here"),
                format!("由 {signer} 签发，本机不信任该签发者"),
            ),
            Flaw::NotPinned => language
                .pick("it is not the pinned one", "不是指定的那个")
                .to_owned(),
            Flaw::Other(CertificateError::Revoked) => {
                language.pick("it has been revoked", "已被吊销").to_owned()
            }
            Flaw::Other(other) => other.to_string(),
        }
    }
}

fn flaw(parsed: Option<&X509Certificate<'_>>, asked: &ServerName<'_>, error: CertificateError) -> Flaw {
    let validity = parsed.map(|parsed| &parsed.tbs_certificate.validity);
    match &error {
        CertificateError::ExpiredContext { not_after, .. } => {
            let own = validity.map(|validity| validity.not_after.timestamp());
            let at = time(*not_after);
            match own == Some(at.as_second()) {
                true => Flaw::Expired(at),
                false => Flaw::SignerExpired(at),
            }
        }
        CertificateError::NotValidYetContext { not_before, .. } => Flaw::NotYetValid(time(*not_before)),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Flaw::OtherName(asked.to_str().into())
        }
        CertificateError::UnknownIssuer => match parsed {
            Some(parsed) if parsed.issuer().as_raw() == parsed.subject().as_raw() => Flaw::SelfSigned,
            Some(parsed) => Flaw::UnknownSigner(printable(&parsed.issuer().to_string()).into()),
            None => Flaw::Other(error),
        },
        // What a rule of this side says that knows pins alone.
        CertificateError::ApplicationVerificationFailure => Flaw::NotPinned,
        _ => Flaw::Other(error),
    }
}

fn time(unix: UnixTime) -> Timestamp {
    let seconds = i64::try_from(unix.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

/// Those of the extension: the CN names no service (RFC 9525 §2).
fn names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let extension = parsed.subject_alternative_name().ok().flatten();
    let names = extension
        .map(|extension| &extension.value.general_names[..])
        .unwrap_or_default();
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(printable(name)),
        GeneralName::IPAddress(octets) => {
            let four = <[u8; 4]>::try_from(*octets).map(IpAddr::from);
            let six = <[u8; 16]>::try_from(*octets).map(IpAddr::from);
            four.or(six).ok().map(|address| address.to_string())
        }
        _ => None,
    };
    names.iter().filter_map(name).collect()
}

/// Text of a stranger that is shown at a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect()
}
