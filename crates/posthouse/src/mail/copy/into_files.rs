//! Mail of an account into files, which are new: a Maildir, mboxes, files of single messages or a zip, with a manifest; or one mbox.
//!
//! **Invariant**: a connection that is lost is made again, and the mailbox gone on with at the message that was not written; so is a folder when
//! the program was ended. What is not finished has no manifest, or its name ends in `part`.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use client::Server;
use client::copy::{Mailboxes, Options, Own, Skipped, Verify, is_lost};
use client::imap::{Client, Fetched, Item, Octets, Query, Ranges};
use indicatif::ProgressBar;
use types::Uid;

use super::leftover::{Leftover, is_numbered_anew};
use super::print::{Done, Lost, Planned};
use super::read_back::check;
use crate::archive::{self, Format, ManifestWriter, MboxKind, Outgoing, Writing, hash, manifest, marks_of};
use crate::control::mail::MAX_MESSAGE;
use crate::exit::{Code, Exit};
use crate::export::cannot_write;
use crate::language::Language;
use crate::mail::{exit, tongue};

/// A mailbox is given up when the connection is lost so often without a message having been written in between.
const ATTEMPTS: u32 = 3;

/// Where the files go and how.
#[derive(Clone, Copy)]
pub(super) struct Target<'t> {
    pub(super) path: &'t Path,
    pub(super) format: Format,
    pub(super) kind: MboxKind,
}

impl Target<'_> {
    /// Whether it is one file for one mailbox.
    pub(super) fn is_one(&self) -> bool {
        let is_named = self
            .path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("mbox"));
        self.format == Format::Mbox && is_named
    }
}

/// How mail is kept in files that are called so, unless it is said.
pub(super) fn format_of(path: &Path) -> Format {
    let is = |wanted: &str| {
        path.extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case(wanted))
    };
    match () {
        () if is("zip") => Format::Zip,
        () if is("mbox") => Format::Mbox,
        () => Format::Maildir,
    }
}

/// Which mailboxes are written.
pub(super) struct Taking<'t> {
    client: Client,
    server: &'t Server,
    target: Target<'t>,
    mailboxes: Vec<Own>,
    pub(super) left: Vec<(String, Skipped)>,
    leftover: Leftover,
    verify: Verify,
    bar: ProgressBar,
    language: Language,
}

/// What a write needs.
struct Out {
    writing: Writing,
    manifest: Option<ManifestWriter>,
    /// The hashes of what was written, in order, where no manifest has them.
    hashes: Vec<(u32, String)>,
    /// The messages of each mailbox that are there from before, by what it is called there.
    known: HashMap<String, HashSet<u64>>,
}

impl<'t> Taking<'t> {
    pub(super) async fn plan(
        server: &'t Server,
        target: Target<'t>,
        options: &Options,
        language: Language,
    ) -> Result<Self, Exit> {
        let leftover = Leftover::look(target, who(server), language)?;
        let failed = |error: client::Error| exit(&error, language);
        let mut client = Client::connect(server).await.map_err(failed)?;
        let all = Mailboxes::of(&mut client).await.map_err(failed)?;
        let (mailboxes, left) = all.wanted(&mut client, options).await.map_err(failed)?;
        if target.is_one() && mailboxes.len() != 1 {
            let words = language.pick(
                "one mbox holds one mailbox: name it with --mailbox, or give a folder and --format mbox",
                "一个 mbox 只能放一个邮箱：用 --mailbox 指定，或给出文件夹并用 --format mbox",
            );
            return Err(Exit::new(Code::Usage, words));
        }
        Ok(Taking {
            client,
            server,
            target,
            mailboxes,
            left,
            leftover,
            verify: options.verify,
            bar: super::progress(),
            language,
        })
    }

    pub(super) fn planned(&self) -> Vec<Planned> {
        let planned = self.mailboxes.iter().map(|own| Planned {
            from: own.name.clone(),
            to: own.path.clone(),
            is_there: false,
        });
        planned.collect()
    }

    pub(super) async fn run(mut self) -> Result<Vec<Done>, Exit> {
        let mut out = self.begin().map_err(|error| self.unwritten(&error))?;
        let mut all = Vec::new();
        for own in std::mem::take(&mut self.mailboxes) {
            all.push(self.mailbox(&own, &mut out).await?);
        }
        self.bar.finish_and_clear();
        // Nothing is lost by how a server says goodbye.
        let (target, language) = (self.target, self.language);
        let verify = self.verify;
        let _ = self.client.logout().await;
        let unwritten = |error: io::Error| cannot_write(target.path, &error, language);
        match out.manifest {
            Some(manifest) => {
                manifest.end(&[]).map_err(unwritten)?;
                out.writing.finish().map_err(unwritten)?;
            }
            None => out.writing.finish_one().map_err(unwritten)?,
        }
        if verify == Verify::All {
            check(target, &out.hashes, &mut all, language)?;
        }
        Ok(all)
    }

