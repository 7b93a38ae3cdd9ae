//! Which mailboxes there are on both sides and in the state, and what becomes of those that one side lacks.
//!
//! A mailbox that is made here is a folder of a Maildir++. One that is there already counts however it is called: in modified UTF-7 or UTF-8,
//! with dots between its levels or as folders in folders. What cannot be told apart or read is left out, and said.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::local::Maildir;
use super::mailbox::uniques;
use super::spelling::Spelling;
use super::state::State;
use super::summary::{Note, Summary, Trouble};
use super::{Options, Way, failed};
use crate::error::Error;
use crate::imap::{Client, Query};
use crate::names;

/// Folders in folders that go deeper are a loop of links.
const MAX_DEPTH: usize = 20;

/// A mailbox, wherever it is.
#[derive(Debug)]
pub(super) struct Folder {
    /// Its name, the levels between slashes.
    pub(super) name: String,
    /// Its name on the server, where it is there.
    pub(super) on_server: Option<String>,
    pub(super) path: PathBuf,
    pub(super) state: PathBuf,
    pub(super) is_here: bool,
    pub(super) is_there: bool,
    /// Whether both sides had it.
    pub(super) is_known: bool,
}

impl Folder {
    fn new(name: &str, maildir: &Path, states: &Path) -> Self {
        let part = names::maildir(name);
        let state = if part.is_empty() { "INBOX" } else { &part };
        let state = states.join(format!("{state}.sync"));
        let path = match part.as_str() {
            "" => maildir.to_owned(),
            part => maildir.join(part),
        };
        Folder {
            name: name.to_owned(),
            on_server: None,
            is_here: path.join("cur").is_dir(),
            is_there: false,
            is_known: state.exists(),
            path,
            state,
        }
    }
}

/// All mailboxes by their names.
#[derive(Debug)]
pub(super) struct Folders {
    pub(super) all: BTreeMap<String, Folder>,
    /// What was left out.
    pub(super) left_out: Vec<Note>,
    spelling: Spelling,
    /// Whether the listing can be believed: every account has an inbox (RFC 9051 §5.1).
    has_inbox: bool,
}

impl Folders {
    pub(super) async fn read(client: &mut Client, maildir: &Path, states: &Path) -> Result<Self, Error> {
        let listed = client.list("*").await?;
        let mut folders = Folders {
            all: BTreeMap::new(),
            left_out: Vec::new(),
            spelling: Spelling::learn(client, &listed).await?,
            has_inbox: false,
        };
        for listed in listed.iter().filter(|listed| listed.is_selectable()) {
            let name = folders.spelling.of_server(&listed.name.text);
            let mut found = Folder::new(&name, maildir, states);
            found.on_server = Some(listed.name.text.to_string());
            found.is_there = true;
            match folders.all.contains_key(&name) {
                true => folders.leave_out(&listed.name.text, Trouble::SameName),
                false => drop(folders.all.insert(name, found)),
            }
        }
        folders.has_inbox = folders.all.contains_key("INBOX");
        // It is there whether it is listed or not.
        let mut inbox = Folder::new("INBOX", maildir, states);
        inbox.is_there = true;
        folders.all.entry("INBOX".to_owned()).or_insert(inbox);
        let mut here = Vec::new();
        below(maildir, &mut here).map_err(|error| failed(maildir, error))?;
        folders.add_here(here, maildir, states);
        let taken: BTreeSet<PathBuf> = folders.all.values().map(|folder| folder.state.clone()).collect();
        for state in known(states).map_err(|error| failed(states, error))? {
            let path = states.join(format!("{state}.sync"));
            if !taken.contains(&path) {
                let name = names::of_maildir(state.strip_prefix('.').unwrap_or(&state));
                let found = Folder {
                    state: path,
                    is_known: true,
                    ..Folder::new(&name, maildir, states)
                };
                folders.all.entry(name).or_insert(found);
            }
        }
        Ok(folders)
    }

