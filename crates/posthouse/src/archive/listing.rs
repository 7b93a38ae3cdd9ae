//! What other programs have left: recognised by looking, mailboxes named after folders and files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::source::{Folder, Listed, Source, begins_mbox, unreadable};
use super::zipped::ZipReading;
use client::names;

use super::Format;
use crate::exit::{Code, Exit};
use crate::language::Language;

/// Deeper folders are not looked into: a mailbox has no name there.
const MAX_DEPTH: usize = 32;

/// Looks at a folder.
pub(super) fn folder(root: &Path, format: Option<Format>, language: Language) -> Result<Source, Exit> {
    let tried = match format {
        Some(format) => vec![format],
        None => vec![Format::Maildir, Format::Mbox, Format::Eml],
    };
    for format in tried {
        let mut found = Vec::new();
        let looked = match format {
            Format::Maildir => maildirs(root, "", 0, &mut found),
            Format::Mbox => mboxes(root, "", 0, &mut found),
            Format::Eml | Format::Zip => folders_of_emls(root, "", 0, &mut found),
        };
        looked.map_err(|error| unreadable(root, &error, language))?;
        if !found.is_empty() {
            found.sort_by(|a, b| a.name.cmp(&b.name));
            return Ok(source(root, format, found));
        }
    }
    Err(nothing(root, language))
}

/// Looks at a file that is no zip.
pub(super) fn file(
    path: &Path,
    beginning: &[u8],
    format: Option<Format>,
    language: Language,
) -> Result<Source, Exit> {
    let is_mbox = match format {
        Some(format) => format == Format::Mbox,
        None => {
            begins_mbox(beginning) || (beginning.is_empty() && path.extension().is_some_and(|e| e == "mbox"))
        }
    };
    let root = path.parent().unwrap_or_else(|| Path::new(""));
    let place = path.file_name().and_then(|name| name.to_str());
    let Some(place) = place.map(str::to_owned) else {
        return Err(nothing(path, language));
    };
    let (format, name) = match is_mbox {
        true => (Format::Mbox, mailbox_of(&place)),
        false
            if message::Message::parse(beginning)
                .header(message::PartId::ROOT)
                .fields()
                .next()
                .is_some() =>
        {
            (Format::Eml, "INBOX".to_owned())
        }
        false => return Err(nothing(path, language)),
    };
    let only = Folder {
        name,
        place,
        subscribed: true,
        listed: match format {
            Format::Eml => Listed::One,
            _ => Listed::Nothing,
        },
        ..Folder::default()
    };
    Ok(source(root, format, vec![only]))
}

/// Looks at a zip without a manifest: messages in folders.
pub(super) fn zip(root: &Path, zip: ZipReading, language: Language) -> Result<Source, Exit> {
    let names = zip.names();
    let holders = names.iter().filter(|name| is_eml(name));
    let mut places: BTreeSet<String> = holders
        .map(|name| {
            name.rsplit_once('/')
                .map_or(String::new(), |(folder, _)| folder.to_owned())
        })
        .collect();
    // Our own empty ones.
    places.extend(
        zip.folders()
            .into_iter()
            .filter(|folder| folder.starts_with("folders/")),
    );
    if places.is_empty() {
        return Err(nothing(root, language));
    }
    let found = places
        .into_iter()
        .map(|place| named(mailbox_of_emls(&place), place));
    let mut source = source(root, Format::Zip, found.collect());
    source.zip = Some(zip);
    Ok(source)
}

/// The messages of a folder in a zip.
pub(super) fn in_zip(zip: &ZipReading, place: &str) -> Vec<PathBuf> {
    let mut found: Vec<String> = zip.names();
    found.retain(|name| {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        folder == place && is_eml(name)
    });
    found.sort();
    found.into_iter().map(PathBuf::from).collect()
}

/// The messages of a folder.
pub(super) fn emls(root: &Path, place: &str) -> io::Result<Vec<PathBuf>> {
    let entries = entries(&root.join(place))?.into_iter();
    Ok(entries
        .filter(|(name, is_folder)| !is_folder && is_eml(name))
        .map(|(name, _)| Path::new(place).join(name))
        .collect())
}

fn source(root: &Path, format: Format, folders: Vec<Folder>) -> Source {
    Source {
        root: root.to_owned(),
        format,
        zip: None,
        kind: message::mbox::Kind::default(),
        folders,
        subscriptions: Vec::new(),
        has_manifest: false,
    }
}

fn named(name: String, place: String) -> Folder {
    Folder {
        name,
        place,
        subscribed: true,
        ..Folder::default()
    }
}

fn nothing(path: &Path, language: Language) -> Exit {
    let path = path.display();
    let words = language.pick(
        format!("{path}: no mail was recognised: neither Maildir nor mbox, nor files ending in .eml, nor a zip of them"),
        format!("{path}：没有认出邮件：不是 Maildir 或 mbox，不是以 .eml 结尾的文件，也不是它们的 zip"),
    );
    Exit::new(Code::Data, words)
}

