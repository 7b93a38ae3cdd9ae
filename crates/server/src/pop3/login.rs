//! USER and PASS (RFC 1939 §7): verifies, takes the lease, and looks at what is there.

use pop3::command::Password;
use pop3::{Maildrop, Message, Refusal, Session, reply};
use sasl::{Credentials, Secret};
use store::{Account, StoreError};
use types::{MailboxName, Octets};

use super::connection::{Connection, Failed};
use super::lease::Lease;
use super::transaction::{Opened, Place};
use crate::imap::Passwords;

impl Connection {
    /// USER: any name is as good as another (no user enumeration).
    pub(super) fn user(&mut self, name: Box<str>) -> Result<(), Refusal> {
        self.check_passwords()?;
        self.session = Session::Named(name);
        reply::ok("Send the password", self.lines.output());
        Ok(())
    }

    /// PASS. May I — find — do — tell.
    pub(super) async fn pass(&mut self, password: Password) -> Result<(), Failed> {
        self.check_passwords()?;
        let Session::Named(login) = std::mem::replace(&mut self.session, Session::Authorization) else {
            return Err(Refusal::UserFirst.into());
        };
        let credentials = Credentials {
            act_as: None,
            login: login.into(),
            password: Secret::new(password.0),
        };
        let account = match self.door.authority.log_in(&credentials, self.door.peer).await {
            Ok(account) => account,
            Err(refusal) => {
                self.login_failures += 1;
                return Err(refusal.into());
            }
        };
        let lease = self.door.leases.take(account.id()).ok_or(Refusal::InUse)?;
        let opened = open(account, lease).await.map_err(|error| {
            tracing::error!(%error, "a maildrop could not be opened");
            Refusal::StoreFailed
        })?;
        let (count, size) = opened.maildrop.count();
        reply::ok(
            format_args!("{count} messages ({size} octets)"),
            self.lines.output(),
        );
        self.session = Session::Transaction(Box::new(opened));
        Ok(())
    }

    /// RFC 2595 §2.1: no password in the clear.
    fn check_passwords(&self) -> Result<(), Refusal> {
        match self.door.passwords {
            Passwords::Allowed => Ok(()),
            Passwords::Forbidden => Err(Refusal::TlsRequired),
        }
    }
}

/// The messages of the inbox as they are now.
async fn open(account: Account, lease: Lease) -> Result<Opened, StoreError> {
    let inbox = account
        .mailbox(&MailboxName::inbox())
        .ok_or(store::Refusal::NoMailbox)?
        .id;
    let view = account.view(inbox).await?;
    let messages = view.iter().map(|(_, row)| Message {
        entry: row.entry,
        size: Octets(row.size.into()),
        place: Place {
            uid: row.uid,
            blob: row.blob,
        },
    });
    Ok(Opened {
        maildrop: Maildrop::new(messages.collect()),
        account,
        inbox,
        _lease: lease,
    })
}
