//! Messages gathered in threads, as RFC 5256 says of `REFERENCES`: by what they refer to, and then by their base subject.
//!
//! What must hold: every message is in the answer once, whatever its references say; nothing recurses, and the work grows with the
//! number of messages and references, loops and chains of any length included.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use crate::message::Message;
use crate::subject;

mod forest;

use forest::Forest;

/// What threading has to know of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Threadable {
    /// Its `Message-ID`, without angle brackets.
    pub id: Option<String>,
    /// What it follows, oldest first. See [`Message::references`].
    pub references: Vec<String>,
    /// Its subject, decoded.
    pub subject: String,
    /// When it was sent, in seconds since 1970, or else when it was received.
    pub sent: i64,
}

impl Threadable {
    /// Reads the header of a message; `received` stands for a date that it does not tell.
    #[must_use]
    pub fn of(message: &Message<'_>, received: i64) -> Self {
        Threadable {
            id: message.message_id(),
            references: message.references(),
            subject: message.subject(),
            sent: message.date().map_or(received, |date| date.timestamp()),
        }
    }
}

/// A place in a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The message, by its position in what was given; `None` for one that is missing, under which several hang together.
    pub message: Option<usize>,
    /// How many messages stand above it; a thread begins with 0.
    pub depth: usize,
}

/// Gathers messages in threads: the oldest first, every message before its replies.
#[must_use]
pub fn threads(messages: impl IntoIterator<Item = Threadable>) -> Vec<Place> {
    let messages: Vec<Threadable> = messages.into_iter().collect();
    let mut forest = linked(&messages);
    forest.prune();
    let sent = |message: usize| messages.get(message).map_or(0, |message| message.sent);
    forest.sort(&sent);
    merge(&mut forest, &messages);
    forest.sort(&sent);
    forest.places()
}

/// Step 1: who is whose parent.
///
/// The RFC goes through the messages once and lets what a message says of itself (1.B) replace what others said of it (1.A).
/// Here all speak of themselves first and then of others, which comes to the same without breaking a link, so that a loop is
/// seen at once (two roots are joined, or not); and a message that says nothing of itself is believed to be where others put it,
/// whatever their order.
fn linked(messages: &[Threadable]) -> Forest {
    let mut forest = Forest::new(messages.len());
    let mut by_id: HashMap<&str, usize> = HashMap::with_capacity(messages.len());
    for (node, message) in messages.iter().enumerate() {
        if let Some(id) = message.id.as_deref().filter(|id| !id.is_empty()) {
            // Of several messages of one id the first has it.
            by_id.entry(id).or_insert(node);
        }
    }
    let mut chains: Vec<Vec<usize>> = Vec::with_capacity(messages.len());
    for message in messages {
        let nodes = message.references.iter().map(|id| match by_id.entry(id) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => *unknown.insert(forest.add()),
        });
        chains.push(nodes.collect());
    }
    for (node, chain) in chains.iter().enumerate() {
        if let Some(parent) = chain.last() {
            forest.link(*parent, node);
        }
    }
    for pair in chains.iter().flat_map(|chain| chain.windows(2)) {
        if let [parent, child] = pair {
            forest.link(*parent, *child);
        }
    }
    forest
}

/// Step 5: threads of one base subject become one.
fn merge(forest: &mut Forest, messages: &[Threadable]) {
    let mut subjects: HashMap<usize, (String, bool)> = HashMap::new();
    let mut table: HashMap<String, usize> = HashMap::new();
    for root in forest.roots().to_vec() {
        let first = forest.message(root).or_else(|| forest.first_message_below(root));
        let subject = first
            .and_then(|first| messages.get(first))
            .map_or("", |message| message.subject.as_str());
        let (base, is_reply) = subject::base_and_reply(subject);
        let base = base.to_lowercase();
        if base.is_empty() {
            continue;
        }
        match table.entry(base.clone()) {
            Entry::Vacant(free) => {
                free.insert(root);
            }
            Entry::Occupied(mut held) => {
                let holder = *held.get();
                let holder_replies = subjects.get(&holder).is_some_and(|(_, is_reply)| *is_reply);
                let is_dummy = forest.message(root).is_none();
                if forest.message(holder).is_some() && (is_dummy || (holder_replies && !is_reply)) {
                    held.insert(root);
                }
            }
        }
        subjects.insert(root, (base, is_reply));
    }
    let mut gone = HashSet::new();
    for root in forest.roots().to_vec() {
        let Some((base, is_reply)) = subjects.get(&root) else {
            continue;
        };
        let Some(holder) = table.get(base).copied().filter(|holder| *holder != root) else {
            continue;
        };
        let holder_replies = subjects.get(&holder).is_some_and(|(_, is_reply)| *is_reply);
        gone.insert(root);
        match (forest.message(holder), forest.message(root)) {
            (None, None) => forest.give_children(root, holder),
            (None, Some(_)) => forest.adopt(holder, root),
            (Some(_), _) if *is_reply && !holder_replies => forest.adopt(holder, root),
            (Some(_), _) => {
                let dummy = forest.add();
                forest.adopt(dummy, holder);
                forest.adopt(dummy, root);
                gone.insert(holder);
                forest.add_root(dummy);
                table.insert(base.clone(), dummy);
            }
        }
    }
    forest.remove_roots(&gone);
}

#[cfg(test)]
mod tests;
