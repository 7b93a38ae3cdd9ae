//! LIST and LSUB (RFC 3501 §6.3.8, §6.3.9), with `\HasChildren` (RFC 3348) and the roles of RFC 6154.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use imap::command::list::{List, ListOption, Lsub, Matcher};
use imap::response::mailbox::{Attribute, Listing, list as print};
use store::Account;
use tokio::task::coop::consume_budget;
use types::{MailboxName, Role, SEPARATOR};

use super::connection::Connection;

/// What stands at a place of the hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A mailbox.
    Mailbox(Option<Role>),
    /// Only mailboxes below it.
    Level,
}

/// Lists the mailboxes that the pattern matches, and the levels above mailboxes that are none themselves.
pub(super) async fn list(account: &Account, connection: &mut Connection, list: &List) -> io::Result<()> {
    let mode = connection.mode();
    if list.pattern.is_empty() {
        // Only the separator is asked for, and the root of the reference: names have none here (RFC 3501 §6.3.8).
        print(
            connection.out(),
            Listing::List,
            &[Attribute::NoSelect],
            ("", mode),
        );
        return Ok(());
    }
    let Some(pattern) = list.pattern.after(&list.reference) else {
        return Ok(());
    };
    let mut names = Names::new(&pattern);
    let places = places(account);
    for (name, place) in &places {
        consume_budget().await;
        let role = match place {
            Place::Mailbox(role) => *role,
            Place::Level => None,
        };
        let wanted = !list.only.contains(&ListOption::SpecialUse) || role.is_some();
        if !wanted || !names.hold(name) {
            continue;
        }
        let mut attributes = Vec::with_capacity(3);
        if *place == Place::Level {
            attributes.push(Attribute::NoSelect);
        }
        attributes.push(children(&places, name));
        attributes.extend(role.map(Attribute::Use));
        print(
            connection.out(),
            Listing::List,
            &attributes,
            (name.as_str(), mode),
        );
        connection.relieve().await?;
    }
    Ok(())
}

fn places(account: &Account) -> BTreeMap<MailboxName, Place> {
    let mut places = BTreeMap::new();
    for mailbox in account.mailboxes() {
        for above in std::iter::successors(mailbox.name.parent(), MailboxName::parent) {
            places.entry(above).or_insert(Place::Level);
        }
        places.insert(mailbox.name, Place::Mailbox(mailbox.role));
    }
    places
}

/// The pattern of a command.
struct Names {
    matcher: Matcher,
    of_inbox: Matcher,
    below_inbox: Option<Matcher>,
}

impl Names {
    fn new(pattern: &str) -> Self {
        let separator = u8::try_from(SEPARATOR).expect("the separator is ASCII");
        Names {
            matcher: Matcher::new(pattern, separator),
            of_inbox: Matcher::new(&pattern.to_ascii_uppercase(), separator),
            below_inbox: with_inbox(pattern).map(|pattern| Matcher::new(&pattern, separator)),
        }
    }

    /// INBOX is the same in any case (RFC 3501 §5.1), and so it is in the names below it.
    fn hold(&mut self, name: &MailboxName) -> bool {
        let text = name.as_str();
        self.matcher.matches(text)
            || (name.is_inbox() && self.of_inbox.matches(text))
            || (name.is_below(&MailboxName::inbox())
                && self
                    .below_inbox
                    .as_mut()
                    .is_some_and(|matcher| matcher.matches(text)))
    }
}

/// A pattern that begins with INBOX in some case, with it as it is stored.
fn with_inbox(pattern: &str) -> Option<String> {
    const INBOX: &str = "INBOX";
    let (start, rest) = pattern.split_at_checked(INBOX.len())?;
    start
        .eq_ignore_ascii_case(INBOX)
        .then(|| format!("{INBOX}{rest}"))
}

fn children(places: &BTreeMap<MailboxName, Place>, name: &MailboxName) -> Attribute {
    // A name with a character below the separator may stand between a name and those below it.
    let mut after = places.range(name.clone()..).skip(1);
    let is_near = |other: &MailboxName| other.as_str().starts_with(name.as_str());
    match after.find(|(other, _)| other.is_below(name) || !is_near(other)) {
        Some((other, _)) if other.is_below(name) => Attribute::HasChildren,
        _ => Attribute::HasNoChildren,
    }
}

/// Lists subscriptions. Where `%` stops above a subscribed name, that level is listed as one that cannot be selected
/// (RFC 3501 §6.3.9).
pub(super) async fn lsub(account: &Account, connection: &mut Connection, lsub: &Lsub) -> io::Result<()> {
    let mode = connection.mode();
    if lsub.pattern.is_empty() {
        print(
            connection.out(),
            Listing::Lsub,
            &[Attribute::NoSelect],
            ("", mode),
        );
        return Ok(());
    }
    let Some(pattern) = lsub.pattern.after(&lsub.reference) else {
        return Ok(());
    };
    let subscriptions = account.subscriptions();
    let mut names = Names::new(&pattern);
    let mut found = BTreeSet::new();
    for name in &subscriptions {
        consume_budget().await;
        if names.hold(name) {
            found.insert(name.clone());
        } else if pattern.ends_with('%') {
            let mut above = std::iter::successors(name.parent(), MailboxName::parent);
            found.extend(above.find(|above| names.hold(above)));
        }
    }
    for name in found {
        let attributes: &[Attribute] = match subscriptions.contains(&name) {
            true => &[],
            false => &[Attribute::NoSelect],
        };
        print(connection.out(), Listing::Lsub, attributes, (name.as_str(), mode));
        connection.relieve().await?;
    }
    Ok(())
}
