//! The messages of a session: what they were at the login, and which of them are marked (RFC 1939 §5).

use std::collections::HashMap;
use std::fmt::{self, Display};

use bytes::BytesMut;
use types::{EntryId, Octets, OwnId, UniqueId};

use crate::reply;
use crate::{Number, Refusal};

/// A message, with what a server keeps of it: a `T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<T> {
    /// The copy, whose number is never used again: what UIDL says, unless it has brought an id from elsewhere.
    pub entry: EntryId,
    /// Its size as it is sent, with CRLF line ends and without dots (RFC 1939 §11, RFC 6856 §2.1).
    pub size: Octets,
    /// What a server finds it by.
    pub place: T,
}

/// The messages of a session. Their numbers are their positions, and stay.
#[derive(Debug)]
pub struct Maildrop<T> {
    messages: Vec<Message<T>>,
    deleted: Vec<bool>,
    /// The ids of those that have brought one from another server.
    known: HashMap<EntryId, UniqueId>,
}

/// A message's id as UIDL prints it (RFC 1939 §7: 1 to 70 characters of 0x21 to 0x7E).
#[derive(Clone, Copy, Debug)]
enum Id<'m> {
    Known(&'m UniqueId),
    Own(OwnId),
}

impl Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Known(known) => known.fmt(f),
            Id::Own(own) => own.fmt(f),
        }
    }
}

impl<T> Maildrop<T> {
    /// The messages there are at the login.
    #[must_use]
    pub fn new(messages: Vec<Message<T>>) -> Self {
        Maildrop {
            deleted: Vec::new(),
            messages,
            known: HashMap::new(),
        }
    }

    /// With the ids that some of them have brought from another server; no two messages have one.
    #[must_use]
    pub fn with_known(self, known: HashMap<EntryId, UniqueId>) -> Self {
        Maildrop { known, ..self }
    }

    /// What UIDL says of a message.
    pub fn unique_id(&self, message: &Message<T>) -> impl Display {
        match self.known.get(&message.entry) {
            Some(known) => Id::Known(known),
            None => Id::Own(OwnId(message.entry)),
        }
    }

    /// The message of a number.
    ///
    /// # Errors
    /// When there is none, or it is marked as deleted.
    pub fn find(&self, number: Number) -> Result<&Message<T>, Refusal> {
        let at = number.0.checked_sub(1).ok_or(Refusal::NoSuchMessage)?;
        let message = self.messages.get(at).ok_or(Refusal::NoSuchMessage)?;
        match self.is_deleted(at) {
            true => Err(Refusal::Deleted),
            false => Ok(message),
        }
    }

    fn is_deleted(&self, at: usize) -> bool {
        self.deleted.get(at).copied().unwrap_or(false)
    }

    /// Marks a message. It goes at QUIT, not before.
    ///
    /// # Errors
    /// When there is none, or it is marked already.
    pub fn delete(&mut self, number: Number) -> Result<(), Refusal> {
        self.find(number)?;
        if self.deleted.is_empty() {
            self.deleted = vec![false; self.messages.len()];
        }
        if let Some(mark) = number.0.checked_sub(1).and_then(|at| self.deleted.get_mut(at)) {
            *mark = true;
        }
        Ok(())
    }

    /// Takes all marks away.
    pub fn reset(&mut self) {
        self.deleted = Vec::new();
    }

    /// The messages that go at QUIT.
    pub fn deleted(&self) -> impl Iterator<Item = &Message<T>> {
        self.deleted
            .iter()
            .zip(&self.messages)
            .filter_map(|(deleted, message)| deleted.then_some(message))
    }

    /// The messages that are not marked, with their numbers.
    pub fn remaining(&self) -> impl Iterator<Item = (Number, &Message<T>)> {
        self.messages
            .iter()
            .enumerate()
            .filter(|(at, _)| !self.is_deleted(*at))
            .map(|(at, message)| (Number(at + 1), message))
    }

    /// How many there are that are not marked, and their octets together.
    #[must_use]
    pub fn count(&self) -> (usize, Octets) {
        self.remaining()
            .fold((0, Octets(0)), |(count, Octets(size)), (_, message)| {
                (count + 1, Octets(size.saturating_add(message.size.0)))
            })
    }

    /// Prints the answer to STAT.
    pub fn print_stat(&self, out: &mut BytesMut) {
        let (count, size) = self.count();
        reply::ok(format_args!("{count} {size}"), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maildrop() -> Maildrop<()> {
        let message = |entry, size| Message {
            entry: EntryId(entry),
            size: Octets(size),
            place: (),
        };
        Maildrop::new(vec![message(7, 100), message(255, 20), message(300, 3)])
    }

    #[test]
    fn numbers_stay_and_marked_messages_do_not_count() {
        let mut drop = maildrop();
        assert_eq!(drop.find(Number(0)), Err(Refusal::NoSuchMessage));
        assert_eq!(drop.find(Number(4)), Err(Refusal::NoSuchMessage));
        assert_eq!(drop.delete(Number(4)), Err(Refusal::NoSuchMessage));
        assert_eq!(drop.delete(Number(2)), Ok(()));
        assert_eq!(drop.delete(Number(2)), Err(Refusal::Deleted));
        assert_eq!(drop.find(Number(2)), Err(Refusal::Deleted));
        assert_eq!(drop.find(Number(3)).map(|m| m.entry), Ok(EntryId(300)));
        assert_eq!(drop.count(), (2, Octets(103)));
        assert_eq!(drop.deleted().map(|m| m.entry.0).collect::<Vec<_>>(), [255]);
        drop.reset();
        assert_eq!(drop.count(), (3, Octets(123)));
        assert_eq!(drop.deleted().count(), 0);
    }

    #[test]
    fn what_is_left_is_counted() {
        let mut drop = maildrop();
        drop.delete(Number(1)).unwrap();
        let mut out = BytesMut::new();
        drop.print_stat(&mut out);
        assert_eq!(out, "+OK 2 23\r\n");
        let ids = |drop: &Maildrop<()>| {
            let ids = drop
                .remaining()
                .map(|(_, message)| drop.unique_id(message).to_string());
            ids.collect::<Vec<_>>()
        };
        assert_eq!(ids(&drop), ["00000000000000ff", "000000000000012c"]);
        let known = [(EntryId(300), UniqueId::check("0000000b4c5f6a2b").unwrap())];
        let drop = drop.with_known(known.into());
        assert_eq!(ids(&drop), ["00000000000000ff", "0000000b4c5f6a2b"]);
    }
}
