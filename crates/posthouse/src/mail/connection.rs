//! Which server a command speaks with, and how it logs in: a URL, or a profile, and what changes them.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use client::{Cause, Error, Login, Proxy, Secret, Security, Server, Step, TimeOuts, Trust, WireLog};
use message::compose::Mailbox;

use super::exit;
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::profile::{self, Kind, Profile, Profiles, Wanted};

/// Holds a password where nothing else says where it is.
const PASSWORD: &str = "POSTHOUSE_PASSWORD";

/// Hold passwords: that one, and those of the two accounts of `posthouse copy`.
const PASSWORDS: [&str; 3] = [PASSWORD, "POSTHOUSE_FROM_PASSWORD", "POSTHOUSE_TO_PASSWORD"];

/// Another program, which is not told our passwords by its environment.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    for variable in PASSWORDS {
        command.env_remove(variable);
    }
    command
}

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Tls {
    /// With the first octet.
    #[value(name = "tls")]
    Always,
    /// With STARTTLS, or not at all.
    Starttls,
    /// With STARTTLS if it is offered, else in the clear.
    Maybe,
    /// Never: everything goes in the clear.
    None,
}

#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Connection {
    /// The server: smtps://NAME@HOST, imaps://NAME@HOST:PORT, pop3s://… (or smtp, submission, lmtp, imap, pop3).
    #[arg(long, value_name = "URL", env = "POSTHOUSE_SERVER", hide_env_values = true)]
    server: Option<String>,
    /// A profile of posthouse profile, in place of a server; the default one where neither is given.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// When TLS begins, in place of what the URL says.
    #[arg(long)]
    tls: Option<Tls>,
    /// A command that prints the password, such as "pass show mail".
    #[arg(long, value_name = "COMMAND")]
    password_command: Option<String>,
    /// The environment variable that holds the password; POSTHOUSE_PASSWORD unless given.
    #[arg(long, value_name = "NAME")]
    password_env: Option<String>,
    /// A command that prints an OAuth 2 access token.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["password_command", "password_env"])]
    token_command: Option<String>,
    /// A file with the certificates to trust, in PEM, in place of those that the system trusts.
    #[arg(long, value_name = "FILE", conflicts_with = "pin")]
    ca: Option<PathBuf>,
    /// The SHA-256 of the only certificate to trust: sha256:… in hexadecimal digits.
    #[arg(long, value_name = "DIGEST")]
    pin: Option<String>,
    /// A SOCKS5 proxy to go through: socks5://HOST:PORT.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// How long to wait for each answer, in seconds.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Shows what goes over the wire, without passwords.
    #[arg(long)]
    trace: bool,
}

/// What a server is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Sending.
    Send,
    /// Fetching and looking at mail.
    Read,
}

impl Use {
    /// The URL of a profile for it, and what the protocol is called.
    fn url(self, profile: &Profile) -> (Option<&str>, &'static str) {
        match self {
            Use::Send => (profile.smtp.as_deref(), "smtp"),
            Use::Read => (
                profile.imap.as_deref().or(profile.pop3.as_deref()),
                "imap or pop3",
            ),
        }
    }
}

/// A server that is ready to be spoken with.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) server: Server,
    /// Where another token comes from, should the server refuse this one.
    tokens: Option<Named>,
}

/// A profile and its name.
#[derive(Clone, Debug)]
struct Named {
    name: String,
    profile: Profile,
}

impl Ready {
    /// Connects and logs in. Where the server refuses the token of a profile, once more with a new one.
    pub(crate) async fn connect<C>(
        &self,
        how: impl AsyncFn(&Server) -> Result<C, Error>,
        language: Language,
    ) -> Result<C, Exit> {
        let error = match how(&self.server).await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        let refused = matches!(error.cause(), Cause::Refused(said) if !said.is_temporary());
        let Some(named) = self
            .tokens
            .as_ref()
            .filter(|_| refused && *error.step() == Step::Login)
        else {
            return Err(exit(&error, language));
        };
        let login = named.token(&self.server, Wanted::Another, language).await?;
        let server = self.server.clone().login(login);
        how(&server).await.map_err(|error| exit(&error, language))
    }
}

impl Named {
    async fn token(&self, server: &Server, wanted: Wanted, language: Language) -> Result<Login, Exit> {
        let name = server
            .who()
            .map(|login| login.name().to_owned())
            .unwrap_or_default();
        let oauth = self
            .profile
            .oauth
            .as_ref()
            .expect("asked of profiles with OAuth 2 alone");
        let token = profile::access(&self.name, oauth, wanted, language).await?;
        Ok(Login::token(name, text(&token)))
    }
}

impl Connection {
    /// Whether a server was named.
    pub(crate) fn is_named(&self) -> bool {
        self.server.is_some() || self.profile.is_some()
    }

