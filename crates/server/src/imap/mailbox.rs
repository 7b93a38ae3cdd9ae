//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 §6.3.3 to §6.3.7).

use imap::Refusal;
use imap::command::Rename;
use imap::grammar::mailbox::MailboxArgument;
use store::{Account, StoreError};
use types::{MailboxId, MailboxName};

use super::stop::Stop;

fn checked(name: &MailboxArgument) -> Result<MailboxName, Refusal> {
    Ok(name.name()?)
}

/// Creates a mailbox; a separator at the end of the name only announces names below it (RFC 3501 §6.3.3).
pub(super) async fn create(account: &Account, name: &MailboxArgument) -> Result<MailboxId, Stop> {
    let name = checked(name)?;
    if name.is_inbox() {
        return Err(Refusal::Inbox.into());
    }
    Ok(account.create_mailbox(name, None).await?.id)
}

/// Deletes a mailbox; those below it stay, and its name with them as a level of the hierarchy (RFC 3501 §6.3.4).
/// Says which mailbox it was.
pub(super) async fn delete(account: &Account, name: &MailboxArgument) -> Result<MailboxId, Stop> {
    let name = checked(name)?;
    if name.is_inbox() {
        return Err(Refusal::Inbox.into());
    }
    match account.delete_mailbox(name.clone()).await {
        Err(StoreError::Refused(store::Refusal::NoMailbox)) => {
            let is_level = account.mailboxes().iter().any(|other| other.name.is_below(&name));
            Err(if is_level {
                Refusal::HasChildren
            } else {
                Refusal::NoMailbox
            }
            .into())
        }
        deleted => Ok(deleted?),
    }
}

/// Renames a mailbox with those below it. Of INBOX, the messages move and it stays (RFC 3501 §6.3.5).
pub(super) async fn rename(account: &Account, rename: &Rename) -> Result<(), Stop> {
    let (from, to) = (checked(&rename.from)?, checked(&rename.to)?);
    account.rename_mailbox(from, to).await?;
    Ok(())
}

/// Subscribes to a name; there need not be such a mailbox (RFC 3501 §6.3.6).
pub(super) async fn subscribe(account: &Account, name: &MailboxArgument) -> Result<(), Stop> {
    account.subscribe(checked(name)?).await?;
    Ok(())
}

/// Ends a subscription, if there is one.
pub(super) async fn unsubscribe(account: &Account, name: &MailboxArgument) -> Result<(), Stop> {
    account.unsubscribe(checked(name)?).await?;
    Ok(())
}
