//! docs/json.md and docs/json.zh-CN.md against real runs: every field that is printed is documented with its types, and every field that is
//! documented is printed.
//!
//! To add a command: a section `## NAME` with a table in both pages, and [`Seen::note`] with what its runs print.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use end_to_end::{Conversation, Server, Service, messages, server};
use serde_json::Value;

use crate::profile::home::Home;
use crate::profile::peers::{dns, web};
use crate::{Said, said, url};

/// The types of each field, by section and path: `taken[].code`.
type Fields = BTreeMap<(String, String), BTreeSet<String>>;

/// What was printed.
#[derive(Default)]
struct Seen(Fields);

impl Seen {
    /// Notes one output of a section.
    fn note(&mut self, section: &str, printed: &str) {
        let value =
            serde_json::from_str(printed).unwrap_or_else(|error| panic!("{section}: {error}\n{printed}"));
        self.walk(section, "", &value);
    }

    fn walk(&mut self, section: &str, path: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let path = format!("{path}{}{name}", if path.is_empty() { "" } else { "." });
                    let types = self.0.entry((section.to_owned(), path.clone())).or_default();
                    types.insert(type_of(value).to_owned());
                    self.walk(section, &path, value);
                }
            }
            Value::Array(items) => {
                let below = if path.is_empty() {
                    String::new()
                } else {
                    format!("{path}[]")
                };
                items.iter().for_each(|item| self.walk(section, &below, item));
            }
            _ => {}
        }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What a page documents: the rows `| ` + "`path`" + ` | types | …` below each `## section`.
fn documented(page: &str) -> Fields {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let mut section = String::new();
    let mut fields = Fields::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        if let Some(name) = line.strip_prefix("## ") {
            section = name.trim_matches('`').to_owned();
        }
        let mut cells = line.split('|').map(str::trim).skip(1);
        if let (Some(path), Some(types)) = (cells.next(), cells.next())
            && let Some(path) = path.strip_prefix('`').and_then(|path| path.strip_suffix('`'))
        {
            let types = types.split(',').map(|one| one.trim().to_owned()).collect();
            fields.insert((section.clone(), path.to_owned()), types);
        }
    }
    fields
}

/// A server that has something and does not give it: what it says first, and its answer to a line.
fn miser(greeting: &'static str, answer: fn(&str) -> String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        stream.get_mut().write_all(greeting.as_bytes()).unwrap();
        let mut line = String::new();
        while stream.read_line(&mut line).unwrap_or(0) > 0 {
            stream.get_mut().write_all(answer(&line).as_bytes()).unwrap();
            line.clear();
        }
    });
    port
}

/// A maildrop with one message.
fn miser_of_pop3() -> String {
    let port = miser("+OK\r\n", |line| {
        let said = match line.split_whitespace().next() {
            Some("CAPA" | "RETR") => "-ERR no\r\n",
            Some("LIST") => "+OK\r\n1 30\r\n.\r\n",
            Some("UIDL") => "+OK\r\n1 a\r\n.\r\n",
            _ => "+OK\r\n",
        };
        said.to_owned()
    });
    format!("pop3://alice@127.0.0.1:{port}?tls=none")
}

/// A server without enhanced status codes (RFC 2034), where one of two is somebody.
fn miser_of_smtp() -> String {
    let port = miser("220 x\r\n", |line| {
        let said = match line.get(..12) {
            // The text of a message is not answered, but its end.
            Some("EHLO [127.0." | "MAIL FROM:<a" | "RCPT TO:<b@x") => "250 x\r\n",
            Some("RCPT TO:<c@x") => "550 no\r\n",
            _ => match line {
                "DATA\r\n" => "354 x\r\n",
                ".\r\n" | "QUIT\r\n" => "250 x\r\n",
                _ => "",
            },
        };
        said.to_owned()
    });
    format!("smtp://127.0.0.1:{port}?tls=none")
}

/// A mailbox that was deleted since it was listed.
fn miser_of_imap() -> String {
    let port = miser("* OK\r\n", |line| {
        let mut words = line.split_whitespace();
        let tag = words.next().unwrap_or_default();
        match words.next() {
            Some("CAPABILITY") => format!("* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n"),
            Some("LIST") => format!("* LIST () \"/\" Gone\r\n{tag} OK\r\n"),
            Some("STATUS") => format!("{tag} NO [NONEXISTENT] gone\r\n"),
            _ => format!("{tag} OK\r\n"),
        }
    });
    format!("imap://alice@127.0.0.1:{port}?tls=none")
}

