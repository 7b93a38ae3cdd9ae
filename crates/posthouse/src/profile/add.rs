//! `posthouse profile add`: finds the servers of an address, shows who named them, logs in to see, and keeps the profile.
//!
//! **What must hold**: nothing connects to a server that DNS alone named outside of the address' domain before a person has said yes (RFC 8314
//! §5.1). If the login fails nothing is kept.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::net::SocketAddr;

use client::discover::{Candidate, Discovery, Found, Standing};
use client::{Address, Cause, Login, Protocol, Secret, Server, Step, imap, pop3, smtp};
use serde::Serialize;

use super::file::{OAuth, check_url};
use super::keyring::{self, Kind};
use super::{Place, Profile, Profiles, output, say, secret};
use crate::account::print_json;
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::mail::{connection, exit, tongue};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The address.
    address: String,
    /// The name that stands beside the address in mail that is sent.
    #[arg(long)]
    name: Option<String>,
    /// What the profile is called; as the address unless given.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The server that sends: smtps://NAME@HOST. Servers are looked for unless one is given.
    #[arg(long, value_name = "URL")]
    smtp: Option<String>,
    /// The server with mail: imaps://NAME@HOST.
    #[arg(long, value_name = "URL")]
    imap: Option<String>,
    /// The server with mail: pop3s://NAME@HOST.
    #[arg(long, value_name = "URL")]
    pop3: Option<String>,
    #[command(flatten)]
    proof: Proof,
    #[command(flatten)]
    asked: Asked,
    /// Does not log in to see.
    #[arg(long)]
    no_check: bool,
    /// As JSON: one object with profile, found (protocol, url, source) and checked.
    #[arg(long)]
    json: bool,
}

/// Where the password or token is.
#[derive(clap::Args)]
#[group(multiple = true)]
struct Proof {
    /// Keeps the password in the system's keyring; asks for it, or reads it from standard input.
    #[arg(long, group = "way")]
    keyring: bool,
    /// A command that prints the password, such as "pass show mail".
    #[arg(long, value_name = "COMMAND", group = "way")]
    password_command: Option<String>,
    /// The environment variable that holds the password.
    #[arg(long, value_name = "NAME", group = "way")]
    password_env: Option<String>,
    /// A command that prints an OAuth 2 access token.
    #[arg(long, value_name = "COMMAND", group = "way")]
    token_command: Option<String>,
    /// Who gives OAuth 2 tokens: google, microsoft, or the issuer's URL. Then: posthouse profile login.
    #[arg(long, value_name = "ISSUER", group = "way", requires = "client_id")]
    oauth: Option<String>,
    /// Whom the issuer of tokens knows this program as.
    #[arg(long, value_name = "ID", requires = "oauth")]
    client_id: Option<String>,
    /// What is asked of the issuer of tokens, in place of mail.
    #[arg(long, value_name = "SCOPE", requires = "oauth")]
    scope: Option<String>,
}

/// Who is asked for servers.
#[derive(clap::Args)]
struct Asked {
    /// The name server to ask, in place of the system's.
    #[arg(long, value_name = "ADDRESS:PORT")]
    dns: Option<SocketAddr>,
    /// The autoconfig document to read, in place of the domain's; {domain} and {address} stand for those.
    #[arg(long, value_name = "URL")]
    autoconfig: Option<String>,
    /// Asks Mozilla's database too, which hears of the domain.
    #[arg(long)]
    ispdb: bool,
    /// Takes servers of other domains that only DNS names, without asking.
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Added<'a> {
    profile: &'a str,
    found: Vec<Shown>,
    checked: Vec<&'static str>,
}

#[derive(Serialize)]
struct Shown {
    protocol: &'static str,
    url: String,
    source: &'static str,
}

