//! STATUS (RFC 3501 §6.3.10).

use imap::command::Status;
use imap::command::status::StatusItem;
use imap::response::mailbox as print;
use imap::{Mode, Refusal};
use store::{Account, Mailbox};
use types::SystemKeyword;

use super::octets::surplus;
use super::stop::Stop;
use crate::Terms;

/// Tells about a mailbox without opening it. No message is read for it, but of some that are shown otherwise than they are stored.
pub(super) async fn status(
    (account, terms): (&Account, &Terms),
    out: &mut Vec<u8>,
    status: &Status,
    (mode, append_limit): (Mode, usize),
) -> Result<(), Stop> {
    let name = status.mailbox.name().map_err(Refusal::from)?;
    let mailbox = account.mailbox(&name).ok_or(Refusal::NoMailbox)?;
    let mut values = Vec::with_capacity(status.items.len());
    for item in &status.items {
        let value = value((account, terms), &mailbox, (*item, mode, append_limit)).await?;
        values.push((*item, value));
    }
    print::status(out, (name.as_str(), status.mailbox.mode), &values);
    Ok(())
}

async fn value(
    (account, terms): (&Account, &Terms),
    mailbox: &Mailbox,
    (item, mode, append_limit): (StatusItem, Mode, usize),
) -> Result<u64, Stop> {
    Ok(match item {
        StatusItem::Messages => mailbox.messages.into(),
        StatusItem::Recent if mailbox.recent >= mailbox.next_uid => 0,
        StatusItem::Recent => {
            let view = account.view(mailbox.id).await?;
            (view.len() - view.rank(mailbox.recent)) as u64
        }
        StatusItem::UidNext => mailbox.next_uid.0.into(),
        StatusItem::UidValidity => mailbox.validity.0.into(),
        StatusItem::Unseen => mailbox.unseen.into(),
        // What is stored, and so what counts for a quota; and what surrogates have more, for those who are shown them.
        StatusItem::Size => mailbox.octets.0 + surplus((account, terms), mailbox, mode).await?,
        StatusItem::Deleted => mailbox.deleted.into(),
        StatusItem::DeletedStorage if mailbox.deleted == 0 => 0,
        StatusItem::DeletedStorage => {
            let view = account.view(mailbox.id).await?;
            let deleted = view.iter().filter(|(_, row)| row.has(SystemKeyword::Deleted));
            deleted.map(|(_, row)| u64::from(row.size)).sum()
        }
        StatusItem::MailboxId => mailbox.id.0.into(),
        StatusItem::AppendLimit => append_limit as u64,
    })
}
