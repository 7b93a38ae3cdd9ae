//! Certificates while the server runs: read again when their files change, and warned of before they end.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;

use server::tls::{Certificates, Choice, Files, TlsError};
use types::Timestamp;

const DAY: i64 = 86_400;
/// So long before its end a certificate is warned of: those that renew themselves do so at a third of 90 days.
const WARN: i64 = 30 * DAY;

/// What the settings name, or one that the server makes for itself.
pub(crate) fn read(settings: &config::Settings, data: &std::path::Path) -> Result<Certificates, TlsError> {
    let files = |certificate: &PathBuf, key: &PathBuf| Files {
        certificate: certificate.clone(),
        key: key.clone(),
    };
    let main = match settings.tls.certificate.as_ref().zip(settings.tls.key.as_ref()) {
        Some((certificate, key)) => files(certificate, key),
        None => Files::self_signed(&data.join("tls"), vec![settings.hostname.to_ascii().into_owned()])?,
    };
    let named = settings.certificates.iter();
    let named = named.map(|named| (named.name.clone(), files(&named.certificate, &named.key)));
    let choice = Choice {
        main,
        named: named.collect(),
        minimum: settings.tls.minimum,
        clients: settings.auth.client_certificates.clone(),
    };
    Certificates::read(choice)
}

/// Reads them again. What cannot be read is no reason to go without what is in use.
pub(crate) fn read_again(certificates: &Certificates) {
    match certificates.read_again() {
        Ok(()) => {
            tracing::info!("the certificates have been read again");
            warn(certificates);
        }
        Err(error) => tracing::error!(%error, "the certificates stay as they were"),
    }
}

/// Looks at the files, and warns once a day.
pub(crate) fn look(certificates: &Certificates) {
    static WARNED: Mutex<Option<i64>> = Mutex::new(None);
    if certificates.have_changed() {
        read_again(certificates);
    }
    let today = now().0 / DAY;
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if *warned != Some(today) {
        *warned = Some(today);
        warn(certificates);
    }
}

fn now() -> Timestamp {
    server::system_clock()()
}

fn warn(certificates: &Certificates) {
    for expiry in certificates.expiries() {
        let path = expiry.path.display();
        match expiry.at.0 - now().0 {
            left if left < 0 => tracing::error!(certificate = %path, "the certificate has expired"),
            left if left < WARN => {
                tracing::warn!(certificate = %path, days = left / DAY, "the certificate expires soon")
            }
            _ => {}
        }
    }
}