pub(super) async fn run(arguments: &Arguments, language: Language) -> Result<(), Exit> {
    let address = Address::parse(&arguments.address)
        .map_err(|error| Exit::new(Code::Usage, format!("{:?}: {error}", arguments.address)))?;
    let name = arguments.profile.clone().unwrap_or_else(|| address.to_string());
    let mut profiles = Profiles::read(language)?;
    refuse_name(&name, &profiles, language)?;
    let mut profile = arguments.profile(&address);
    let mut found = Vec::new();
    if arguments.is_told() {
        arguments.check_urls(language)?;
    } else {
        let chosen = arguments.find(&address, language).await?;
        for candidate in &chosen {
            *url_of(&mut profile, candidate.protocol) = Some(candidate.url());
        }
        found = chosen;
    }
    let told = arguments.told_password(language)?;
    let mut checked = Vec::new();
    if !arguments.no_check && profile.oauth.is_none() {
        let proof = told
            .clone()
            .map_or_else(|| proof(&name, &profile, language), Ok)?;
        let may_shorten = !found.is_empty();
        checked = check(&mut profile, &proof, may_shorten.then_some(&address), language).await?;
    }
    if let Some(password) = &told {
        keyring::store(&name, Kind::Password, password, language)?;
    }
    profiles.add(&name, &profile, language)?;
    if arguments.json {
        let found = found.iter().map(|candidate| Shown {
            protocol: word(candidate.protocol),
            url: candidate.url(),
            source: candidate.source.words(client::Language::English),
        });
        let added = Added {
            profile: &name,
            found: found.collect(),
            checked,
        };
        return print_json(&added).map_err(output);
    }
    let path = profiles.path().display();
    say(language.pick(
        format!("Added {name} to {path}."),
        format!("已把 {name} 加入 {path}。"),
    ))?;
    match profile.oauth {
        Some(_) => say(language.pick(
            format!("Now sign in: posthouse profile login {name}"),
            format!("接下来请登录：posthouse profile login {name}"),
        )),
        None => Ok(()),
    }
}

fn refuse_name(name: &str, profiles: &Profiles, language: Language) -> Result<(), Exit> {
    if name.is_empty() || name.contains(char::is_control) {
        let words = language.pick("--profile: it is no name", "--profile：这不是名字");
        return Err(Exit::new(Code::Usage, words));
    }
    match profiles.all().contains_key(name) {
        true => Err(Exit::new(
            Code::CannotCreate,
            language.pick(
                format!(
                    "there is a profile {name:?} already; give another name with --profile, or remove it"
                ),
                format!("已有账号配置 {name:?}；请用 --profile 换个名字，或先删除它"),
            ),
        )),
        false => Ok(()),
    }
}

impl Arguments {
    /// Whether the servers were given.
    fn is_told(&self) -> bool {
        self.smtp.is_some() || self.imap.is_some() || self.pop3.is_some()
    }

    fn profile(&self, address: &Address) -> Profile {
        let proof = &self.proof;
        let password = match (proof.keyring, &proof.password_env, &proof.password_command) {
            (true, ..) => Some(Place::Keyring(true)),
            (_, Some(name), _) => Some(Place::Env(name.clone())),
            (.., Some(command)) => Some(Place::Command(command.clone())),
            _ => None,
        };
        let oauth = proof.oauth.clone().zip(proof.client_id.clone());
        Profile {
            address: address.to_string(),
            name: self.name.clone(),
            smtp: self.smtp.clone(),
            imap: self.imap.clone(),
            pop3: self.pop3.clone(),
            password,
            token_command: proof.token_command.clone(),
            oauth: oauth.map(|(issuer, client_id)| OAuth {
                issuer,
                client_id,
                client_secret: None,
                scope: proof.scope.clone(),
            }),
            dkim: None,
        }
    }

    fn check_urls(&self, language: Language) -> Result<(), Exit> {
        let urls = [
            ("--smtp", &self.smtp, Protocol::Smtp),
            ("--imap", &self.imap, Protocol::Imap),
            ("--pop3", &self.pop3, Protocol::Pop3),
        ];
        for (option, url, protocol) in urls {
            if let Some(url) = url {
                let server = check_url(url, protocol, language)
                    .map_err(|words| Exit::new(Code::Usage, format!("{option}: {words}")))?;
                warn_of_clear(&server, language);
            }
        }
        Ok(())
    }

