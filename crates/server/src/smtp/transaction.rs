//! MAIL and RCPT: who sends, and where it goes.

use smtp::state::{Session, Transaction};
use smtp::{ForwardPath, Letters, Mail, Rcpt, Refusal, Reply, ReversePath, reply};
use store::Delivery;
use types::{Address, LocalPart, MailboxName};

use super::connection::{Connection, Failed};
use super::delivery;
use super::door::{Found, Owns};
use super::policy::Relay;

/// A recipient that was accepted.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    /// As the client wrote it, for the `for` clause and LMTP's replies.
    pub(super) address: Address,
    /// Whose mailboxes it goes to: several for an alias.
    pub(super) deliveries: Vec<Delivery>,
}

/// The most mailboxes of one transaction, but for a single group: each takes memory until the message has come.
const MAX_DELIVERIES: usize = 5000;

/// Where `local` mode puts mail for the rest of the world (DESIGN §8).
const WORLD: &str = "World";

impl Connection {
    /// RFC 5321 §4.1.1.2.
    pub(super) async fn mail(&mut self, mail: Mail) -> Result<Reply, Failed> {
        if self.login.is_none() {
            self.policy.check_anonymous()?;
        }
        // RFC 1870 §6.1: refused before a single octet of it was sent.
        if mail.size.is_some_and(|size| size > self.site.message_limit) {
            return Err(Refusal::TooBig.into());
        }
        if let ReversePath::Address(sender) = &mail.from {
            self.check_sender(sender).await?;
        }
        let hello = self.state.hello().cloned().ok_or(Refusal::HelloFirst)?;
        self.state = Session::Transaction(Transaction {
            hello,
            mail,
            recipients: Vec::new(),
        });
        Ok(reply::SENDER_OK)
    }

    /// RFC 6409 §6.1: somebody who logged in sends as themselves.
    async fn check_sender(&self, sender: &Address) -> Result<(), Refusal> {
        let (Some(login), Relay::Refused) = (self.login, self.policy.relay) else {
            return Ok(());
        };
        match self.site.authority.may_send_as(login, sender).await? {
            Owns::Yes => Ok(()),
            Owns::No => Err(Refusal::SenderNotOwned),
        }
    }

    /// RFC 5321 §4.1.1.3.
    pub(super) async fn rcpt(&mut self, rcpt: Rcpt) -> Result<Reply, Failed> {
        self.check_letters(rcpt.letters)?;
        let address = match rcpt.path {
            // RFC 5321 §4.5.1: postmaster is reached under the name that we give ourselves too.
            ForwardPath::Address(address) if self.is_our_postmaster(&address) => Address {
                local: address.local,
                domain: self.site.domain.clone(),
            },
            ForwardPath::Address(address) => address,
            // RFC 5321 §4.5.1: without a domain it is ours.
            ForwardPath::Postmaster => Address {
                local: LocalPart::check("postmaster").expect("a constant"),
                domain: self.site.domain.clone(),
            },
        };
        let deliveries = match self.site.authority.resolve(&address).await? {
            Found::Here(deliveries) => deliveries,
            // Where the others cannot be sent to, nobody gets it: the sender must not believe that all have it.
            Found::Beyond(mut deliveries) => {
                deliveries.push(self.relay().map_err(|_| Refusal::MemberElsewhere)?);
                deliveries
            }
            Found::Nobody => return Err(Refusal::NoSuchAddress.into()),
            Found::Disabled => return Err(Refusal::AccountDisabled.into()),
            Found::TooMany => return Err(Refusal::GroupTooBig.into()),
            Found::Elsewhere => vec![self.relay()?],
        };
        self.check_mailboxes(&deliveries).await?;
        self.check_deliveries(&deliveries)?;
        let Session::Transaction(transaction) = &mut self.state else {
            return Err(Refusal::MailFirst.into());
        };
        transaction.add(
            Recipient { address, deliveries },
            self.site.terms.limits.recipients,
        )?;
        Ok(reply::RECIPIENT_OK)
    }

    /// RFC 6531 §3.4: who names somebody in UTF-8 has said so with MAIL.
    fn check_letters(&self, letters: Letters) -> Result<(), Refusal> {
        let transaction = self.transaction().ok_or(Refusal::MailFirst)?;
        match letters <= transaction.mail.letters {
            true => Ok(()),
            false => Err(Refusal::RecipientNotAscii),
        }
    }

    /// Whose mail cannot be read, or has no room, is refused alone, before the message comes: after it one answer is for
    /// all, and who has it by then would get it again.
    async fn check_mailboxes(&self, deliveries: &[Delivery]) -> Result<(), Refusal> {
        // RFC 1870 §6.4: per recipient, what was declared counts; of what was not, that it is something.
        let declared = self.transaction().and_then(|transaction| transaction.mail.size);
        let octets = declared.unwrap_or(0).max(1);
        for delivery in deliveries {
            match self.site.store.account(delivery.account).await {
                Ok(account) => delivery::check_room(&account, octets)?,
                Err(error) => {
                    tracing::error!(account = delivery.account.0, %error, "a recipient's mail could not be opened");
                    return Err(delivery::refusal(&error));
                }
            }
        }
        Ok(())
    }

    /// Groups make many of one recipient.
    fn check_deliveries(&self, more: &[Delivery]) -> Result<(), Refusal> {
        let recipients = self.transaction().map(|known| known.recipients.as_slice());
        let before = recipients.unwrap_or_default().iter();
        let before: usize = before.map(|recipient| recipient.deliveries.len()).sum();
        match before > 0 && before + more.len() > MAX_DELIVERIES {
            true => Err(Refusal::TooManyRecipients),
            false => Ok(()),
        }
    }

    fn is_our_postmaster(&self, address: &Address) -> bool {
        address.domain == self.site.host && address.local.as_str().eq_ignore_ascii_case("postmaster")
    }

    /// Where mail to somebody else's domain goes: nowhere, or to its sender to look at. No open relay.
    fn relay(&self) -> Result<Delivery, Refusal> {
        match (self.login, self.policy.relay) {
            (Some(account), Relay::World) => Ok(Delivery {
                account,
                mailbox: MailboxName::check(WORLD).expect("a constant"),
            }),
            (_, Relay::World | Relay::Refused) => Err(Refusal::Relay),
        }
    }
}
