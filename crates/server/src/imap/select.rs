//! SELECT and EXAMINE (RFC 3501 §6.3.1, §6.3.2; RFC 8474 §4.2).

use std::sync::Arc;

use imap::Refusal;
use imap::grammar::flag::Flag;
use imap::grammar::mailbox::MailboxArgument;
use imap::response::mailbox as print;
use imap::response::status::{Code, NewKeywords, untagged_ok};
use store::Account;
use types::{KeywordName, SystemKeyword};

use super::flags::all;
use super::selected::{Access, Selected};
use super::stop::Stop;
use crate::Terms;

/// How many keywords of their own a mailbox can have; no new ones then.
const MAX_KEYWORDS: usize = 64 - SystemKeyword::COUNT as usize;

/// How many messages are looked at for the first unseen one; where it is not among them, the client is not told (RFC 3501 §6.3.1).
const FIRST_LOOK: usize = 4096;

/// Opens a mailbox and tells what is in it.
pub(super) async fn select(
    (account, terms): (&Account, &Arc<Terms>),
    out: &mut Vec<u8>,
    name: &MailboxArgument,
    access: Access,
) -> Result<Selected, Stop> {
    let name = name.name().map_err(Refusal::from)?;
    let mailbox = account.mailbox(&name).ok_or(Refusal::NoMailbox)?;
    let names = account.keywords(mailbox.id);
    let selected = Selected::open((account, terms), &mailbox, &names, access).ok_or(Refusal::NoMailbox)?;
    print_flags(out, &names, access);
    print::exists(out, selected.count());
    print::recent(out, selected.count_recent().await?);
    if let Some(position) = account.first_unseen(&mailbox, FIRST_LOOK).await?
        && let Ok(position) = u32::try_from(position)
    {
        untagged_ok(out, Code::Unseen(position), "first unseen");
    }
    untagged_ok(out, Code::UidValidity(mailbox.validity), "uids are valid");
    untagged_ok(out, Code::UidNext(mailbox.next_uid), "predicted next uid");
    untagged_ok(out, Code::MailboxId(mailbox.id), "the mailbox's id");
    Ok(selected)
}

/// FLAGS and PERMANENTFLAGS.
pub(super) fn print_flags(out: &mut Vec<u8>, names: &[KeywordName], access: Access) {
    let flags = all(names);
    print::flags(out, &flags);
    let (permanent, new): (&[Flag], _) = match access {
        Access::ReadWrite if names.len() < MAX_KEYWORDS => (&flags, NewKeywords::Allowed),
        Access::ReadWrite => (&flags, NewKeywords::Forbidden),
        Access::ReadOnly => (&[], NewKeywords::Forbidden),
    };
    untagged_ok(out, Code::PermanentFlags(permanent, new), "flags that are kept");
}
