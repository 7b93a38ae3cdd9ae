//! Which function carries out which command, in which state.

use ::store::{Appended, Copied};
use imap::Refusal;
use imap::command::Command;
use imap::command::enable::{Enable, UTF8_ACCEPT};
use imap::grammar::mailbox::MailboxArgument;
use imap::grammar::set::Numbering;
use imap::response::mailbox;
use types::{MailboxId, Uid};

use super::selected::{Access, Expunges};
use super::session::{Session, State};
use super::stop::Stop;
use super::{
    append, copy, expunge, fetch, list, login, mailbox as mailboxes, r#move, quota, search, select, status,
    store as store_flags,
};

/// What the tagged response says.
pub(super) enum Outcome {
    Done(&'static str),
    LoggedIn,
    Opened(Access),
    /// With those of which a surrogate was shown.
    Fetched {
        downgraded: Vec<Uid>,
    },
    Created(MailboxId),
    Appended(Vec<Appended>),
    Copied(Copied),
}

impl Session {
    /// Carries out a command; its tagged response is not printed yet.
    pub(super) async fn carry_out(&mut self, command: Command) -> Result<Outcome, Stop> {
        match command {
            Command::Capability => {
                let words = self.capabilities();
                mailbox::capability(self.connection.out(), &words);
                Ok(Outcome::Done("listed"))
            }
            Command::Login(login) => {
                let entered = login::login(&self.door, login).await?;
                Ok(self.logged_in(entered))
            }
            Command::Authenticate(authenticate) => {
                let entered = login::authenticate(self, authenticate).await?;
                Ok(self.logged_in(entered))
            }
            Command::Select(name) => self.open(&name, Access::ReadWrite).await,
            Command::Examine(name) => self.open(&name, Access::ReadOnly).await,
            Command::Id(_) => {
                identify(self.connection.out());
                Ok(Outcome::Done("pleased to meet you"))
            }
            Command::Unselect => {
                let account = self.account()?.clone();
                self.state = State::Authenticated(account);
                Ok(Outcome::Done("closed"))
            }
            Command::Noop | Command::Check => Ok(Outcome::Done("done")),
            command => match &self.state {
                State::Selected(_) => self.in_mailbox(command).await,
                _ => self.in_account(command).await,
            },
        }
    }

    /// A mailbox that was open is closed, whether or not the other can be opened (RFC 3501 §6.3.1).
    async fn open(&mut self, name: &MailboxArgument, access: Access) -> Result<Outcome, Stop> {
        let account = self.account()?.clone();
        self.state = State::Authenticated(account.clone());
        let selected =
            select::select((&account, &self.door.terms), self.connection.out(), name, access).await?;
        self.state = State::Selected(Box::new(selected));
        Ok(Outcome::Opened(access))
    }

    /// Commands about the account.
    async fn in_account(&mut self, command: Command) -> Result<Outcome, Stop> {
        let account = self.account()?.clone();
        let connection = &mut self.connection;
        let done = |text| Ok(Outcome::Done(text));
        match command {
            Command::Enable(command) => self.enable(&command).map_err(Stop::from).and(done("enabled")),
            Command::Namespace => {
                mailbox::namespace(connection.out());
                done("told")
            }
            Command::GetQuota(command) => quota::quota(&account, connection.out(), &command)
                .map_err(Stop::from)
                .and(done("told")),
            Command::GetQuotaRoot(command) => quota::quota_root(&account, connection.out(), &command)
                .map_err(Stop::from)
                .and(done("told")),
            Command::Create(name) => mailboxes::create(&account, &name).await.map(Outcome::Created),
            Command::Delete(name) => {
                let deleted = mailboxes::delete(&account, &name).await?;
                if let State::Selected(selected) = &self.state
                    && selected.mailbox() == deleted
                {
                    self.state = State::Authenticated(account);
                }
                done("deleted")
            }
            Command::Rename(names) => mailboxes::rename(&account, &names).await.and(done("renamed")),
            Command::Subscribe(name) => mailboxes::subscribe(&account, &name)
                .await
                .and(done("subscribed")),
            Command::Unsubscribe(name) => mailboxes::unsubscribe(&account, &name)
                .await
                .and(done("unsubscribed")),
            Command::List(command) => {
                list::list(&account, connection, &command).await?;
                done("listed")
            }
            Command::Lsub(command) => {
                list::lsub(&account, connection, &command).await?;
                done("listed")
            }
            Command::Status(command) => {
                let append_limit = self.door.message_limit;
                let mode = connection.mode();
                status::status(
                    (&account, &self.door.terms),
                    connection.out(),
                    &command,
                    (mode, append_limit),
                )
                .await
                .and(done("told"))
            }
            Command::Append(command) => {
                let now = (self.door.now)();
                append::append((&account, &self.door.terms.workspace), command, now)
                    .await
                    .map(Outcome::Appended)
            }
            _ => Err(Refusal::State.into()),
        }
    }

