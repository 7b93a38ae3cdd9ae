//! What is said of mailboxes: LIST, STATUS, NAMESPACE, QUOTA, QUOTAROOT, ID (RFC 9051 §7.3, RFC 9208 §4.2, RFC 2971 §3.2).

use bytes::Bytes;

use super::reader::{Reader, text};
use crate::Mode;
use crate::grammar::cursor::ParseError;
use crate::grammar::mailbox::decode;

/// The name of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListedName {
    /// As it goes over the wire, and is to be used in commands.
    pub wire: Bytes,
    /// As a person reads it; where the encoding is broken, as it is written.
    pub text: Box<str>,
}

impl ListedName {
    /// The name that goes over the wire so.
    #[must_use]
    pub fn read(wire: Bytes, mode: Mode) -> Self {
        let text = decode(&wire, mode).map_or_else(|| text(&wire), Into::into);
        ListedName { wire, text }
    }

    /// Whether it is INBOX, which is the same in any case (RFC 9051 §5.1).
    #[must_use]
    pub fn is_inbox(&self) -> bool {
        self.wire.eq_ignore_ascii_case(b"INBOX")
    }
}

/// A line of LIST or LSUB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// `\Noselect`, `\HasChildren`, `\Sent`, … as the server writes them.
    pub attributes: Vec<Box<str>>,
    /// What separates the levels of the hierarchy; nothing where there is only one.
    pub separator: Option<char>,
    /// Its name.
    pub name: ListedName,
    /// Under which name it was known before (RFC 9051 §6.3.9.7).
    pub old_name: Option<ListedName>,
}

impl Listed {
    /// Whether it has an attribute, in any case.
    #[must_use]
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes
            .iter()
            .any(|own| own.eq_ignore_ascii_case(attribute))
    }

    /// Whether it can be opened.
    #[must_use]
    pub fn is_selectable(&self) -> bool {
        !self.has("\\Noselect") && !self.has("\\NonExistent")
    }
}

/// `mailbox-list`.
pub(super) fn listed(reader: &mut Reader<'_>) -> Result<Listed, ParseError> {
    let attributes = reader.strings()?.iter().map(|word| text(word)).collect();
    let separator = reader.nstring()?;
    let separator = separator.and_then(|separator| text(&separator).chars().next());
    let name = name_to_end(reader)?;
    let mut old_name = None;
    if reader.has_more() && reader.take(b'(') {
        while reader.next_item()? {
            let tag = reader.string("the tag of extended data")?;
            if tag.eq_ignore_ascii_case(b"OLDNAME") {
                old_name = reader.strings()?.pop();
            } else {
                reader.skip()?;
            }
        }
    }
    let mode = reader.cursor.mode();
    Ok(Listed {
        attributes,
        separator,
        name: ListedName::read(name, mode),
        old_name: old_name.map(|name| ListedName::read(name, mode)),
    })
}

/// A mailbox's name. Some servers write spaces in it without quotes: then it goes on to the end.
fn name_to_end(reader: &mut Reader<'_>) -> Result<Bytes, ParseError> {
    reader.spaces();
    if matches!(reader.peek(), Some(b'"' | b'{')) {
        return reader.string("a mailbox name");
    }
    let before = reader.clone();
    let first = reader.cursor.run(|octet| octet != b' ', "a mailbox name")?;
    if !reader.has_more() || reader.peek() == Some(b'(') {
        return Ok(first);
    }
    *reader = before;
    let whole = reader.rest();
    Ok(whole.slice_ref(whole.trim_ascii()))
}

/// What STATUS says of a mailbox, as far as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailboxStatus {
    /// How many messages there are.
    pub messages: Option<u64>,
    /// How many of them have `\Recent`.
    pub recent: Option<u64>,
    /// The next uid, or a lower bound.
    pub uid_next: Option<u64>,
    /// The validity of the uids.
    pub uid_validity: Option<u64>,
    /// How many are not seen.
    pub unseen: Option<u64>,
    /// How many have `\Deleted`.
    pub deleted: Option<u64>,
    /// The octets of all messages.
    pub size: Option<u64>,
    /// The highest mod-sequence.
    pub highest_mod_sequence: Option<u64>,
    /// How large a message can be.
    pub append_limit: Option<u64>,
    /// What the mailbox is called for ever.
    pub mailbox_id: Option<Box<str>>,
}

