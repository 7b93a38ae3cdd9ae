//! What every run of the server has in common: the runtime, the log, the signals, the end.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::Mode;
use rustix::process::{Resource, getrlimit, setrlimit, umask};
use server::Services;
use server::listen::{ListenError, Listener, Place, serve};
use server::observe::{Watched, answer};
use server::tls::TlsError;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::certificates;
use crate::control;
use crate::exit::{Code, Exit};
use crate::folder::{Folder, Integrity};
use crate::language::Language;
use crate::log::Log;
use crate::notify;

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

/// Every connection is a file: as many as the system allows.
pub(crate) fn use_all_files() {
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
    /// Certificates have been renewed, the log has been put away.
    ReadAgain,
}

/// Those who are told how the server does.
pub(crate) struct Watchers {
    pub(crate) log: Log,
    /// Where metrics are asked for.
    pub(crate) http: Vec<TcpListener>,
    pub(crate) integrity: Arc<dyn Integrity>,
}

impl Watchers {
    fn begin(&self, services: &Arc<Services>, stop: &watch::Receiver<bool>) {
        for listener in &self.http {
            let listener = match listener.try_clone() {
                Ok(listener) => listener,
                Err(error) => return tracing::error!(%error, "metrics cannot be asked for"),
            };
            let integrity = Arc::clone(&self.integrity);
            let of_room = Arc::clone(&self.integrity);
            let watched = Watched {
                room: Arc::new(move || of_room.room()),
                services: Arc::clone(services),
                writing: Arc::new(move || integrity.writing().map_err(|error| error.to_string())),
                stop: stop.clone(),
            };
            tokio::spawn(async move {
                if let Err(error) = answer(listener, watched).await {
                    tracing::error!(%error, "metrics can no longer be asked for");
                }
            });
        }
    }
}

/// Serves until a signal comes.
pub(crate) async fn until_stopped(
    listeners: Vec<Listener>,
    services: Arc<Services>,
    watchers: Watchers,
    hang_up: HangUp,
) -> Result<(), Exit> {
    let no_signals = |error: io::Error| Exit::new(Code::Temporary, format!("no signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let (stop, stopped) = watch::channel(false);
    watchers.begin(&services, &stopped);
    let mut hung_up = signal(SignalKind::hangup()).map_err(no_signals)?;
    let serving = serve(listeners, Arc::clone(&services), stopped);
    tokio::pin!(serving);
    notify::ready();
    let reload = services.terms().reload;
    let mut looks = tokio::time::interval(reload);
    loop {
        tokio::select! {
            () = &mut serving => return Ok(()),
            _ = looks.tick() => certificates::look(services.certificates()),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hung_up.recv() => match hang_up {
                HangUp::Stop => break,
                HangUp::ReadAgain => {
                    notify::reloading();
                    read_again(&services, &watchers.log);
                    notify::ready();
                }
            },
        }
    }
    notify::stopping();
    tracing::info!("stopping");
    stop.send_replace(true);
    serving.await;
    Ok(())
}

fn read_again(services: &Services, log: &Log) {
    if let Err(error) = log.open_again() {
        tracing::error!(%error, "the log goes on in the file as it was");
    }
    certificates::read_again(services.certificates());
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
        TlsError::File { path, cause } if cause.kind() == io::ErrorKind::PermissionDenied => {
            let path = path.display();
            let words = language.pick(
                format!("{path}: the server's user has no permission; give it one, with chgrp or setfacl"),
                format!("{path}：服务器的用户没有权限；请用 chgrp 或 setfacl 授予"),
            );
            Exit::new(Code::NoInput, words)
        }
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
