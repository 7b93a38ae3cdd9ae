//! STATUS (RFC 3501 §6.3.10).

use imap::Refusal;
use imap::command::Status;
use imap::command::status::StatusItem;
use imap::response::mailbox as print;
use store::{Account, Mailbox};

use super::stop::Stop;

/// Tells about a mailbox without opening it; no message is read for it.
pub(super) async fn status(account: &Account, out: &mut Vec<u8>, status: &Status) -> Result<(), Stop> {
    let name = status.mailbox.name().map_err(Refusal::from)?;
    let mailbox = account.mailbox(&name).ok_or(Refusal::NoMailbox)?;
    let mut values = Vec::with_capacity(status.items.len());
    for item in &status.items {
        values.push((*item, value(account, &mailbox, *item).await?));
    }
    print::status(out, name.as_str(), &values);
    Ok(())
}

async fn value(account: &Account, mailbox: &Mailbox, item: StatusItem) -> Result<u64, Stop> {
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
    })
}
