//! What `posthouse export` and `posthouse import` ask of an account: its mailboxes, messages and their bytes; and what they bring.
//!
//! Bytes of messages do not stand in the lines: they follow the line that says how many they are.

use std::io;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{
    Account, BlobSource, BroughtId, Keywords, Mailbox, MessageRow, NewMessage, Origin, Refusal, StoreError,
    View,
};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::task::spawn_blocking;
use types::{
    AccountId, BlobId, KeywordName, MailboxId, MailboxName, Role, SystemKeyword, Timestamp, Uid, UniqueId,
};

use super::{Reply, Request, State, parse};
use crate::exit::{Code, Exit};
use crate::words;

/// The largest message that is brought or fetched: more than any mail server takes, and little enough to hold.
pub(crate) const MAX_MESSAGE: usize = 256 << 20;
/// Octets of the messages that are brought together; a message that is larger comes alone.
pub(crate) const BATCH_OCTETS: usize = 4 << 20;
/// Messages that are brought together: one transaction.
pub(crate) const BATCH: usize = 200;
/// Messages of one [`Answer::Messages`].
const PAGE: usize = 1_000;
/// Ids of one [`Answer::Ids`].
const IDS: usize = 20_000;
/// Octets of one [`Answer::Octets`].
const PIECE: u64 = 4 << 20;

/// What is asked for.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// The mailboxes of an address; answered with [`Answer::Mailboxes`].
    Mailboxes(String),
    /// Messages with higher uids than this; answered with [`Answer::Messages`].
    Messages { account: u64, mailbox: u32, after: u32 },
    /// The ids by which POP3 knows messages that came from elsewhere, of messages with higher uids than this; answered with
    /// [`Answer::Ids`].
    Ids { account: u64, mailbox: u32, after: u32 },
    /// Octets of a message, at most [`PIECE`]; answered with [`Answer::Octets`].
    Read { account: u64, blob: u64, from: u64 },
    /// A mailbox, which is created where it is missing; answered with [`Answer::Opened`].
    Open(Wanted),
    /// Subscribes to a name.
    Subscribe { account: u64, name: String },
    /// Brings messages, all or none; answered with [`Answer::Brought`].
    Append(Coming),
}

/// A mailbox that is to be there.
#[derive(Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) address: String,
    pub(crate) name: String,
    /// What it is for, where it is created and no other mailbox is for it.
    pub(crate) role: Option<String>,
    pub(crate) subscribed: bool,
}

/// Messages on their way into a mailbox.
#[derive(Serialize, Deserialize)]
pub(crate) struct Coming {
    pub(crate) account: u64,
    pub(crate) mailbox: u32,
    pub(crate) messages: Vec<Arriving>,
    /// All their octets, one after the other.
    #[serde(skip)]
    pub(crate) octets: Bytes,
}

/// A message on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Arriving {
    pub(crate) size: u64,
    /// Seconds since 1970; now unless given.
    pub(crate) received: Option<i64>,
    /// [`SystemKeyword`]'s bits.
    pub(crate) system: u64,
    pub(crate) names: Vec<String>,
    /// What POP3 calls it, where it comes from.
    #[serde(default)]
    pub(crate) id: Option<String>,
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Mailboxes(Mailboxes),
    Messages(Vec<Kept>),
    /// Uids and ids, in order.
    Ids(Vec<(u32, String)>),
    Octets {
        length: usize,
        #[serde(skip)]
        octets: Bytes,
    },
    Opened {
        account: u64,
        mailbox: u32,
        created: bool,
    },
    /// What has become of the ids of messages that were brought, in their order.
    Brought(Vec<IdOutcome>),
    Done,
}

/// What has become of the id of a message that was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdOutcome {
    /// It brought none, or came into another mailbox than the inbox, the only one that POP3 knows.
    None,
    Kept,
    /// It is no id.
    Bad,
    /// Another message is called so.
    Taken,
}

/// The mailboxes of an account.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Mailboxes {
    pub(crate) account: u64,
    pub(crate) address: String,
    pub(crate) mailboxes: Vec<Shown>,
    /// Names that are subscribed to, and have no mailbox.
    pub(crate) subscriptions: Vec<String>,
}

/// A mailbox.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) role: Option<String>,
    pub(crate) subscribed: bool,
    pub(crate) messages: u64,
    pub(crate) validity: u32,
}

/// A message of a mailbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) uid: u32,
    pub(crate) entry: u64,
    pub(crate) blob: u64,
    pub(crate) size: u32,
    pub(crate) received: i64,
    pub(crate) system: u64,
    pub(crate) names: Vec<String>,
}

impl Ask {
    /// How many octets follow the line.
    pub(super) fn attached(&self) -> Option<usize> {
        let Ask::Append(coming) = self else { return None };
        let sum = coming
            .messages
            .iter()
            .fold(0_u64, |sum, one| sum.saturating_add(one.size));
        Some(usize::try_from(sum).unwrap_or(usize::MAX))
    }

    /// Takes the octets that followed.
    pub(super) fn attach(&mut self, octets: Bytes) {
        if let Ask::Append(coming) = self {
            coming.octets = octets;
        }
    }