    /// Adds folders of the Maildir: each is one that the server has, whatever it is called, or one that it lacks.
    fn add_here(&mut self, mut here: Vec<(String, PathBuf)>, maildir: &Path, states: &Path) {
        // Those with the usual names are first.
        here.sort_by_key(|(name, path)| (maildir.join(names::maildir(name)) != *path, path.clone()));
        // Names that were cut are known by their folders.
        let taken: BTreeSet<PathBuf> = self.all.values().map(|folder| folder.path.clone()).collect();
        let there = self
            .all
            .values()
            .filter_map(|folder| Some((folder.on_server.clone()?, folder.name.clone())));
        let there: BTreeMap<String, String> = there.collect();
        for (name, path) in here {
            if taken.contains(&path) {
                continue;
            }
            let wanted = self.spelling.for_server(&name);
            let name = there.get(&wanted).cloned().unwrap_or(name);
            let found = self
                .all
                .entry(name.clone())
                .or_insert_with(|| Folder::new(&name, maildir, states));
            match found.is_here && found.path != path {
                true => self.leave_out(&path.display().to_string(), Trouble::SameName),
                false => {
                    found.path = path;
                    found.is_here = true;
                }
            }
        }
    }

    fn leave_out(&mut self, name: &str, trouble: Trouble) {
        let mailbox = name.to_owned();
        self.left_out.push(Note { mailbox, trouble });
    }

    /// Leaves those that were named.
    pub(super) fn keep_only(&mut self, names: &[String]) {
        if !names.is_empty() {
            self.all.retain(|name, folder| {
                let is = |wanted: &String| wanted == name || folder.on_server.as_ref() == Some(wanted);
                names.iter().any(is)
            });
        }
    }

    /// What a mailbox is called on the server, or will be.
    pub(super) fn server_name(&self, folder: &Folder) -> String {
        let listed = folder.on_server.clone();
        listed.unwrap_or_else(|| self.spelling.for_server(&folder.name))
    }

    /// Where the other folders are.
    pub(super) fn others(&self, name: &str) -> Vec<PathBuf> {
        let others = self
            .all
            .values()
            .filter(|folder| folder.name != name && folder.path.join("cur").is_dir());
        others.map(|folder| folder.path.clone()).collect()
    }
}

/// The folders of a Maildir with the names of their mailboxes: `.Folder.Sub` (Maildir++), and `Folder/Sub`.
fn below(maildir: &Path, found: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    let mut waiting: Vec<(PathBuf, String, usize)> = vec![(maildir.to_owned(), String::new(), 0)];
    while let Some((path, above, depth)) = waiting.pop() {
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            let file = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if is_part(&file) || !path.is_dir() {
                continue;
            }
            let has_mail = path.join("cur").is_dir();
            let name = match file.strip_prefix('.') {
                Some("") => continue,
                // Folders of other programs begin with a dot too.
                Some(_) if !has_mail || depth > 0 => continue,
                Some(levels) => names::of_maildir(levels),
                None => format!("{above}{}", names::part_of(&file)),
            };
            if has_mail {
                found.push((name.clone(), path.clone()));
            }
            if depth < MAX_DEPTH && !file.starts_with('.') {
                waiting.push((path, format!("{name}/"), depth + 1));
            }
        }
    }
    found
        .iter_mut()
        .filter(|(name, _)| name.eq_ignore_ascii_case("INBOX"))
        .for_each(|(name, _)| "INBOX".clone_into(name));
    Ok(())
}

/// What is in a Maildir and is no folder of mail.
fn is_part(file: &str) -> bool {
    matches!(file, "tmp" | "new" | "cur") || file.starts_with("posthouse-sync-")
}

/// The names of states.
fn known(states: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(states) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        found.extend(name.strip_suffix(".sync").map(str::to_owned));
    }
    Ok(found)
}

/// What is to be done with a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// Both sides have it.
    Shared,
    /// One side has it no more.
    Gone,
    /// Nothing.
    Nothing,
}

/// Makes a mailbox where it is missing.
pub(super) async fn settle(
    client: &mut Client,
    folder: &Folder,
    folders: &Folders,
    options: &Options,
    summary: &mut Summary,
) -> Result<Settled, Error> {
    let is_made = match (folder.is_here, folder.is_there, folder.is_known) {
        (true, true, _) => true,
        (true, false, true) | (false, true, true) => return Ok(Settled::Gone),
        (true, false, false) => create_there(client, folder, folders, options, summary).await?,
        (false, true, false) => create_here(folder, options, summary)?,
        (false, false, _) => {
            if !options.dry_run && options.way == Way::Both {
                let state = State::read(folder.state.clone()).and_then(State::delete);
                state.map_err(|error| failed(&folder.state, error))?;
            }
            false
        }
    };
    Ok(if is_made {
        Settled::Shared
    } else {
        Settled::Nothing
    })
}

