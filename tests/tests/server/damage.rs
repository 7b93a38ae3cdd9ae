//! Files that were cut or changed behind the server's back: it says so and names the file, and what is whole is read.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use end_to_end::{Conversation, Refused, Server, messages};

const LETTERS: u32 = 40;

/// A folder with some mail, its server stopped.
fn stopped_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(&folder.path().join("data")).unwrap();
    server.add("alice@example.org", "tin whistle");
    let mut smtp = Conversation::smtp(&server);
    for number in 0..LETTERS {
        let reply = smtp
            .deliver("alice@example.org", &messages::plain(&format!("letter-{number}")))
            .unwrap();
        assert!(reply.starts_with("250"), "{reply}");
    }
    drop(smtp);
    assert!(server.stop().success());
    folder
}

/// The files of a part of the data folder, largest first.
fn files(data: &Path, part: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(data.join(part))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && !path.to_string_lossy().contains("lock"))
        .collect();
    found.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().len()));
    assert!(!found.is_empty(), "{part} is empty");
    found
}

/// Where the last byte is that is not zero: segments are made longer than what is in them.
fn used(file: &Path) -> u64 {
    let bytes = fs::read(file).unwrap();
    u64::try_from(
        bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1),
    )
    .unwrap()
}

/// Starts on a damaged folder: it refuses and names the file, or says what is damaged, serves what is whole, and lies
/// about nothing.
fn survives(data: &Path, damaged: &Path) {
    let name = damaged.file_name().unwrap().to_str().unwrap();
    let mut server = match Server::start_in(data) {
        Ok(server) => server,
        Err(Refused { status, words }) => {
            let in_order = status.code().is_some_and(|code| code != 101);
            assert!(in_order, "{name}: it died, {status}: {words}");
            assert!(
                words.contains(name) || words.contains("index"),
                "{name} is not named: {words}"
            );
            return;
        }
    };
    let Some(read) = read_all(&server) else {
        assert!(server.is_alive(), "{name}: it died: {}", server.log());
        assert!(
            server.log().contains(name),
            "{name} is not named: {}",
            server.log()
        );
        return;
    };
    for subject in &read {
        assert!(subject.starts_with("letter-"), "{subject} was never sent");
    }
    if read.len() < usize::try_from(LETTERS).unwrap() {
        assert!(
            server.log().contains(name),
            "{name} is not named: {}",
            server.log()
        );
    }
    assert!(server.is_alive(), "{name}: it died: {}", server.log());
}

/// The subjects that can be read, each from a body that is whole; `None` when nobody can log in.
fn read_all(server: &Server) -> Option<Vec<String>> {
    let mut imap = Conversation::try_open(server.port(end_to_end::Service::Imap)).unwrap();
    imap.line().ok()?;
    for command in ["LOGIN alice \"tin whistle\"", "EXAMINE INBOX"] {
        let lines = imap.command(command).ok()?;
        if lines.last()?.split(' ').nth(1) != Some("OK") {
            return None;
        }
    }
    let mut read = Vec::new();
    for number in 1..=LETTERS {
        let lines = imap.command(&format!("FETCH {number} BODY.PEEK[]")).ok()?;
        let Some(subject) = lines.iter().find_map(|line| line.strip_prefix("Subject: ")) else {
            continue;
        };
        let whole = format!("Hello from {subject}.");
        assert!(lines.contains(&whole), "half of {subject} is shown: {lines:?}");
        read.push(subject.to_owned());
    }
    Some(read)
}

#[test]
fn a_segment_that_was_cut_short_is_named() {
    for part in [2, 5, 9] {
        let folder = stopped_folder();
        let data = folder.path().join("data");
        let segment = files(&data, "log").remove(0);
        let file = File::options().write(true).open(&segment).unwrap();
        file.set_len(used(&segment) * part / 10).unwrap();
        survives(&data, &segment);
    }
}

#[test]
fn an_index_that_was_cut_short_is_named_or_made_again() {
    for part in [0, 3, 8] {
        let folder = stopped_folder();
        let data = folder.path().join("data");
        let index = files(&data, "index").remove(0);
        let file = File::options().write(true).open(&index).unwrap();
        file.set_len(fs::metadata(&index).unwrap().len() * part / 10)
            .unwrap();
        survives(&data, &index);
    }
}

#[test]
fn bits_that_flipped_are_never_shown_as_mail() {
    for (part, places) in [("log", 8), ("index", 4)] {
        for place in 0..places {
            let folder = stopped_folder();
            let data = folder.path().join("data");
            let damaged = files(&data, part).remove(0);
            let at = used(&damaged) * (2 * place + 1) / (2 * places);
            let file = File::options().read(true).write(true).open(&damaged).unwrap();
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
            survives(&data, &damaged);
        }
    }
}