    /// Whether there is one: named, or of the default profile.
    pub(crate) fn is_there(&self, language: Language) -> Result<bool, Exit> {
        Ok(self.is_named() || self.named(language)?.is_some())
    }

    /// The profile: the one that was named, or the default one where no server was named.
    fn named(&self, language: Language) -> Result<Option<Named>, Exit> {
        if self.profile.is_none() && self.server.is_some() {
            return Ok(None);
        }
        let profiles = match Profiles::read(language) {
            Ok(profiles) => profiles,
            // Who has no home has no profiles, and did not ask for one.
            Err(_) if self.profile.is_none() && std::env::var_os("HOME").is_none() => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(name) = self.profile.as_deref().or(profiles.default_name()) else {
            return Ok(None);
        };
        let profile = profiles.find(name, language)?.clone();
        Ok(Some(Named {
            name: name.to_owned(),
            profile,
        }))
    }

    /// The profile, where there is one.
    pub(crate) fn profile(&self, language: Language) -> Result<Option<Profile>, Exit> {
        Ok(self.named(language)?.map(|named| named.profile))
    }

    /// Who sends: the profile's address and name, or the login's name where it is an address.
    pub(crate) fn author(&self, language: Language) -> Result<Option<Mailbox>, Exit> {
        let wrong =
            |text: &str, error: &dyn std::fmt::Display| Exit::new(Code::Usage, format!("{text}: {error}"));
        if let Some(Named { profile, .. }) = self.named(language)? {
            let address =
                client::Address::parse(&profile.address).map_err(|error| wrong(&profile.address, &error))?;
            return Ok(Some(match &profile.name {
                Some(name) => Mailbox::named(name, address),
                None => Mailbox::new(address),
            }));
        }
        let server = self.server.as_deref().and_then(|url| Server::parse(url).ok());
        let name = server.and_then(|server| Some(server.who()?.name().to_owned()));
        let address = name.filter(|name| name.contains('@'));
        let mailbox = |text: String| Mailbox::parse(&text).map_err(|error| wrong(&text, &error));
        address.map(mailbox).transpose()
    }

    /// The server, with its login. Asks for the password at the terminal where nothing else says it.
    pub(crate) async fn server(&self, wanted: Use, language: Language) -> Result<Ready, Exit> {
        if let Some(named) = self.named(language)? {
            return self.of_profile(named, wanted, language).await;
        }
        let Some(url) = &self.server else {
            return Err(Exit::new(
                Code::Usage,
                language.pick(
                    "which server? Say --server URL, such as smtps://alice@mail.example.org, or add a profile with posthouse profile add ADDRESS",
                    "哪台服务器？请用 --server URL 指定，例如 smtps://alice@mail.example.org，或用 posthouse profile add 地址 添加账号配置",
                ),
            ));
        };
        let server =
            Server::parse(url).map_err(|error| Exit::new(Code::Usage, format!("--server: {error}")))?;
        let server = self.changed(server, language)?;
        Ok(Ready {
            server: self.log_in(server, language)?,
            tokens: None,
        })
    }

    async fn of_profile(&self, named: Named, wanted: Use, language: Language) -> Result<Ready, Exit> {
        let name = &named.name;
        let (url, protocol) = wanted.url(&named.profile);
        let url = url.ok_or_else(|| {
            Exit::new(
                Code::Usage,
                language.pick(
                    format!("the profile {name:?} has no {protocol} server; say --server URL"),
                    format!("账号配置 {name:?} 没有 {protocol} 服务器；请用 --server URL 指定"),
                ),
            )
        })?;
        let server = self.changed(profile::server(url, language)?, language)?;
        let is_told =
            self.token_command.is_some() || self.password_command.is_some() || self.password_env.is_some();
        let Some(login) = server.who().cloned().filter(|_| !is_told) else {
            return Ok(Ready {
                server: self.log_in(server, language)?,
                tokens: None,
            });
        };
        let profile = &named.profile;
        let login = match (&profile.oauth, &profile.token_command, &profile.password) {
            (Some(_), ..) => {
                let login = named.token(&server, Wanted::Kept, language).await?;
                return Ok(Ready {
                    server: server.login(login),
                    tokens: Some(named),
                });
            }
            (None, Some(command), _) => Login::token(login.name(), text(&output_of(command, language)?)),
            (None, None, Some(place)) => {
                login.with_password(profile::secret(name, place, Kind::Password, language)?)
            }
            (None, None, None) => {
                return Ok(Ready {
                    server: self.log_in(server, language)?,
                    tokens: None,
                });
            }
        };
        Ok(Ready {
            server: server.login(login),
            tokens: None,
        })
    }

    /// The server with what the options change.
    fn changed(&self, mut server: Server, language: Language) -> Result<Server, Exit> {
        let wrong = |words: String| Exit::new(Code::Usage, words);
        if let Some(tls) = self.tls {
            server = server.security_and_port(match tls {
                Tls::Always => Security::Tls,
                Tls::Starttls => Security::StartTls,
                Tls::Maybe => Security::StartTlsIfOffered,
                Tls::None => Security::None,
            });
        }
        if let Some(file) = &self.ca {
            server = server.trust(Trust::File(file.clone()));
        }
        if let Some(pin) = &self.pin {
            let pin = client::parse_pin(pin).ok_or_else(|| {
                wrong(
                    language
                        .pick(
                            "--pin: sha256: and 64 hexadecimal digits",
                            "--pin：sha256: 加 64 位十六进制数字",
                        )
                        .to_owned(),
                )
            })?;
            server = server.trust(Trust::Pins(vec![pin]));
        }
        if let Some(proxy) = &self.proxy {
            let proxy = Proxy::parse(proxy).ok_or_else(|| wrong("--proxy: socks5://HOST:PORT".to_owned()))?;
            server = server.proxy(proxy);
        }
        if let Some(seconds) = self.timeout {
            server = server.time_outs(TimeOuts::all(Duration::from_secs(seconds)));
        }
        if self.trace {
            server = server.log(WireLog::standard_error());
        }
        Ok(server)
    }

    fn log_in(&self, server: Server, language: Language) -> Result<Server, Exit> {
        let Some(login) = server.who().cloned() else {
            return Ok(server);
        };
        let name = login.name().to_owned();
        if let Some(command) = &self.token_command {
            let token = output_of(command, language)?;
            return Ok(server.login(Login::token(name, text(&token))));
        }
        if let Some(password) = self.told_password(language)? {
            return Ok(server.login(login.with_password(password)));
        }
        if login.has_password() {
            if !server.is_loopback() {
                eprintln!(
                    "posthouse: {}",
                    language.pick(
                        "a password in a URL can be seen by everybody on this machine; use --password-command or --password-env",
                        "写在 URL 里的密码，本机所有人都能看到；请改用 --password-command 或 --password-env",
                    )
                );
            }
            return Ok(server);
        }
        let password = ask(&name, server.host(), language)?;
        Ok(server.login(login.with_password(password)))
    }

    /// The password from a command or the environment.
    fn told_password(&self, language: Language) -> Result<Option<Secret>, Exit> {
        if let Some(command) = &self.password_command {
            return output_of(command, language).map(Some);
        }
        match &self.password_env {
            None => Ok(password_of_environment()),
            Some(name) => match std::env::var(name) {
                Ok(password) => Ok(Some(Secret::from(password.as_str()))),
                Err(_) => Err(Exit::new(
                    Code::Usage,
                    language.pick(
                        format!("--password-env: {name} is not set"),
                        format!("--password-env：没有设置 {name}"),
                    ),
                )),
            },
        }
    }
}

/// The password that the environment holds.
pub(crate) fn password_of_environment() -> Option<Secret> {
    let password = std::env::var(PASSWORD).ok()?;
    Some(Secret::from(password.as_str()))
}

/// The first line that a command prints.
pub(crate) fn output_of(command: &str, language: Language) -> Result<Secret, Exit> {
    let failed = |why: String| {
        Exit::new(
            Code::Unavailable,
            language.pick(format!("{command}: {why}"), format!("{command}：{why}")),
        )
    };
    let done = program("sh")
        .args(["-c", command])
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output();
    let done = done.map_err(|error| failed(error.to_string()))?;
    if !done.status.success() {
        return Err(failed(done.status.to_string()));
    }
    let line = done
        .stdout
        .split(|octet| *octet == b'\n')
        .next()
        .unwrap_or_default();
    Ok(Secret::new(line.strip_suffix(b"\r").unwrap_or(line)))
}

fn text(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}

/// Asks whoever sits at the terminal.
pub(crate) fn ask(name: &str, host: &str, language: Language) -> Result<Secret, Exit> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Exit::new(
            Code::Usage,
            language.pick(
                format!("no password for {name}: set {PASSWORD}, or say --password-command"),
                format!("没有 {name} 的密码：请设置 {PASSWORD}，或使用 --password-command"),
            ),
        ));
    }
    let question = match host {
        "" => language.pick(format!("Password of {name}: "), format!("{name} 的密码：")),
        _ => language.pick(
            format!("Password of {name} at {host}: "),
            format!("{name} 在 {host} 的密码："),
        ),
    };
    let _ = write!(io::stderr(), "{question}");
    let password = crate::account::read_hidden().map_err(|error| Exit::new(Code::Io, error.to_string()))?;
    Ok(Secret::from(password.as_str()))
}
