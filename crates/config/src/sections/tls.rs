//! Certificates.

use std::path::PathBuf;
use std::time::Duration;

use types::Domain;

use crate::kind::{Choice, Optional, Path, Time};
use crate::section::Section;
use crate::setting::section;
use crate::{Setting, Words};

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246, with the cipher suites that are still good.
    Tls12,
    /// RFC 8446.
    Tls13,
}

section! {
    Tls, "tls":
    "The certificate. Without one the server makes one for itself, which every client warns of.",
    "证书。没有给出时服务器使用自签名证书，客户端会对此发出警告。";

    certificate: Option<PathBuf> = None, Optional(Path), "\"/etc/letsencrypt/live/mail.example.org/fullchain.pem\"",
    "A PEM file with the certificate and those that lead to a root. The server's user must be able to read it.",
    "PEM 文件：证书以及通向根证书的各级证书。服务器的用户须能读取。";

    key: Option<PathBuf> = None, Optional(Path), "\"/etc/letsencrypt/live/mail.example.org/privkey.pem\"",
    "A PEM file with the private key of the certificate.",
    "PEM 文件：证书的私钥。";

    minimum: TlsVersion = TlsVersion::Tls12, Choice(&[("1.2", TlsVersion::Tls12), ("1.3", TlsVersion::Tls13)]), "",
    "The oldest version of TLS that is spoken.",
    "允许的最低 TLS 版本。";

    reload: Duration = Duration::from_secs(60), Time(1..=86_400), "",
    "How often the files are looked at: those that have changed are read again. SIGHUP does it at once.",
    "多久检查一次文件：有变化就重新读取。SIGHUP 信号会立即重新读取。";
}

/// The certificate for a name that clients ask for (RFC 6066 §3, SNI).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCertificate {
    /// The name; `*.` before it stands for one label.
    pub name: String,
    /// A PEM file, as [`Tls::certificate`].
    pub certificate: PathBuf,
    /// A PEM file, as [`Tls::key`].
    pub key: PathBuf,
}

/// How the certificates for names are described.
pub(crate) fn describe_names() -> Setting {
    Setting {
        key: "names",
        default: Some("{}".to_owned()),
        example: "",
        form: Words::new(
            "tables such as [tls.names.\"mail.example.net\"], each with certificate and key",
            "形如 [tls.names.\"mail.example.net\"] 的表，各有 certificate 和 key",
        ),
        about: Words::new(
            "Certificates for further names: whoever asks for the name (SNI) gets it. `*.` at the beginning stands for one label.",
            "其他名字的证书：客户端请求该名字（SNI）时使用。开头的 `*.` 代表一级子域。",
        ),
    }
}

/// Reads the certificates for names.
pub(crate) fn names(section: &mut Section<'_>) -> Vec<NamedCertificate> {
    let mut names = section.section("names");
    let keys: Vec<_> = names.keys().collect();
    let mut read = Vec::new();
    for (name, place) in keys {
        let (star, domain) = match name.strip_prefix("*.") {
            Some(domain) => ("*.", domain),
            None => ("", name),
        };
        let domain = Domain::check(domain);
        if domain.is_err() {
            let what = Words::new(
                format!("{name:?} must be a domain, or *. and a domain"),
                format!("{name:?} 必须是域名，或 *. 加域名"),
            );
            names.wrong(place, what);
        }
        let mut pair = names.section(name);
        let both = both(&mut pair);
        if both.is_none() {
            pair.require("certificate");
            pair.require("key");
        }
        pair.end();
        let (Ok(domain), Some((certificate, key))) = (domain, both) else {
            continue;
        };
        read.push(NamedCertificate {
            // As clients ask for it (RFC 6066 §3: A-labels).
            name: format!("{star}{}", domain.to_ascii()),
            certificate,
            key,
        });
    }
    read
}

fn both(pair: &mut Section<'_>) -> Option<(PathBuf, PathBuf)> {
    let certificate = pair.take("certificate", &Path);
    let key = pair.take("key", &Path);
    certificate.zip(key)
}

/// A certificate without its key is none, nor is a key without a certificate.
pub(crate) fn check(section: &Section<'_>) {
    if section.has("certificate") || section.has("key") {
        section.require("certificate");
        section.require("key");
    }
}
