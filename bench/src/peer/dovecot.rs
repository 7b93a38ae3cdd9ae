//! Debian's Dovecot: IMAP, POP3 and LMTP over sdbox, as durable as its `mail_fsync=optimized`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Running, is_installed, output};
use crate::target::{ACCOUNTS, Ports, Target};

const PROGRAM: &str = "/usr/sbin/dovecot";

/// What must be there beside the program itself: a module for each protocol.
const NEEDED: [(&str, &str); 4] = [
    (PROGRAM, "dovecot-core"),
    ("/usr/lib/dovecot/imap", "dovecot-imapd"),
    ("/usr/lib/dovecot/pop3", "dovecot-pop3d"),
    ("/usr/lib/dovecot/lmtp", "dovecot-lmtpd"),
];

/// Where it listens.
pub(crate) const PORTS: Ports = Ports {
    smtp: 0,
    lmtp: 23_024,
    pop3: 23_110,
    imap: 23_143,
    imaps: 23_993,
};

/// A running Dovecot.
pub(crate) struct Dovecot {
    running: Running,
    folder: PathBuf,
}

/// Debian packages that are missing.
pub(crate) fn missing() -> Vec<&'static str> {
    NEEDED
        .iter()
        .filter(|(path, _)| !is_installed(path))
        .map(|(_, package)| *package)
        .collect()
}

/// Its version.
pub(crate) fn version() -> String {
    output(PROGRAM, &["--version"])
}

impl Dovecot {
    /// Writes the settings and starts it.
    pub(crate) fn start(folder: &Path, target: &Target) -> Result<Self> {
        fs::create_dir_all(folder)?;
        for name in ["mail", "run", "state"] {
            fs::create_dir_all(folder.join(name))?;
        }
        // Mail belongs to Debian's user and group `mail`, 8:8.
        std::os::unix::fs::chown(folder.join("mail"), Some(8), Some(8)).context("this needs root")?;
        fs::write(folder.join("users"), users(target))?;
        let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
        fs::write(folder.join("cert.pem"), key.cert.pem())?;
        fs::write(folder.join("key.pem"), key.signing_key.serialize_pem())?;
        let settings = folder.join("dovecot.conf");
        fs::write(&settings, self::settings(folder))?;
        let mut command = Command::new(PROGRAM);
        command.arg("-F").arg("-c").arg(&settings);
        let mut running = Running::start(&mut command, &folder.join("out.log"))?;
        running.wait_for(PORTS.imap)?;
        Ok(Self {
            running,
            folder: folder.to_owned(),
        })
    }

    /// Its first process.
    pub(crate) fn id(&self) -> u32 {
        self.running.id()
    }

    /// Where the mail lies.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("mail")
    }
}

fn users(target: &Target) -> String {
    let mut users = String::new();
    for number in 1..=ACCOUNTS {
        let _ = writeln!(
            users,
            "{}:{{PLAIN}}{}::::::",
            target.user(number),
            target.password
        );
    }
    users
}

/// Limits are raised, delays are off and processes serve many sessions one after the other, which
/// makes logins five times as fast; everything else is as Debian ships it.
fn settings(folder: &Path) -> String {
    let folder = folder.display();
    let Ports {
        lmtp,
        pop3,
        imap,
        imaps,
        ..
    } = PORTS;
    format!(
        "base_dir = {folder}/run\n\
         state_dir = {folder}/state\n\
         log_path = {folder}/dovecot.log\n\
         listen = 127.0.0.1\n\
         protocols = imap pop3 lmtp\n\
         mail_location = sdbox:{folder}/mail/%n\n\
         mail_fsync = optimized\n\
         mail_uid = 8\n\
         mail_gid = 8\n\
         first_valid_uid = 8\n\
         first_valid_gid = 8\n\
         mail_max_userip_connections = 100000\n\
         disable_plaintext_auth = no\n\
         auth_failure_delay = 0\n\
         ssl = yes\n\
         ssl_cert = <{folder}/cert.pem\n\
         ssl_key = <{folder}/key.pem\n\
         default_process_limit = 12000\n\
         default_client_limit = 50000\n\
         default_vsz_limit = 2G\n\
         passdb {{\n  driver = passwd-file\n  args = scheme=PLAIN {folder}/users\n}}\n\
         userdb {{\n  driver = static\n  args = uid=8 gid=8 home={folder}/mail/%n\n}}\n\
         service anvil {{\n  unix_listener anvil-auth-penalty {{\n    mode = 0\n  }}\n}}\n\
         service imap-login {{\n  service_count = 0\n  process_min_avail = 2\n  process_limit = 2\n\
         \x20 inet_listener imap {{\n    port = {imap}\n  }}\n\
         \x20 inet_listener imaps {{\n    port = {imaps}\n    ssl = yes\n  }}\n}}\n\
         service pop3 {{\n  service_count = 1000\n}}\n\
         service pop3-login {{\n  service_count = 0\n\
         \x20 inet_listener pop3 {{\n    port = {pop3}\n  }}\n\
         \x20 inet_listener pop3s {{\n    port = 0\n  }}\n}}\n\
         service imap {{\n  process_limit = 12000\n  service_count = 1000\n}}\n\
         service lmtp {{\n  inet_listener lmtp {{\n    port = {lmtp}\n  }}\n}}\n"
    )
}
