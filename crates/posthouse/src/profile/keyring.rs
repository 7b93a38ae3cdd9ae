//! The system's keyring: the secret service of the desktop, through `secret-tool` of libsecret, which gets a secret on its standard input and
//! never on its command line. docs/decisions says why a program and not a library.

use std::io::{self, Write as _};
use std::process::{Output, Stdio};

use client::Secret;

use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::mail::connection::program;

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
    let trouble = match run(&["store", &label], profile, kind, Some(secret)) {
        Ok(done) if done.status.success() => return Ok(()),
        Ok(done) => said(&done),
        Err(error) => failed(&error, language),
    };
    let instead = match kind {
        Kind::Password => language.pick(
            "Say --password-env NAME or --password-command COMMAND (such as \"pass show mail\") instead, or nothing to be asked each time",
            "请改用 --password-env 变量 或 --password-command 命令（例如 \"pass show mail\"）；都不写则每次询问",
        ),
        Kind::Tokens | Kind::ClientSecret => in_file(kind, language),
    };
    Err(unusable(&trouble, instead, language))
}

/// The secret that is kept, if there is one.
pub(crate) fn look_up(profile: &str, kind: Kind, language: Language) -> Result<Option<Secret>, Exit> {
    let trouble = match run(&["lookup"], profile, kind, None) {
        Ok(done) if done.status.success() => return Ok(Some(Secret::new(done.stdout))),
        // It says nothing where there is none, and where the keyring is locked and has no screen to ask on.
        Ok(done) if done.stderr.is_empty() => return Ok(None),
        Ok(done) => said(&done),
        Err(error) => failed(&error, language),
    };
    Err(unusable(&trouble, instead(kind, language), language))
}

/// Forgets it. Where there is no keyring, there is nothing to forget.
pub(crate) fn forget(profile: &str, kind: Kind) {
    let _ = run(&["clear"], profile, kind, None);
}

/// What helps whoever has a profile and gets no secret for it.
pub(crate) fn instead(kind: Kind, language: Language) -> &'static str {
    match kind {
        Kind::Password => language.pick(
            "Say --password-command COMMAND or --password-env NAME this time; for good, write password = { command = \"pass show mail\" } or { env = \"NAME\" } into the profile, or leave it out to be asked",
            "这一次请用 --password-command 命令 或 --password-env 变量；以后可在账号配置里改写 password = { command = \"pass show mail\" } 或 { env = \"变量\" }，删去则每次询问",
        ),
        Kind::Tokens | Kind::ClientSecret => in_file(kind, language),
    }
}

fn in_file(kind: Kind, language: Language) -> &'static str {
    match kind {
        Kind::ClientSecret => language.pick(
            "Write client-secret = { command = \"…\" } or { env = \"NAME\" } into the profile",
            "请在账号配置里改写 client-secret = { command = \"…\" } 或 { env = \"变量\" }",
        ),
        Kind::Tokens | Kind::Password => language.pick(
            "Tokens are kept nowhere else: write token-command = \"…\" into the profile in place of oauth, a program that keeps them itself",
            "令牌没有别的存放之处：请在账号配置里用 token-command = \"…\" 代替 oauth，由那个程序自己保存",
        ),
    }
}

fn run(words: &[&str], profile: &str, kind: Kind, input: Option<&Secret>) -> io::Result<Output> {
    let mut child = program(TOOL)
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

fn failed(error: &io::Error, language: Language) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => language
            .pick(
                "there is no secret-tool here (package libsecret-tools)",
                "没有 secret-tool（软件包 libsecret-tools）",
            )
            .to_owned(),
        _ => format!("{TOOL}: {error}"),
    }
}

/// Its first line; it is silent where the keyring is locked and stays so.
fn said(done: &Output) -> String {
    let said = String::from_utf8_lossy(&done.stderr);
    let line: String = said
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    match line.is_empty() {
        true => format!("{TOOL}: {}", done.status),
        false => line,
    }
}

fn unusable(trouble: &str, instead: &str, language: Language) -> Exit {
    Exit::new(
        Code::Unavailable,
        language.pick(
            format!("the system's keyring cannot be used: {trouble}. It needs a desktop session that is unlocked. {instead}"),
            format!("无法使用系统的密钥环：{trouble}。它需要已解锁的桌面会话。{instead}"),
        ),
    )
}