    /// RFC 5161 §3.1: words that are not known, or need not be enabled, are passed over.
    fn enable(&mut self, command: &Enable) -> Result<(), Refusal> {
        let mut enabled: &[&str] = &[];
        if command.asks_for(UTF8_ACCEPT) {
            // RFC 6855 §3: with no mailbox open; its messages were shown in another form.
            if matches!(self.state, State::Selected(_)) {
                return Err(Refusal::State);
            }
            self.connection.enable_utf8();
            enabled = &[UTF8_ACCEPT];
        }
        mailbox::enabled(self.connection.out(), enabled);
        Ok(())
    }

    /// Commands about the open mailbox, and all others with it open.
    async fn in_mailbox(&mut self, command: Command) -> Result<Outcome, Stop> {
        let State::Selected(selected) = &mut self.state else {
            return Err(Refusal::State.into());
        };
        let connection = &mut self.connection;
        let done = |text| Ok(Outcome::Done(text));
        match command {
            Command::Fetch(command) => {
                let downgraded = fetch::fetch(selected, connection, command).await?;
                Ok(Outcome::Fetched { downgraded })
            }
            Command::Store(command) => store_flags::store(selected, connection, command)
                .await
                .and(done("stored")),
            Command::Search(command) => {
                let asked = (connection.mode(), (self.door.now)());
                let found = search::search(selected, command, asked).await?;
                search::tell(connection, &found.numbers).await?;
                done("searched")
            }
            Command::Copy(command) => match copy::copy(selected, &command).await? {
                Some(copied) => Ok(Outcome::Copied(copied)),
                None => done("nothing to copy"),
            },
            Command::Move(command) => r#move::r#move(selected, connection, &command)
                .await
                .and(done("moved")),
            Command::Expunge(command) => expunge::expunge(selected, command).await.and(done("expunged")),
            Command::Close => {
                let closed = expunge::close(selected).await;
                self.state = State::Authenticated(selected.account().clone());
                closed.and(done("closed"))
            }
            command => self.in_account(command).await,
        }
    }
}

/// ID: what is no secret, and nothing of the machine (RFC 2971 §7).
fn identify(out: &mut Vec<u8>) {
    let fields = [("name", "Posthouse"), ("version", env!("CARGO_PKG_VERSION"))];
    mailbox::id(out, &fields);
}

/// What may be told while a command is answered: no EXPUNGE in answer to FETCH, STORE and SEARCH, which the commands
/// with UID are not (RFC 3501 §7.4.1), and uids where UID stands before the command (RFC 3501 §6.4.8).
pub(super) fn manner(command: &Command) -> (Expunges, Numbering) {
    let numbering = match command {
        Command::Fetch(fetch) => fetch.messages.numbering(),
        Command::Store(store) => store.messages.numbering(),
        Command::Search(search) => search.numbering,
        Command::Copy(copy) => return (Expunges::Tell, copy.messages.numbering()),
        Command::Move(r#move) => return (Expunges::Tell, r#move.messages.numbering()),
        _ => return (Expunges::Tell, Numbering::Positions),
    };
    match numbering {
        Numbering::Positions => (Expunges::Hold, numbering),
        Numbering::Uids => (Expunges::Tell, numbering),
    }
}
