//! Python's `email` package reads what is composed: the judge that is nobody of ours.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

/// Reads a message and prints what it says of itself, a value a line, in hexadecimal.
const SCRIPT: &str = r#"
import email, email.policy, sys
m = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
def out(*values):
    print(' '.join(v.encode('utf-8').hex() or '-' for v in values))
out('subject', m['Subject'])
for name in ('From', 'To', 'Cc'):
    for a in (m[name].addresses if m[name] else ()):
        out(name, a.display_name, a.username, a.domain)
for p in m.walk():
    if p.is_multipart() and p.get_content_type() != 'message/rfc822':
        continue
    name = p.get_filename() or ''
    if p.get_content_type() == 'message/rfc822':
        out('message', name, p.get_content()['Subject'])
    elif p.get_content_type() in ('text/plain', 'text/html') and not name:
        out(p.get_content_type(), p.get_content().replace('\r\n', '\n'))
    else:
        out('file', name, p.get_content_type(), p.get_param('name') or '', p.get_payload(decode=True).hex())
for part in m.walk():
    for defect in part.defects:
        out('defect', repr(defect))
"#;

fn is_here() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let here = std::env::split_paths(&path).any(|folder| folder.join("python3").is_file());
    let required = std::env::var("POSTHOUSE_REQUIRE_PROGRAMS").is_ok_and(|value| value == "1");
    assert!(here || !required, "python3 is required and absent");
    here
}

fn read(written: &[u8]) -> Vec<Vec<String>> {
    let mut python = Command::new("python3")
        .args(["-B", "-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(written).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let plain = |word: &str| match word {
        "-" => String::new(),
        digits => {
            let octets = (0..digits.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
            String::from_utf8(octets.collect()).unwrap()
        }
    };
    text.lines()
        .map(|line| line.split(' ').map(plain).collect())
        .collect()
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// No name here needs two encoded words: Python up to 3.11 shows the blank between two of them in a name, though not in a
/// subject.
#[test]
fn python_reads_what_was_said() {
    if !is_here() {
        return;
    }
    let report = "年度报告（最终版）2026年第一季度财务数据汇总表.xlsx";
    let text = "你好，李四！\n\n请看附件。\nFrom here on.\n.\n";
    let html = "<p>caf\u{e9} = 1 <img src='cid:logo@example.org'></p>\n";
    let mail = || {
        Mail::new(Mailbox::parse("\"张三, 经理\" <zhang@例子.中国>").unwrap(), stamp())
            .to(Mailbox::named("J\u{fc}rgen \"M.\" O'Neil", Address::parse("j.o@example.org").unwrap()))
            .to(Mailbox::parse("Alice Q. Smith <alice@example.org>").unwrap())
            .cc(Mailbox::parse("Ωμέγα Αλφάβητο <o@example.org>").unwrap())
            .bcc(Mailbox::parse("secret@example.org").unwrap())
            .subject("关于下周一的会议安排，请务必准时参加 and a long tail of words, which is folded: caf\u{e9} \u{1f600} at the end")
            .text(text)
            .html(html)
            .inline(
                MessageId::check("logo@example.org").unwrap(),
                Attachment::new("logo.png", &b"\x89PNG\r\n\x1a\n"[..]),
            )
            .attach(Attachment::new(report, &b"PK\x03\x04"[..]))
            .attach(Attachment::new("caf\u{e9}.txt", "caf\u{e9}\n".as_bytes()))
            .attach(Attachment::new("my \"own\" file.pdf", &b"%PDF"[..]))
            .attach(Attachment::message("old.eml", &b"Subject: old\n\nhello\n"[..]))
    };
    let wanted: Vec<Vec<String>> = [
        vec!["subject", "关于下周一的会议安排，请务必准时参加 and a long tail of words, which is folded: caf\u{e9} \u{1f600} at the end"],
        vec!["From", "张三, 经理", "zhang", "xn--fsqu00a.xn--fiqs8s"],
        vec!["To", "J\u{fc}rgen \"M.\" O'Neil", "j.o", "example.org"],
        vec!["To", "Alice Q. Smith", "alice", "example.org"],
        vec!["Cc", "Ωμέγα Αλφάβητο", "o", "example.org"],
        vec!["text/plain", text],
        vec!["text/html", html],
        vec!["file", "logo.png", "image/png", "logo.png", &hexadecimal(b"\x89PNG\r\n\x1a\n")],
        vec!["file", report, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", report, "504b0304"],
        vec!["file", "caf\u{e9}.txt", "text/plain", "caf\u{e9}.txt", &hexadecimal("caf\u{e9}\n".as_bytes())],
        vec!["file", "my \"own\" file.pdf", "application/pdf", "my \"own\" file.pdf", "25504446"],
        vec!["message", "old.eml", "old"],
        vec!["text/plain", "hello\n"],
    ]
    .into_iter()
    .map(|line| line.into_iter().map(str::to_owned).collect())
    .collect();
    // It does not read what is binary: it takes any CR or LF for a line end.
    for room in [Room::SevenBit, Room::EightBit] {
        let mail = mail();
        let allowed = Allowed {
            form: Form::Ascii,
            room,
        };
        let written = mail.compose(allowed).unwrap().to_vec().unwrap();
        let got = read(&written);
        for (got, wanted) in got.iter().zip(&wanted) {
            assert_eq!(got, wanted, "{room:?}");
        }
        assert_eq!(got.len(), wanted.len(), "{got:?}");
    }
}