    fn begin(&mut self) -> io::Result<Out> {
        let Target { path, format, kind } = self.target;
        let mut out = match std::mem::replace(&mut self.leftover, Leftover::Nothing) {
            Leftover::Folder(mut left) => {
                left.keep_whole(path)?;
                let writing = Writing::begin(path, format)?.of(kind.into()).again();
                let entries = |mailbox: &manifest::Mailbox| {
                    let entries = mailbox.messages.iter().map(|message| message.entry);
                    (mailbox.name.clone(), entries.collect())
                };
                return Ok(Out {
                    manifest: Some(left.begin_manifest(&writing.manifest())?),
                    writing,
                    hashes: Vec::new(),
                    known: left.mailboxes.iter().map(entries).collect(),
                });
            }
            leftover => {
                leftover.clear(self.target)?;
                Out {
                    writing: match self.target.is_one() {
                        true => Writing::begin_one(path)?.of(kind.into()),
                        false => Writing::begin(path, format)?.of(kind.into()),
                    },
                    manifest: None,
                    hashes: Vec::new(),
                    known: HashMap::new(),
                }
            }
        };
        if !self.target.is_one() {
            let manifest = out.writing.manifest();
            let mut manifest = ManifestWriter::begin_with(&manifest, who(self.server), format, kind)?;
            manifest.flush()?;
            out.manifest = Some(manifest);
        }
        Ok(out)
    }

    fn unwritten(&self, error: &io::Error) -> Exit {
        cannot_write(self.target.path, error, self.language)
    }

    async fn mailbox(&mut self, own: &Own, out: &mut Out) -> Result<Done, Exit> {
        let mut done = Done {
            from: own.name.clone(),
            to: self.target.path.display().to_string(),
            ..Done::default()
        };
        match begin_mailbox(own, out) {
            Ok(path) if path.is_empty() => {}
            Ok(path) => done.to = path,
            // The others have names that can be.
            Err(error) if is_about_name(&error) => {
                let words = cannot_write(self.target.path, &error, self.language);
                done.fail(Code::CannotCreate, words.said(self.language).to_owned());
                return Ok(done);
            }
            Err(error) => return Err(self.unwritten(&error)),
        }
        let mut rest: Option<Vec<u32>> = None;
        let mut attempts = 0;
        loop {
            let before = done.copied;
            match self.attempt(own, &mut rest, out, &mut done).await {
                Ok(()) => break,
                Err(Stop::Exit(exit)) => return Err(exit),
                Err(Stop::Lost(error)) if !is_lost(&error) => {
                    done.fail(Code::Unavailable, error.words(tongue(self.language)));
                    break;
                }
                Err(Stop::Lost(error)) => {
                    attempts = if done.copied > before { 1 } else { attempts + 1 };
                    if attempts > ATTEMPTS {
                        return Err(exit(&error, self.language));
                    }
                    let again = Client::connect(self.server).await;
                    self.client = again.map_err(|error| exit(&error, self.language))?;
                }
            }
        }
        out.writing
            .end_mailbox(0)
            .map_err(|error| self.unwritten(&error))?;
        Ok(done)
    }

    /// Writes what is left of a mailbox.
    async fn attempt(
        &mut self,
        own: &Own,
        rest: &mut Option<Vec<u32>>,
        out: &mut Out,
        done: &mut Done,
    ) -> Result<(), Stop> {
        let opened = self.client.examine(&own.name).await.map_err(Stop::Lost)?;
        let left = match rest {
            Some(left) => left,
            None => {
                let all = self.uids(opened.exists).await?;
                done.messages = all.len() as u64;
                let new = self.without_known(own, opened.uid_validity, all, out)?;
                done.known = done.messages - new.len() as u64;
                self.bar.inc_length(new.len() as u64);
                self.bar.set_message(own.name.clone());
                rest.insert(new)
            }
        };
        if left.is_empty() {
            return Ok(());
        }
        let wanted: Ranges = left.iter().copied().map(Uid).collect();
        let items = [Item::Flags, Item::InternalDate, Item::Size, Item::message()];
        let mut fetch = self.client.fetch(&wanted, &items);
        let mut refused = Vec::new();
        loop {
            match fetch.whole(MAX_MESSAGE).await {
                Ok(None) => break,
                Err(error) if is_lost(&error) => return Err(Stop::Lost(error)),
                Err(error) => refused.push(error.words(tongue(self.language))),
                Ok(Some(message)) => {
                    let uid = message.uid.map_or(0, |uid| uid.0);
                    let Ok(at) = left.binary_search(&uid) else {
                        continue;
                    };
                    let written = write(&message, entry(opened.uid_validity, uid), out);
                    let size = written
                        .map_err(|error| Stop::Exit(cannot_write(self.target.path, &error, self.language)))?;
                    if let Some(size) = size {
                        left.remove(at);
                        self.bar.inc(1);
                        done.copied += 1;
                        done.octets += size;
                    }
                }
            }
        }
        drop(fetch);
        let mut refused = refused.into_iter();
        for uid in std::mem::take(left) {
            let why = refused.next().unwrap_or_else(|| {
                let words = self
                    .language
                    .pick("the server has not given it", "服务器没有给出它");
                words.to_owned()
            });
            done.lost(Code::Unavailable, Lost::of_uid(uid, why));
        }
        Ok(())
    }