    /// What follows the line.
    pub(super) fn octets(&self) -> Bytes {
        match self {
            Ask::Append(coming) => coming.octets.clone(),
            _ => Bytes::new(),
        }
    }
}

impl Answer {
    /// How many octets follow the line.
    pub(super) fn attached(&self) -> usize {
        match self {
            Answer::Octets { length, .. } => *length,
            _ => 0,
        }
    }

    /// Takes the octets that followed.
    pub(super) fn attach(&mut self, followed: Bytes) {
        if let Answer::Octets { octets, .. } = self {
            *octets = followed;
        }
    }

    /// What follows the line.
    pub(super) fn octets(&self) -> Bytes {
        match self {
            Answer::Octets { octets, .. } => octets.clone(),
            _ => Bytes::new(),
        }
    }
}

/// Reads the bytes that follow a request.
pub(super) async fn read_attached(
    read: &mut (impl AsyncRead + Unpin),
    request: &mut Request,
) -> io::Result<()> {
    if let Request::Mail(ask) = request
        && let Some(length) = ask.attached()
    {
        ask.attach(read_exactly(read, length).await?);
    }
    Ok(())
}

/// So many bytes and no fewer; memory grows with what comes.
pub(super) async fn read_exactly(read: &mut (impl AsyncRead + Unpin), length: usize) -> io::Result<Bytes> {
    if length > MAX_MESSAGE {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut octets = Vec::new();
    read.take(length as u64).read_to_end(&mut octets).await?;
    match octets.len() == length {
        true => Ok(octets.into()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Answers.
pub(super) async fn answer(state: &State, ask: Ask) -> Result<Reply, Exit> {
    let answer = match ask {
        Ask::Mailboxes(address) => Answer::Mailboxes(mailboxes(state, &address).await?),
        Ask::Messages {
            account,
            mailbox,
            after,
        } => {
            let account = of(state, account).await?;
            let view = account.view(MailboxId(mailbox)).await.map_err(failed)?;
            let rows = view.uids(Uid(after).next(), Uid(u32::MAX)).take(PAGE);
            Answer::Messages(rows.map(|(_, row)| kept(row, &view)).collect())
        }
        Ask::Ids {
            account,
            mailbox,
            after,
        } => ids(state, account, (mailbox, after)).await?,
        Ask::Read { account, blob, from } => {
            let account = of(state, account).await?;
            let range = from..from.saturating_add(PIECE);
            let octets = account.read_blob(BlobId(blob), range).await.map_err(failed)?;
            Answer::Octets {
                length: octets.len(),
                octets,
            }
        }
        Ask::Open(wanted) => open(state, wanted).await?,
        Ask::Subscribe { account, name } => {
            let account = of(state, account).await?;
            account.subscribe(name_of(&name)?).await.map_err(failed)?;
            Answer::Done
        }
        Ask::Append(coming) => append(state, coming).await?,
    };
    Ok(Reply::Mail(answer))
}

async fn of(state: &State, account: u64) -> Result<Account, Exit> {
    state.store.account(AccountId(account)).await.map_err(failed)
}

async fn at(state: &State, address: &str) -> Result<Account, Exit> {
    let id = state.directory.account(&parse(address)?).await?;
    of(state, id.0).await
}

fn failed(error: StoreError) -> Exit {
    match error {
        StoreError::Failed(error) => error.into(),
        StoreError::Refused(refusal) => {
            Exit::in_both(Code::CannotCreate, refusal.to_string(), refusal_chinese(refusal))
        }
        unreadable @ StoreError::UnreadableRow { .. } => Exit::new(Code::Data, unreadable.to_string()),
    }
}

fn refusal_chinese(refusal: Refusal) -> String {
    let words = match refusal {
        Refusal::NoAccount => "账户已被删除",
        Refusal::NoMailbox => "没有这个邮箱",
        Refusal::MailboxExists => "已有同名的邮箱",
        Refusal::TooManyMailboxes => "账户的邮箱太多",
        Refusal::TooManySubscriptions => "账户的订阅太多",
        Refusal::NoMemory => "目前没有足够的内存读取这个邮箱，请稍后再试",
        Refusal::OverQuota => "账户的空间不足",
        Refusal::MessageTooLarge => "邮件太大",
        other => return other.to_string(),
    };
    words.to_owned()
}

fn name_of(name: &str) -> Result<MailboxName, Exit> {
    MailboxName::check(name).map_err(|error| {
        let shown = name.escape_debug();
        let chinese = format!(
            "{shown} 不能作为邮箱的名称：{}",
            words::mailbox_name_chinese(error)
        );
        Exit::in_both(Code::Data, format!("{shown}: {error}"), chinese)
    })
}

async fn mailboxes(state: &State, address: &str) -> Result<Mailboxes, Exit> {
    let account = at(state, address).await?;
    let mut subscriptions = account.subscriptions();
    let show = |mailbox: Mailbox| Shown {
        id: mailbox.id.0,
        subscribed: subscriptions.remove(&mailbox.name),
        name: mailbox.name.to_string(),
        role: mailbox.role.map(|role| role_name(role).to_owned()),
        messages: mailbox.messages.into(),
        validity: mailbox.validity.0,
    };
    let mailboxes = account.mailboxes().into_iter().map(show).collect();
    Ok(Mailboxes {
        account: account.id().0,
        address: address.to_owned(),
        mailboxes,
        subscriptions: subscriptions.iter().map(ToString::to_string).collect(),
    })
}

fn kept(row: &MessageRow, view: &View) -> Kept {
    let bits = SystemKeyword::COUNT..u64::BITS;
    let set = view
        .keywords()
        .iter()
        .zip(bits)
        .filter(|(_, bit)| row.keywords & (1 << bit) != 0);
    Kept {
        uid: row.uid.0,
        entry: row.entry.0,
        blob: row.blob.0,
        size: row.size,
        received: row.received.0,
        system: row.keywords & ((1 << SystemKeyword::COUNT) - 1),
        names: set.map(|(name, _)| name.to_string()).collect(),
    }
}

async fn ids(state: &State, account: u64, (mailbox, after): (u32, u32)) -> Result<Answer, Exit> {
    let account = of(state, account).await?;
    let known = account.known_ids(MailboxId(mailbox)).await.map_err(failed)?;
    let mut ids: Vec<(u32, String)> = known
        .into_iter()
        .filter(|(uid, _)| uid.0 > after)
        .map(|(uid, id)| (uid.0, id.to_string()))
        .collect();
    ids.sort_unstable();
    ids.truncate(IDS);
    Ok(Answer::Ids(ids))
}

async fn open(state: &State, wanted: Wanted) -> Result<Answer, Exit> {
    let account = at(state, &wanted.address).await?;
    let name = name_of(&wanted.name)?;
    let opened = |mailbox: &Mailbox, created| Answer::Opened {
        account: account.id().0,
        mailbox: mailbox.id.0,
        created,
    };
    let answer = match account.mailbox(&name) {
        Some(mailbox) => opened(&mailbox, false),
        None => {
            let role = wanted.role.as_deref().and_then(role_named);
            let taken = account.mailboxes().iter().any(|one| one.role == role);
            let role = role.filter(|_| !taken);
            let created = account.create_mailbox(name.clone(), role).await;
            opened(&created.map_err(failed)?, true)
        }
    };
    if wanted.subscribed {
        account.subscribe(name).await.map_err(failed)?;
    }
    Ok(answer)
}

async fn append(state: &State, coming: Coming) -> Result<Answer, Exit> {
    let account = of(state, coming.account).await?;
    let Coming {
        mailbox,
        messages,
        mut octets,
        ..
    } = coming;
    let now = server::system_clock()();
    let mailbox = MailboxId(mailbox);
    let has_ids = account
        .mailbox_by_id(mailbox)
        .is_some_and(|mailbox| mailbox.name == MailboxName::inbox());
    // Parsing takes its time: away from the threads that serve connections.
    let prepared = spawn_blocking(move || {
        let prepare = |arriving: Arriving| {
            let size = usize::try_from(arriving.size).unwrap_or(usize::MAX);
            let bytes = octets.split_to(size.min(octets.len()));
            let message = NewMessage {
                facts: server::facts::facts_of(&bytes),
                source: BlobSource::Bytes(bytes),
                keywords: keywords(&arriving),
                received: arriving.received.map_or(now, Timestamp),
            };
            let id = arriving.id.filter(|_| has_ids).map(|id| UniqueId::check(&id));
            (message, id)
        };
        messages.into_iter().map(prepare).collect::<Vec<_>>()
    });
    let prepared = prepared
        .await
        .map_err(|error| Exit::new(Code::Temporary, error.to_string()))?;
    let bad: Vec<bool> = prepared
        .iter()
        .map(|(_, id)| matches!(id, Some(Err(_))))
        .collect();
    let messages = prepared.into_iter().map(|(message, id)| {
        let id = id.and_then(Result::ok);
        (
            message,
            Origin {
                id,
                ..Origin::default()
            },
        )
    });
    let brought = account.bring(mailbox, messages.collect()).await.map_err(failed)?;
    let outcomes = brought.iter().zip(bad).map(|(brought, bad)| match brought.id {
        _ if bad => IdOutcome::Bad,
        BroughtId::None => IdOutcome::None,
        BroughtId::Kept => IdOutcome::Kept,
        BroughtId::Taken => IdOutcome::Taken,
    });
    Ok(Answer::Brought(outcomes.collect()))
}

fn keywords(arriving: &Arriving) -> Keywords {
    let names = arriving.names.iter();
    Keywords {
        system: arriving.system,
        names: names.filter_map(|name| KeywordName::check(name).ok()).collect(),
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Archive => "archive",
        Role::Drafts => "drafts",
        Role::Junk => "junk",
        Role::Sent => "sent",
        Role::Trash => "trash",
    }
}

fn role_named(name: &str) -> Option<Role> {
    Role::ALL.into_iter().find(|role| role_name(*role) == name)
}
