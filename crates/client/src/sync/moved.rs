//! Which of the messages that would be deleted are in another folder of the Maildir: whoever moves a thousand messages deletes none.
//!
//! Asked only where much would be deleted, and after everything new has come: what was moved on the server is in its new folder by then.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;

use super::failed;
use super::identity::{self, Identity};
use super::local::Maildir;
use super::mailbox::Work;
use super::plan::Plan;
use crate::error::Error;

impl Work<'_> {
    /// How many of the deletions are of messages that are elsewhere.
    pub(super) async fn moved(&mut self, plan: &Plan, others: &[PathBuf]) -> Result<usize, Error> {
        let elsewhere = files(others).map_err(|error| failed(&self.path, error))?;
        let uniques: BTreeSet<&str> = elsewhere.iter().map(|(unique, _)| &**unique).collect();
        let entry = |uid: &u32| Some((*uid, self.state.entries.get(uid)?));
        let renamed = plan.delete_there.iter().filter_map(entry);
        let (by_name, others): (Vec<_>, Vec<_>) =
            renamed.partition(|(_, entry)| uniques.contains(&*entry.unique));
        let uids: BTreeSet<u32> = others.into_iter().map(|(uid, _)| uid).collect();
        let mut known = by_name.len();
        let mut wanted: BTreeMap<Identity, usize> = BTreeMap::new();
        for found in plan
            .delete_here
            .iter()
            .filter_map(|uid| self.maildir.files.get(&self.state.entries.get(uid)?.unique))
        {
            let octets = identity::read(&found.path).map_err(|error| failed(&found.path, error))?;
            *wanted
                .entry(identity::of(&octets, octets.len() as u64))
                .or_default() += 1;
        }
        let there = identity::of_server(self.client, &uids, |_| true).await?;
        for identity in there.into_values() {
            *wanted.entry(identity).or_default() += 1;
        }
        let sizes: BTreeSet<u64> = wanted.keys().map(|identity| identity.size).collect();
        for (_, path) in &elsewhere {
            known += count(path, &sizes, &mut wanted).map_err(|error| failed(path, error))?;
        }
        Ok(known)
    }
}

fn files(folders: &[PathBuf]) -> io::Result<Vec<(Box<str>, PathBuf)>> {
    let mut found = Vec::new();
    for folder in folders {
        let files = Maildir::read(folder.clone(), "")?.files.into_iter();
        found.extend(files.map(|(unique, file)| (unique, file.path)));
    }
    Ok(found)
}

/// One, where a file is one that is wanted. Only files are read that may be: with LF at the ends of lines they are shorter, and not by half.
fn count(path: &PathBuf, sizes: &BTreeSet<u64>, wanted: &mut BTreeMap<Identity, usize>) -> io::Result<usize> {
    let size = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        about => about?.len(),
    };
    if sizes.range(size..=size.saturating_mul(2)).next().is_none() {
        return Ok(0);
    }
    let octets = match identity::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        octets => octets?,
    };
    let same = wanted.get_mut(&identity::of(&octets, octets.len() as u64));
    Ok(match same.filter(|left| **left > 0) {
        Some(left) => {
            *left -= 1;
            1
        }
        None => 0,
    })
}
