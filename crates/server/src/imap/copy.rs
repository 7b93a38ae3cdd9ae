//! COPY and UID COPY (RFC 3501 §6.4.7, §6.4.8; RFC 4315 §3).

use imap::Refusal;
use imap::command::Copy;
use imap::grammar::mailbox::MailboxArgument;
use imap::grammar::set::{MessageSet, Numbering};
use store::{Account, Copied, Named};
use types::MailboxId;

use super::selected::Selected;
use super::stop::Stop;

/// Copies the messages that the set names, in uid order, all or none.
pub(super) async fn copy(selected: &mut Selected, copy: &Copy) -> Result<Option<Copied>, Stop> {
    let named = named(selected, &copy.messages).await?;
    let target = target(selected.account(), &copy.target)?;
    if named.uids().is_empty() {
        return Ok(None);
    }
    let copied = selected
        .account()
        .copy_messages(selected.mailbox(), named, target)
        .await;
    Ok(Some(copied.map_err(no_target)?).filter(|copied| !copied.to.is_empty()))
}

/// The messages that a set names: by position, all of them must still be there, and be there when they are copied (RFC 3501
/// §6.4.7: all or none); a uid that is gone is no mistake (RFC 3501 §6.4.8).
pub(super) async fn named(selected: &mut Selected, messages: &MessageSet) -> Result<Named, Stop> {
    let view = selected.view().await?;
    let targets = selected.targets(&view, messages)?;
    if targets.some_gone {
        return Err(Refusal::ExpungeIssued.into());
    }
    let uids = targets.uids(&view);
    Ok(match messages.numbering() {
        Numbering::Positions => Named::All(uids),
        Numbering::Uids => Named::IfThere(uids),
    })
}

/// The mailbox that messages go to; one that is missing could be created (RFC 3501 §6.4.7, TRYCREATE).
pub(super) fn target(account: &Account, name: &MailboxArgument) -> Result<MailboxId, Refusal> {
    let name = name.name()?;
    account
        .mailbox(&name)
        .map(|mailbox| mailbox.id)
        .ok_or(Refusal::NoTarget)
}

/// A mailbox that disappears meanwhile is the target: the source is held open.
pub(super) fn no_target(error: store::StoreError) -> Stop {
    match Stop::from(error) {
        Stop::Refused(Refusal::NoMailbox) => Refusal::NoTarget.into(),
        other => other,
    }
}
