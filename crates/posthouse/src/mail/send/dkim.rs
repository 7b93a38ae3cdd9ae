//! Signing what is sent with DKIM: a key and its selector, from options or from the profile.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use client::dkim::{Key, Selector, Signer};
use client::{Address, Cause};
use message::dkim::Refusal;
use nix::unistd::{Uid, User, geteuid};
use types::Domain;

use super::Arguments;
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::mail::exit;
use crate::profile::Dkim;

#[derive(clap::Args)]
pub(super) struct Options {
    /// Signs the message with DKIM: the file of the private key, in PEM, RSA or Ed25519.
    #[arg(long, value_name = "FILE", requires = "dkim_selector")]
    dkim_key: Option<PathBuf>,
    /// The selector, under which the DNS has the public key of DKIM.
    #[arg(long, value_name = "NAME", requires = "dkim_key")]
    dkim_selector: Option<String>,
    /// The domain that signs with DKIM; that of From unless given.
    #[arg(long, value_name = "DOMAIN", requires = "dkim_key")]
    dkim_domain: Option<String>,
}

impl Options {
    fn dkim(&self) -> Option<Dkim> {
        let (key, selector) = self.dkim_key.clone().zip(self.dkim_selector.clone())?;
        Some(Dkim {
            key,
            selector,
            domain: self.dkim_domain.clone(),
        })
    }
}

impl Arguments {
    /// Who signs mail of an author: as the options say, or else the profile.
    pub(super) fn signer(&self, from: Option<&Address>, language: Language) -> Result<Option<Signer>, Exit> {
        let (dkim, place) = match self.dkim.dkim() {
            Some(dkim) => (dkim, "--dkim-"),
            None => match self
                .connection
                .profile(language)?
                .and_then(|profile| profile.dkim)
            {
                Some(dkim) => (dkim, "profile, dkim: "),
                None => return Ok(None),
            },
        };
        let wrong = |what: &str, words: String| Exit::new(Code::Usage, format!("{place}{what}: {words}"));
        let domain = match (&dkim.domain, from) {
            (Some(domain), _) => {
                Domain::check(domain).map_err(|error| wrong("domain", format!("{domain:?}: {error}")))?
            }
            (None, Some(from)) => from.domain.clone(),
            // RFC 6376 §5.4: From MUST be signed.
            (None, None) => return Err(Exit::new(Code::Data, Refusal::NoFrom.to_string())),
        };
        let selector = Selector::check(&dkim.selector).map_err(|error| {
            let words = language.pick(
                error.to_string(),
                "由字母、数字和连字符组成，可用点分成几段".to_owned(),
            );
            wrong("selector", format!("{:?}: {words}", dkim.selector))
        })?;
        let path = dkim.path();
        let key = Key::read(&path).map_err(|error| match error.cause() {
            Cause::File(cause) if cause.kind() == ErrorKind::PermissionDenied => unreadable(&path, language),
            // A file where a folder is meant: what is named is not there.
            Cause::File(cause) if cause.kind() == ErrorKind::NotADirectory => {
                Exit::file(&path, &ErrorKind::NotFound.into(), language)
            }
            Cause::File(cause) => Exit::file(&path, cause, language),
            _ => Exit {
                code: Code::Data,
                ..exit(&error, language)
            },
        })?;
        Ok(Some(Signer::new(key, &domain, selector)))
    }
}

/// A key that whoever runs this may not read: whose it is, and who that is.
fn unreadable(path: &Path, language: Language) -> Exit {
    let name = |id: u32| match User::from_uid(Uid::from_raw(id)) {
        Ok(Some(user)) => user.name,
        _ => id.to_string(),
    };
    let who = name(geteuid().as_raw());
    let owner = std::fs::metadata(path)
        .ok()
        .map(|found| (name(found.uid()), found.mode() & 0o777));
    let path = path.display();
    let words = match owner {
        Some((owner, mode)) => language.pick(
            format!(
                "the DKIM key {path} cannot be read by {who}: it belongs to {owner}, with mode {mode:03o}"
            ),
            format!("{who} 无法读取 DKIM 密钥 {path}：它属于 {owner}，权限为 {mode:03o}"),
        ),
        None => language.pick(
            format!("the DKIM key {path} cannot be read by {who}: a folder above it is closed to them"),
            format!("{who} 无法读取 DKIM 密钥 {path}：它所在的文件夹不允许访问"),
        ),
    };
    Exit::new(Code::NoInput, words)
}
