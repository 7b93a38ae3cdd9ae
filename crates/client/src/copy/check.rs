//! Looks at the target anew: whether all is there, and whether it is the same, octet for octet.

use super::messages::{STEP, Seen, hashes, look, pair_all};
use super::{Report, Verify};
use crate::error::Error;
use crate::imap::Client;

/// Messages of a sample, spread over the mailbox.
const SAMPLE: usize = 10;

/// Fills what a report says of the target.
pub(super) async fn check(
    (source, target): (&mut Client, &mut Client),
    seen: &[Seen],
    verify: Verify,
    report: &mut Report,
) -> Result<(), Error> {
    let opened = target.select(&report.to).await?;
    let there = look(target, opened.exists).await?;
    let mut pairs = Vec::new();
    report.missing.clear();
    let same = pair_all((source, target), seen, &there).await?;
    for (message, same) in seen.iter().zip(same) {
        let has_failed = || report.failed.iter().any(|failed| failed.uid == message.uid);
        match same.and_then(|at| there.get(at)) {
            Some(same) => pairs.push((message.uid, same.uid)),
            None if has_failed() => {}
            None => report.missing.push(message.uid),
        }
    }
    if verify == Verify::Sample {
        let every = (pairs.len() / SAMPLE).max(1);
        pairs = pairs.into_iter().step_by(every).take(SAMPLE).collect();
    }
    for some in pairs.chunks(STEP) {
        let (from, to): (Vec<u32>, Vec<u32>) = some.iter().copied().unzip();
        let (ours, theirs) = tokio::join!(hashes(source, &from), hashes(target, &to));
        let (ours, theirs) = (ours?, theirs?);
        for (one, other) in some {
            report.checked += 1;
            if !ours.contains_key(one) || ours.get(one) != theirs.get(other) {
                report.altered.push(*one);
            }
        }
    }
    Ok(())
}
