//! `posthouse profile`: from an address to servers, a password that no process list shows, and tokens that are refreshed; with a name server, a web
//! server, an issuer of tokens and a keyring of the test's own.
#![allow(
    clippy::too_many_lines,
    reason = "each test is one way from its beginning to its end"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use end_to_end::{Server, server};
use tempfile::TempDir;

use crate::{Said, said, url};

/// A keyring of files, which notes how it was called.
const KEYRING: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$@" >> calls
verb=$1
shift
case "$1" in --label=*) shift ;; esac
file="kept-$(echo "$*" | tr ' /@' '___')"
case "$verb" in
store) cat > "$file" ;;
lookup) [ -f "$file" ] && cat "$file" ;;
clear) rm -f "$file" ;;
esac
"#;

/// A person's home, with a keyring or without.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        Home { folder }
    }

    fn with_keyring() -> Home {
        let home = Home::new();
        let tool = home.path().join("bin/secret-tool");
        fs::write(&tool, KEYRING).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        home
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn profiles(&self) -> PathBuf {
        self.path().join("config/posthouse/profiles.toml")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = server::posthouse(words);
        command
            .current_dir(self.path())
            .env("HOME", self.path())
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path().join("bin").display()),
            )
            .env_remove("POSTHOUSE_PASSWORD")
            .env_remove("POSTHOUSE_SERVER")
            .env_remove("POSTHOUSE_PROFILES");
        command
    }

    fn run(&self, words: &[&str], input: &str) -> Said {
        said(&mut self.command(words), input.as_bytes())
    }
}

/// A web server: what is asked, and what the answer is.
fn web(answer: impl Fn(&str, &str, &str) -> (u16, String) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let url = own.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut first = String::new();
            stream.read_line(&mut first).unwrap();
            let mut length = 0;
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                let line = line.trim_end().to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let line = first.trim_end().trim_end_matches(" HTTP/1.1");
            let (code, text) = answer(line, &String::from_utf8(body).unwrap(), &own);
            let length = text.len();
            let head =
                format!("HTTP/1.1 {code} Said\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            drop(stream.get_mut().write_all(format!("{head}{text}").as_bytes()));
        }
    });
    url
}

/// A name server that has one SRV record, of `_imaps._tcp`, and no other name (RFC 1035 §4.1, RFC 2782).
fn dns(target: &'static [&'static str]) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut octets = [0; 4096];
        loop {
            let (length, from) = socket.recv_from(&mut octets).unwrap();
            let asked = &octets[..length];
            // The question: a name, which ends with an empty label, its type and class.
            let end = 12 + asked[12..].iter().position(|octet| *octet == 0).unwrap() + 5;
            let is_asked = asked[12..end].to_ascii_lowercase().starts_with(b"\x06_imaps");
            let mut reply = asked[..2].to_vec();
            let (code, answers) = if is_asked { (0, 1) } else { (3, 0) };
            reply.extend([0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0]);
            reply.extend(&asked[12..end]);
            if is_asked {
                let mut data = vec![0, 0, 0, 1, 0x03, 0xe1];
                for label in target {
                    data.push(u8::try_from(label.len()).unwrap());
                    data.extend(label.as_bytes());
                }
                data.push(0);
                reply.extend([
                    0xc0,
                    12,
                    0,
                    33,
                    0,
                    1,
                    0,
                    0,
                    0,
                    60,
                    0,
                    u8::try_from(data.len()).unwrap(),
                ]);
                reply.extend(data);
            }
            socket.send_to(&reply, from).unwrap();
        }
    });
    address
}

