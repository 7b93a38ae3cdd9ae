//! `posthouse profile`: a person's accounts on any servers, in one file, found from an address: `posthouse send --profile work` is enough then.
//!
//! Passwords and tokens are in the system's keyring, an environment variable, or come from a command; never in the file, and never on
//! a command line.

mod add;
mod dkim;
mod file;
mod keyring;
mod tokens;

use std::io::{self, Write as _};
use std::time::Duration;

use client::{Secret, Server};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;

use crate::account::print_json;
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::mail::connection::output_of;
pub(crate) use dkim::Dkim;
pub(crate) use file::{Place, Profile, Profiles};
pub(crate) use keyring::Kind;
pub(crate) use tokens::{Wanted, access};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Adds a profile: finds the servers of an address, logs in to see, and keeps it. Example: posthouse profile add alice@example.org --keyring
    Add(Box<add::Arguments>),
    /// Lists the profiles.
    List(ListArguments),
    /// Shows a profile.
    Show(ShowArguments),
    /// Removes a profile, and what the keyring has of it; mail stays.
    Remove(Named),
    /// Signs in with OAuth 2: shows a code to enter in a browser, and keeps the tokens in the keyring.
    Login(Named),
}

#[derive(clap::Args)]
pub(crate) struct ListArguments {
    /// As JSON: an array of objects with profile, default and what the file says of it.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub(crate) struct ShowArguments {
    /// The profile.
    name: String,
    /// As JSON: one object with profile, default and what the file says of it.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub(crate) struct Named {
    /// The profile.
    name: String,
}

#[derive(Serialize)]
struct Line<'a> {
    profile: &'a str,
    default: bool,
    #[serde(flatten)]
    what: &'a Profile,
}

pub(crate) async fn run(command: Command, language: Language) -> Result<(), Exit> {
    match command {
        Command::Add(arguments) => add::run(&arguments, language).await,
        Command::List(arguments) => list(&arguments, language),
        Command::Show(arguments) => show(&arguments, language),
        Command::Remove(arguments) => remove(&arguments.name, language),
        Command::Login(arguments) => log_in(&arguments.name, language).await,
    }
}

fn list(arguments: &ListArguments, language: Language) -> Result<(), Exit> {
    let profiles = Profiles::read(language)?;
    let lines: Vec<Line<'_>> = profiles
        .all()
        .iter()
        .map(|(name, what)| line(&profiles, name, what))
        .collect();
    if arguments.json {
        return print_json(&lines).map_err(output);
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(language.pick(
        ["PROFILE", "ADDRESS", "PASSWORD", ""],
        ["账号配置", "地址", "密码", ""],
    ));
    for line in &lines {
        let default = if line.default {
            language.pick("default", "默认")
        } else {
            ""
        };
        table.add_row([
            line.profile,
            &line.what.address,
            proof(line.what, language),
            default,
        ]);
    }
    writeln!(io::stdout(), "{}", table.trim_fmt()).map_err(output)
}

fn show(arguments: &ShowArguments, language: Language) -> Result<(), Exit> {
    let profiles = Profiles::read(language)?;
    let profile = profiles.find(&arguments.name, language)?;
    if arguments.json {
        return print_json(&line(&profiles, &arguments.name, profile)).map_err(output);
    }
    let mut out = io::stdout().lock();
    let fields = [
        (language.pick("Address", "地址"), Some(&profile.address)),
        (language.pick("Name", "名字"), profile.name.as_ref()),
        ("SMTP", profile.smtp.as_ref()),
        ("IMAP", profile.imap.as_ref()),
        ("POP3", profile.pop3.as_ref()),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            writeln!(out, "{name}{}{value}", language.pick(": ", "：")).map_err(output)?;
        }
    }
    let proof = proof(profile, language);
    writeln!(
        out,
        "{}",
        language.pick(format!("Password: {proof}"), format!("密码：{proof}"))
    )
    .map_err(output)
}

fn line<'a>(profiles: &Profiles, name: &'a str, what: &'a Profile) -> Line<'a> {
    Line {
        profile: name,
        default: profiles.default_name() == Some(name),
        what,
    }
}

