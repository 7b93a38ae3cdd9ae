//! Debian's Postfix: takes mail in and hands it to Dovecot over LMTP.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{dovecot, greets, is_installed, output};

const PROGRAM: &str = "/usr/sbin/postfix";

/// Where it listens.
pub(crate) const PORT: u16 = 23_025;

/// A running Postfix.
pub(crate) struct Postfix {
    folder: PathBuf,
    id: u32,
}

/// Debian packages that are missing.
pub(crate) fn missing() -> Option<&'static str> {
    (!is_installed(PROGRAM)).then_some("postfix")
}

/// Its version.
pub(crate) fn version() -> String {
    output("/usr/sbin/postconf", &["-h", "mail_version"])
}

impl Postfix {
    /// Writes the settings and starts it.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        for name in ["etc", "queue", "data"] {
            fs::create_dir_all(folder.join(name))?;
        }
        fs::write(folder.join("etc/main.cf"), settings(folder))?;
        fs::write(folder.join("etc/master.cf"), SERVICES)?;
        control(&["chown", "postfix:", &folder.join("data").display().to_string()])?;
        control(&[PROGRAM, "-c", &folder.join("etc").display().to_string(), "start"])?;
        for _ in 0..2_000 {
            if greets(PORT) {
                let pid = fs::read_to_string(folder.join("queue/pid/master.pid"))?;
                return Ok(Self {
                    folder: folder.to_owned(),
                    id: pid.trim().parse()?,
                });
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        anyhow::bail!(
            "Postfix does not greet; see {}",
            folder.join("postfix.log").display()
        )
    }

    /// Its first process.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = control(&[
            PROGRAM,
            "-c",
            &self.folder.join("etc").display().to_string(),
            "stop",
        ]);
    }
}

fn control(words: &[&str]) -> Result<()> {
    let (program, arguments) = words.split_first().context("a command")?;
    let output = Command::new(program).args(arguments).output()?;
    ensure!(
        output.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Limits are raised and delays are off; everything else is as shipped.
fn settings(folder: &Path) -> String {
    let lmtp = dovecot::PORTS.lmtp;
    let folder = folder.display();
    format!(
        "compatibility_level = 3.6\n\
         myhostname = mx.example.org\n\
         queue_directory = {folder}/queue\n\
         data_directory = {folder}/data\n\
         maillog_file = {folder}/postfix.log\n\
         maillog_file_prefixes = /\n\
         inet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\n\
         mynetworks = 127.0.0.0/8\n\
         mydestination =\n\
         alias_maps =\n\
         virtual_mailbox_domains = example.org\n\
         virtual_transport = lmtp:inet:127.0.0.1:{lmtp}\n\
         lmtp_destination_concurrency_limit = 20\n\
         smtpd_recipient_restrictions = reject_unauth_destination\n\
         smtpd_client_connection_count_limit = 0\n\
         smtp_tls_security_level =\n\
         in_flow_delay = 0\n"
    )
}

/// As shipped, without what is not used, on our port, without chroot.
const SERVICES: &str = "\
23025     inet  n       -       n       -       -       smtpd
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
lmtp      unix  -       -       n       -       -       lmtp
anvil     unix  -       -       n       -       1       anvil
postlog   unix-dgram n  -       n       -       1       postlogd
";
