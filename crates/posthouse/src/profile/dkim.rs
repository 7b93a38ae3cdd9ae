//! What a profile says of DKIM.

use std::path::{Path, PathBuf};

use client::dkim::Selector;
use serde::{Deserialize, Serialize};
use types::Domain;

use crate::language::Language;

/// The key that signs what is sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Dkim {
    /// The file of the private key; `~/` is the home of whoever runs this.
    pub(crate) key: PathBuf,
    pub(crate) selector: String,
    /// That of From, where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) domain: Option<String>,
}

impl Dkim {
    /// Where the key is.
    pub(crate) fn path(&self) -> PathBuf {
        let home = std::env::var_os("HOME");
        match (self.key.strip_prefix("~"), home) {
            (Ok(below), Some(home)) => Path::new(&home).join(below),
            _ => self.key.clone(),
        }
    }

    /// Whether it can be meant, without looking at the file: what is in a profile is read by every command.
    pub(super) fn check(&self, language: Language) -> Result<(), String> {
        if !self.key.is_absolute() && !self.key.starts_with("~") {
            let words = language.pick(
                "dkim: key: write the whole path, from / or ~/",
                "dkim：key：请写完整路径，以 / 或 ~/ 开头",
            );
            return Err(words.to_owned());
        }
        Selector::check(&self.selector).map_err(|error| format!("dkim: selector: {error}"))?;
        let domain = self.domain.as_deref().map(Domain::check).transpose();
        domain.map_err(|error| format!("dkim: domain: {error}"))?;
        Ok(())
    }

    /// As the file has it.
    pub(super) fn printed(&self, quoted: fn(&str) -> String) -> String {
        let mut parts = vec![
            format!("key = {}", quoted(&self.key.to_string_lossy())),
            format!("selector = {}", quoted(&self.selector)),
        ];
        let domain = self.domain.as_deref();
        parts.extend(domain.map(|domain| format!("domain = {}", quoted(domain))));
        format!("{{ {} }}", parts.join(", "))
    }
}
