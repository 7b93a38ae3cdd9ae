//! `posthouse serve`: a server with a configuration.
//!
//! In this order: read the settings, begin the log, open the ports, give root up, shut the other files out, and only then
//! begin threads and read what strangers have sent.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use config::Settings;
use directory::Cores;
use server::listen::{Encryption, ListenError, Listener, Place, Protocol, Reach};
use server::smtp::Port;
use server::{Mode, Services};

use crate::exit::{Code, Exit};
use crate::folder::{Folder, Open};
use crate::language::Language;
use crate::log::Log;
use crate::privileges::{self, Identity};
use crate::words;
use crate::{certificates, local, run, salvage};

/// Where the settings are unless somebody says otherwise.
pub(crate) const CONFIG: &str = "/etc/posthouse/posthouse.toml";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The settings, in TOML. The least is one line: hostname = "mail.example.org"
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Where mail and accounts are kept. What the settings say unless given.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Added to every port.
    #[arg(long, value_name = "N", default_value_t = 0)]
    port_offset: u16,
    /// Reads the settings, says what is wrong with them, and does nothing else.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments, language: Language) -> Result<(), Exit> {
    let mut settings = read(&arguments.config, language)?;
    if arguments.check {
        return Ok(());
    }
    if let Some(data) = &arguments.data {
        settings.data.clone_from(data);
    }
    let log = Log::start(&settings.log, language)?;
    run::use_all_files();
    let identity = Identity::find(&settings, language)?;
    let mut listeners = listen(&settings, arguments.port_offset, language)?;
    let http = listen_http(&settings, arguments.port_offset, language)?;
    if let Some(identity) = identity {
        prepare(&settings.data, &log, &identity, language)?;
        identity.assume(language)?;
    }
    listeners.extend(listen_at_path(&settings, language)?);
    // What is fenced off must be there.
    engine::make_folder(&settings.data).map_err(|error| Exit::file(&settings.data, &error, language))?;
    privileges::confine(&settings, &settings.data, &log);
    run::block_on(serve(settings, (listeners, http), log, language))
}

/// Reads a file of settings.
pub(crate) fn read(path: &Path, language: Language) -> Result<Settings, Exit> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error, language))?;
    Settings::parse(&text).map_err(|problems| {
        let (path, english) = (path.display(), problems.to_string());
        let words = language.pick(english, problems.chinese());
        Exit::new(Code::Config, format!("{path}:\n{words}"))
    })
}

fn unreadable(path: &Path, error: &std::io::Error, language: Language) -> Exit {
    let mut exit = match error.kind() {
        std::io::ErrorKind::InvalidData => Exit::not_utf8(&path.display().to_string(), language),
        std::io::ErrorKind::PermissionDenied => {
            let words = language.pick("no permission to read it", "没有读取权限");
            return Exit::new(Code::NoInput, format!("{}: {words}", path.display()));
        }
        _ => Exit::file(path, error, language),
    };
    if error.kind() == std::io::ErrorKind::NotFound {
        exit.words += language.pick(
            "; posthouse setup DOMAIN makes one, or name another with --config",
            "；posthouse setup DOMAIN 会创建一个，或用 --config 指定另一个",
        );
    }
    exit
}

/// What root makes for the server is the server's.
fn prepare(data: &Path, log: &Log, identity: &Identity, language: Language) -> Result<(), Exit> {
    if !data.exists() {
        engine::make_folder(data).map_err(|error| Exit::file(data, &error, language))?;
        identity.own(data, language)?;
    }
    log.path().map_or(Ok(()), |path| identity.own(path, language))
}