/// The whole way of a newcomer: added once, the password in the keyring, and from then on nothing but the profile's name, or not even that.
#[test]
fn a_profile_is_enough_for_sending_and_fetching() {
    let server = Server::with_accounts();
    let home = Home::with_keyring();
    let (smtp, pop3) = (url(&server, "smtp"), url(&server, "pop3"));
    let add = [
        "profile",
        "add",
        "alice@example.org",
        "--profile",
        "work",
        "--name",
        "艾丽丝",
        "--smtp",
        &smtp,
        "--pop3",
        &pop3,
        "--keyring",
    ];
    let out = home.run(&add, "tin whistle\n").well();
    assert!(out.contains("Added work to "), "{out}");
    let mode = fs::metadata(home.profiles()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(home.profiles()).unwrap();
    assert!(
        text.starts_with("default = \"work\"\n") && !text.contains("tin whistle"),
        "{text}"
    );

    let send = [
        "send",
        "--profile",
        "work",
        "--to",
        "alice@example.org",
        "--subject",
        "one",
        "--text",
        "x",
    ];
    home.run(&send, "").well();
    home.run(
        &[
            "send",
            "--to",
            "alice@example.org",
            "--subject",
            "two",
            "--text",
            "x",
        ],
        "",
    )
    .well();
    let listed = home.run(&["list", "--profile", "work", "--json"], "").well();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["from"], "艾丽丝 <alice@example.org>", "{listed}");
    assert_eq!(listed[1]["subject"], "two");
    let fetched = home.run(&["fetch", "Mail", "--json"], "").well();
    assert!(fetched.contains("\"fetched\": 2"), "{fetched}");

    // What others see of the processes: how the keyring was called.
    let calls = fs::read_to_string(home.path().join("bin/calls")).unwrap();
    assert!(
        calls.contains("lookup service posthouse profile work kind password"),
        "{calls}"
    );
    assert!(!calls.contains("whistle"), "{calls}");

    let again = home.run(&add, "tin whistle\n");
    assert_eq!(again.code, Some(73), "{}", again.err);
    let shown = home.run(&["profile", "list", "--json"], "").well();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown[0]["default"], true);
    assert_eq!(shown[0]["password"], serde_json::json!({"keyring": true}));
    home.run(&["profile", "remove", "work"], "").well();
    assert!(
        !fs::read_dir(home.path().join("bin"))
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().starts_with("kept-") })
    );
    let gone = home.run(&send, "");
    assert_eq!(gone.code, Some(64));
    assert!(gone.err.contains("posthouse profile add"), "{}", gone.err);
}

#[test]
fn a_login_that_is_refused_keeps_nothing() {
    let server = Server::with_accounts();
    let home = Home::with_keyring();
    let add = [
        "profile",
        "add",
        "alice@example.org",
        "--smtp",
        &url(&server, "smtp"),
        "--keyring",
    ];
    let refused = home.run(&add, "wrong\n");
    assert_eq!(refused.code, Some(77), "{}", refused.err);
    assert!(!home.profiles().exists());
    assert!(!home.path().join("bin/calls").exists());
    let with_password = "smtps://alice:hunter2@mail.example.org";
    let told = home.run(
        &[
            "profile",
            "add",
            "alice@example.org",
            "--smtp",
            with_password,
            "--no-check",
        ],
        "",
    );
    assert_eq!(told.code, Some(64));
    assert!(
        !told.err.contains("hunter2") && told.err.contains("--keyring"),
        "{}",
        told.err
    );
}

/// A machine without a keyring: the other ways are named, and they work.
#[test]
fn without_a_keyring_there_are_other_ways() {
    let server = Server::with_accounts();
    let home = Home::new();
    let smtp = url(&server, "smtp");
    let add = |name: &str, more: &[&str]| {
        let words = [
            &[
                "profile",
                "add",
                "alice@example.org",
                "--smtp",
                &smtp,
                "--profile",
                name,
            ],
            more,
        ]
        .concat();
        said(
            home.command(&words)
                .env("WORK", "tin whistle")
                .env("PATH", home.path().join("bin")),
            b"tin whistle\n",
        )
    };
    let none = add("keyring", &["--keyring"]);
    assert_eq!(none.code, Some(69), "{}", none.err);
    assert!(
        none.err.contains("--password-env") && none.err.contains("--password-command"),
        "{}",
        none.err
    );
    assert!(!home.profiles().exists());
    add("env", &["--password-env", "WORK"]).well();
    let words = [
        "profile",
        "add",
        "alice@example.org",
        "--smtp",
        &smtp,
        "--profile",
        "cmd",
        "--password-command",
        "echo tin whistle",
    ];
    home.run(&words, "").well();
    let send = |profile: &str| {
        [
            "send",
            "--profile",
            profile,
            "--to",
            "bob@example.org",
            "--text",
            "x",
        ]
        .map(str::to_owned)
    };
    let words = send("cmd");
    home.run(&words.each_ref().map(String::as_str), "").well();
    let words = send("env");
    let unset = home.run(&words.each_ref().map(String::as_str), "");
    assert_eq!(unset.code, Some(78));
    assert!(
        unset.err.contains("the environment variable WORK is not set"),
        "{}",
        unset.err
    );
    fs::write(
        home.profiles(),
        "[profiles.x]\naddress = \"a@example.org\"\npassword = \"hunter2\"\n",
    )
    .unwrap();
    let wrong = home.run(&["profile", "list", "--lang", "zh"], "");
    assert_eq!(wrong.code, Some(78));
    assert!(
        wrong.err.contains("第 3 行") && !wrong.err.contains("hunter2"),
        "{}",
        wrong.err
    );
}