/// What is in a folder and has a name in UTF-8, in order, and whether it is a folder. Links to folders are not: they may lead in circles.
fn entries(folder: &Path) -> io::Result<Vec<(String, bool)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if let Ok(name) = entry.file_name().into_string() {
            found.push((name, kind.is_dir()));
        }
    }
    found.sort();
    Ok(found)
}

fn folders_in(folder: &Path) -> io::Result<Vec<String>> {
    let entries = entries(folder)?.into_iter();
    Ok(entries
        .filter(|(_, is_folder)| *is_folder)
        .map(|(name, _)| name)
        .collect())
}

fn join(place: &str, name: &str) -> String {
    match place.is_empty() {
        true => name.to_owned(),
        false => format!("{place}/{name}"),
    }
}

/// Maildir++, and Maildirs in folders of others (mbsync's `SubFolders Verbatim`, Dovecot's `LAYOUT=fs`).
fn maildirs(root: &Path, place: &str, depth: usize, found: &mut Vec<Folder>) -> io::Result<()> {
    let path = root.join(place);
    let is_maildir = path.join("cur").is_dir();
    if is_maildir {
        let name = match place.is_empty() {
            true => "INBOX".to_owned(),
            false => mailbox_of_maildir(place),
        };
        found.push(named(name, place.to_owned()));
    }
    if depth == MAX_DEPTH {
        return Ok(());
    }
    for name in folders_in(&path)? {
        if !(is_maildir && ["cur", "new", "tmp"].contains(&&*name)) {
            maildirs(root, &join(place, &name), depth + 1, found)?;
        }
    }
    Ok(())
}

fn mailbox_of_maildir(place: &str) -> String {
    let parts = place.split('/').map(|part| match part.strip_prefix('.') {
        Some(folder) => names::of_maildir(folder),
        None => names::part_of(part),
    });
    parts.collect::<Vec<_>>().join("/")
}

/// A file a mailbox; Thunderbird keeps those below one in a folder `NAME.sbd`.
fn mboxes(root: &Path, place: &str, depth: usize, found: &mut Vec<Folder>) -> io::Result<()> {
    for (name, is_folder) in entries(&root.join(place))? {
        let below = join(place, &name);
        if is_folder && !name.starts_with('.') && depth < MAX_DEPTH {
            mboxes(root, &below, depth + 1, found)?;
        } else if !is_folder && is_mbox(&root.join(&below)) {
            found.push(named(mailbox_of(&below), below));
        }
    }
    Ok(())
}

fn is_mbox(path: &Path) -> bool {
    let mut beginning = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut beginning));
    let is_named = path.extension().is_some_and(|ending| ending == "mbox");
    read.is_ok() && (begins_mbox(&beginning) || (is_named && beginning.is_empty()))
}

fn mailbox_of(place: &str) -> String {
    let (folders, file) = match place.rsplit_once('/') {
        Some((folders, file)) => (Some(folders), file),
        None => (None, place),
    };
    let file = file.strip_suffix(".mbox").unwrap_or(file);
    let Some(folders) = folders else {
        return match file.eq_ignore_ascii_case("mbox") {
            true => "INBOX".to_owned(),
            false => names::of_path(file),
        };
    };
    let above = folders
        .split('/')
        .map(|part| part.strip_suffix(".sbd").unwrap_or(part));
    let above: Vec<String> = above.map(names::of_path).collect();
    format!("{}/{}", above.join("/"), names::of_path(file))
}

fn folders_of_emls(root: &Path, place: &str, depth: usize, found: &mut Vec<Folder>) -> io::Result<()> {
    let entries = entries(&root.join(place))?;
    if entries.iter().any(|(name, is_folder)| !is_folder && is_eml(name)) {
        found.push(named(mailbox_of_emls(place), place.to_owned()));
    }
    for (name, is_folder) in entries {
        if is_folder && !name.starts_with('.') && depth < MAX_DEPTH {
            folders_of_emls(root, &join(place, &name), depth + 1, found)?;
        }
    }
    Ok(())
}

fn mailbox_of_emls(place: &str) -> String {
    let place = place.strip_prefix("folders/").unwrap_or(place);
    match place.is_empty() {
        true => "INBOX".to_owned(),
        false => names::of_path(place),
    }
}

pub(super) fn is_eml(name: &str) -> bool {
    let ending = name.len().checked_sub(4).and_then(|at| name.get(at..));
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case(".eml"))
}

/// The files that could be messages or mailboxes, below the root.
pub(super) fn files(root: &Path, format: Format) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    walk(root, "", 0, &mut found)?;
    found.retain(|place| match format {
        Format::Maildir => {
            let folder = place.rsplit('/').nth(1);
            matches!(folder, Some("cur" | "new"))
        }
        Format::Mbox => is_mbox(&root.join(place)),
        Format::Eml | Format::Zip => is_eml(place),
    });
    Ok(found)
}

fn walk(root: &Path, place: &str, depth: usize, found: &mut Vec<String>) -> io::Result<()> {
    for (name, is_folder) in entries(&root.join(place))? {
        let below = join(place, &name);
        match is_folder {
            true if depth < MAX_DEPTH => walk(root, &below, depth + 1, found)?,
            true => {}
            false => found.push(below),
        }
    }
    Ok(())
}
