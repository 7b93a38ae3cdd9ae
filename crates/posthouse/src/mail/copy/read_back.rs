//! Reads back what was written into files, and compares it with what the server has given.

use super::into_files::Target;
use super::print::{Done, Which};
use crate::archive::{self, Format, Source, hash};
use crate::exit::Exit;
use crate::language::Language;

/// Reads everything back from the files.
pub(super) fn check(
    target: Target<'_>,
    hashes: &[(u32, String)],
    all: &mut [Done],
    language: Language,
) -> Result<(), Exit> {
    if !target.is_one() {
        let verified = archive::verify(target.path, language)?;
        // What is wrong lies in the files of a mailbox, or is nobody's and told with the first.
        for problem in verified.findings {
            let inside = |done: &Done| {
                let below = problem.place.strip_prefix(&done.to);
                below.is_some_and(|below| below.starts_with(['/', '@']))
            };
            let at = all.iter().rposition(inside).unwrap_or_default();
            all.iter_mut()
                .skip(at)
                .take(1)
                .for_each(|done| done.altered.push(Which::Place(problem.place.clone())));
        }
        all.iter_mut()
            .for_each(|done| done.checked = done.copied + done.known);
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
