//! `posthouse show`: a message for people, and what is in it for files and programs.

use std::fs;

use crate::run;

const LETTER: &str = "From: =?UTF-8?B?5byg5LiJ?= <zhang@example.org>\r\nTo: alice@example.org\r\nSubject: =?GB18030?B?xOO6ww==?=\r\n\
    Date: Wed, 25 Nov 2026 10:00:00 +0800\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
    Content-Type: text/html; charset=gb18030\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+xOO6w6OsysC95zwvcD4=\r\n--b\r\n\
    Content-Type: application/pdf; name=\"../../etc/passwd\"\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--b--\r\n";

#[test]
fn a_message_is_shown_for_people() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("letter.eml"), LETTER).unwrap();
    let shown = run(folder.path(), &["show", "letter.eml"], b"").well();
    assert!(shown.starts_with("From: 张三 <zhang@example.org>\nTo: alice@example.org\nDate: Wed, 25 Nov 2026 10:00:00 +0800\nSubject: 你好\n\n"), "{shown}");
    assert!(shown.contains("你好，世界"), "{shown}");
    assert!(shown.ends_with("(application/pdf, 4 B)\n"), "{shown}");
    let chinese = run(folder.path(), &["show", "--lang", "zh"], LETTER.as_bytes()).well();
    assert!(
        chinese.starts_with("发件人：张三 <zhang@example.org>\n"),
        "{chinese}"
    );
    let tree = run(folder.path(), &["show", "--tree", "letter.eml"], b"").well();
    assert_eq!(tree.lines().count(), 3, "{tree}");
    assert!(tree.contains("  1 text/html, gb18030, base64"), "{tree}");
    assert_eq!(
        run(folder.path(), &["show", "--part", "2", "letter.eml"], b"").well(),
        "%PDF"
    );
    assert_eq!(
        run(folder.path(), &["show", "--raw", "letter.eml"], b"").well(),
        LETTER
    );
    let json = run(folder.path(), &["show", "--json", "letter.eml"], b"").well();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["subject"], "你好");
    assert_eq!(json["attachments"][0]["octets"], 4);
    assert_eq!(json["parts"][2]["number"], "2");
}

/// RFC 2183 §2.3: the name that a sender chose leads nowhere else, and nothing that is there is written over.
#[test]
fn attachments_are_saved_where_they_should() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("saved")).unwrap();
    std::os::unix::fs::symlink(
        folder.path().join("elsewhere"),
        folder.path().join("saved/passwd"),
    )
    .unwrap();
    for _ in 0..2 {
        run(
            folder.path(),
            &["show", "--save-attachments", "saved"],
            LETTER.as_bytes(),
        )
        .well();
    }
    assert!(!folder.path().join("elsewhere").exists());
    let mut names: Vec<String> = fs::read_dir(folder.path().join("saved"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["passwd", "passwd-2", "passwd-3"]);
    assert_eq!(fs::read(folder.path().join("saved/passwd-3")).unwrap(), b"%PDF");
}

#[test]
fn what_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["show", "missing.eml"], b"").code, Some(66));
    let said = run(folder.path(), &["show", "-n", "7"], LETTER.as_bytes());
    assert_eq!(
        (said.code, said.err.as_str()),
        (Some(66), "posthouse: there is no message 7; there are 1\n")
    );
    let said = run(folder.path(), &["show", "--part", "9"], LETTER.as_bytes());
    assert_eq!(said.code, Some(64), "{}", said.err);
}