/// RFC 8314 §5.1: what only DNS says of another domain is not taken unless somebody says so; what https says is.
#[test]
fn servers_are_found_from_the_address() {
    let home = Home::new();
    let document = "<clientConfig><emailProvider id=\"x\"><outgoingServer type=\"smtp\"><hostname>smtp.provider.example</hostname>\
                    <port>465</port><socketType>SSL</socketType></outgoingServer></emailProvider></clientConfig>";
    let autoconfig = web(|_, _, _| (200, document.to_owned()));
    let own = dns(&["imap", "example", "org"]).to_string();
    let other = dns(&["imap", "evil", "example"]).to_string();
    let add = |dns: &str, more: &[&str]| {
        let words = [
            "profile",
            "add",
            "alice@example.org",
            "--no-check",
            "--dns",
            dns,
            "--autoconfig",
            &autoconfig,
        ];
        home.run(&[&words, more].concat(), "")
    };
    let refused = add(&other, &[]);
    assert_eq!(refused.code, Some(69), "{}", refused.err);
    assert!(
        refused.err.contains("imap.evil.example") && refused.err.contains("--yes"),
        "{}",
        refused.err
    );
    assert!(!home.profiles().exists());
    let out = add(&own, &[]).well();
    assert!(
        out.contains("Found smtps://alice%40example.org@smtp.provider.example:465 (autoconfig)")
            && out.contains("Found imaps://alice%40example.org@imap.example.org:993 (SRV records)"),
        "{out}"
    );
    let out = add(&other, &["--yes", "--json", "--profile", "other"]).well();
    let out: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        out["found"][1]["url"],
        "imaps://alice%40example.org@imap.evil.example:993"
    );
    let shown = home.run(&["profile", "show", "alice@example.org"], "").well();
    assert!(
        shown.contains("IMAP: imaps://alice%40example.org@imap.example.org:993"),
        "{shown}"
    );
    let nothing = web(|_, _, _| (404, String::new()));
    let words = [
        "profile",
        "add",
        "bob@example.org",
        "--dns",
        &own,
        "--autoconfig",
        &nothing,
        "--profile",
        "b",
        "--no-check",
    ];
    home.run(&words, "").well();
    let nowhere = [
        "profile",
        "add",
        "bob@example.net",
        "--autoconfig",
        "http://example.net/",
        "--dns",
        "127.0.0.1:1",
    ];
    let nowhere = home.run(&nowhere, "");
    assert_eq!(nowhere.code, Some(68), "{}", nowhere.err);
    assert!(
        nowhere.err.contains("autoconfig: it is not an https URL"),
        "{}",
        nowhere.err
    );
}

/// A maildrop without mail that wants a token, and notes what it was shown: it takes the last of these, and refuses the others.
fn pop3(good: Arc<Mutex<String>>, shown: Arc<Mutex<Vec<String>>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            stream.get_mut().write_all(b"+OK\r\n").unwrap();
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
                let answer = match line.trim_end().split_once(' ') {
                    None if line.starts_with("CAPA") => "+OK\r\nSASL XOAUTH2\r\n.\r\n",
                    None if line.starts_with("LIST") || line.starts_with("UIDL") => "+OK\r\n.\r\n",
                    Some(("AUTH", rest)) => {
                        let token = rest.rsplit(' ').next().unwrap().to_owned();
                        let is_good = token == xoauth2(&good.lock().unwrap());
                        shown.lock().unwrap().push(token);
                        if is_good { "+OK\r\n" } else { "-ERR [AUTH] no\r\n" }
                    }
                    _ => "+OK\r\n",
                };
                stream.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    port
}

