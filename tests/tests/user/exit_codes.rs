//! How each command of the user's side ends when it cannot do what it was asked: the codes of sysexits(3), in one table.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use end_to_end::{Server, Service};

use crate::profile::home::Home;
use crate::{Said, said, url};

const USAGE: i32 = 64;
const NO_INPUT: i32 = 66;
const NO_HOST: i32 = 68;
const UNAVAILABLE: i32 = 69;
const CANNOT_CREATE: i32 = 73;
const TEMPORARY: i32 = 75;
const PROTOCOL: i32 = 76;
const NO_PERMISSION: i32 = 77;
const CONFIG: i32 = 78;

/// A server that greets with this, and goes away when the client does.
fn greeting(words: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            drop(stream.write_all(words.as_bytes()));
            // What the client says first is read, so that it is not told of a reset in place of the greeting.
            drop(stream.shutdown(std::net::Shutdown::Write));
            drop(stream.read(&mut [0; 512]));
        }
    });
    port
}

/// One way to be asked for something that ends in this way, of every command that has a server: its URLs are of SMTP, POP3 and IMAP.
fn with_server(home: &Home, urls: &[String; 3], wanted: i32) {
    let [smtp, pop3, imap] = urls.each_ref().map(String::as_str);
    let (from, to) = ("alice@example.org", "bob@example.org");
    let send = [
        "send", "--from", from, "--to", to, "--text", "x", "--server", smtp,
    ];
    let copies = ["--from", imap, "--to", imap];
    for words in [
        &send[..],
        &["fetch", "md", "--server", pop3],
        &["fetch", "md", "--server", imap],
        &["list", "--server", pop3],
        &["list", "--server", imap],
        &["search", "--text", "x", "--server", pop3],
        &["search", "--text", "x", "--server", imap],
        &["show", "--server", pop3],
        &["show", "--server", imap],
        &["watch", "--server", imap],
        &[&["copy"][..], &copies].concat(),
        &[
            "profile",
            "add",
            "alice@example.org",
            "--smtp",
            smtp,
            "--password-env",
            "WRONG",
        ],
        &[
            "profile",
            "add",
            "alice@example.org",
            "--pop3",
            pop3,
            "--password-env",
            "WRONG",
        ],
        &[
            "profile",
            "add",
            "alice@example.org",
            "--imap",
            imap,
            "--password-env",
            "WRONG",
        ],
    ] {
        check(home, words, "", wanted);
    }
}

fn check(home: &Home, words: &[&str], input: &str, wanted: i32) -> Said {
    let mut command = home.command(words);
    for name in [
        "POSTHOUSE_PASSWORD",
        "POSTHOUSE_FROM_PASSWORD",
        "POSTHOUSE_TO_PASSWORD",
        "WRONG",
    ] {
        command.env(name, "wrong");
    }
    let ended = said(&mut command, input.as_bytes());
    assert_eq!(
        ended.code,
        Some(wanted),
        "{words:?}\n{}\n{}",
        ended.out,
        ended.err
    );
    assert!(
        ended.err.starts_with("posthouse: ") || wanted == USAGE,
        "{}",
        ended.err
    );
    ended
}

#[test]
fn a_password_that_is_wrong_is_77() {
    let (server, home) = (Server::with_accounts(), Home::new());
    let urls = ["smtp", "pop3", "imap"].map(|scheme| url(&server, scheme));
    with_server(&home, &urls, NO_PERMISSION);
}

#[test]
fn a_host_that_is_not_there_is_68() {
    let home = Home::new();
    // RFC 6761 §6.4: names below "invalid" do not exist.
    let urls = ["smtps", "pop3s", "imaps"].map(|scheme| format!("{scheme}://alice@mail.invalid"));
    with_server(&home, &urls, NO_HOST);
}

/// RFC 5321 §4.2.1: 4yz. RFC 3206 §4: SYS/TEMP. RFC 9051 §7.1: UNAVAILABLE, in the BYE of a server that takes nobody in.
#[test]
fn what_may_work_later_is_75() {
    let home = Home::new();
    let ports = [
        ("smtp", "421 mail.example.org later\r\n"),
        ("pop3", "-ERR [SYS/TEMP] later\r\n"),
        ("imap", "* BYE [UNAVAILABLE] later\r\n"),
    ];
    let urls =
        ports.map(|(scheme, words)| format!("{scheme}://alice@127.0.0.1:{}?tls=none", greeting(words)));
    with_server(&home, &urls, TEMPORARY);
}

