//! A person's home, with a keyring or without.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use end_to_end::server;
use tempfile::TempDir;

use crate::{Said, said};

/// A keyring of files, which notes how it was called.
const KEYRING: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$@" >> calls
verb=$1
shift
case "$1" in --label=*) shift ;; esac
file="kept-$(echo "$*" | tr ' /@' '___')"
case "$verb" in
store) cat > "$file" ;;
lookup) [ -f "$file" ] && cat "$file" ;;
clear) rm -f "$file" ;;
esac
"#;

/// A person's home, with a keyring or without.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    pub(crate) fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        Home { folder }
    }

    pub(crate) fn with_keyring() -> Home {
        let home = Home::new();
        let tool = home.path().join("bin/secret-tool");
        fs::write(&tool, KEYRING).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn profiles(&self) -> PathBuf {
        self.path().join("config/posthouse/profiles.toml")
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = server::posthouse(words);
        command
            .current_dir(self.path())
            .env("HOME", self.path())
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path().join("bin").display()),
            )
            .env_remove("POSTHOUSE_PASSWORD")
            .env_remove("POSTHOUSE_SERVER")
            .env_remove("POSTHOUSE_PROFILES");
        command
    }

    pub(crate) fn run(&self, words: &[&str], input: &str) -> Said {
        said(&mut self.command(words), input.as_bytes())
    }
}