/// Deletes what the other side has deleted, where that is wanted.
pub(super) async fn delete(
    client: &mut Client,
    folder: &Folder,
    folders: &Folders,
    options: &Options,
    summary: &mut Summary,
) -> Result<(), Error> {
    match folder.is_here {
        true => gone_there(folder, folders, options, summary).map(drop),
        false => gone_here(client, folder, options, summary).await.map(drop),
    }
}

fn note(folder: &Folder, trouble: Trouble, summary: &mut Summary) -> bool {
    let mailbox = folder.name.clone();
    summary.notes.push(Note { mailbox, trouble });
    false
}

fn create_here(folder: &Folder, options: &Options, summary: &mut Summary) -> Result<bool, Error> {
    if options.way == Way::Push {
        summary.left += 1;
        return Ok(false);
    }
    summary.folders_here += 1;
    if !options.dry_run {
        Maildir::create(&folder.path).map_err(|error| failed(&folder.path, error))?;
    }
    Ok(true)
}

async fn create_there(
    client: &mut Client,
    folder: &Folder,
    folders: &Folders,
    options: &Options,
    summary: &mut Summary,
) -> Result<bool, Error> {
    if options.way == Way::Pull {
        summary.left += 1;
        return Ok(false);
    }
    summary.folders_there += 1;
    if options.dry_run {
        return Ok(true);
    }
    let name = folders.server_name(folder);
    let created = client.create(&name).await;
    if let Err(error) = created {
        let said = error.said().cloned();
        summary.folders_there -= 1;
        return said.map_or(Err(error), |said| {
            Ok(note(folder, Trouble::Refused(said), summary))
        });
    }
    // A mailbox that programs do not show is no use; a server that refuses to remember that refuses nothing else.
    match client.subscribe(&name).await {
        Err(error) if error.said().is_none() => Err(error),
        _ => Ok(true),
    }
}

fn gone_there(
    folder: &Folder,
    folders: &Folders,
    options: &Options,
    summary: &mut Summary,
) -> Result<bool, Error> {
    let failed = |error| failed(&folder.path, error);
    if !options.delete_folders || options.way == Way::Push || !folders.has_inbox || folder.name == "INBOX" {
        return Ok(note(folder, Trouble::FolderGoneThere, summary));
    }
    let state = State::read(folder.state.clone()).map_err(failed)?;
    let known: BTreeSet<&str> = state.entries.values().map(|entry| &*entry.unique).collect();
    let here = uniques(&folder.path).map_err(failed)?;
    if here.iter().any(|unique| !known.contains(&**unique)) {
        return Ok(note(folder, Trouble::FolderHasNew, summary));
    }
    summary.folders_deleted_here += 1;
    if !options.dry_run {
        fs::remove_dir_all(&folder.path).map_err(failed)?;
        state.delete().map_err(failed)?;
    }
    Ok(false)
}

async fn gone_here(
    client: &mut Client,
    folder: &Folder,
    options: &Options,
    summary: &mut Summary,
) -> Result<bool, Error> {
    let failed = |error| failed(&folder.state, error);
    if !options.delete_folders || options.way == Way::Pull || folder.name == "INBOX" {
        return Ok(note(folder, Trouble::FolderGoneHere, summary));
    }
    let state = State::read(folder.state.clone()).map_err(failed)?;
    let name = folder.on_server.as_deref().unwrap_or(&folder.name);
    let opened = client.examine(name).await?;
    let there = client.search(Query::new()).await?;
    let is_new = |uid: u32| !state.entries.contains_key(&uid);
    if opened.uid_validity != state.uid_validity || there.numbers().any(is_new) {
        return Ok(note(folder, Trouble::FolderHasNew, summary));
    }
    summary.folders_deleted_there += 1;
    if options.dry_run {
        return Ok(false);
    }
    // Some servers do not delete a mailbox that is open.
    if client.has("UNSELECT") {
        client.unselect().await?;
    }
    match client.delete(name).await {
        Ok(()) => state.delete().map_err(failed)?,
        Err(error) => {
            let said = error.said().cloned();
            summary.folders_deleted_there -= 1;
            return said.map_or(Err(error), |said| {
                Ok(note(folder, Trouble::Refused(said), summary))
            });
        }
    }
    Ok(false)
}
