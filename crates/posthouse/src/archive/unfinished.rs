//! What a run has left in a folder that was ended before it was done: what of it is whole is kept, the rest goes away.
//!
//! **Invariant**: only what that run has written is cut or removed: files that bear its names, in a folder that has its manifest.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::path::Path;

use super::manifest::{Head, Mailbox, Manifest};
use super::source::{Folder, Item, Listed, Source};
use super::write::is_own_name;
use super::{Format, ManifestWriter, MboxKind, listing};

/// What was left, and is nobody else's as long as this is.
pub(crate) struct Unfinished {
    pub(crate) account: String,
    pub(crate) format: Format,
    pub(crate) mbox: MboxKind,
    pub(crate) mailboxes: Vec<Mailbox>,
    _lock: File,
}

impl Unfinished {
    /// By its manifest, which has no end. Nothing where it is not ours.
    ///
    /// # Errors
    /// `WouldBlock` when another program is writing it.
    pub(crate) fn read(manifest: &Path) -> io::Result<Option<Self>> {
        let mut file = match File::open(manifest) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(None);
            }
            file => file?,
        };
        // A file system that knows no locks does not keep anybody away.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(parse(&text).map(|manifest| Unfinished {
            account: manifest.account,
            format: manifest.format,
            mbox: manifest.mbox,
            mailboxes: merged(manifest.mailboxes),
            _lock: file,
        }))
    }

    /// Keeps what is whole, octet for octet, and takes away what is not.
    pub(crate) fn keep_whole(&mut self, root: &Path) -> io::Result<()> {
        let mut source = Source::of_manifest(root, self.format, self.mbox);
        for mailbox in &mut self.mailboxes {
            match self.format {
                Format::Mbox => keep_of_mbox(&mut source, root, mailbox)?,
                Format::Maildir | Format::Eml | Format::Zip => keep_files(&mut source, mailbox),
            }
        }
        if self.format == Format::Mbox {
            return Ok(());
        }
        let messages = self.mailboxes.iter().flat_map(|mailbox| &mailbox.messages);
        let kept: HashSet<&str> = messages.filter_map(|message| message.path.as_deref()).collect();
        for place in listing::files(root, self.format)? {
            if !kept.contains(place.as_str()) && is_own_name(&place, self.format) {
                fs::remove_file(root.join(place))?;
            }
        }
        Ok(())
    }

    /// Begins a manifest with what is kept, in the place of the one that was left.
    pub(crate) fn begin_manifest(&self, manifest: &Path) -> io::Result<ManifestWriter> {
        let mut new = manifest.as_os_str().to_owned();
        new.push(".new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut writer = ManifestWriter::begin_with(new.as_ref(), &self.account, self.format, self.mbox)?;
        for mailbox in &self.mailboxes {
            writer.mailbox(&Head {
                name: &mailbox.name,
                role: mailbox.role.as_deref(),
                subscribed: mailbox.subscribed,
                path: &mailbox.path,
            })?;
            for message in &mailbox.messages {
                writer.message(message)?;
            }
        }
        writer.flush()?;
        fs::rename(new, manifest)?;
        Ok(writer)
    }
}

/// As many lines as are whole.
fn parse(text: &[u8]) -> Option<Manifest> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines();
    let head = [lines.next()?, lines.next()?, lines.next()?].concat();
    let mut manifest = Manifest::parse(format!("{head}]}}").as_bytes()).ok()?;
    for line in lines {
        let line = line.trim_end_matches(',');
        if line == "]}" {
            continue;
        }
        match line.strip_prefix("  ") {
            Some(message) => {
                let Ok(message) = serde_json::from_str(message) else {
                    break;
                };
                manifest.mailboxes.last_mut()?.messages.push(message);
            }
            None => match serde_json::from_str(&format!("{line}]}}")) {
                Ok(mailbox) => manifest.mailboxes.push(mailbox),
                Err(_) => break,
            },
        }
    }
    Some(manifest)
}

/// A mailbox that was gone on with stands there several times.
pub(super) fn merged(mailboxes: Vec<Mailbox>) -> Vec<Mailbox> {
    let mut all: Vec<Mailbox> = Vec::new();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    for mailbox in mailboxes {
        let own = (mailbox.name.clone(), mailbox.path.clone());
        let at = *places.entry(own).or_insert(all.len());
        match all.get_mut(at) {
            Some(known) => known.messages.extend(mailbox.messages),
            None => all.push(mailbox),
        }
    }
    all
}

fn folder_of(mailbox: &Mailbox) -> Folder {
    Folder {
        name: mailbox.name.clone(),
        place: mailbox.path.clone(),
        listed: Listed::Manifest(mailbox.messages.clone()),
        ..Folder::default()
    }
}

fn keep_files(source: &mut Source, mailbox: &mut Mailbox) {
    let mut whole = Vec::new();
    if let Ok(mut letters) = source.letters(&mut folder_of(mailbox)) {
        while let Some(item) = source.next(&mut letters) {
            whole.push(matches!(item, Item::Letter(_)));
        }
    }
    let mut whole = whole.into_iter();
    mailbox.messages.retain(|_| whole.next().unwrap_or_default());
}