fn run(home: &Home, words: &[&str]) -> Said {
    let mut command = home.command(&[words, &["--json"]].concat());
    for side in ["", "FROM_", "TO_"] {
        command.env(format!("POSTHOUSE_{side}PASSWORD"), "tin whistle");
    }
    said(&mut command, b"")
}

fn send(home: &Home, at: &Server, seen: &mut Seen) {
    let send = |scheme: &str, to: &str| {
        let url = url(at, scheme);
        let words = [
            "send",
            "--server",
            &url,
            "--from",
            "alice@example.org",
            "--to",
            "alice@example.org",
        ];
        let more = ["--to", to, "--subject", "x", "--text", "x"];
        run(home, &[&words[..], &more].concat()).out
    };
    seen.note("send", &send("smtp", "nobody@example.org"));
    seen.note("send", &send("smtp", "bob@example.org"));
    let old = run(
        home,
        &[
            "send",
            "--server",
            &miser_of_smtp(),
            "--from",
            "a@x.example",
            "--to",
            "b@x.example",
            "--to",
            "c@x.example",
            "--text",
            "x",
        ],
    );
    seen.note("send", &old.out);
    // A message with an id that is none, of standard input; LMTP wants no login.
    let url = format!("lmtp://127.0.0.1:{}?tls=none", at.port(Service::Lmtp));
    let words = [
        "send",
        "--server",
        &url,
        "--from",
        "alice@example.org",
        "--json",
        "alice@example.org",
    ];
    let taken = said(&mut home.command(&words), b"Message-ID: ?\nSubject: y\n\ny\n").well();
    seen.note("send", &taken);
}

fn read(home: &Home, at: &Server, seen: &mut Seen) {
    fs::write(
        home.path().join("letter.eml"),
        "From: a@example.org\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nHello\n--b\n\
         Content-Type: image/png; name=x.png\nContent-Disposition: attachment\nContent-ID: <1@x>\n\nPNG\n--b\n\
         Content-Type: text/plain; charset=utf-8; name=y.txt\nContent-Disposition: attachment\n\nPNG\n--b--\n",
    )
    .unwrap();
    fs::write(
        home.path().join("dated.eml"),
        "Date: Wed, 25 Nov 2026 10:00:00 +0800\nMessage-ID: <1@x>\n\n",
    )
    .unwrap();
    let imap = url(at, "imap");
    let pop3 = miser_of_pop3();
    seen.note("fetch", &run(home, &["fetch", "md", "--server", &imap]).well());
    seen.note("fetch", &run(home, &["fetch", "md", "--server", &pop3]).out);
    for file in ["letter.eml", "dated.eml"] {
        seen.note("list, search", &run(home, &["list", file]).well());
        seen.note("list, search", &run(home, &["search", file]).well());
        seen.note("show", &run(home, &["show", file]).well());
    }
    for url in [imap, miser_of_imap()] {
        seen.note(
            "list, of mailboxes",
            &run(home, &["list", "--server", &url]).well(),
        );
    }
    let saved = run(home, &["show", "letter.eml", "--save-attachments", "saved"]);
    seen.note("show --save-attachments", &saved.well());
}

fn watch(home: &Home, at: &Server, seen: &mut Seen) {
    let imap = url(at, "imap");
    let mut command = home.command(&["watch", "--server", &imap, "--count", "3", "--json", "--trace"]);
    command
        .env("POSTHOUSE_PASSWORD", "tin whistle")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("IDLE") || line.contains("CAPABILITY") {
        line.clear();
        assert_ne!(errors.read_line(&mut line).unwrap(), 0, "it ended");
    }
    for text in [
        messages::plain("x"),
        "Message-ID: <2@x>\r\n\r\n".into(),
        "Message-ID: ?\r\n\r\n".into(),
    ] {
        let mut smtp = Conversation::smtp(at);
        smtp.deliver("alice@example.org", &text).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        seen.note("watch", line);
    }
}

fn sync(home: &Home, at: &Server, seen: &mut Seen) {
    let imap = url(at, "imap");
    let words = ["sync", "synced", "--server", &imap];
    seen.note("sync", &run(home, &words).well());
    // A file whose name nobody can read is noted.
    let name = home.path().join("synced/new").join(OsStr::from_bytes(b"\xff"));
    fs::write(name, "x").unwrap();
    let noted = run(home, &words);
    assert_eq!(noted.code, Some(69), "{}{}", noted.out, noted.err);
    seen.note("sync", &noted.out);
}

