//! What files of fetched messages are called, and how one is found again by its message's id.

use aws_lc_rs::digest::{SHA256, digest};

use super::Format;

/// What a message is called. The name has the digest of its id in it, by which it is found after an interruption; before it a number,
/// so that messages of one second keep the order in which they came.
pub(super) fn unique(id: &str, received: i64, number: u64, format: Format) -> String {
    let digest = digest_of(id);
    let ending = match format {
        Format::Eml | Format::Mbox => "eml",
        Format::Maildir => "posthouse",
    };
    format!("{received}.N{number:07}.H{digest}.{ending}")
}

/// 96 bits of a digest: what is different has different ones.
pub(super) fn digest_of(text: &str) -> String {
    let octets = digest(&SHA256, text.as_bytes());
    octets
        .as_ref()
        .iter()
        .take(12)
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

/// The digest in the name of a file that was fetched.
pub(super) fn digest_in(name: &str) -> Option<&str> {
    name.split('.')
        .find_map(|part| part.strip_prefix('H'))
        .filter(|digest| digest.len() == 24)
}
