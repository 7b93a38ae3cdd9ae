//! The file of profiles: accounts on any server, each with its addresses and with where its password is, never with a password.
//!
//! **What must hold**: what is not understood is an error with its line, and no value of the file is printed in it: somebody may have
//! written a password where none belongs. The file is its owner's alone. What a person wrote in it, comments too, stays.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use client::{AddressError, Protocol, Server};
use serde::{Deserialize, Serialize};

use super::dkim::Dkim;
use crate::exit::{Code, Exit};
use crate::language::Language;

/// A file of a thousand accounts has a hundredth of this.
const MAX_FILE: u64 = 16 << 20;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "toml::Value", rename_all = "kebab-case")]
pub(crate) enum Place {
    /// In the system's keyring.
    Keyring(bool),
    /// In an environment variable.
    Env(String),
    /// What a command prints.
    Command(String),
}

impl TryFrom<toml::Value> for Place {
    type Error = &'static str;

    fn try_from(value: toml::Value) -> Result<Self, Self::Error> {
        const WANTED: &str = "write { keyring = true }, { env = \"NAME\" } or { command = \"…\" }; a password itself does not belong here";
        let toml::Value::Table(table) = value else {
            return Err(WANTED);
        };
        let mut keys = table.into_iter();
        match (keys.next(), keys.next()) {
            (Some((key, toml::Value::Boolean(true))), None) if key == "keyring" => Ok(Place::Keyring(true)),
            (Some((key, toml::Value::String(name))), None) if key == "env" => Ok(Place::Env(name)),
            (Some((key, toml::Value::String(command))), None) if key == "command" => {
                Ok(Place::Command(command))
            }
            _ => Err(WANTED),
        }
    }
}

/// Who gives tokens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct OAuth {
    /// `google`, `microsoft`, or the issuer's URL.
    pub(crate) issuer: String,
    /// Whom it knows us as.
    pub(crate) client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Profile {
    pub(crate) address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smtp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) imap: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pop3: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) oauth: Option<OAuth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dkim: Option<Dkim>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    default: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

/// The profiles of whoever runs this.
#[derive(Debug)]
pub(crate) struct Profiles {
    path: PathBuf,
    text: String,
    content: Content,
}

impl Profiles {
    /// Reads them; there are none where there is no file.
    pub(crate) fn read(language: Language) -> Result<Self, Exit> {
        let path = path().ok_or_else(|| {
            Exit::new(
                Code::Config,
                language.pick(
                    "where are profiles? Set HOME or POSTHOUSE_PROFILES",
                    "配置文件在哪里？请设置 HOME 或 POSTHOUSE_PROFILES",
                ),
            )
        })?;
        let text = match fs::metadata(&path) {
            Ok(metadata) if metadata.len() > MAX_FILE => Err(io::ErrorKind::FileTooLarge.into()),
            Ok(_) => fs::read_to_string(&path),
            Err(error) => Err(error),
        };
        let text = match text {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Exit::file(&path, &error, language)),
        };
        let content = parse(&text, &path, language)?;
        Ok(Profiles { path, text, content })
    }

    /// All, by name.
    pub(crate) fn all(&self) -> &BTreeMap<String, Profile> {
        &self.content.profiles
    }

    /// The name of the one that is used where none is named.
    pub(crate) fn default_name(&self) -> Option<&str> {
        self.content.default.as_deref()
    }

    /// The one of a name.
    pub(crate) fn find(&self, name: &str, language: Language) -> Result<&Profile, Exit> {
        self.content.profiles.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.content.profiles.keys().map(String::as_str).collect();
            let known = known.join(", ");
            Exit::new(
                Code::Usage,
                match self.content.profiles.is_empty() {
                    true => language.pick(
                        format!("there is no profile {name:?}; add it with posthouse profile add ADDRESS"),
                        format!("没有账号配置 {name:?}；请用 posthouse profile add 地址 添加"),
                    ),
                    false => language.pick(
                        format!("there is no profile {name:?}; there are {known}"),
                        format!("没有账号配置 {name:?}；现有：{known}"),
                    ),
                },
            )
        })
    }

    /// Where they are.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds one at the end. The first is the default.
    pub(crate) fn add(&mut self, name: &str, profile: &Profile, language: Language) -> Result<(), Exit> {
        let mut text = self.text.clone();
        if text.is_empty() {
            text = format!("default = {}\n", quoted(name));
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&printed(name, profile));
        let holds = |content: &Content| content.profiles.get(name) == Some(profile);
        self.write(text, holds, language)
    }

    /// Removes one, and its being the default.
    pub(crate) fn remove(&mut self, name: &str, language: Language) -> Result<(), Exit> {
        self.find(name, language)?;
        let mut text = without(&self.text, name);
        if self.default_name() == Some(name) {
            text = without_default(&text);
        }
        let before = self.content.profiles.len();
        let holds =
            |content: &Content| content.profiles.len() + 1 == before && !content.profiles.contains_key(name);
        self.write(text, holds, language)
    }

    /// Writes the file, whole or not at all, if it says what was meant: a person may have written it in a way that is not known here.
    fn write(
        &mut self,
        text: String,
        holds: impl FnOnce(&Content) -> bool,
        language: Language,
    ) -> Result<(), Exit> {
        let content = parse(&text, &self.path, language)
            .ok()
            .filter(|content| holds(content));
        let Some(content) = content else {
            let path = self.path.display();
            return Err(Exit::new(
                Code::Config,
                language.pick(
                    format!("{path} is written in a way that cannot be changed here; edit it by hand"),
                    format!("{path} 的写法无法由程序修改；请手动编辑"),
                ),
            ));
        };
        replace(&self.path, &text).map_err(|error| Exit::file(&self.path, &error, language))?;
        self.text = text;
        self.content = content;
        Ok(())
    }
}

