//! Verifying a backup: every file against its octets and its SHA-256, and then what is in the log and in the copy of the index
//! against their own checksums.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use engine::check;

use super::manifest::{Manifest, hex_of, index_path, kept_path, segment_path};
use crate::exit::Exit;
use crate::language::Language;

/// Octets in one read.
const PIECE: u64 = 1 << 20;

/// What was looked at, and what is wrong.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) files: u64,
    pub(crate) octets: u64,
    /// Records of the log and rows of the index.
    pub(crate) records: u64,
    pub(crate) findings: Vec<String>,
}

/// Reads a backup to its end.
pub(crate) fn verify(folder: &Path, manifest: &Manifest, language: Language) -> Result<Verified, Exit> {
    let salt = manifest.identity().map_or(0, |identity| identity.salt);
    let mut verified = Verified::default();
    for segment in &manifest.segments {
        let path = segment_path(folder, segment.number);
        verified.file(&path, (segment.octets, &segment.sha256), language);
        let mut tell = |finding: engine::Finding| verified.findings.push(finding.to_string());
        verified.records += check::check_segment((&path, segment.number), 0..segment.octets, salt, &mut tell);
    }
    if let Some(index) = &manifest.index {
        let path = index_path(folder, index);
        if verified.file(&path, (index.octets, &index.sha256), language) {
            let mut tell = |finding: engine::Finding| verified.findings.push(finding.to_string());
            let checked = check::check_copy(&path, salt, &mut tell)?;
            verified.records += checked.map_or(0, |checked| checked.rows);
        }
    }
    for kept in &manifest.files {
        let path = kept_path(folder, &kept.sha256);
        verified.file(&path, (kept.octets, &kept.sha256), language);
    }
    Ok(verified)
}

impl Verified {
    /// Looks at one file; whether it could be read.
    fn file(&mut self, path: &Path, (octets, sha256): (u64, &str), language: Language) -> bool {
        self.files += 1;
        self.octets += octets;
        let path_said = path.display();
        let finding = match sum_of(path, octets) {
            Ok((found, _)) if found < octets => language.pick(
                format!("{path_said} has {found} octets of {octets}"),
                format!("{path_said} 只有 {found} 字节，应有 {octets} 字节"),
            ),
            Ok((_, sum)) if sum != sha256 => language.pick(
                format!("{path_said} is not what was written: its SHA-256 does not match"),
                format!("{path_said} 与写入的内容不同：SHA-256 不符"),
            ),
            Ok(_) => return true,
            Err(error) => {
                self.findings.push(format!("{path_said}: {error}"));
                return false;
            }
        };
        self.findings.push(finding);
        true
    }
}

/// How many of so many octets there are, and their sum.
fn sum_of(path: &Path, octets: u64) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?.take(octets);
    let (mut sum, mut found) = (Context::new(&SHA256), 0);
    loop {
        let mut piece = Vec::new();
        (&mut file).take(PIECE).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return Ok((found, hex_of(sum.finish().as_ref())));
        }
        sum.update(&piece);
        found += piece.len() as u64;
    }
}
