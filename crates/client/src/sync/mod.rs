//! A Maildir and the mailboxes of an IMAP account kept the same, both ways, again and again.
//!
//! Read first: [`run`]. Below the Maildir is a folder `posthouse-sync-KEY` for each account, with a file a mailbox of what both sides had at the
//! last sync. A change is what differs from that. The rules:
//!
//! * A message that is new on one side is copied to the other, with flags and date. The inbox is the Maildir itself, the others are folders
//!   in it (Maildir++), and a mailbox that one side lacks is made.
//! * A flag that one side has set or taken away since is set or taken away on the other. Where both sides have no common past, both have all flags.
//!   A Maildir holds 26 keywords, a server those it permits: what a side cannot hold stays on the other.
//! * A message that was deleted on one side is deleted on the other, whatever else has changed, but for one thing: where it was flagged
//!   (`\Flagged`) on the other side since, it is kept, and comes back. `\Deleted` is a flag like others, and deletes nothing.
//! * A message that was moved is one that is new in one place and deleted in another. All mailboxes get what is new before anything is deleted
//!   in any, and a message that was changed on the server meanwhile is not deleted in that run.
//! * Where the uids of a mailbox are others (UIDVALIDITY, RFC 9051 §2.3.1.1), and at the first sync, messages are matched by size, Message-ID, date,
//!   sender and subject, those without a Message-ID by all their octets; nothing is deleted for it, and what was deleted on one side since the last
//!   sync comes back.
//! * More than half of 20 messages of a mailbox or more are deleted only with [`Options::force`]; what is in another folder now does not count.
//! * A folder of the Maildir is the mailbox that its name means, in modified UTF-7 or UTF-8, with dots or as folders in folders. Two folders of one
//!   name cannot be told apart: one is left out, and that is said.
//! * A mailbox that is gone from one side is deleted on the other only with [`Options::delete_folders`], and only when the other side has nothing new in
//!   it. Otherwise it is left alone. Where the server lists no INBOX, nothing is believed of what it lists.
//! * With [`Way::Pull`] nothing is changed on the server, and with [`Way::Push`] nothing in the Maildir: what that leaves is still a change the next time.
//!
//! **Invariant**: a run may end at any moment. What the state says is on stable storage on both sides, and what it does not say yet is found
//! by the next run: a file that came from the server by the digest in its name, a message that went there by its identity.

mod download;
mod folders;
mod identity;
mod local;
mod mailbox;
mod moved;
mod plan;
mod remote;
mod spelling;
mod state;
mod summary;
mod upload;

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use self::folders::{Folders, Settled};
use self::local::Maildir;
use self::mailbox::{Turn, Work};
pub use self::plan::Way;
use self::state::State;
pub use self::summary::{Note, Summary, Trouble};
use crate::error::{Cause, Error, Step};
use crate::imap::Client;

/// What is wanted of a sync.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Which way changes go.
    pub way: Way,
    /// The mailboxes, their levels between slashes; all where none is named.
    pub mailboxes: Vec<String>,
    /// Nothing is changed; the summary says what would be.
    pub dry_run: bool,
    /// Mailboxes that are gone from one side are deleted on the other.
    pub delete_folders: bool,
    /// Deletes however much.
    pub force: bool,
}

/// Brings a Maildir and an account together. `account` tells accounts apart that are synced with the same Maildir: `imap://alice@mail.example.org`.
///
/// # Errors
/// When the server is gone or cannot be understood, something cannot be written, or another sync of the same is at work. What was done
/// until then stays, and the next run goes on from there. What the server refuses for one message is in [`Summary::notes`].
pub async fn run(
    client: &mut Client,
    maildir: &Path,
    account: &str,
    options: &Options,
) -> Result<Summary, Error> {
    let key = local::digest_of(account);
    let states = maildir.join(format!("posthouse-sync-{key}"));
    let _lock = lock(maildir, &states, options).map_err(|error| failed(&states, error))?;
    let mut folders = Folders::read(client, maildir, &states).await?;
    folders.keep_only(&options.mailboxes);
    let mut run = Run {
        client,
        account,
        key,
        options,
        summary: Summary {
            notes: std::mem::take(&mut folders.left_out),
            ..Summary::default()
        },
        folders,
    };
    run.all().await?;
    Ok(run.summary)
}

/// A sync at work.
struct Run<'a> {
    client: &'a mut Client,
    account: &'a str,
    key: String,
    options: &'a Options,
    folders: Folders,
    summary: Summary,
}

impl Run<'_> {
    /// Everything new in all mailboxes, then deletions of messages, then of mailboxes, those within others first.
    async fn all(&mut self) -> Result<(), Error> {
        let (mut later, mut gone) = (Vec::new(), Vec::new());
        for (name, folder) in &self.folders.all {
            let settled = folders::settle(
                self.client,
                folder,
                &self.folders,
                self.options,
                &mut self.summary,
            );
            match settled.await? {
                Settled::Shared => later.push(name.clone()),
                Settled::Gone => gone.push(name.clone()),
                Settled::Nothing => {}
            }
        }
        let mut with_deletions = Vec::new();
        for name in later {
            self.summary.mailboxes += 1;
            if self.mailbox(&name, Turn::First).await? {
                with_deletions.push(name);
            }
        }
        for name in with_deletions {
            self.mailbox(&name, Turn::Deletions).await?;
        }
        for folder in gone.iter().rev().filter_map(|name| self.folders.all.get(name)) {
            folders::delete(
                self.client,
                folder,
                &self.folders,
                self.options,
                &mut self.summary,
            )
            .await?;
        }
        Ok(())
    }

    /// One mailbox. Gives whether there is something to delete that was not. What the server refuses is noted, and hinders no other mailbox.
    async fn mailbox(&mut self, name: &str, turn: Turn) -> Result<bool, Error> {
        let Some(folder) = self.folders.all.get(name) else {
            return Ok(false);
        };
        let path = folder.path.clone();
        let state = State::read(folder.state.clone()).map_err(|error| failed(&folder.state, error))?;
        let found = Maildir::read(path.clone(), &self.key).map_err(|error| failed(&path, error))?;
        if self.options.dry_run && !folder.is_there {
            self.summary.uploaded += found.files.len() as u64;
            return Ok(false);
        }
        let others = match turn {
            Turn::First => Vec::new(),
            Turn::Deletions => self.folders.others(name),
        };
        let mut work = Work {
            client: &mut *self.client,
            name: &self.folders.server_name(folder),
            id: format!("{}/{name}", self.account),
            state,
            maildir: found,
            path,
            summary: &mut self.summary,
            turn,
            kept: None,
            seen: BTreeSet::new(),
            unplaced: Vec::new(),
            sent: 0,
        };
        match work.run(self.options, &others).await {
            Ok(is_left) => Ok(is_left),
            Err(error) => match error.said().cloned() {
                Some(said) => {
                    work.note(Trouble::Refused(said));
                    Ok(false)
                }
                None => Err(error),
            },
        }
    }
}

/// Makes what is needed, and sees to it that no other sync is at work.
fn lock(maildir: &Path, states: &Path, options: &Options) -> io::Result<Option<File>> {
    if options.dry_run && !states.exists() {
        return Ok(None);
    }
    Maildir::create(maildir)?;
    DirBuilder::new().recursive(true).mode(0o700).create(states)?;
    File::open(maildir)?.sync_all()?;
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(states.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(_) => Err(io::Error::new(
            io::ErrorKind::WouldBlock,
            "another sync is at work",
        )),
    }
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::new(
        Step::Writing(path.display().to_string().into()),
        None,
        Cause::File(error),
    )
}