fn path() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(path) = set("POSTHOUSE_PROFILES") {
        return Some(path.into());
    }
    // The XDG Base Directory Specification: a relative path is to be ignored.
    let config = set("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let config = config.or_else(|| Some(Path::new(&set("HOME")?).join(".config")))?;
    Some(config.join("posthouse/profiles.toml"))
}

fn parse(text: &str, path: &Path, language: Language) -> Result<Content, Exit> {
    let wrong = |at: Option<usize>, words: String| {
        let path = path.display();
        let place = match at {
            Some(line) => language.pick(format!("{path}: line {line}"), format!("{path}：第 {line} 行")),
            None => path.to_string(),
        };
        Exit::new(
            Code::Config,
            language.pick(format!("{place}: {words}"), format!("{place}：{words}")),
        )
    };
    let content: Content = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| line_at(text, span.start));
        wrong(line, without_values(error.message()))
    })?;
    for (name, profile) in &content.profiles {
        let checked = check(profile, language);
        checked.map_err(|words| wrong(line_of(text, name), format!("[profiles.{}] {words}", key(name))))?;
    }
    match &content.default {
        Some(name) if !content.profiles.contains_key(name) => Err(wrong(
            line_of_default(text),
            language.pick(
                format!("default: there is no profile {name:?}"),
                format!("default：没有账号配置 {name:?}"),
            ),
        )),
        _ => Ok(content),
    }
}

/// What the parser says, without the values in it: a password may be among them.
fn without_values(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    match line
        .strip_prefix("invalid type: ")
        .and_then(|rest| rest.split_once(", expected "))
    {
        Some((_, expected)) => format!("invalid type, expected {expected}"),
        None => line.to_owned(),
    }
}

fn check(profile: &Profile, language: Language) -> Result<(), String> {
    if client::Address::parse(&profile.address).is_err() {
        return Err(language
            .pick("address: it is no address", "address：不是邮件地址")
            .to_owned());
    }
    let ways = [
        profile.password.is_some(),
        profile.token_command.is_some(),
        profile.oauth.is_some(),
    ];
    if ways.iter().filter(|way| **way).count() > 1 {
        return Err(language
            .pick(
                "password, token-command and oauth: one of them at most",
                "password、token-command 和 oauth 最多写一个",
            )
            .to_owned());
    }
    if let Some(dkim) = &profile.dkim {
        dkim.check(language)?;
    }
    let urls = [
        ("smtp", &profile.smtp, Protocol::Smtp),
        ("imap", &profile.imap, Protocol::Imap),
        ("pop3", &profile.pop3, Protocol::Pop3),
    ];
    for (key, url, protocol) in urls {
        if let Some(url) = url {
            check_url(url, protocol, language).map_err(|words| format!("{key}: {words}"))?;
        }
    }
    Ok(())
}

