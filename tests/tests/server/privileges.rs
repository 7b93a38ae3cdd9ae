//! `posthouse serve` as root: it opens its ports, becomes the user that the settings name, sees no files but its own, and still
//! does all that a server does.
//!
//! Only root can give root up: elsewhere these tests say that they were not run.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

use end_to_end::server::add_account;
use end_to_end::{Server, Serving};
use rustix::process::Signal;
use tempfile::TempDir;

/// Whom every system knows, and who may do nothing.
const USER: &str = "nobody";

/// A folder of settings and data, for a server that becomes somebody else.
struct Site {
    folder: TempDir,
    /// An address of loopback that is nobody else's: its port 25 is free.
    address: String,
}

impl Site {
    /// `None` where the tests are not run by root.
    fn new() -> Option<Site> {
        if number("-u", None) != 0 {
            println!("not run: only root can give root up");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        // The user must get to what is its own.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        static SITES: AtomicU8 = AtomicU8::new(100);
        let site = SITES.fetch_add(1, Ordering::Relaxed);
        let [.., one, two] = std::process::id().to_be_bytes();
        let site = Site {
            address: format!("127.{site}.{one}.{two}"),
            folder,
        };
        fs::create_dir(site.path("certificates")).unwrap();
        fs::create_dir(site.path("elsewhere")).unwrap();
        let settings = format!(
            "hostname = 'mail.example.org'\ndomain = 'example.org'\ndata = '{}'\n\
             [process]\nuser = '{USER}'\n[tls]\ncertificate = '{}'\nkey = '{}'\n\
             [listen]\nsmtp = ['{}:25']\nsubmission = []\nsubmissions = []\nimap = []\nimaps = []\npop3 = []\npop3s = []\n\
             metrics = ['127.0.0.1:0']\n",
            site.path("data").display(),
            site.path("certificates/certificate.pem").display(),
            site.path("certificates/key.pem").display(),
            site.address,
        );
        fs::write(site.path("posthouse.toml"), settings).unwrap();
        site.renew("certificates");
        Some(site)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a new certificate, which everybody may read, into a folder.
    fn renew(&self, folder: &str) {
        let other = Server::start();
        for name in ["certificate.pem", "key.pem"] {
            let path = self.path(folder).join(name);
            fs::copy(other.data().join("tls").join(name), &path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }

    fn start(&self) -> Serving {
        Serving::start(&self.path("posthouse.toml"))
    }

    fn greeted(&self) -> BufReader<TcpStream> {
        let mut smtp = BufReader::new(TcpStream::connect((self.address.as_str(), 25)).unwrap());
        assert!(line(&mut smtp).starts_with("220 mail.example.org "));
        smtp
    }

    /// Delivers a message.
    fn deliver(&self) {
        let mut smtp = self.greeted();
        for (said, wanted) in [
            ("HELO client.example", "250"),
            ("MAIL FROM:<a@example.net>", "250"),
            ("RCPT TO:<alice@example.org>", "250"),
            ("DATA", "354"),
            ("Subject: hello\r\n\r\nhello\r\n.", "250"),
        ] {
            write!(smtp.get_mut(), "{said}\r\n").unwrap();
            let heard = line(&mut smtp);
            assert!(heard.starts_with(wanted), "{said}: {heard}");
        }
    }
}

fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line
}

/// A number of a user, as `id` says it.
fn number(what: &str, user: Option<&str>) -> u32 {
    let said = Command::new("id").arg(what).args(user).output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().parse().unwrap()
}

/// A line of `/proc/PID/task/TID/status`, of each thread.
fn statuses(serving: &Serving, name: &str) -> Vec<Vec<String>> {
    let tasks = fs::read_dir(format!("/proc/{}/task", serving.process.id())).unwrap();
    let status =
        |task: std::io::Result<fs::DirEntry>| fs::read_to_string(task.unwrap().path().join("status")).ok();
    let value = |status: String| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}:")));
        line.unwrap().split_whitespace().map(str::to_owned).collect()
    };
    tasks.filter_map(status).map(value).collect()
}

/// All files of a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| match path.is_dir() {
        true => [vec![path.clone()], files(&path)].concat(),
        false => vec![path],
    };
    entries.flat_map(below).collect()
}