    /// The password that goes into the keyring.
    fn told_password(&self, language: Language) -> Result<Option<Secret>, Exit> {
        if !self.proof.keyring {
            return Ok(None);
        }
        if io::stdin().is_terminal() {
            return connection::ask(&self.address, "", language).map(Some);
        }
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map_err(output)?;
        match line.trim_end_matches(['\r', '\n']) {
            "" => Err(Exit::new(
                Code::Usage,
                language.pick(
                    "--keyring: no password on standard input",
                    "--keyring：标准输入里没有密码",
                ),
            )),
            password => Ok(Some(Secret::from(password))),
        }
    }

    /// The best server for each protocol, each one confirmed where that is needed.
    async fn find(&self, address: &Address, language: Language) -> Result<Vec<Candidate>, Exit> {
        let mut discovery = Discovery::new();
        if let Some(server) = self.asked.dns {
            discovery = discovery.dns(server);
        }
        if let Some(url) = &self.asked.autoconfig {
            discovery = discovery.autoconfig(url);
        }
        if self.asked.ispdb {
            discovery = discovery.ispdb();
        }
        let found = discovery.find(address).await;
        let best = [Protocol::Smtp, Protocol::Imap, Protocol::Pop3].map(|protocol| found.best(protocol));
        let mut chosen = Vec::new();
        for candidate in best.into_iter().flatten() {
            if !self.json {
                say(told(candidate, language))?;
            }
            if candidate.standing == Standing::Unconfirmed && !self.asked.yes {
                confirm(candidate, address, language)?;
            }
            chosen.push(candidate.clone());
        }
        match chosen.is_empty() {
            true => Err(nothing(&found, address, language)),
            false => Ok(chosen),
        }
    }
}

fn told(candidate: &Candidate, language: Language) -> String {
    let (url, source) = (candidate.url(), candidate.source.words(tongue(language)));
    language.pick(
        format!("Found {url} ({source})"),
        format!("找到 {url}（{source}）"),
    )
}

/// RFC 8314 §5.1: a target outside of the domain is for a person to judge, "before executing any connections to the host".
fn confirm(candidate: &Candidate, address: &Address, language: Language) -> Result<(), Exit> {
    let (host, domain) = (&candidate.host, &address.domain);
    let question = language.pick(
        format!("Only DNS says that {host} has the mail of {domain}, and DNS can be forged. Is it the right one? [y/N] "),
        format!("只有 DNS 说 {host} 负责 {domain} 的邮件，而 DNS 可能被伪造。是它吗？[y/N] "),
    );
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "{question}");
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map_err(output)?;
        if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "是") {
            return Ok(());
        }
    }
    Err(Exit::new(
        Code::Unavailable,
        language.pick(
            format!("{host} is not of {domain}, and only DNS names it: say --yes if it is the right one, or give the servers with --smtp, --imap, --pop3"),
            format!("{host} 不属于 {domain}，而且只有 DNS 提到它：如果确实是它，请加 --yes，或用 --smtp、--imap、--pop3 指定服务器"),
        ),
    ))
}

/// RFC 8314 §5.1: before a password goes there, whoever asked for it is warned.
fn warn_of_clear(server: &Server, language: Language) {
    if server.is_in_clear() && !server.is_loopback() {
        let host = server.host();
        eprintln!(
            "posthouse: {}",
            language.pick(
                format!("{host} without TLS: everybody in between can read the mail and the password"),
                format!("{host} 不使用 TLS：途中任何人都能看到邮件和密码"),
            )
        );
    }
}