/// `mailbox SP "(" status-att-list ")"`.
pub(super) fn status(reader: &mut Reader<'_>) -> Result<(ListedName, MailboxStatus), ParseError> {
    let name = match reader.peek() {
        Some(b'"' | b'{') => reader.string("a mailbox name")?,
        _ => unquoted_before_list(reader)?,
    };
    let name = ListedName::read(name, reader.cursor.mode());
    let mut status = MailboxStatus::default();
    reader.opens()?;
    while reader.is_more() {
        let item = reader.word("an item of STATUS")?.to_ascii_uppercase();
        let value = match item.as_slice() {
            b"MAILBOXID" => {
                status.mailbox_id = reader.strings()?.first().map(|id| text(id));
                continue;
            }
            b"MESSAGES" => &mut status.messages,
            b"RECENT" => &mut status.recent,
            b"UIDNEXT" => &mut status.uid_next,
            b"UIDVALIDITY" => &mut status.uid_validity,
            b"UNSEEN" => &mut status.unseen,
            b"DELETED" => &mut status.deleted,
            b"SIZE" => &mut status.size,
            b"HIGHESTMODSEQ" => &mut status.highest_mod_sequence,
            b"APPENDLIMIT" => &mut status.append_limit,
            _ => {
                reader.skip()?;
                continue;
            }
        };
        *value = reader.number_or_nil()?;
    }
    Ok((name, status))
}

/// A name without quotes, with spaces in it or not, up to the list at the end.
fn unquoted_before_list(reader: &mut Reader<'_>) -> Result<Bytes, ParseError> {
    let rest = reader.cursor.rest();
    let list = memchr::memmem::rfind(rest, b" (").ok_or_else(|| reader.wanted("a list in parentheses"))?;
    let before = reader.cursor.clone();
    reader.cursor.skip(list);
    let whole = reader.cursor.since(&before);
    Ok(whole.slice_ref(whole.trim_ascii()))
}

/// A namespace: what names in it begin with, and what separates their levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// What every name in it begins with.
    pub prefix: ListedName,
    /// What separates levels.
    pub separator: Option<char>,
}

/// The namespaces (RFC 9051 §7.3.3, RFC 2342 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// One's own.
    pub personal: Vec<Namespace>,
    /// Those of other users.
    pub others: Vec<Namespace>,
    /// Those of nobody.
    pub shared: Vec<Namespace>,
}

/// `Namespace SP Namespace SP Namespace`.
pub(super) fn namespaces(reader: &mut Reader<'_>) -> Result<Namespaces, ParseError> {
    Ok(Namespaces {
        personal: namespace_list(reader)?,
        others: namespace_list(reader)?,
        shared: namespace_list(reader)?,
    })
}

fn namespace_list(reader: &mut Reader<'_>) -> Result<Vec<Namespace>, ParseError> {
    let mut list = Vec::new();
    if !reader.has_more() || !reader.opens()? {
        return Ok(list);
    }
    while reader.next_item()? {
        if !reader.take(b'(') {
            reader.skip()?;
            continue;
        }
        let prefix = reader.nstring()?.unwrap_or_default();
        let separator = reader.nstring()?;
        reader.close()?;
        list.push(Namespace {
            prefix: ListedName::read(prefix, reader.cursor.mode()),
            separator: separator.and_then(|separator| text(&separator).chars().next()),
        });
    }
    Ok(list)
}

/// What a quota root has, and may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The root.
    pub root: Box<str>,
    /// Its resources.
    pub resources: Vec<QuotaResource>,
}

/// A resource of a quota root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaResource {
    /// `STORAGE`, in units of 1,024 octets, or `MESSAGE`, or another (RFC 9208 §5).
    pub name: Box<str>,
    /// How much there is.
    pub usage: u64,
    /// How much there may be.
    pub limit: u64,
}

/// `quota-response`, behind its name.
pub(super) fn quota(reader: &mut Reader<'_>) -> Result<Quota, ParseError> {
    let root = text(&reader.nstring()?.unwrap_or_default());
    let mut resources = Vec::new();
    if reader.opens()? {
        while reader.next_item()? {
            resources.push(QuotaResource {
                name: text(&reader.string("the name of a resource")?),
                usage: reader.number()?,
                limit: reader.number()?,
            });
        }
    }
    Ok(Quota { root, resources })
}

/// Which roots a mailbox counts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaRoot {
    /// The mailbox.
    pub mailbox: ListedName,
    /// Its roots.
    pub roots: Vec<Box<str>>,
}

/// `quotaroot-response`, behind its name.
pub(super) fn quota_root(reader: &mut Reader<'_>) -> Result<QuotaRoot, ParseError> {
    let mailbox = ListedName::read(reader.string("a mailbox name")?, reader.cursor.mode());
    let mut roots = Vec::new();
    while reader.has_more() {
        roots.push(text(&reader.string("a quota root")?));
    }
    Ok(QuotaRoot { mailbox, roots })
}

/// A name that a server gives itself something by, and its value.
pub(super) type IdField = (Box<str>, Option<Box<str>>);

/// `"(" string SP nstring … ")" / nil`, behind `ID`.
pub(super) fn id(reader: &mut Reader<'_>) -> Result<Vec<IdField>, ParseError> {
    let mut fields = Vec::new();
    if reader.opens()? {
        while reader.next_item()? {
            let name = reader.nstring()?.unwrap_or_default();
            let value = reader.nstring()?;
            fields.push((text(&name), value.map(|value| text(&value))));
        }
    }
    Ok(fields)
}
