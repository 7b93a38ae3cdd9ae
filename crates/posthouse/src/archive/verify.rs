//! Checks an export against its manifest: every message that it names is there with its hash, and nothing else is.

use std::collections::HashSet;
use std::path::Path;

use super::listing;
use super::source::{Item, Listed, Source, Trouble, trouble};
use super::{Format, Problem};
use crate::exit::{Code, Exit};
use crate::language::Language;

/// What was looked at and found.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Verified {
    pub(crate) mailboxes: usize,
    pub(crate) messages: u64,
    pub(crate) octets: u64,
    pub(crate) findings: Vec<Problem>,
}

/// Looks at everything.
pub(crate) fn verify(root: &Path, language: Language) -> Result<Verified, Exit> {
    let mut source = Source::open(root, None, language)?;
    if !source.has_manifest {
        let words = language.pick(
            "there is no manifest to check it against: it is no export, or one that was not finished",
            "没有可供检查的清单：这不是导出的内容，或者导出没有完成",
        );
        return Err(Exit::new(Code::Data, format!("{}: {words}", root.display())));
    }
    let known = known(&source);
    let mut verified = Verified::default();
    let find = |place: String, trouble: &Trouble, verified: &mut Verified| {
        let why = trouble.words(language);
        verified.findings.push(Problem { place, why });
    };
    for mut folder in std::mem::take(&mut source.folders) {
        verified.mailboxes += 1;
        let mut letters = match source.letters(&mut folder) {
            Ok(letters) => letters,
            Err(trouble) => {
                find(folder.place, &trouble, &mut verified);
                continue;
            }
        };
        while let Some(item) = source.next(&mut letters) {
            match item {
                Item::Letter(letter) => {
                    verified.messages += 1;
                    verified.octets += letter.octets.len() as u64;
                }
                Item::Trouble(place, trouble) => find(place, &trouble, &mut verified),
            }
        }
    }
    let there = match &source.zip {
        Some(zip) => Ok(zip
            .names()
            .into_iter()
            .filter(|name| listing::is_eml(name))
            .collect()),
        None => listing::files(&source.root, source.format),
    };
    match there {
        Ok(there) => {
            let others = there.into_iter().filter(|place| !known.contains(place));
            others.for_each(|place| find(place, &Trouble::Unlisted, &mut verified));
        }
        Err(error) => find(root.display().to_string(), &trouble(error), &mut verified),
    }
    Ok(verified)
}

/// The files that the manifest names.
fn known(source: &Source) -> HashSet<String> {
    let mut known = HashSet::new();
    for folder in &source.folders {
        match (&folder.listed, source.format) {
            (_, Format::Mbox) => drop(known.insert(folder.place.clone())),
            (Listed::Manifest(listed), _) => {
                known.extend(
                    listed
                        .iter()
                        .filter_map(|one| one.path.as_deref().map(str::to_owned)),
                );
            }
            _ => {}
        }
    }
    known
}