fn copy(home: &Home, from: &Server, seen: &mut Seen) {
    let to = Server::with_accounts();
    let quota = [
        "account",
        "quota",
        "alice@example.org",
        "--storage",
        "1K",
        "--data",
    ];
    said(server::posthouse(&quota).arg(to.data()), b"").well();
    let (from, to) = (url(from, "imap"), url(&to, "imap"));
    let words = ["copy", "--from", &from, "--to", &to];
    let planned = run(home, &[&words[..], &["--dry-run"]].concat());
    seen.note("copy --dry-run", &planned.well());
    seen.note("copy", &run(home, &words).out);
    // No server has room for such a name.
    let long = "x".repeat(5000);
    seen.note("copy", &run(home, &[&words[..], &["--into", &long]].concat()).out);
    let files = home.path().join("files");
    fs::create_dir(&files).unwrap();
    fs::write(
        files.join("1.eml"),
        format!("Subject: large\n\n{}", "and so on\n".repeat(200)),
    )
    .unwrap();
    let refused = run(home, &["copy", "--from", "files", "--to", &to]);
    assert_eq!(refused.code, Some(69), "{}{}", refused.out, refused.err);
    seen.note("copy", &refused.out);
}

fn profile(seen: &mut Seen) {
    let home = Home::new();
    let document = web(|_, _, _| (404, String::new()));
    let name_server = dns(&["imap", "example", "org"]).to_string();
    let words = [
        "profile",
        "add",
        "alice@example.org",
        "--no-check",
        "--dns",
        &name_server,
    ];
    let added = run(&home, &[&words[..], &["--autoconfig", &document]].concat());
    seen.note("profile add", &added.well());
    let text = r#"default = "a"
[profiles.a]
address = "a@example.org"
name = "A"
smtp = "smtps://a@mail.example.org"
imap = "imaps://a@mail.example.org"
pop3 = "pop3s://a@mail.example.org"
password = { env = "A" }
[profiles.b]
address = "b@example.org"
password = { command = "pass show mail" }
[profiles.c]
address = "c@example.org"
password = { keyring = true }
[profiles.d]
address = "d@example.org"
token-command = "token"
[profiles.e]
address = "e@example.org"
oauth = { issuer = "google", client-id = "x", client-secret = { env = "S" }, scope = "mail" }
[profiles.f]
address = "f@example.org"
oauth = { issuer = "google", client-id = "x", client-secret = { command = "s" } }
[profiles.g]
address = "g@example.org"
oauth = { issuer = "google", client-id = "x", client-secret = { keyring = true } }
[profiles.h]
address = "h@example.org"
dkim = { key = "/etc/mail/key.pem", selector = "2026", domain = "example.org" }
"#;
    fs::write(home.profiles(), text).unwrap();
    seen.note(
        "profile list, profile show",
        &run(&home, &["profile", "list"]).well(),
    );
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        seen.note(
            "profile list, profile show",
            &run(&home, &["profile", "show", name]).well(),
        );
    }
}

#[test]
fn what_is_documented_is_what_is_printed() {
    let (at, home) = (Server::with_accounts(), Home::new());
    let mut seen = Seen::default();
    send(&home, &at, &mut seen);
    let large = format!("Subject: large\r\n\r\n{}", "and so on\r\n".repeat(200));
    let mut smtp = Conversation::smtp(&at);
    smtp.deliver("alice@example.org", &large).unwrap();
    read(&home, &at, &mut seen);
    watch(&home, &at, &mut seen);
    sync(&home, &at, &mut seen);
    copy(&home, &at, &mut seen);
    profile(&mut seen);
    for page in ["json.md", "json.zh-CN.md"] {
        let fields = documented(page);
        let all: BTreeSet<_> = fields.keys().chain(seen.0.keys()).collect();
        let wrong: Vec<String> = all
            .into_iter()
            .filter(|field| fields.get(*field) != seen.0.get(*field))
            .map(|field| {
                format!(
                    "{field:?}: documented {:?}, printed {:?}",
                    fields.get(field),
                    seen.0.get(field)
                )
            })
            .collect();
        assert!(wrong.is_empty(), "{page}: {wrong:#?}");
    }
}