    /// The messages of the mailbox that is open.
    async fn uids(&mut self, exists: u32) -> Result<Vec<u32>, Stop> {
        let all = match exists {
            0 => Ranges::default(),
            _ => self.client.search(Query::new()).await.map_err(Stop::Lost)?,
        };
        let mut all: Vec<u32> = all.numbers().collect();
        all.sort_unstable();
        Ok(all)
    }

    /// Those that are not there from before.
    fn without_known(
        &self,
        own: &Own,
        validity: u32,
        mut all: Vec<u32>,
        out: &Out,
    ) -> Result<Vec<u32>, Stop> {
        let Some(known) = out.known.get(&own.path) else {
            return Ok(all);
        };
        if known.iter().any(|known| known >> 32 != u64::from(validity)) {
            let exit = is_numbered_anew(self.target, &own.name, self.language);
            return Err(Stop::Exit(exit));
        }
        all.retain(|uid| !known.contains(&entry(validity, *uid)));
        Ok(all)
    }
}

/// What tells a message from all others of the account, as long as the server does not number a mailbox anew.
fn entry(validity: u32, uid: u32) -> u64 {
    u64::from(validity) << 32 | u64::from(uid)
}

fn who(server: &Server) -> &str {
    server.who().map_or(server.host(), |login| login.name())
}

/// Says where it lies, below the target.
fn begin_mailbox(own: &Own, out: &mut Out) -> io::Result<String> {
    let path = out.writing.mailbox(&own.path)?;
    let role = own.role.map(|role| role.trim_start_matches('\\').to_lowercase());
    if let Some(manifest) = &mut out.manifest {
        manifest.mailbox(&manifest::Head {
            name: &own.path,
            role: role.as_deref(),
            subscribed: own.subscribed,
            path: &path,
        })?;
        manifest.flush()?;
    }
    Ok(path)
}

/// Whether a file system does not take a name, or has another file of that name.
fn is_about_name(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, InvalidFilename, InvalidInput, NotADirectory};
    matches!(
        error.kind(),
        AlreadyExists | InvalidFilename | InvalidInput | NotADirectory
    )
}

/// Why a mailbox is not gone on with.
enum Stop {
    Lost(client::Error),
    Exit(Exit),
}

/// Writes a message; says its size, where the server has given its octets.
fn write(message: &Fetched, entry: u64, out: &mut Out) -> io::Result<Option<u64>> {
    let octets = message.parts.iter().find_map(|part| match &part.octets {
        Octets::Kept(octets) => Some(octets),
        Octets::Streamed | Octets::None => None,
    });
    let Some(octets) = octets else { return Ok(None) };
    let flags: Vec<String> = message
        .flags
        .iter()
        .flatten()
        .map(|flag| flag.name().to_owned())
        .collect();
    let marks = marks_of(&flags);
    let received = message.received.map_or(0, |received| received.0);
    let outgoing = Outgoing {
        entry,
        received,
        marks: &marks,
        octets,
        known: None,
    };
    let place = out.writing.message(&outgoing)?;
    out.writing.flush()?;
    match &mut out.manifest {
        Some(manifest) => {
            manifest.message(&manifest::Message {
                path: place.path.map(String::into_boxed_str),
                offset: place.offset,
                size: octets.len() as u64,
                sha256: hash(octets).into(),
                keywords: archive::words_of(&marks),
                received,
                entry,
                as_is: !outgoing.is_regular(),
                uidl: None,
            })?;
            manifest.flush()?;
        }
        None => out
            .hashes
            .push((message.uid.map_or(0, |uid| uid.0), hash(octets))),
    }
    Ok(Some(octets.len() as u64))
}
