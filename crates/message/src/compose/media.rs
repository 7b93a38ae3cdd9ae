//! Guesses the media type of a file: from its name, or else from its first octets.
//!
//! A guess is for showing and opening. Nothing here looks further than the octets that are in memory.

use super::endings::ENDINGS;
use super::part::Content;
use super::word::MediaType;

/// What files of a kind begin with, from an offset.
const BEGINNINGS: &[(usize, &[u8], &str)] = &[
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"BM", "image/bmp"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "application/x-ole-storage",
    ),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (8, b"WAVE", "audio/wav"),
    (4, b"ftyp", "video/mp4"),
    (0, b"{\\rtf", "application/rtf"),
];

/// The media type of a file of this name with this content.
pub(super) fn guess(name: &str, content: &Content<'_>) -> MediaType {
    let octets = match content {
        Content::Octets(octets) => octets.as_ref(),
        Content::Outside(_) => &[],
    };
    by_name(name)
        .or_else(|| by_octets(octets))
        .unwrap_or(MediaType::OCTETS)
}

/// Whether a file of this name is a message.
pub(super) fn is_message(name: &str) -> bool {
    ending(name).is_some_and(|ending| ending == "eml")
}

fn ending(name: &str) -> Option<String> {
    let (before, ending) = name.rsplit_once('.')?;
    (!before.is_empty()).then(|| ending.to_ascii_lowercase())
}

fn by_name(name: &str) -> Option<MediaType> {
    let ending = ending(name)?;
    let at = ENDINGS
        .binary_search_by_key(&ending.as_str(), |(known, _)| known)
        .ok()?;
    ENDINGS
        .get(at)
        .map(|(_, media_type)| MediaType::known(media_type))
}

fn by_octets(octets: &[u8]) -> Option<MediaType> {
    let begins = |(offset, magic, _): &&(usize, &[u8], &str)| {
        octets
            .get(*offset..)
            .is_some_and(|octets| octets.starts_with(magic))
    };
    BEGINNINGS
        .iter()
        .find(begins)
        .map(|(_, _, media_type)| MediaType::known(media_type))
}

#[cfg(test)]
mod tests;
