//! Data folders that older programs have made open, and go on: what is in `tests/formats` was made by the program of that day.
//!
//! Each has `alice` with seven messages, the sixth of 1.4 MB, and its power went before the last was in the index.

use std::path::Path;
use std::process::Command;

use end_to_end::{Conversation, Server, messages, server};

#[test]
fn a_folder_of_an_older_program_opens_is_whole_and_takes_mail() {
    let formats = Path::new(env!("CARGO_MANIFEST_DIR")).join("formats");
    let mut seen = 0;
    for entry in std::fs::read_dir(formats).unwrap() {
        let path = entry.unwrap().path();
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let mut tar = Command::new("tar");
        let unpacked = tar.arg("-xzf").arg(&path).arg("-C").arg(&data).status();
        assert!(unpacked.unwrap().success(), "{path:?}");
        opens(&data);
        seen += 1;
    }
    assert!(seen > 0, "there is no folder to open");
}

fn opens(data: &Path) {
    let whole = || {
        let checked = server::check(data);
        assert!(checked.status.success(), "{checked:?}");
    };
    whole();
    let mut wanted: Vec<String> = (0..7).map(|number| format!("old {number}")).collect();
    let mut running = Server::start_in(data).unwrap();
    assert_eq!(messages::subjects(&running, "alice", "tin whistle"), wanted);
    let mut imap = Conversation::imap(&running, "alice", "tin whistle");
    imap.ok("EXAMINE INBOX");
    let large = imap.ok("FETCH 6 BODY.PEEK[TEXT]");
    let last = "line 0024999 of a large message that somebody has written";
    assert!(large.iter().any(|line| line == last));
    drop(imap);
    let mut smtp = Conversation::smtp(&running);
    let text = messages::plain("new");
    smtp.deliver("alice@example.org", &text).unwrap();
    smtp.deliver(
        "alice@example.org",
        &format!("{text}{}", "large\r\n".repeat(200_000)),
    )
    .unwrap();
    wanted.extend(["new".to_owned(), "new".to_owned()]);
    assert!(running.stop().success());
    whole();
    let again = Server::start_in(data).unwrap();
    assert_eq!(messages::subjects(&again, "alice", "tin whistle"), wanted);
}
