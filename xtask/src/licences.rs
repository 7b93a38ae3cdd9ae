//! `cargo xtask licences`: what is linked, where it comes from, and under which terms (`deny.toml`).

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::programs::{self, DENY};

/// Runs `cargo deny`, fetched when it is missing.
///
/// # Errors
///
/// When it cannot be fetched, or finds something.
pub fn check(root: &Path) -> Result<()> {
    let missing = programs::missing(root, &[DENY]);
    programs::install(root, &missing)?;
    let mut deny = Command::new("cargo");
    deny.current_dir(root).env("PATH", programs::path(root)?);
    // Advisories want a host that is not a package registry.
    programs::run(deny.args(["deny", "--locked", "check", "licenses", "bans", "sources"]))
}