fn nothing(found: &Found, address: &Address, language: Language) -> Exit {
    let domain = &address.domain;
    let mut words = language.pick(
        format!("no servers were found for {domain}; give them with --smtp, --imap, --pop3"),
        format!("没有找到 {domain} 的服务器；请用 --smtp、--imap、--pop3 指定"),
    );
    for candidate in &found.in_clear {
        let url = candidate.url();
        words.push_str(&language.pick(
            format!(
                "\n  {url} is offered, but without TLS: everybody in between reads along, the password too"
            ),
            format!("\n  {url} 可用，但没有 TLS：途中任何人都能看到内容和密码"),
        ));
    }
    for (source, trouble) in &found.troubles {
        let (source, trouble) = (source.words(tongue(language)), trouble.words(tongue(language)));
        words.push_str(&language.pick(
            format!("\n  {source}: {trouble}"),
            format!("\n  {source}：{trouble}"),
        ));
    }
    Exit::new(Code::NoHost, words)
}

fn url_of(profile: &mut Profile, protocol: Protocol) -> &mut Option<String> {
    match protocol {
        Protocol::Smtp | Protocol::Lmtp => &mut profile.smtp,
        Protocol::Imap => &mut profile.imap,
        Protocol::Pop3 => &mut profile.pop3,
    }
}

fn word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Smtp => "smtp",
        Protocol::Lmtp => "lmtp",
        Protocol::Imap => "imap",
        Protocol::Pop3 => "pop3",
    }
}

/// The password, or the token.
fn proof(name: &str, profile: &Profile, language: Language) -> Result<Secret, Exit> {
    match (&profile.token_command, &profile.password) {
        (Some(command), _) => connection::output_of(command, language),
        (None, Some(place)) => secret(name, place, Kind::Password, language),
        (None, None) => match connection::password_of_environment() {
            Some(password) => Ok(password),
            None => connection::ask(&profile.address, "", language),
        },
    }
}

/// Logs in where that can be done, and says where it was. RFC 6186 §4: where the whole address is refused, what stands before the `@` is
/// tried, if nobody gave the name.
async fn check(
    profile: &mut Profile,
    proof: &Secret,
    shorten: Option<&Address>,
    language: Language,
) -> Result<Vec<&'static str>, Exit> {
    let mut checked = Vec::new();
    for protocol in [Protocol::Smtp, Protocol::Imap, Protocol::Pop3] {
        let is_token = profile.token_command.is_some();
        let url = url_of(profile, protocol);
        let Some(server) = url
            .as_deref()
            .map(|url| super::server(url, language))
            .transpose()?
        else {
            continue;
        };
        let Some(login) = server.who().cloned() else {
            continue;
        };
        let with = |name: &str| {
            let login = match is_token {
                true => Login::token(name, String::from_utf8_lossy(proof.expose())),
                false => Login::password(name, "").with_password(proof.clone()),
            };
            server.clone().login(login)
        };
        let first = try_login(&with(login.name())).await;
        let short = shorten
            .map(|address| address.local.as_str())
            .filter(|short| *short != login.name());
        match (first, short) {
            (Ok(()), _) => {}
            (Err(error), Some(short)) if is_refused(&error) => {
                try_login(&with(short))
                    .await
                    .map_err(|_| exit(&error, language))?;
                *url = url.take().map(|url| with_name(&url, short));
            }
            (Err(error), _) => return Err(exit(&error, language)),
        }
        checked.push(word(protocol));
    }
    Ok(checked)
}

fn is_refused(error: &client::Error) -> bool {
    let refused = matches!(error.cause(), Cause::Refused(said) if !said.is_temporary());
    refused && *error.step() == Step::Login
}

async fn try_login(server: &Server) -> Result<(), client::Error> {
    // How the server says goodbye does not matter.
    match server.protocol() {
        Protocol::Smtp | Protocol::Lmtp => drop(smtp::Client::connect(server).await?.quit().await),
        Protocol::Pop3 => drop(pop3::Client::connect(server).await?.quit().await),
        Protocol::Imap => drop(imap::Client::connect(server).await?.logout().await),
    }
    Ok(())
}

/// A URL with another name to log in with.
fn with_name(url: &str, name: &str) -> String {
    let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    match (url.split_once("://"), url.split_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{name}@{host}"),
        _ => url.to_owned(),
    }
}
