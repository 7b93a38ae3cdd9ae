//! The system's keyring: the secret service of the desktop, through `secret-tool` of libsecret, which gets a secret on its standard input and
//! never on its command line. docs/decisions says why a program and not a library.

use std::io::{self, Write as _};
use std::process::{Command, Output, Stdio};

use client::Secret;

use crate::exit::{Code, Exit};
use crate::language::Language;

/// The program.
const TOOL: &str = "secret-tool";

/// What is kept of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its password.
    Password,
    /// Its OAuth 2 tokens.
    Tokens,
    /// The secret of the OAuth 2 client.
    ClientSecret,
}

impl Kind {
    /// All.
    pub(crate) const ALL: [Kind; 3] = [Kind::Password, Kind::Tokens, Kind::ClientSecret];

    fn word(self) -> &'static str {
        match self {
            Kind::Password => "password",
            Kind::Tokens => "tokens",
            Kind::ClientSecret => "client-secret",
        }
    }
}

/// Keeps a secret.
pub(crate) fn store(profile: &str, kind: Kind, secret: &Secret, language: Language) -> Result<(), Exit> {
    let label = format!("--label=Posthouse: {profile}");
    let done =
        run(&["store", &label], profile, kind, Some(secret)).map_err(|error| failed(&error, language))?;
    match done.status.success() {
        true => Ok(()),
        false => Err(refused(&done, language)),
    }
}

/// The secret that is kept, if there is one.
pub(crate) fn look_up(profile: &str, kind: Kind, language: Language) -> Result<Option<Secret>, Exit> {
    let done = run(&["lookup"], profile, kind, None).map_err(|error| failed(&error, language))?;
    match done.status.success() {
        true => Ok(Some(Secret::new(done.stdout))),
        // It says nothing where there is none.
        false if done.stderr.is_empty() => Ok(None),
        false => Err(refused(&done, language)),
    }
}

/// Forgets it. Where there is no keyring, there is nothing to forget.
pub(crate) fn forget(profile: &str, kind: Kind) {
    let _ = run(&["clear"], profile, kind, None);
}

fn run(words: &[&str], profile: &str, kind: Kind, input: Option<&Secret>) -> io::Result<Output> {
    let mut child = Command::new(TOOL)
        .args(words)
        .args(["service", "posthouse", "profile", profile, "kind", kind.word()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let (Some(mut pipe), Some(secret)) = (child.stdin.take(), input) {
        // Where it does not read, it says why.
        drop(pipe.write_all(secret.expose()));
    }
    child.wait_with_output()
}

fn failed(error: &io::Error, language: Language) -> Exit {
    let words = match error.kind() {
        io::ErrorKind::NotFound => language
            .pick(
                "there is no secret-tool here (package libsecret-tools)",
                "没有 secret-tool（软件包 libsecret-tools）",
            )
            .to_owned(),
        _ => format!("secret-tool: {error}"),
    };
    no_keyring(&words, language)
}

fn refused(done: &Output, language: Language) -> Exit {
    let said = String::from_utf8_lossy(&done.stderr);
    let line: String = said
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    no_keyring(&line, language)
}

fn no_keyring(why: &str, language: Language) -> Exit {
    Exit::new(
        Code::Unavailable,
        language.pick(
            format!(
                "the system's keyring cannot be used: {why}. Say --password-env NAME or --password-command COMMAND instead, or nothing to be asked each time"
            ),
            format!(
                "无法使用系统的密钥环：{why}。请改用 --password-env 变量 或 --password-command 命令；都不写则每次询问"
            ),
        ),
    )
}
