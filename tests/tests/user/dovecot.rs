//! Dovecot's IMAP, where it is installed, each connection logged in already.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

const DOVEADM: &str = "/usr/bin/doveadm";
const IMAP: &str = "/usr/lib/dovecot/imap";
/// Debian's user `mail`: Dovecot gives root no mail.
const MAIL: u32 = 8;

pub(crate) struct Dovecot {
    pub(crate) url: String,
    _folder: tempfile::TempDir,
}

impl Dovecot {
    /// Nothing where it is not installed.
    pub(crate) fn start() -> Option<Dovecot> {
        if !Path::new(DOVEADM).exists() || !Path::new(IMAP).exists() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mail = folder.path().join("mail");
        fs::create_dir(&mail).unwrap();
        let owner = fs::metadata(&mail).unwrap().uid();
        let user = if owner == 0 { MAIL } else { owner };
        if owner == 0 {
            chown(&mail, Some(MAIL), Some(MAIL)).unwrap();
        }
        let settings = folder.path().join("dovecot.conf");
        fs::write(&settings, text(folder.path(), user)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("imap://{}?tls=none", listener.local_addr().unwrap());
        thread::spawn(move || accept(&listener, &settings, &mail));
        Some(Dovecot { url, _folder: folder })
    }
}

fn text(folder: &Path, user: u32) -> String {
    let folder = folder.display();
    format!(
        "base_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = /dev/null\nssl = no\n\
         mail_location = sdbox:{folder}/mail\nmail_uid = {user}\nmail_gid = {user}\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n\
         stats_writer_socket_path =\nnamespace inbox {{\n  inbox = yes\n  separator = /\n}}\n"
    )
}

fn accept(listener: &TcpListener, settings: &Path, home: &Path) {
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        let mut command = Command::new(DOVEADM);
        command
            .arg("-c")
            .arg(settings)
            .args(["exec", "imap"])
            .env("USER", "mail")
            .env("HOME", home);
        // Not the socket itself: Dovecot takes it for a start from inetd, and refuses.
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let (mut input, mut output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let (mut from, mut to) = (stream.try_clone().unwrap(), stream);
        thread::spawn(move || copy(&mut from, &mut input));
        thread::spawn(move || {
            copy(&mut output, &mut to);
            let _ = to.shutdown(Shutdown::Both);
            process.wait()
        });
    }
}

/// Piece by piece: `io::copy` lets the system hold pieces back until there are more.
fn copy(from: &mut impl Read, to: &mut impl Write) {
    let mut piece = [0; 8192];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..read]).is_err() {
            return;
        }
    }
}
