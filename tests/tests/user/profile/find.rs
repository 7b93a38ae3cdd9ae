//! From an address to its servers.
#![allow(
    clippy::too_many_lines,
    reason = "each test is one way from its beginning to its end"
)]

use end_to_end::Server;

use super::home::Home;
use super::peers::{dns, web};
use crate::url;

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

/// Every server that was found is logged in to, that with the mailboxes too.
#[test]
fn a_password_that_is_wrong_is_told_by_imap_too() {
    let server = Server::with_accounts();
    let home = Home::new();
    let imap = url(&server, "imap");
    let add = |password: &str| {
        let words = [
            "profile",
            "add",
            "alice@example.org",
            "--imap",
            &imap,
            "--password-env",
            "WORK",
            "--json",
        ];
        crate::said(home.command(&words).env("WORK", password), b"")
    };
    let refused = add("wrong");
    assert_eq!(refused.code, Some(77), "{}{}", refused.out, refused.err);
    assert!(!home.profiles().exists());
    let out: serde_json::Value = serde_json::from_str(&add("tin whistle").well()).unwrap();
    assert_eq!(out["checked"], serde_json::json!(["imap"]));
}
