//! Signing in elsewhere, and tokens.
#![allow(
    clippy::too_many_lines,
    reason = "each test is one way from its beginning to its end"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use super::home::Home;
use super::peers::web;

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