/// What XOAUTH2 says first, as Python's base64 has it.
fn xoauth2(token: &str) -> String {
    let text = format!("user=alice@example.org\u{1}auth=Bearer {token}\u{1}\u{1}");
    let script = "import base64,sys; print(base64.b64encode(sys.argv[1].encode()).decode())";
    let output = Command::new("python3")
        .args(["-c", script, &text])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// RFC 8628 and RFC 6749 §6: somebody signs in elsewhere, the tokens lie in the keyring, and a token that a server refuses is refreshed, once.
#[test]
fn signing_in_keeps_tokens_and_refreshes_them() {
    let home = Home::with_keyring();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let issuer = web(move |line, body, own| {
        log.lock().unwrap().push(body.to_owned());
        let refreshed = log
            .lock()
            .unwrap()
            .iter()
            .filter(|body| body.contains("grant_type=refresh_token"))
            .count();
        match line {
            "GET /.well-known/oauth-authorization-server" => (
                200,
                format!(r#"{{"issuer":"{own}","token_endpoint":"{own}/token","device_authorization_endpoint":"{own}/device"}}"#),
            ),
            "POST /device" => (
                200,
                r#"{"device_code":"dev-secret","user_code":"WDJB-MJHT","verification_uri":"https://example.com/device","expires_in":60,"interval":1}"#
                    .to_owned(),
            ),
            "POST /token" if body.contains("refresh-0") || body.contains("dev-secret") => (
                200,
                format!(
                    r#"{{"access_token":"access-{refreshed}","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-0"}}"#
                ),
            ),
            _ => (400, r#"{"error":"invalid_grant"}"#.to_owned()),
        }
    });
    let (good, shown) = (
        Arc::new(Mutex::new("access-0".to_owned())),
        Arc::new(Mutex::new(Vec::new())),
    );
    let port = pop3(good.clone(), shown.clone());
    let pop3 = format!("pop3://alice%40example.org@127.0.0.1:{port}?tls=none");
    let add = [
        "profile",
        "add",
        "alice@example.org",
        "--profile",
        "o",
        "--pop3",
        &pop3,
        "--oauth",
        &issuer,
        "--client-id",
        "ours",
    ];
    let out = home.run(&add, "").well();
    assert!(out.contains("posthouse profile login o"), "{out}");
    let list = || home.run(&["list", "--profile", "o"], "");
    let before = list();
    assert_eq!(before.code, Some(77));
    assert!(before.err.contains("posthouse profile login o"), "{}", before.err);

    let out = home.run(&["profile", "login", "o"], "").well();
    assert!(
        out.contains("Open https://example.com/device and enter the code WDJB-MJHT"),
        "{out}"
    );
    list().well();
    assert_eq!(
        *shown.lock().unwrap(),
        [xoauth2("access-0")],
        "the token is good, and nobody was asked for another"
    );
    *good.lock().unwrap() = "access-1".to_owned();
    let said = list();
    for secret in ["access-", "refresh-", "dev-secret"] {
        assert!(
            !said.out.contains(secret) && !said.err.contains(secret) && !out.contains(secret),
            "{}",
            said.err
        );
    }
    said.well();
    assert_eq!(
        shown.lock().unwrap()[1..],
        [xoauth2("access-0"), xoauth2("access-1")]
    );
    // One that is refused twice is refused.
    *good.lock().unwrap() = "another".to_owned();
    assert_eq!(list().code, Some(77));
    assert_eq!(shown.lock().unwrap().len(), 5);
    assert!(
        !fs::read_to_string(home.path().join("bin/calls"))
            .unwrap()
            .contains("refresh-0")
    );

    // The keyring has a token that has expired: another is asked for first.
    let kept = home
        .path()
        .join("bin/kept-service_posthouse_profile_o_kind_tokens");
    fs::write(&kept, r#"{"refresh":"refresh-0","access":"old","expires":1}"#).unwrap();
    *good.lock().unwrap() = "access-3".to_owned();
    list().well();
    assert_eq!(shown.lock().unwrap().len(), 6);
    // And the issuer may have forgotten everything.
    fs::write(&kept, r#"{"refresh":"gone"}"#).unwrap();
    let over = list();
    assert_eq!(over.code, Some(77));
    assert!(over.err.contains("posthouse profile login o"), "{}", over.err);
}
