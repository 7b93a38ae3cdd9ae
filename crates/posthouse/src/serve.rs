//! `posthouse serve`: a server with a configuration.

use std::net::SocketAddr;
use std::path::PathBuf;

use config::Settings;
use directory::Cores;
use server::listen::{Encryption, Listener, Protocol, Reach};
use server::smtp::Port;
use server::tls::{Certificate, Files};
use server::{Mode, Services};

use crate::exit::{Code, Exit};
use crate::folder::{Folder, Open};
use crate::language::Language;
use crate::{local, run, salvage};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The settings, in TOML. The least is one line: hostname = "mail.example.org"
    #[arg(long, value_name = "FILE", default_value = "/etc/posthouse/posthouse.toml")]
    config: PathBuf,
    /// Where mail and accounts are kept.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/posthouse")]
    data: PathBuf,
    /// Added to every port.
    #[arg(long, value_name = "N", default_value_t = 0)]
    port_offset: u16,
}

pub(crate) fn run(arguments: &Arguments, language: Language) -> Result<(), Exit> {
    run::start_log();
    let text = std::fs::read_to_string(&arguments.config);
    let text = text.map_err(|error| Exit::file(&arguments.config, &error, language))?;
    let settings = Settings::parse(&text).map_err(|problems| {
        Exit::new(
            Code::Config,
            format!("{}:\n{problems}", arguments.config.display()),
        )
    })?;
    run::block_on(serve(arguments, &settings, language))
}

async fn serve(arguments: &Arguments, settings: &Settings, language: Language) -> Result<(), Exit> {
    let folder = Folder::open(&arguments.data, Open::OrCreate, language)?;
    folder.report_damage(language);
    let listeners = listen(arguments, settings, language)?;
    let files = match &settings.tls {
        Some(tls) => Ok(Files {
            certificate: tls.certificate.clone(),
            key: tls.key.clone(),
            clients: None,
        }),
        None => Files::self_signed(&arguments.data.join("tls"), vec![settings.hostname.to_string()]),
    };
    let clients = settings.auth.client_certificates.clone();
    let tls = files.and_then(|files| Certificate::read(Files { clients, ..files }));
    let tls = tls.map_err(|error| run::no_certificate(&error, language))?;
    if let Some(oidc) = &settings.auth.oidc {
        server::oidc::check(oidc).map_err(|error| Exit::new(Code::Config, error.to_string()))?;
    }
    let state = folder.state(settings, Cores::AllButOne);
    salvage::salvage(&folder, &state, language).await?;
    state.directory.add_domain(&settings.domain).await?;
    let services = Services::new(settings, (state.store, state.directory), tls, Mode::Real);
    run::answer_commands(&arguments.data, &folder, &services, language)?;
    for listener in &listeners {
        tracing::info!("listening: {listener}");
    }
    if settings.tls.is_none() {
        tracing::warn!("the certificate is self-made, since the settings name none: clients will warn of it");
    }
    tracing::info!(hostname = %settings.hostname, data = %arguments.data.display(), "ready");
    run::until_stopped(
        listeners,
        services,
        &settings.limits,
        run::HangUp::ReadCertificate,
    )
    .await?;
    folder.close().await
}

fn listen(arguments: &Arguments, settings: &Settings, language: Language) -> Result<Vec<Listener>, Exit> {
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
            let port = local::with_offset(at.port(), arguments.port_offset, language)?;
            let listener = Listener::tcp(SocketAddr::new(at.ip(), port), protocol, encryption);
            listeners.push(listener.map_err(|error| run::cannot_listen(&error, language))?);
        }
    }
    if let Some(path) = &listen.lmtp_socket {
        let listener = Listener::unix(path, lmtp, Reach::Group);
        listeners.push(listener.map_err(|error| run::cannot_listen(&error, language))?);
    }
    Ok(listeners)
}
