//! Mail of an account into files, which are new: a Maildir, mboxes, files of single messages or a zip, with a manifest; or one mbox.
//!
//! **Invariant**: a connection that is lost is made again, and the mailbox gone on with at the message that was not written. What is not finished
//! has no manifest, or ends in `.part`.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use client::Server;
use client::copy::{Mailboxes, Options, Own, Skipped, Verify, is_lost};
use client::imap::{Client, Fetched, Item, Octets, Query, Ranges};
use types::Uid;

use super::print::{Done, Lost, Planned, Which};
use crate::archive::{
    self, Format, ManifestWriter, MboxKind, Outgoing, Source, Writing, hash, manifest, marks_of,
};
use crate::control::mail::MAX_MESSAGE;
use crate::exit::{Code, Exit};
use crate::export::{cannot_write, must_be_new};
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
    fn is_one(&self) -> bool {
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
    verify: Verify,
    language: Language,
}

/// What a write needs.
struct Out {
    writing: Writing,
    manifest: Option<ManifestWriter>,
    /// The hashes of what was written, in order, where no manifest has them.
    hashes: Vec<(u32, String)>,
}

impl<'t> Taking<'t> {
    pub(super) async fn plan(
        server: &'t Server,
        target: Target<'t>,
        options: &Options,
        language: Language,
    ) -> Result<Self, Exit> {
        match target.is_one() {
            true if target.path.exists() => must_be_new(target.path, Format::Zip, language)?,
            true => {}
            false => must_be_new(target.path, target.format, language)?,
        }
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
            verify: options.verify,
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

    fn begin(&self) -> io::Result<Out> {
        let Target { path, format, kind } = self.target;
        if self.target.is_one() {
            return Ok(Out {
                writing: Writing::begin_one(path)?.of(kind.into()),
                manifest: None,
                hashes: Vec::new(),
            });
        }
        let writing = Writing::begin(path, format)?.of(kind.into());
        let who = self.server.who().map_or(self.server.host(), |login| login.name());
        let manifest = ManifestWriter::begin_with(&writing.manifest(), who, format, kind)?;
        Ok(Out {
            writing,
            manifest: Some(manifest),
            hashes: Vec::new(),
        })
    }

    fn unwritten(&self, error: &io::Error) -> Exit {
        cannot_write(self.target.path, error, self.language)
    }

    async fn mailbox(&mut self, own: &Own, out: &mut Out) -> Result<Done, Exit> {
        let path = out
            .writing
            .mailbox(&own.path)
            .map_err(|error| self.unwritten(&error))?;
        let role = own.role.map(|role| role.trim_start_matches('\\').to_lowercase());
        if let Some(manifest) = &mut out.manifest {
            let head = manifest::Head {
                name: &own.path,
                role: role.as_deref(),
                subscribed: own.subscribed,
                path: &path,
            };
            let begun = manifest.mailbox(&head);
            begun.map_err(|error| self.unwritten(&error))?;
        }
        let mut done = Done {
            from: own.name.clone(),
            to: match path.is_empty() {
                true => self.target.path.display().to_string(),
                false => path,
            },
            ..Done::default()
        };
        let mut rest: Option<Vec<u32>> = None;
        let mut attempts = 0;
        loop {
            let before = done.copied;
            match self.attempt(&own.name, &mut rest, out, &mut done).await {
                Ok(()) => break,
                Err(Stop::Exit(exit)) => return Err(exit),
                Err(Stop::Lost(error)) if !is_lost(&error) => {
                    done.trouble = Some(error.words(tongue(self.language)));
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
        name: &str,
        rest: &mut Option<Vec<u32>>,
        out: &mut Out,
        done: &mut Done,
    ) -> Result<(), Stop> {
        let opened = self.client.examine(name).await.map_err(Stop::Lost)?;
        let left = match rest {
            Some(left) => left,
            None => {
                let all = match opened.exists {
                    0 => Ranges::default(),
                    _ => self.client.search(Query::new()).await.map_err(Stop::Lost)?,
                };
                let mut all: Vec<u32> = all.numbers().collect();
                all.sort_unstable();
                done.messages = all.len() as u64;
                rest.insert(all)
            }
        };
        if left.is_empty() {
            return Ok(());
        }
        let wanted: Ranges = left.iter().copied().map(Uid).collect();
        let items = [Item::Flags, Item::InternalDate, Item::Size, Item::message()];
        let mut fetch = self.client.fetch(&wanted, &items);
        let mut refused = HashMap::new();
        loop {
            match fetch.whole(MAX_MESSAGE).await {
                Ok(None) => break,
                Err(error) if is_lost(&error) => return Err(Stop::Lost(error)),
                Err(error) => drop(refused.insert(refused.len(), error)),
                Ok(Some(message)) => {
                    let uid = message.uid.map_or(0, |uid| uid.0);
                    let Ok(at) = left.binary_search(&uid) else {
                        continue;
                    };
                    let written = write(
                        &message,
                        u64::from(opened.uid_validity) << 32 | u64::from(uid),
                        out,
                    );
                    let size = written
                        .map_err(|error| Stop::Exit(cannot_write(self.target.path, &error, self.language)))?;
                    if let Some(size) = size {
                        left.remove(at);
                        done.copied += 1;
                        done.octets += size;
                    }
                }
            }
        }
        drop(fetch);
        let mut refused: Vec<String> = refused
            .into_values()
            .map(|error| error.words(tongue(self.language)))
            .collect();
        for uid in std::mem::take(left) {
            let words = || {
                self.language
                    .pick("the server has not given it", "服务器没有给出它")
                    .to_owned()
            };
            done.failed.push(Lost {
                uid: Some(uid),
                place: None,
                size: 0,
                subject: String::new(),
                why: refused.pop().unwrap_or_else(words),
            });
        }
        Ok(())
    }
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
    match &mut out.manifest {
        Some(manifest) => manifest.message(&manifest::Message {
            path: place.path.map(String::into_boxed_str),
            offset: place.offset,
            size: octets.len() as u64,
            sha256: hash(octets).into(),
            keywords: archive::words_of(&marks),
            received,
            entry,
            as_is: !outgoing.is_regular(),
            uidl: None,
        })?,
        None => out
            .hashes
            .push((message.uid.map_or(0, |uid| uid.0), hash(octets))),
    }
    Ok(Some(octets.len() as u64))
}

/// Reads everything back from the files.
fn check(
    target: Target<'_>,
    hashes: &[(u32, String)],
    all: &mut [Done],
    language: Language,
) -> Result<(), Exit> {
    if !target.is_one() {
        let verified = archive::verify(target.path, language)?;
        // What is wrong lies in the files of a mailbox, or is nobody's and told with the first.
        for problem in verified.findings {
            let inside = |done: &Done| !done.to.is_empty() && problem.place.starts_with(&done.to);
            let at = all.iter().rposition(inside).unwrap_or_default();
            all.iter_mut()
                .skip(at)
                .take(1)
                .for_each(|done| done.altered.push(Which::Place(problem.place.clone())));
        }
        all.iter_mut().for_each(|done| done.checked = done.copied);
        return Ok(());
    }
    let mut source = Source::open(target.path, Some(Format::Mbox), language)?;
    source.kind = target.kind.into();
    let Some(done) = all.first_mut() else {
        return Ok(());
    };
    let mut found = Vec::new();
    for mut folder in std::mem::take(&mut source.folders) {
        let Ok(mut letters) = source.letters(&mut folder) else {
            continue;
        };
        while let Some(item) = source.next(&mut letters) {
            found.push(match item {
                archive::Item::Letter(letter) => hash(&letter.octets),
                archive::Item::Trouble(..) => String::new(),
            });
        }
    }
    done.checked = found.len() as u64;
    let wrong = hashes
        .iter()
        .enumerate()
        .filter(|(at, (_, hash))| found.get(*at) != Some(hash));
    done.altered = wrong.map(|(_, (uid, _))| Which::Uid(*uid)).collect();
    Ok(())
}
