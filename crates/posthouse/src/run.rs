//! What every run of the server has in common: the runtime, the log, the signals, the end.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::Mode;
use rustix::process::{Resource, getrlimit, setrlimit, umask};
use server::Services;
use server::listen::{ListenError, Listener, Place, serve};
use server::tls::TlsError;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use crate::control;
use crate::exit::{Code, Exit};
use crate::folder::Folder;
use crate::language::Language;

/// Runs to the end.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Exit>>) -> Result<T, Exit> {
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Exit::new(Code::Temporary, format!("no threads: {error}")))?;
    runtime.block_on(work)
}

/// Files and sockets that are made are the owner's alone, from their first moment on.
pub(crate) fn keep_files_private() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Logs to standard error; `POSTHOUSE_LOG` says how much.
pub(crate) fn start_log() {
    let filter = EnvFilter::try_from_env("POSTHOUSE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false);
    let log = log.with_ansi(io::stderr().is_terminal());
    // A second log would be our own bug, and harmless.
    let _ = log.try_init();
    use_all_files();
}

/// Every connection is a file: as many as the system allows.
fn use_all_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the number of open files cannot be raised");
    }
}

/// What the signal SIGHUP means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HangUp {
    /// The terminal is gone, and so is the one whom the playground was for.
    Stop,
    /// The certificate has been renewed.
    ReadCertificate,
}

/// Serves until a signal comes.
pub(crate) async fn until_stopped(
    listeners: Vec<Listener>,
    services: Arc<Services>,
    limits: &config::Limits,
    hang_up: HangUp,
) -> Result<(), Exit> {
    let no_signals = |error: io::Error| Exit::new(Code::Temporary, format!("no signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let (stop, stopped) = watch::channel(false);
    let mut hung_up = signal(SignalKind::hangup()).map_err(no_signals)?;
    let serving = serve(listeners, Arc::clone(&services), limits, stopped);
    tokio::pin!(serving);
    loop {
        tokio::select! {
            () = &mut serving => return Ok(()),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hung_up.recv() => match hang_up {
                HangUp::Stop => break,
                HangUp::ReadCertificate => read_certificate(&services),
            },
        }
    }
    tracing::info!("stopping");
    stop.send_replace(true);
    serving.await;
    Ok(())
}

/// A certificate that cannot be read is no reason to go without the one that is in use.
fn read_certificate(services: &Services) {
    match services.certificate().read_again() {
        Ok(()) => tracing::info!("the certificate has been read again"),
        Err(error) => tracing::error!(%error, "the certificate stays as it was"),
    }
}

/// Answers commands such as `posthouse account`.
pub(crate) fn answer_commands(
    data: &Path,
    folder: &Folder,
    services: &Services,
    language: Language,
) -> Result<(), Exit> {
    let state = control::State {
        directory: services.directory().clone(),
        store: services.store().clone(),
        integrity: folder.integrity(),
    };
    control::listen(data, state).map_err(|error| Exit::file(data, &error, language))
}

/// Why there is no certificate.
pub(crate) fn no_certificate(error: &TlsError, language: Language) -> Exit {
    match error {
        TlsError::File { path, cause } => Exit::file(path, cause, language),
        TlsError::Content { .. } => Exit::new(Code::Config, error.to_string()),
        TlsError::Make(_) => Exit::new(Code::Temporary, error.to_string()),
    }
}

/// Why a listener could not be opened, and what helps.
pub(crate) fn cannot_listen(error: &ListenError, language: Language) -> Exit {
    let place = &error.place;
    let port = match place {
        Place::Tcp(at) => at.port(),
        Place::Unix(path) => return Exit::file(path, &error.cause, language),
    };
    match error.cause.kind() {
        io::ErrorKind::AddrInUse => Exit::new(
            Code::Unavailable,
            language.pick(
                format!(
                    "{place} is taken by another program.\nWhich one: ss -ltnp 'sport = :{port}'\n\
                     Stop it, or choose other ports with --port-offset N"
                ),
                format!(
                    "{place} 已被其他程序占用。\n查看是哪个程序：ss -ltnp 'sport = :{port}'\n\
                     请停止它，或用 --port-offset N 换一组端口"
                ),
            ),
        ),
        io::ErrorKind::PermissionDenied => Exit::new(
            Code::CannotCreate,
            language.pick(
                format!(
                    "{place}: ports below 1024 need a permission (CAP_NET_BIND_SERVICE), or --port-offset N"
                ),
                format!("{place}：1024 以下的端口需要权限（CAP_NET_BIND_SERVICE），或用 --port-offset N"),
            ),
        ),
        _ => Exit::new(Code::Unavailable, error.to_string()),
    }
}
