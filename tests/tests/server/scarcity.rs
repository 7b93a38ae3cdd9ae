//! No room on the disk, no right to write, no more files: refused in words, nothing lost, served again afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use end_to_end::{Conversation, Server, Service, messages};

/// A file system of our own, as large as we say; unmounted when this is dropped.
struct Mounted {
    folder: tempfile::TempDir,
}

impl Mounted {
    /// `None` where the system does not let us.
    fn new(options: &str) -> Option<Mounted> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        if !mounted {
            println!("not run: only root may mount");
        }
        mounted.then_some(Mounted { folder })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn remount(&self, options: &str) {
        let mut mount = Command::new("mount");
        mount
            .args(["-o", &format!("remount,{options}")])
            .arg(self.folder.path());
        assert!(mount.status().unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

/// Delivers letters of 100 kB until one is refused; gives the acknowledged subjects and the refusal.
fn deliver_until_refused(server: &Server) -> (Vec<String>, String) {
    let mut smtp = Conversation::smtp(server);
    let mut acknowledged = Vec::new();
    for number in 0..10_000 {
        let subject = format!("letter-{number}");
        let letter = format!("{}{}", messages::plain(&subject), "filler\r\n".repeat(12_500));
        let reply = smtp.deliver("alice@example.org", &letter).unwrap();
        if !reply.starts_with("250") {
            return (acknowledged, reply);
        }
        acknowledged.push(subject);
    }
    panic!("the disk does not get full");
}

#[test]
fn a_full_disk_is_a_temporary_refusal_and_loses_nothing() {
    let Some(disk) = Mounted::new("size=64m") else {
        return;
    };
    let mut server = Server::start_in(&disk.data()).unwrap();
    server.add("alice@example.org", "tin whistle");
    let (acknowledged, refusal) = deliver_until_refused(&server);
    assert!(
        refusal.starts_with("452 ") || refusal.starts_with("451 "),
        "{refusal}"
    );
    assert_eq!(messages::subjects(&server, "alice", "tin whistle"), acknowledged);
    assert!(server.is_alive());

    disk.remount("size=256m");
    server.stop();
    let server = Server::start_in(&disk.data()).unwrap();
    assert_eq!(messages::subjects(&server, "alice", "tin whistle"), acknowledged);
    let mut smtp = Conversation::smtp(&server);
    let reply = smtp
        .deliver("alice@example.org", &messages::plain("after"))
        .unwrap();
    assert!(reply.starts_with("250"), "{reply}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let Some(disk) = Mounted::new("size=64m") else {
        return;
    };
    let mut server = Server::start_in(&disk.data()).unwrap();
    server.stop();
    disk.remount("ro");
    let refused = Server::start_in(&disk.data()).err().unwrap();
    assert!(!refused.status.success());
    let data = disk.data();
    assert!(
        refused.words.contains(data.to_str().unwrap()),
        "{}",
        refused.words
    );
}

#[test]
fn a_file_in_place_of_the_folder_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::write(&data, "not a folder").unwrap();
    let refused = Server::start_in(&data).err().unwrap();
    assert!(
        refused.words.contains(data.to_str().unwrap()),
        "{}",
        refused.words
    );
}

#[test]
fn too_many_files_refuse_some_and_harm_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let data: &Path = &folder.path().join("data");
    let mut server = Server::start_under(data, "ulimit -n 128").unwrap();
    server.add("alice@example.org", "tin whistle");
    let mut early = Conversation::smtp(&server);
    let crowd: Vec<_> = (0..200)
        .map(|_| Conversation::try_open(server.port(Service::Smtp)))
        .collect();
    let reply = early
        .deliver("alice@example.org", &messages::plain("in-the-crowd"))
        .unwrap();
    let refused_for_now = reply.starts_with("45");
    assert!(reply.starts_with("250") || refused_for_now, "{reply}");
    drop(crowd);
    let reply = early
        .deliver("alice@example.org", &messages::plain("afterwards"))
        .unwrap();
    assert!(reply.starts_with("250"), "{reply}");
    assert!(server.is_alive());
    let wanted: &[&str] = if refused_for_now {
        &["afterwards"]
    } else {
        &["in-the-crowd", "afterwards"]
    };
    assert_eq!(messages::subjects(&server, "alice", "tin whistle"), wanted);
}
