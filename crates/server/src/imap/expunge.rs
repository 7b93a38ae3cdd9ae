//! EXPUNGE, UID EXPUNGE and CLOSE (RFC 3501 §6.4.2, §6.4.3; RFC 4315 §2.1).

use imap::Refusal;
use imap::command::Expunge;
use imap::grammar::set::MessageSet;

use super::selected::{Access, Selected};
use super::stop::Stop;

/// Removes the messages with `\Deleted`, all or those that the set names. They are told to be gone after this.
pub(super) async fn expunge(selected: &mut Selected, expunge: Expunge) -> Result<(), Stop> {
    selected.check_writable()?;
    let among = match expunge {
        Expunge::All => None,
        Expunge::Uids(uids) => {
            let view = selected.view().await?;
            Some(
                selected
                    .targets_if_any(&view, &MessageSet::Uids(uids))
                    .uids(&view),
            )
        }
    };
    selected
        .account()
        .expunge_deleted(selected.mailbox(), among)
        .await?;
    Ok(())
}

/// Removes the messages with `\Deleted` without a word, unless the mailbox is open to read only. Of a mailbox that somebody
/// has deleted nothing is left to remove (RFC 9051 §6.4.2: CLOSE has no answer NO for it).
pub(super) async fn close(selected: &mut Selected) -> Result<(), Stop> {
    match selected.access() {
        Access::ReadOnly => Ok(()),
        Access::ReadWrite => match expunge(selected, Expunge::All).await {
            Err(Stop::Refused(Refusal::NoMailbox)) => Ok(()),
            other => other,
        },
    }
}
