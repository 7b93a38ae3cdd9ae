//! One mailbox after the other, over one connection to either server.

use super::check::check;
use super::messages::{Seen, look, pair_all};
use super::pipe::{Writing, read};
use super::{Folder, Listener, Report, Told, Verify};
use crate::Server;
use crate::error::{Cause, Error, Step};
use crate::imap::{Client, Opened, ServerFlag};

/// A mailbox is given up when a connection is lost so often without a message having been copied in between.
const ATTEMPTS: u32 = 3;

/// Batches that were read and wait to be written: a few megabytes.
const AHEAD: usize = 2;

/// How much is put into one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Batches,
    /// One message at a time, so that it is known which one the server does not bear.
    Single,
}

pub(super) struct Worker {
    servers: (Server, Server),
    source: Client,
    target: Client,
    verify: Verify,
    listener: Listener,
}

impl Worker {
    pub(super) async fn start(
        source: Server,
        target: Server,
        verify: Verify,
        listener: Listener,
    ) -> Result<Self, Error> {
        Ok(Worker {
            source: Client::connect(&source).await?,
            target: Client::connect(&target).await?,
            servers: (source, target),
            verify,
            listener,
        })
    }

    pub(super) async fn end(self) {
        // Nothing is lost by how a server says goodbye.
        let _ = self.source.logout().await;
        let _ = self.target.logout().await;
    }

    /// Copies a mailbox; a lost connection is made again.
    pub(super) async fn folder(&mut self, folder: &Folder) -> Result<Report, Error> {
        let mut report = Report {
            from: folder.from.clone(),
            to: folder.to.clone(),
            ..Report::default()
        };
        let (mut attempts, mut pace) = (0, Pace::Batches);
        loop {
            let before = report.copied + report.failed.len() as u64;
            let Err(error) = self.attempt(folder, pace, &mut report).await else {
                return Ok(report);
            };
            if !is_lost(&error) {
                report.trouble = Some(error);
                return Ok(report);
            }
            attempts = match report.copied + report.failed.len() as u64 > before {
                true => 1,
                false => attempts + 1,
            };
            if attempts > ATTEMPTS {
                return Err(error);
            }
            pace = Pace::Single;
            self.source = Client::connect(&self.servers.0).await?;
            self.target = Client::connect(&self.servers.1).await?;
        }
    }

    async fn attempt(&mut self, folder: &Folder, pace: Pace, report: &mut Report) -> Result<(), Error> {
        let opened = self.source.examine(&folder.from).await?;
        let there = self.open_target(folder).await?;
        let (source, target) = (&mut self.source, &mut self.target);
        let (seen, has) = tokio::join!(look(source, opened.exists), look(target, there.exists));
        let (seen, has) = (seen?, has?);
        let pairs = pair_all((source, target), &seen, &has).await?;
        let todo: Vec<usize> = (0..seen.len())
            .zip(&pairs)
            .filter(|(_, pair)| pair.is_none())
            .map(|(at, _)| at)
            .collect();
        report.messages = seen.len() as u64;
        report.known = (seen.len() - todo.len()) as u64 - report.copied.min((seen.len() - todo.len()) as u64);
        let has_failed = |uid| report.failed.iter().any(|failed| failed.uid == uid);
        let todo: Vec<usize> = todo
            .into_iter()
            .filter(|at| seen.get(*at).is_some_and(|seen| !has_failed(seen.uid)))
            .collect();
        (self.listener)(Told::ToCopy(&folder.from, todo.len() as u64));
        self.copy(&seen, &todo, pace, (&there, report)).await?;
        check((&mut self.source, &mut self.target), &seen, self.verify, report).await
    }

    /// Reads ahead while it writes.
    async fn copy(
        &mut self,
        seen: &[Seen],
        todo: &[usize],
        pace: Pace,
        (there, report): (&Opened, &mut Report),
    ) -> Result<(), Error> {
        if todo.is_empty() {
            return Ok(());
        }
        let (send, receive) = tokio::sync::mpsc::channel(AHEAD);
        let mut writing = Writing {
            client: &mut self.target,
            seen,
            kept: there,
            report,
            listener: &self.listener,
        };
        let (read, written) = tokio::join!(
            read(&mut self.source, (seen, todo), pace, send),
            writing.all(receive)
        );
        // Where both have failed, what the target says is told: the source only stopped because of it.
        written.and(read)
    }

    async fn open_target(&mut self, folder: &Folder) -> Result<Opened, Error> {
        let opened = match self.target.select(&folder.to).await {
            Ok(opened) => opened,
            Err(error) if folder.is_there || is_lost(&error) => return Err(error),
            Err(_) => {
                // Another worker may have made it meanwhile, with one below it: whether it is there now is what counts.
                let created = create(&mut self.target, folder).await;
                match (self.target.select(&folder.to).await, created) {
                    (Ok(opened), _) => opened,
                    (Err(_), Err(refused)) => return Err(refused),
                    (Err(error), Ok(())) => return Err(error),
                }
            }
        };
        if folder.subscribed {
            self.target.subscribe(&folder.to).await?;
        }
        Ok(opened)
    }
}

/// Creates a mailbox, for what it is for where the server knows that. It may be that it does so for some only (RFC 6154 §3, USEATTR).
pub(super) async fn create(target: &mut Client, folder: &Folder) -> Result<(), Error> {
    let Some(role) = folder.role.filter(|_| target.has("CREATE-SPECIAL-USE")) else {
        return target.create(&folder.to).await;
    };
    match target.create_for(&folder.to, role).await {
        Err(error) if !is_lost(&error) => target.create(&folder.to).await,
        done => done,
    }
}

/// Whether the connection is of no use any more.
#[must_use]
pub fn is_lost(error: &Error) -> bool {
    match error.cause() {
        // RFC 9051 §7.1.5: the server closes.
        Cause::Refused(said) => said.detail.as_deref() == Some("BYE"),
        Cause::TooBig { .. } | Cause::NotOffered(_) => false,
        Cause::Message(_) => *error.step() == Step::Content,
        _ => true,
    }
}

/// The flags that the target keeps, and those that it does not.
pub(super) fn flags(flags: &[ServerFlag], target: &Opened) -> (Vec<String>, Vec<String>) {
    let kept = &target.permanent_flags;
    // RFC 3501 §7.1, PERMANENTFLAGS: where it is missing, all flags last.
    let keeps = |flag: &ServerFlag| {
        let is_keyword = !flag.name().starts_with('\\');
        kept.is_empty() && !matches!(flag, ServerFlag::Other(name) if name.starts_with('\\'))
            || kept
                .iter()
                .any(|own| own.name().eq_ignore_ascii_case(flag.name()))
            || (is_keyword && kept.contains(&ServerFlag::NewKeywords))
    };
    let names = |flag: &&ServerFlag| flag.name().to_owned();
    let (good, bad): (Vec<&ServerFlag>, Vec<&ServerFlag>) = flags
        .iter()
        .filter(|flag| !matches!(flag, ServerFlag::Recent | ServerFlag::NewKeywords))
        .partition(|flag| keeps(flag));
    (good.iter().map(names).collect(), bad.iter().map(names).collect())
}