/// What proves who it is.
fn proof(profile: &Profile, language: Language) -> &'static str {
    match (&profile.oauth, &profile.token_command, &profile.password) {
        (Some(_), ..) => "OAuth 2",
        (None, Some(_), _) => language.pick("token of a command", "命令给出的令牌"),
        (None, None, Some(Place::Keyring(_))) => language.pick("keyring", "密钥环"),
        (None, None, Some(Place::Env(_))) => language.pick("environment variable", "环境变量"),
        (None, None, Some(Place::Command(_))) => language.pick("command", "命令"),
        (None, None, None) => language.pick("asked for", "每次询问"),
    }
}

fn remove(name: &str, language: Language) -> Result<(), Exit> {
    let mut profiles = Profiles::read(language)?;
    profiles.remove(name, language)?;
    for kind in Kind::ALL {
        keyring::forget(name, kind);
    }
    say(language.pick(format!("Removed {name}."), format!("已删除 {name}。")))
}

/// RFC 8628: a person enters a code somewhere else.
async fn log_in(name: &str, language: Language) -> Result<(), Exit> {
    let profiles = Profiles::read(language)?;
    let profile = profiles.find(name, language)?;
    let oauth = profile.oauth.as_ref().ok_or_else(|| {
        Exit::new(
            Code::Usage,
            language.pick(
                format!("the profile {name:?} does not log in with OAuth 2"),
                format!("账号配置 {name:?} 不使用 OAuth 2 登录"),
            ),
        )
    })?;
    let failed = |error| tokens::exit(&error, language);
    let issuer = tokens::issuer(name, oauth, language).await?;
    let device = issuer.begin().await.map_err(failed)?;
    let (address, code) = (&device.address, &device.user_code);
    say(language.pick(
        format!("Open {address} and enter the code {code}"),
        format!("请打开 {address} 并输入代码 {code}"),
    ))?;
    if let Some(complete) = &device.complete {
        say(language.pick(format!("or open {complete}"), format!("或打开 {complete}")))?;
    }
    let sleep = async |time: Duration| tokio::time::sleep(time).await;
    let tokens = issuer.wait(&device, sleep).await.map_err(failed)?;
    tokens::keep(name, &tokens, None, language)?;
    say(language.pick(
        format!("Signed in as {}.", profile.address),
        format!("已登录 {}。", profile.address),
    ))
}

/// The secret that lies in a place.
pub(crate) fn secret(name: &str, place: &Place, kind: Kind, language: Language) -> Result<Secret, Exit> {
    let missing = |words: String| Exit::new(Code::Config, words);
    match place {
        Place::Command(command) => output_of(command, language),
        Place::Env(variable) => match std::env::var(variable) {
            Ok(secret) => Ok(Secret::from(secret.as_str())),
            Err(_) => Err(missing(language.pick(
                format!("profile {name}: the environment variable {variable} is not set"),
                format!("账号配置 {name}：没有设置环境变量 {variable}"),
            ))),
        },
        Place::Keyring(_) => keyring::look_up(name, kind, language)?.ok_or_else(|| {
            let instead = keyring::instead(kind, language);
            missing(language.pick(
                format!("profile {name}: the keyring has nothing for it, or is locked; unlock it, or remove the profile and add it again. {instead}"),
                format!("账号配置 {name}：密钥环里没有它，或密钥环已锁定；请解锁，或删除后重新添加。{instead}"),
            ))
        }),
    }
}

/// The server of a profile's URL.
pub(crate) fn server(url: &str, language: Language) -> Result<Server, Exit> {
    Server::parse(url).map_err(|error| {
        let words = language.pick(format!("profile: {error}"), format!("账号配置：{error}"));
        Exit::new(Code::Config, words)
    })
}

fn say(words: String) -> Result<(), Exit> {
    writeln!(io::stdout(), "{words}").map_err(output)
}

fn output(error: io::Error) -> Exit {
    Exit::new(Code::Io, error.to_string())
}
