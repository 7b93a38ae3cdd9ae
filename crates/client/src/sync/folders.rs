//! Which mailboxes there are on both sides and in the state, and what becomes of those that one side lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::local::Maildir;
use super::mailbox::uniques;
use super::state::State;
use super::summary::{Note, Summary, Trouble};
use super::{Options, Way, failed};
use crate::error::Error;
use crate::imap::{Client, Query};
use crate::names;

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

/// All mailboxes by their names.
#[derive(Debug)]
pub(super) struct Folders {
    pub(super) all: BTreeMap<String, Folder>,
    separator: Option<char>,
    /// Whether the listing can be believed: every account has an inbox (RFC 9051 §5.1).
    has_inbox: bool,
}

impl Folders {
    pub(super) async fn read(client: &mut Client, maildir: &Path, states: &Path) -> Result<Self, Error> {
        let mut all = BTreeMap::new();
        let folder = |name: &str| {
            let part = names::maildir(name);
            let state = if part.is_empty() { "INBOX" } else { &part };
            let path = if part.is_empty() {
                maildir.to_owned()
            } else {
                maildir.join(&part)
            };
            let state = states.join(format!("{state}.sync"));
            Folder {
                name: name.to_owned(),
                on_server: None,
                is_here: path.join("cur").is_dir(),
                is_there: false,
                is_known: state.exists(),
                path,
                state,
            }
        };
        let listed = client.list("*").await?;
        let separator = listed.iter().find_map(|listed| listed.separator);
        for listed in listed.iter().filter(|listed| listed.is_selectable()) {
            let name = match (listed.name.is_inbox(), listed.separator) {
                (true, _) => "INBOX".to_owned(),
                (false, None | Some('/')) => listed.name.text.to_string(),
                (false, Some(separator)) => listed.name.text.replace('/', "_").replace(separator, "/"),
            };
            let mut found = folder(&name);
            found.on_server = Some(listed.name.text.to_string());
            found.is_there = true;
            all.insert(name, found);
        }
        let has_inbox = all.contains_key("INBOX");
        let mut here = vec![(String::from("INBOX"), maildir.to_owned())];
        here.extend(below(maildir).map_err(|error| failed(maildir, error))?);
        // Cut names are known by their folders.
        let taken: BTreeSet<PathBuf> = all.values().map(|folder| folder.path.clone()).collect();
        for (name, path) in here {
            if !taken.contains(&path) && !all.contains_key(&name) {
                let mut found = folder(&name);
                found.path = path;
                found.is_here = true;
                all.insert(name, found);
            }
        }
        let taken: BTreeSet<PathBuf> = all.values().map(|folder| folder.state.clone()).collect();
        for state in known(states).map_err(|error| failed(states, error))? {
            if !taken.contains(&states.join(format!("{state}.sync"))) {
                let name = names::of_maildir(state.strip_prefix('.').unwrap_or(&state));
                let found = Folder {
                    state: states.join(format!("{state}.sync")),
                    is_known: true,
                    ..folder(&name)
                };
                all.entry(name).or_insert(found);
            }
        }
        Ok(Folders {
            all,
            separator,
            has_inbox,
        })
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
        match (&folder.on_server, self.separator) {
            (Some(name), _) => name.clone(),
            (None, None | Some('/')) => folder.name.clone(),
            (None, Some(separator)) => folder
                .name
                .replace(separator, "_")
                .replace('/', &separator.to_string()),
        }
    }

    /// The unique names of every other folder.
    pub(super) fn uniques_but(&self, name: &str) -> Result<BTreeSet<Box<str>>, Error> {
        let mut found = BTreeSet::new();
        for folder in self
            .all
            .values()
            .filter(|folder| folder.name != name && folder.is_here)
        {
            found.extend(uniques(&folder.path).map_err(|error| failed(&folder.path, error))?);
        }
        Ok(found)
    }
}

/// The folders of a Maildir++ with the names of their mailboxes.
fn below(maildir: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(maildir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let folder = name.to_str().and_then(|name| name.strip_prefix('.'));
        if let Some(folder) = folder.filter(|folder| !folder.is_empty() && entry.path().join("cur").is_dir())
        {
            found.push((names::of_maildir(folder), entry.path()));
        }
    }
    Ok(found)
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

/// Makes a mailbox where it is missing, or deletes it where it is not. Gives whether there is something to bring together.
pub(super) async fn settle(
    client: &mut Client,
    folder: &Folder,
    folders: &Folders,
    options: &Options,
    summary: &mut Summary,
) -> Result<bool, Error> {
    match (folder.is_here, folder.is_there, folder.is_known) {
        (true, true, _) => Ok(true),
        (true, false, true) => gone_there(folder, folders, options, summary),
        (false, true, true) => gone_here(client, folder, options, summary).await,
        (true, false, false) => create_there(client, folder, folders, options, summary).await,
        (false, true, false) => create_here(folder, options, summary),
        (false, false, _) => {
            if !options.dry_run && options.way == Way::Both {
                let state = State::read(folder.state.clone()).and_then(State::delete);
                state.map_err(|error| failed(&folder.state, error))?;
            }
            Ok(false)
        }
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
