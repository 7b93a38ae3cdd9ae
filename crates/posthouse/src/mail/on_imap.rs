//! Mailboxes and messages of an IMAP server, for commands that look at them.

use std::ops::ControlFlow;

use client::download::marks_of;
use client::imap::{Client, Item as Asked, Listed, Octets, Query, Ranges, StatusItem};
use types::Uid;

use super::source::{Item, MAX_MESSAGE, Wanted, Which};

/// A mailbox of a list.
pub(super) struct Mailbox {
    pub(super) name: String,
    /// What it is for, such as `\\Sent`.
    pub(super) role: Option<String>,
    pub(super) messages: Option<u64>,
    pub(super) unseen: Option<u64>,
}

/// What each mailbox is for (RFC 6154 §2).
const ROLES: [&str; 7] = [
    "\\All",
    "\\Archive",
    "\\Drafts",
    "\\Flagged",
    "\\Junk",
    "\\Sent",
    "\\Trash",
];

/// Every mailbox that can be opened.
pub(super) async fn mailboxes(mut client: Client) -> Result<Vec<Mailbox>, client::Error> {
    let listed = client.list("*").await?;
    let mut mailboxes = Vec::new();
    for one in listed.iter().filter(|listed| listed.is_selectable()) {
        let items = [StatusItem::Messages, StatusItem::Unseen];
        // A mailbox that was deleted meanwhile is no reason to give up.
        let status = client.status(&one.name.text, &items).await.ok();
        mailboxes.push(Mailbox {
            name: one.name.text.to_string(),
            role: role(one),
            messages: status.as_ref().and_then(|status| status.messages),
            unseen: status.as_ref().and_then(|status| status.unseen),
        });
    }
    client.logout().await?;
    Ok(mailboxes)
}

fn role(listed: &Listed) -> Option<String> {
    let role = ROLES.iter().find(|role| listed.has(role));
    role.map(|role| (*role).to_owned())
}

/// Messages of a mailbox by their uids, or those that a query holds for. Nothing is marked as seen.
pub(super) async fn messages(
    mut client: Client,
    mailbox: &str,
    (which, query): (Which, Query),
    wanted: Wanted,
    told: &mut impl FnMut(Item) -> ControlFlow<()>,
) -> Result<(), client::Error> {
    let opened = client.examine(mailbox).await?;
    let uids = match which {
        _ if opened.exists == 0 => Ranges::default(),
        Which::Number(uid) => [Uid(uid)].into_iter().collect(),
        Which::All => client.search(query).await?,
        Which::Last => client.search(query).await?.uids().max().into_iter().collect(),
    };
    let part = match wanted {
        Wanted::Header => Asked::header(),
        Wanted::Whole => Asked::message(),
    };
    let items = [Asked::Flags, Asked::Size, part];
    let mut fetch = client.fetch(&uids, &items);
    while let Some(message) = fetch.whole(MAX_MESSAGE).await? {
        let octets = message.parts.into_iter().find_map(|part| match part.octets {
            Octets::Kept(octets) => Some(octets),
            Octets::Streamed | Octets::None => None,
        });
        let (Some(uid), Some(octets)) = (message.uid, octets) else {
            continue;
        };
        let item = Item {
            number: uid.0,
            size: message.size.unwrap_or(octets.len() as u64),
            marks: marks_of(message.flags.as_deref().unwrap_or_default()),
            octets: octets.to_vec(),
        };
        if told(item).is_break() {
            break;
        }
    }
    drop(fetch);
    // Nothing was changed: how the server says goodbye does not matter.
    let _ = client.logout().await;
    Ok(())
}
