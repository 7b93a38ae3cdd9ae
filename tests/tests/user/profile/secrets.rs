//! What others on the machine see of a password: nothing, neither in a command line nor in the environment of a program that is run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use end_to_end::{Conversation, Server, messages};

use super::home::Home;
use crate::{said, url};

/// Notes what `/proc` shows of it and of the program that runs it.
const SPY: &str = r#"
for file in "/proc/$$/cmdline" "/proc/$$/environ" "/proc/$PPID/cmdline"; do
    tr '\0' '\n' < "$file" >> "$SEEN"
done
"#;

/// Makes a program of a home look around before it does what it does.
fn program(home: &Home, name: &str, does: &str) {
    let file = home.path().join("bin").join(name);
    fs::write(&file, format!("#!/bin/sh\n{SPY}\n{does}")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

fn keyring(home: &Home) {
    let tool = home.path().join("bin/secret-tool");
    let kept = fs::read_to_string(tool).unwrap();
    program(home, "secret-tool", kept.strip_prefix("#!/bin/sh\n").unwrap());
}

fn run(home: &Home, seen: &Path, words: &[&str], input: &str) -> String {
    let mut command = home.command(words);
    command.env("SEEN", seen);
    for variable in [
        "POSTHOUSE_PASSWORD",
        "POSTHOUSE_FROM_PASSWORD",
        "POSTHOUSE_TO_PASSWORD",
    ] {
        command.env(variable, "tin whistle");
    }
    said(&mut command, input.as_bytes()).well()
}

#[test]
fn no_process_shows_a_password() {
    let (server, home) = (Server::with_accounts(), Home::with_keyring());
    keyring(&home);
    program(&home, "teller", "cat \"$(dirname \"$0\")/told\"");
    program(&home, "bell", "cat > /dev/null");
    fs::write(home.path().join("bin/told"), "tin whistle\n").unwrap();
    let (smtp, imap) = (url(&server, "smtp"), url(&server, "imap"));
    let seen = home.path().join("seen");
    // Every program that is run, and what it was run for.
    let add = [
        "profile",
        "add",
        "alice@example.org",
        "--smtp",
        &smtp,
        "--keyring",
    ];
    let send = ["send", "--to", "alice@example.org", "--text", "x"];
    let told = ["list", "--server", &imap, "--password-command", "teller"];
    let copy = [
        "copy",
        "--from",
        &imap,
        "--to",
        &imap,
        "--from-password-command",
        "teller",
        "--dry-run",
    ];
    for (words, input, program) in [
        (&add[..], "tin whistle\n", "store"),
        (&send, "", "lookup"),
        (&told, "", "teller"),
        (&copy, "", "teller"),
    ] {
        drop(fs::remove_file(&seen));
        run(&home, &seen, words, input);
        unseen(&seen, program);
    }
    drop(fs::remove_file(&seen));
    watch(&home, &server, &seen);
    unseen(&seen, "bell");
}

/// A message comes once the mailbox is watched.
fn watch(home: &Home, server: &Server, seen: &Path) {
    let mut smtp = Conversation::smtp(server);
    let imap = url(server, "imap");
    let words = ["watch", "--server", &imap, "--count", "1", "--exec", "bell"];
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| run(home, seen, &words, ""));
        while !watching.is_finished() {
            smtp.deliver("alice@example.org", &messages::plain("x")).unwrap();
        }
        watching.join().unwrap();
    });
}

fn unseen(seen: &Path, program: &str) {
    let seen = fs::read_to_string(seen).unwrap();
    assert!(
        seen.contains(program) && seen.contains("SEEN="),
        "{program}: {seen}"
    );
    assert!(!seen.contains("whistle"), "{program}: {seen}");
}
