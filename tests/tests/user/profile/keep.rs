//! A profile is added once, and its name is enough then; where the password is.
#![allow(
    clippy::too_many_lines,
    reason = "each test is one way from its beginning to its end"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use end_to_end::Server;

use super::home::Home;
use crate::{said, url};

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

/// What `secret-tool` says over ssh, without a desktop; and that it is silent where the keyring is locked and has no screen to ask on.
#[test]
fn a_keyring_that_cannot_be_reached_is_told_with_what_to_do() {
    let (server, home) = (Server::with_accounts(), Home::with_keyring());
    let smtp = url(&server, "smtp");
    let add = [
        "profile",
        "add",
        "alice@example.org",
        "--smtp",
        &smtp,
        "--keyring",
    ];
    home.run(&add, "tin whistle\n").well();
    let tool = |does: &str| {
        let file = home.path().join("bin/secret-tool");
        fs::write(&file, format!("#!/bin/sh\n{does}\nexit 1\n")).unwrap();
    };
    let list = ["send", "--to", "alice@example.org", "--text", "x"];
    tool("echo 'secret-tool: Cannot autolaunch D-Bus without X11 $DISPLAY' >&2");
    let ended = home.run(&list, "");
    assert_eq!(ended.code, Some(69), "{}", ended.err);
    for words in [
        "Cannot autolaunch D-Bus",
        "a desktop session that is unlocked",
        "--password-command COMMAND or --password-env NAME this time",
        "password = { command = \"pass show mail\" }",
        "leave it out to be asked",
    ] {
        assert!(ended.err.contains(words), "no {words:?}: {}", ended.err);
    }
    let ended = home.run(&[&list[..], &["--lang", "zh"]].concat(), "");
    assert!(ended.err.contains("已解锁的桌面会话"), "{}", ended.err);
    // What it says is what is to be done.
    let told = [&list[..], &["--password-command", "echo tin whistle"]].concat();
    home.run(&told, "").well();
    tool("");
    let ended = home.run(&list, "");
    assert_eq!(ended.code, Some(78), "{}", ended.err);
    assert!(
        ended.err.contains("or is locked") && ended.err.contains("--password-command COMMAND"),
        "{}",
        ended.err
    );
    let other = [&add[..], &["--profile", "other"]].concat();
    let ended = home.run(&other, "tin whistle\n");
    assert_eq!(ended.code, Some(69), "{}", ended.err);
    assert!(
        ended.err.contains("secret-tool: exit status: 1")
            && ended.err.contains("(such as \"pass show mail\")"),
        "{}",
        ended.err
    );
}