async fn serve(
    settings: Settings,
    (listeners, http): (Vec<Listener>, Vec<TcpListener>),
    log: Log,
    language: Language,
) -> Result<(), Exit> {
    let data = settings.data.as_path();
    let folder = Folder::open_within(data, Open::OrCreate, &settings.limits, language)?;
    folder.report_damage(language);
    let tls = certificates::read(&settings, data);
    let tls = tls.map_err(|error| run::no_certificate(&error, language))?;
    if let Some(oidc) = &settings.oidc {
        server::oidc::check(oidc)
            .map_err(|error| Exit::in_both(Code::Config, error.to_string(), words::keys_chinese(&error)))?;
    }
    let state = folder.state(&settings, Cores::AllButOne);
    salvage::salvage(&folder, &state, language).await?;
    for domain in std::iter::once(&settings.domain).chain(&settings.domains) {
        state.directory.add_domain(domain).await?;
    }
    let services = Services::new(&settings, (state.store, state.directory), tls, Mode::Real);
    run::answer_commands(data, &folder, &services, language)?;
    for listener in &listeners {
        tracing::info!("listening: {listener}");
    }
    for at in http.iter().filter_map(|listener| listener.local_addr().ok()) {
        tracing::info!("listening: metrics at http://{at}/metrics");
    }
    if settings.tls.certificate.is_none() {
        tracing::warn!("the certificate is self-made, since the settings name none: clients will warn of it");
    }
    tracing::info!(hostname = %settings.hostname, data = %data.display(), "ready");
    let watchers = run::Watchers {
        log,
        http,
        integrity: folder.integrity(),
    };
    let _sweeping = folder.disk().begin_sweeping(services.store(), settings.undelete);
    run::until_stopped(listeners, services, watchers, run::HangUp::ReadAgain).await?;
    folder.close().await
}

fn listen(settings: &Settings, offset: u16, language: Language) -> Result<Vec<Listener>, Exit> {
    let listen = &settings.listen;
    let smtp = Protocol::Smtp(Port::Relay);
    let submission = Protocol::Smtp(Port::Submission);
    let lmtp = Protocol::Smtp(Port::Lmtp);
    let all: [(&[SocketAddr], Protocol, Encryption); 8] = [
        (&listen.smtp, smtp, Encryption::Later),
        (&listen.submission, submission, Encryption::Later),
        (&listen.submissions, submission, Encryption::AtOnce),
        (&listen.lmtp, lmtp, Encryption::Never),
        (&listen.imap, Protocol::Imap, Encryption::Later),
        (&listen.imaps, Protocol::Imap, Encryption::AtOnce),
        (&listen.pop3, Protocol::Pop3, Encryption::Later),
        (&listen.pop3s, Protocol::Pop3, Encryption::AtOnce),
    ];
    let mut listeners = Vec::new();
    for (places, protocol, encryption) in all {
        for at in places {
            let port = local::with_offset(at.port(), offset, language)?;
            let listener = Listener::tcp(SocketAddr::new(at.ip(), port), protocol, encryption);
            listeners.push(listener.map_err(|error| run::cannot_listen(&error, language))?);
        }
    }
    Ok(listeners)
}

/// Where metrics are asked for.
fn listen_http(settings: &Settings, offset: u16, language: Language) -> Result<Vec<TcpListener>, Exit> {
    let mut bound = Vec::new();
    for at in &settings.listen.metrics {
        let at = SocketAddr::new(at.ip(), local::with_offset(at.port(), offset, language)?);
        let listener = TcpListener::bind(at).map_err(|cause| ListenError {
            place: Place::Tcp(at),
            cause,
        });
        bound.push(listener.map_err(|error| run::cannot_listen(&error, language))?);
    }
    Ok(bound)
}

/// The socket of LMTP, which is the server's own and not root's.
fn listen_at_path(settings: &Settings, language: Language) -> Result<Option<Listener>, Exit> {
    let Some(path) = &settings.listen.lmtp_socket else {
        return Ok(None);
    };
    let listener = Listener::unix(path, Protocol::Smtp(Port::Lmtp), Reach::Group);
    listener
        .map(Some)
        .map_err(|error| run::cannot_listen(&error, language))
}