#[test]
fn what_is_not_the_protocol_is_76() {
    let home = Home::new();
    let port = greeting("SSH-2.0-OpenSSH_9.6\r\n");
    let urls = ["smtp", "pop3", "imap"].map(|scheme| format!("{scheme}://alice@127.0.0.1:{port}?tls=none"));
    with_server(&home, &urls, PROTOCOL);
}

/// The certificate of one's own server is signed by nobody: the hint names the option and the URL's parameter.
#[test]
fn a_certificate_that_is_not_trusted_is_69_and_says_what_to_type() {
    let (server, home) = (Server::with_accounts(), Home::new());
    let services = [
        ("smtps", Service::Submissions),
        ("pop3s", Service::Pop3s),
        ("imaps", Service::Imaps),
    ];
    let urls =
        services.map(|(scheme, service)| format!("{scheme}://alice@localhost:{}", server.port(service)));
    with_server(&home, &urls, UNAVAILABLE);
    let list = ["list", "--server", &urls[2]];
    let ended = check(&home, &list, "", UNAVAILABLE);
    assert!(
        ended.err.contains("--ca FILE") && ended.err.contains("?ca=FILE"),
        "{}",
        ended.err
    );
    let ended = check(&home, &[&list[..], &["--lang", "zh"]].concat(), "", UNAVAILABLE);
    assert!(ended.err.contains("--ca 文件"), "{}", ended.err);
}

#[test]
fn what_needs_no_server_has_its_code_too() {
    let home = Home::new();
    fs::write(home.path().join("file"), "no folder").unwrap();
    fs::write(home.path().join("letter.eml"), "Subject: x\n\nHello\n").unwrap();
    let smtp = "smtp://alice@127.0.0.1:1?tls=none";
    let pop3 = "pop3://alice@127.0.0.1:1?tls=none";
    let (from, to) = ("alice@example.org", "bob@example.org");
    let send = [
        "send", "--server", smtp, "--from", from, "--to", to, "--text", "x",
    ];
    for (words, wanted) in [
        (&["send", "--fast"][..], USAGE),
        (&["fetch"], USAGE),
        (&["copy", "--from", smtp, "--to", smtp], USAGE),
        (&["watch", "--server", pop3], USAGE),
        (&["list", "--server", "https://mail.example.org"], USAGE),
        (&["search", "letter.eml", "--since", "yesterday"], USAGE),
        (&["show", "--part", "1", "--raw"], USAGE),
        (&["profile", "add", "alice"], USAGE),
        (&[&send[..], &["--header", "Subject : x"]].concat(), USAGE),
        (&[&send[..], &["--attach", "nothing"]].concat(), NO_INPUT),
        (&["show", "nothing"], NO_INPUT),
        (&["list", "nothing"], NO_INPUT),
        (&["search", "nothing", "--text", "x"], NO_INPUT),
        (&["fetch", "file/below", "--server", pop3], CANNOT_CREATE),
        (
            &["show", "letter.eml", "--save-attachments", "file/below"],
            CANNOT_CREATE,
        ),
    ] {
        check(&home, words, "", wanted);
    }
}

#[test]
fn profiles_that_are_wrong_are_78() {
    let home = Home::new();
    let words = [
        &["send", "--to", "bob@example.org", "--text", "x", "--profile", "p"][..],
        &["fetch", "md", "--profile", "p"],
        &["list", "--profile", "p"],
        &["search", "--text", "x", "--profile", "p"],
        &["show", "--profile", "p"],
        &["watch", "--profile", "p"],
        &["profile", "list"],
        &["profile", "show", "p"],
        &["profile", "remove", "p"],
        &["profile", "login", "p"],
        &[
            "profile",
            "add",
            "alice@example.org",
            "--smtp",
            "smtps://a@mail.invalid",
            "--no-check",
        ],
    ];
    fs::create_dir_all(home.profiles().parent().unwrap()).unwrap();
    fs::write(
        home.profiles(),
        "[profiles.p]\naddress = \"a@example.org\"\ncolour = 1\n",
    )
    .unwrap();
    for words in words {
        check(&home, words, "", CONFIG);
    }
}
