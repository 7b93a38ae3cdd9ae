//! USER and PASS (RFC 1939 §7), and what every login ends with: verifies, takes the lease, and looks at what is there.
//!
//! DEVIATION RFC 6856 §2.2: SASLprep is not applied here. Names and passwords are prepared by the directory, as RFC 8265 has
//! it, which takes the place of SASLprep.

use std::collections::HashMap;
use std::sync::Arc;

use pop3::command::Password;
use pop3::reply::Words;
use pop3::{Maildrop, Refusal, Session};
use sasl::{Credentials, Secret};
use store::{Account, StoreError};
use types::MailboxName;

use super::connection::{Connection, Failed, Mode};
use super::door::Door;
use super::lease::Lease;
use super::transaction::{Opened, Place, refusal_of};
use crate::authenticate::Entered;
use crate::imap::Passwords;
use crate::outlet::SMALL;

impl Connection {
    /// USER: any name is as good as another (no user enumeration).
    pub(super) fn user(&mut self, name: Box<str>) -> Result<(), Refusal> {
        self.check_passwords()?;
        self.session = Session::Named(name);
        self.grant(Words::SendPassword);
        Ok(())
    }

    /// PASS.
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
        let outcome = self.door.authority.log_in(&credentials, self.door.peer).await;
        self.admit(outcome).await
    }

    /// Opens the maildrop of whoever was verified.
    pub(super) async fn admit(&mut self, outcome: Result<Entered, Refusal>) -> Result<(), Failed> {
        let Entered { account, standing } = match outcome {
            Ok(entered) => entered,
            Err(refusal) => {
                self.login_failures += 1;
                return Err(refusal.into());
            }
        };
        let site = &self.door.site;
        let id = account.id();
        // Only who has shown the password is told (RFC 2449 §8.1.1).
        let delay = site.delays.of(id).await;
        site.delays.check(id, delay)?;
        let lease = site.leases.take(id).ok_or(Refusal::InUse)?;
        let mut opened = open(account, lease, &self.door, self.mode)
            .await
            .map_err(|error| {
                tracing::error!(%error, "a maildrop could not be opened");
                refusal_of(&error)
            })?;
        site.delays.granted(id, delay);
        opened.delay = delay;
        let (count, size) = opened.maildrop.count();
        self.session = Session::Transaction(Box::new(opened));
        self.lines.hold_while(standing);
        self.grant(Words::Messages(count, size));
        Ok(())
    }

    /// RFC 2595 §2.1: no password in the clear.
    pub(super) fn check_passwords(&self) -> Result<(), Refusal> {
        match self.door.passwords {
            Passwords::Allowed => Ok(()),
            Passwords::Forbidden => Err(Refusal::TlsRequired),
        }
    }
}

/// The messages of the inbox as they are now.
async fn open(account: Account, lease: Lease, door: &Door, mode: Mode) -> Result<Opened, StoreError> {
    let inbox = account
        .mailbox(&MailboxName::inbox())
        .ok_or(store::Refusal::NoMailbox)?
        .id;
    let view = account.view(inbox).await?;
    let octets = view.len().saturating_mul(size_of::<pop3::Message<Place>>());
    let charge = match octets > SMALL {
        true => Some(account.take_memory(octets)?),
        false => None,
    };
    let messages = match mode {
        Mode::Utf8 => view.iter().map(|(_, row)| Place::of(row)).collect(),
        Mode::Ascii => {
            let memory = (&account, &door.terms.workspace);
            door.site.sizes.measured(memory, &view).await?
        }
    };
    let mut known = account.known_ids(inbox).await?;
    let known = match known.is_empty() {
        true => HashMap::new(),
        false => view
            .iter()
            .filter_map(|(_, row)| Some((row.entry, known.remove(&row.uid)?)))
            .collect(),
    };
    Ok(Opened {
        maildrop: Maildrop::new(messages).with_known(known),
        account,
        inbox,
        delay: None,
        terms: Arc::clone(&door.terms),
        _charge: charge,
        _lease: lease,
    })
}
