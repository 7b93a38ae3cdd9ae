//! How many octets a message has for a client that is shown its surrogate (RFC 6858 §3). They stand in its facts, if these are kept.

use imap::Mode;
use store::{Account, FactsRow, Mailbox, MessageRow, TextForm};
use types::MailboxId;

use super::body::{Shown, Source};
use super::stop::Stop;
use crate::Terms;
use crate::facts::StoredCards;

/// Facts that are read at once.
const AT_ONCE: usize = 256;

/// What is shown of a message to a client, by what was found out about it when it arrived.
pub(super) fn shown(row: &MessageRow, mode: Mode) -> Shown {
    match (row.form, mode) {
        (TextForm::Encoded, Mode::Ascii) => Shown::Surrogate,
        _ => Shown::AsIs,
    }
}

/// The octets of the surrogate of a message: by its facts, or made for it.
pub(super) async fn of_surrogate(
    means: (&Account, &Terms),
    row: &MessageRow,
    facts: Option<&FactsRow>,
) -> Result<u64, Stop> {
    let cards = facts.and_then(|facts| StoredCards::parse(&facts.cards));
    match cards {
        Some(cards) => Ok(cards
            .surrogate()
            .map_or(u64::from(row.size), |(_, octets)| octets)),
        None => Source::new(means, row, Shown::Surrogate).octets().await,
    }
}

/// How many octets a client is told of that nobody has stored: RFC 8438 §3: the size of a mailbox is at least the sum of what RFC822.SIZE
/// says of its messages.
pub(super) async fn surplus(
    (account, terms): (&Account, &Terms),
    mailbox: &Mailbox,
    mode: Mode,
) -> Result<u64, Stop> {
    if mode == Mode::Utf8 || mailbox.messages == 0 {
        return Ok(0);
    }
    let rows = account.encoded(mailbox.id).await?;
    let mut surplus = 0;
    for some in rows.chunks(AT_ONCE) {
        surplus += of_some((account, terms), mailbox.id, some).await?;
    }
    Ok(surplus)
}

async fn of_some(
    (account, terms): (&Account, &Terms),
    mailbox: MailboxId,
    rows: &[MessageRow],
) -> Result<u64, Stop> {
    let uids: Vec<_> = rows.iter().map(|row| row.uid).collect();
    let facts = account.facts_of(mailbox, &uids).await?;
    let mut surplus = 0;
    for (row, facts) in rows.iter().zip(facts) {
        // Of one that cannot be read FETCH says nothing either.
        let octets = of_surrogate((account, terms), row, facts.as_ref())
            .await
            .unwrap_or(0);
        surplus += octets.saturating_sub(row.size.into());
    }
    Ok(surplus)
}