fn all_are_the_users(folder: &Path) {
    let (user, group) = (number("-u", Some(USER)), number("-g", Some(USER)));
    for path in [vec![folder.to_owned()], files(folder)].concat() {
        let found = fs::symlink_metadata(&path).unwrap();
        assert_eq!((found.uid(), found.gid()), (user, group), "{}", path.display());
        assert_eq!(found.mode() & 0o007, 0, "{}", path.display());
    }
}

#[test]
fn root_is_given_up_in_every_thread() {
    let Some(site) = Site::new() else { return };
    let serving = site.start();
    // The port was root's to open.
    let threshold = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    println!("ports below {} are root's", threshold.trim());
    site.greeted();
    let (user, group) = (number("-u", Some(USER)), number("-g", Some(USER)));
    let same = |number: u32| vec![number.to_string(); 4];
    let groups = Command::new("id").args(["-G", USER]).output().unwrap();
    let groups = String::from_utf8(groups.stdout).unwrap();
    let mut groups: Vec<_> = groups.split_whitespace().map(str::to_owned).collect();
    groups.sort_unstable();
    let none = vec!["0000000000000000".to_owned()];
    for (name, wanted) in [
        ("Uid", same(user)),
        ("Gid", same(group)),
        ("Groups", groups),
        ("CapInh", none.clone()),
        ("CapPrm", none.clone()),
        ("CapEff", none.clone()),
        ("CapAmb", none),
        // What a program of another user would give back cannot be had either: so nothing is left of CapBnd.
        ("NoNewPrivs", vec!["1".to_owned()]),
    ] {
        let threads = statuses(&serving, name);
        assert!(threads.len() > 1, "it has threads");
        for mut thread in threads {
            if name == "Groups" {
                thread.sort_unstable();
            }
            assert_eq!(thread, wanted, "{name}");
        }
    }
    all_are_the_users(&site.path("data"));
    assert!(serving.stop().success());
}

#[test]
fn certificates_are_renewed_and_read_from_nowhere_else() {
    let Some(site) = Site::new() else { return };
    let mut serving = Serving::launch(&site.path("posthouse.toml"));
    let fence = serving.wait_for("landlock: ");
    serving.wait_for(" ready ");
    site.renew("certificates");
    serving.signal(Signal::HUP);
    serving.wait_for("the certificates have been read again");
    // Somebody has put a link to a file there that the server has no business with, though every user may read it.
    site.renew("elsewhere");
    for name in ["certificate.pem", "key.pem"] {
        let path = site.path("certificates").join(name);
        fs::remove_file(&path).unwrap();
        symlink(site.path("elsewhere").join(name), path).unwrap();
    }
    serving.signal(Signal::HUP);
    if fence.contains("this kernel has none") {
        println!("the kernel has no landlock: that files are fenced off was not tested");
        serving.wait_for("the certificates have been read again");
    } else {
        assert!(
            fence.contains("no files but the server's own can be opened"),
            "{fence}"
        );
        let said = serving.wait_for("the certificates stay as they were");
        assert!(said.contains("ermission denied"), "{said}");
    }
    site.greeted();
    assert!(serving.stop().success());
}

#[test]
fn what_root_does_beside_the_server_is_still_the_users() {
    let Some(site) = Site::new() else { return };
    let data = site.path("data");
    let serving = site.start();
    // Over the control socket.
    add_account(&data, "alice@example.org", "tin whistle");
    site.deliver();
    let mut waiting = site.greeted();
    assert!(serving.stop().success());
    assert!(line(&mut waiting).starts_with("421 "));
    all_are_the_users(&data);

    // While it is stopped, root's command opens the folder itself.
    add_account(&data, "bob@example.org", "blue door");
    all_are_the_users(&data);
    let serving = site.start();
    site.deliver();
    all_are_the_users(&data);
    assert!(serving.stop().success());
}
