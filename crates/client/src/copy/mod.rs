//! Copying an account into another over IMAP: mailboxes, messages, dates, flags, subscriptions.
//!
//! Read first: [`plan`] says which mailbox becomes which, [`run`] copies them, several at a time. What is at the target already is not
//! copied again: it is known by Message-ID, Date, From, Subject and size, and each counts once, so that two equal messages stay two. A copy
//! that was killed is gone on with by running it again.
//!
//! **Invariants**: nothing is changed at the source: its mailboxes are opened to read only. Messages of a mailbox keep their order.
//! What could not be copied is named in the [`Report`], with the server's words; nothing is left out in silence.

mod check;
mod filling;
mod folders;
mod messages;
mod pipe;
mod worker;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::JoinSet;

pub use self::filling::{Compared, Filling, Letter, Put, Refused};
pub use self::folders::{Mailboxes, Own};
use self::worker::Worker;
pub use self::worker::is_lost;
use crate::Server;
use crate::error::Error;
use crate::imap::Client;

/// How much of what was copied is read back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// Some messages of each mailbox.
    #[default]
    Sample,
    /// All.
    All,
}

/// What is to be copied, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// These mailboxes of the source; all where there are none.
    pub mailboxes: Vec<String>,
    /// Below this mailbox of the target, its levels between slashes.
    pub into: Option<String>,
    /// So many mailboxes at a time, each with a connection to either server.
    pub connections: usize,
    /// How much is read back.
    pub verify: Verify,
    /// Also mailboxes that show messages of others, such as Gmail's All Mail.
    pub virtual_ones: bool,
}

/// Why a mailbox is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// It was not asked for.
    NotWanted,
    /// It shows messages of other mailboxes.
    Virtual,
    /// It is shared, or of another user.
    Foreign,
}

/// A mailbox that is to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its name at the source.
    pub from: String,
    /// Its name at the target.
    pub to: String,
    /// Whether the target has it already.
    pub is_there: bool,
    /// Whether the source is subscribed to it.
    pub subscribed: bool,
    /// What it is for (RFC 6154), where the target has no mailbox for that yet.
    pub role: Option<&'static str>,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The mailboxes, those together that go into the same one.
    pub folders: Vec<Vec<Folder>>,
    /// What is left out.
    pub skipped: Vec<(String, Skipped)>,
}

/// A message that could not be copied.
#[derive(Debug)]
pub struct Failed {
    /// Its uid at the source.
    pub uid: u32,
    /// Its size in octets, as the source says.
    pub size: u64,
    /// Its subject.
    pub subject: String,
    /// Why.
    pub why: Error,
}

/// What has become of a mailbox.
#[derive(Debug, Default)]
pub struct Report {
    /// Its name at the source.
    pub from: String,
    /// Its name at the target.
    pub to: String,
    /// Messages at the source.
    pub messages: u64,
    /// Messages that were copied.
    pub copied: u64,
    /// Their octets.
    pub octets: u64,
    /// Messages that were at the target already.
    pub known: u64,
    /// Messages that could not be copied.
    pub failed: Vec<Failed>,
    /// Flags that the target does not keep.
    pub lost_flags: BTreeSet<String>,
    /// Messages that were read back from the target.
    pub checked: u64,
    /// The uids at the source of messages that are not the same at the target.
    pub altered: Vec<u32>,
    /// The uids at the source of messages that should be at the target and are not.
    pub missing: Vec<u32>,
    /// Why the mailbox could not be copied, or not to its end.
    pub trouble: Option<Error>,
}

impl Report {
    /// Whether all of it is at the target.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.trouble.is_none() && self.failed.is_empty() && self.altered.is_empty() && self.missing.is_empty()
    }
}

/// What is told on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'t> {
    /// So many messages of a mailbox are to be copied.
    ToCopy(&'t str, u64),
    /// A message of so many octets was copied.
    Copied(u64),
}

/// Hears what happens.
pub type Listener = Arc<dyn Fn(Told<'_>) + Send + Sync>;

/// Finds out which mailbox becomes which. Nothing is changed.
///
/// # Errors
/// When a server cannot be reached or refuses, or there is no such mailbox.
pub async fn plan(source: &Server, target: &Server, options: &Options) -> Result<Plan, Error> {
    let mut from = Client::connect(source).await?;
    let mut to = Client::connect(target).await?;
    let plan = folders::plan(&mut from, &mut to, options).await?;
    // Nothing is lost by how a server says goodbye.
    let _ = from.logout().await;
    let _ = to.logout().await;
    Ok(plan)
}

/// Copies. A connection that is lost is made again, and the mailbox gone on with.
///
/// # Errors
/// When a server cannot be reached any more. What was copied stays, and is not copied again by the next run.
///
/// # Panics
/// When a task of its own panics.
pub async fn run(
    source: &Server,
    target: &Server,
    plan: &Plan,
    options: &Options,
    listener: Listener,
) -> Result<Vec<Report>, Error> {
    let waiting: Vec<Vec<Folder>> = plan.folders.iter().rev().cloned().collect();
    let count = options.connections.clamp(1, waiting.len().max(1));
    let waiting = Arc::new(Mutex::new(waiting));
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let (waiting, listener) = (Arc::clone(&waiting), Arc::clone(&listener));
        let (source, target, verify) = (source.clone(), target.clone(), options.verify);
        tasks.spawn(async move {
            let mut worker = Worker::start(source, target, verify, listener).await?;
            let mut reports = Vec::new();
            loop {
                let next = waiting.lock().await.pop();
                let Some(folders) = next else { break };
                for folder in folders {
                    reports.push(worker.folder(&folder).await?);
                }
            }
            worker.end().await;
            Ok::<_, Error>(reports)
        });
    }
    let mut reports = Vec::new();
    while let Some(done) = tasks.join_next().await {
        reports.extend(done.expect("a worker does not panic")?);
    }
    reports.sort_by(|one: &Report, other| one.from.cmp(&other.from));
    Ok(reports)
}
