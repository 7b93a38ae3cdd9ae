//! Which server a command speaks with, and how it logs in: a URL, or a profile, and what changes them.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use client::{Login, Proxy, Secret, Security, Server, TimeOuts, Trust, WireLog};

use crate::exit::{Code, Exit};
use crate::language::Language;

/// Holds a password where nothing else says where it is.
const PASSWORD: &str = "POSTHOUSE_PASSWORD";

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Tls {
    /// With the first octet.
    Tls,
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

impl Connection {
    /// Whether a server was named.
    pub(crate) fn is_named(&self) -> bool {
        self.server.is_some()
    }

    /// The login's name, where it is an address.
    pub(crate) fn address(&self) -> Option<String> {
        let server = Server::parse(self.server.as_deref()?).ok()?;
        Some(server.who()?.name().to_owned()).filter(|name| name.contains('@'))
    }

    /// The server, with its login. Asks for the password at the terminal where nothing else says it.
    pub(crate) fn server(&self, language: Language) -> Result<Server, Exit> {
        let Some(url) = &self.server else {
            return Err(Exit::new(
                Code::Usage,
                language.pick(
                    "which server? Say --server URL, such as smtps://alice@mail.example.org",
                    "哪台服务器？请用 --server URL 指定，例如 smtps://alice@mail.example.org",
                ),
            ));
        };
        let wrong = |words: String| Exit::new(Code::Usage, words);
        let mut server = Server::parse(url).map_err(|error| wrong(format!("--server: {error}")))?;
        if let Some(tls) = self.tls {
            server = server.security_and_port(match tls {
                Tls::Tls => Security::Tls,
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
        self.log_in(server, language)
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
            None => Ok(std::env::var(PASSWORD)
                .ok()
                .map(|password| Secret::from(password.as_str()))),
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

/// The first line that a command prints.
pub(crate) fn output_of(command: &str, language: Language) -> Result<Secret, Exit> {
    let failed = |why: String| {
        Exit::new(
            Code::Unavailable,
            language.pick(format!("{command}: {why}"), format!("{command}：{why}")),
        )
    };
    let done = Command::new("sh")
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
pub(super) fn ask(name: &str, host: &str, language: Language) -> Result<Secret, Exit> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Exit::new(
            Code::Usage,
            language.pick(
                format!("no password for {name}: set {PASSWORD}, or say --password-command"),
                format!("没有 {name} 的密码：请设置 {PASSWORD}，或使用 --password-command"),
            ),
        ));
    }
    let _ = write!(
        io::stderr(),
        "{}",
        language.pick(
            format!("Password of {name} at {host}: "),
            format!("{name} 在 {host} 的密码：")
        )
    );
    let password = crate::account::read_hidden().map_err(|error| Exit::new(Code::Io, error.to_string()))?;
    Ok(Secret::from(password.as_str()))
}