/// Whether a URL is of a protocol, names who logs in, and has no password in it.
pub(crate) fn check_url(url: &str, protocol: Protocol, language: Language) -> Result<Server, String> {
    let server = Server::parse(url).map_err(|error| match error {
        // Without what was written: it may be a password in the wrong place.
        AddressError::NotUrl(_) => language
            .pick(
                "it is not a URL: write it as smtps://NAME@HOST",
                "这不是 URL：请写成 smtps://用户名@主机",
            )
            .to_owned(),
        AddressError::Value { name, wanted, .. } => format!("{name}=…: {wanted}"),
        error => error.to_string(),
    })?;
    if server.protocol() != protocol {
        return Err(language.pick("it is of another protocol", "协议不符").to_owned());
    }
    if server.who().is_some_and(client::Login::has_password) {
        return Err(language
            .pick(
                "a password does not belong in a URL: say where it is with --keyring, --password-env or --password-command",
                "密码不应写在 URL 里：请用 --keyring、--password-env 或 --password-command 指明密码在哪里",
            )
            .to_owned());
    }
    Ok(server)
}

fn line_at(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    1 + before.iter().filter(|octet| **octet == b'\n').count()
}

fn line_of(text: &str, name: &str) -> Option<usize> {
    let header = format!("[profiles.{}]", key(name));
    let at = text.lines().position(|line| line.trim() == header)?;
    Some(at + 1)
}

fn line_of_default(text: &str) -> Option<usize> {
    let at = text.lines().position(is_default)?;
    Some(at + 1)
}

fn is_default(line: &str) -> bool {
    let rest = line.trim_start().strip_prefix("default");
    rest.is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// The text without a profile's table and the tables in it.
fn without(text: &str, name: &str) -> String {
    let own = format!("[profiles.{}]", key(name));
    let below = format!("[profiles.{}.", key(name));
    let mut in_it = false;
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            in_it = trimmed == own || trimmed.starts_with(&below);
        }
        if !in_it {
            kept.push_str(line);
        }
    }
    kept
}

/// The text without the line that names the default, which stands before all tables.
fn without_default(text: &str) -> String {
    let mut before_tables = true;
    let stays = |line: &&str| {
        before_tables &= !line.trim_start().starts_with('[');
        !(before_tables && is_default(line))
    };
    text.split_inclusive('\n').filter(stays).collect()
}

fn printed(name: &str, profile: &Profile) -> String {
    let mut text = format!("\n[profiles.{}]\n", key(name));
    let mut line = |key: &str, value: String| text.push_str(&format!("{key} = {value}\n"));
    line("address", quoted(&profile.address));
    let texts = [
        ("name", &profile.name),
        ("smtp", &profile.smtp),
        ("imap", &profile.imap),
        ("pop3", &profile.pop3),
        ("token-command", &profile.token_command),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            line(key, quoted(value));
        }
    }
    if let Some(place) = &profile.password {
        line("password", of_place(place));
    }
    if let Some(oauth) = &profile.oauth {
        let mut parts = vec![
            format!("issuer = {}", quoted(&oauth.issuer)),
            format!("client-id = {}", quoted(&oauth.client_id)),
        ];
        parts.extend(
            oauth
                .client_secret
                .as_ref()
                .map(|place| format!("client-secret = {}", of_place(place))),
        );
        parts.extend(
            oauth
                .scope
                .as_ref()
                .map(|scope| format!("scope = {}", quoted(scope))),
        );
        line("oauth", format!("{{ {} }}", parts.join(", ")));
    }
    if let Some(dkim) = &profile.dkim {
        line("dkim", dkim.printed(quoted));
    }
    text
}

fn of_place(place: &Place) -> String {
    match place {
        Place::Keyring(_) => "{ keyring = true }".to_owned(),
        Place::Env(name) => format!("{{ env = {} }}", quoted(name)),
        Place::Command(command) => format!("{{ command = {} }}", quoted(command)),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A key as TOML has it: bare where it can be.
fn key(name: &str) -> String {
    let is_bare = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
    match !name.is_empty() && name.bytes().all(is_bare) {
        true => name.to_owned(),
        // With double quotes alone: a line must be found again.
        false => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// Writes a file beside, and puts it in the place of the old one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link is kept: people keep such files in a folder of their own.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let write = || {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    };
    let written = write();
    if written.is_err() {
        // What was half written is of no use.
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests;