/// Up to the first message that is not what it should be.
fn keep_of_mbox(source: &mut Source, root: &Path, mailbox: &mut Mailbox) -> io::Result<()> {
    let Ok(mut letters) = source.letters(&mut folder_of(mailbox)) else {
        mailbox.messages.clear();
        return Ok(());
    };
    let mut end = None;
    while let Some(item) = source.next(&mut letters) {
        if let Item::Trouble(place, _) = item {
            let offset = place.rsplit_once('@').and_then(|(_, at)| at.parse::<u64>().ok());
            let offset = offset.ok_or(io::ErrorKind::InvalidData)?;
            end = end.min(Some(offset)).or(Some(offset));
        }
    }
    if let Some(end) = end {
        mailbox
            .messages
            .retain(|message| message.offset.is_some_and(|at| at < end));
        let file = OpenOptions::new().write(true).open(root.join(&mailbox.path))?;
        file.set_len(end.min(file.metadata()?.len()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{Outgoing, Writing, hash, manifest};

    /// Writes messages with some numbers into a mailbox.
    fn add(writing: &mut Writing, writer: &mut ManifestWriter, numbers: std::ops::Range<u64>) {
        let path = writing.mailbox("工作").unwrap();
        let head = Head {
            name: "工作",
            role: None,
            subscribed: true,
            path: &path,
        };
        writer.mailbox(&head).unwrap();
        for entry in numbers {
            let octets = format!("Subject: {entry}\r\n\r\nFrom here\r\n").into_bytes();
            let marks = crate::archive::marks_of(&[format!("k{entry}")]);
            let outgoing = Outgoing {
                entry,
                received: 5,
                marks: &marks,
                octets: &octets,
                known: None,
            };
            let place = writing.message(&outgoing).unwrap();
            let message = manifest::Message {
                path: place.path.map(String::into_boxed_str),
                offset: place.offset,
                size: octets.len() as u64,
                sha256: hash(&octets).into(),
                keywords: crate::archive::words_of(&marks),
                received: 5,
                entry,
                as_is: false,
                uidl: None,
            };
            writer.message(&message).unwrap();
        }
        writing.flush().unwrap();
        writer.flush().unwrap();
    }

    fn goes_on(format: Format, kind: MboxKind, harm: impl Fn(&Path), wanted: &[u64]) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("mail");
        let mut writing = Writing::begin(&root, format).unwrap().of(kind.into());
        let mut writer = ManifestWriter::begin_with(&writing.manifest(), "a", format, kind).unwrap();
        add(&mut writing, &mut writer, 1..4);
        assert_eq!(
            Unfinished::read(&writing.manifest())
                .err()
                .map(|error| error.kind()),
            Some(io::ErrorKind::WouldBlock)
        );
        let manifest = writing.manifest();
        drop((writing, writer));
        harm(&root);
        let mut left = Unfinished::read(&manifest).unwrap().unwrap();
        left.keep_whole(&root).unwrap();
        let kept: Vec<u64> = left.mailboxes[0].messages.iter().map(|one| one.entry).collect();
        assert_eq!(kept, wanted, "{format:?}");
        let mut writer = left.begin_manifest(&manifest).unwrap();
        let mut writing = Writing::begin(&root, format).unwrap().of(kind.into()).again();
        add(&mut writing, &mut writer, 7..9);
        writer.end(&[]).unwrap();
        writing.end_mailbox(0).unwrap();
        writing.finish().unwrap();
        let verified = crate::archive::verify(&root, crate::language::Language::English).unwrap();
        assert!(
            verified.findings.is_empty(),
            "{format:?}: {:?}",
            verified.findings
        );
        assert_eq!(
            (verified.mailboxes, verified.messages),
            (1, wanted.len() as u64 + 2)
        );
    }

    /// The files with messages.
    fn files(root: &Path, format: Format) -> Vec<std::path::PathBuf> {
        let mut found = listing::files(root, format).unwrap();
        found.sort();
        found.into_iter().map(|place| root.join(place)).collect()
    }

    #[test]
    fn what_is_whole_is_kept() {
        for format in [Format::Maildir, Format::Eml, Format::Mbox] {
            for kind in [MboxKind::Mboxrd, MboxKind::Mboxcl2] {
                goes_on(format, kind, |_| {}, &[1, 2, 3]);
            }
        }
    }

    #[test]
    fn a_message_that_is_broken_or_gone_is_no_more_there() {
        for format in [Format::Maildir, Format::Eml] {
            let kind = MboxKind::default();
            let last = |root: &Path| files(root, format)[2].clone();
            goes_on(
                format,
                kind,
                |root| fs::write(last(root), "Subj").unwrap(),
                &[1, 2],
            );
            goes_on(format, kind, |root| fs::remove_file(last(root)).unwrap(), &[1, 2]);
        }
        let cut = |root: &Path| {
            let file = OpenOptions::new()
                .write(true)
                .open(&files(root, Format::Mbox)[0])
                .unwrap();
            file.set_len(file.metadata().unwrap().len() - 5).unwrap();
        };
        goes_on(Format::Mbox, MboxKind::Mboxrd, cut, &[1, 2]);
        goes_on(Format::Mbox, MboxKind::Mboxcl2, cut, &[1, 2]);
    }

    #[test]
    fn what_the_manifest_does_not_have_yet_goes_away_and_what_is_of_others_stays() {
        let torn = |root: &Path| {
            let manifest = root.join("manifest.json.part");
            let text = fs::read(&manifest).unwrap();
            fs::write(manifest, &text[..text.len() - 5]).unwrap();
        };
        for format in [Format::Maildir, Format::Eml, Format::Mbox] {
            let harm = |root: &Path| {
                torn(root);
                fs::write(root.join("mine.txt"), "mine").unwrap();
            };
            goes_on(format, MboxKind::Mboxrd, harm, &[1, 2]);
        }
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("manifest.json.part");
        for text in [
            "",
            "{}",
            "mine",
            "{\"kind\": \"other\", \"version\": 1,\n\n\"mailboxes\": [",
        ] {
            fs::write(&manifest, text).unwrap();
            assert!(Unfinished::read(&manifest).unwrap().is_none(), "{text}");
        }
    }
}
