//! The exchange of SASL messages, as IMAP's AUTHENTICATE and SMTP's AUTH have it in common: here is what is said, and a
//! protocol says how (RFC 4422 §3).

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use directory::{DirectoryError, Standing};
use sasl::encoding::{self, DecodeError};
use sasl::scram::server::{First, Kept};
use sasl::server::{Exchange, Step};
use sasl::{Claim, Mechanism};
use store::Account;

use crate::channel::Channel;

/// What is kept of a login name, later.
pub type KeptFuture<'a> = Pin<Box<dyn Future<Output = Result<Kept, DirectoryError>> + Send + 'a>>;

/// Somebody who has logged in.
#[derive(Clone)]
pub struct Entered {
    /// Their account.
    pub account: Account,
    /// How long the login holds.
    pub standing: Standing,
}

impl From<Account> for Entered {
    /// To the end of the session.
    fn from(account: Account) -> Self {
        Entered {
            account,
            standing: Standing::lasting(),
        }
    }
}

/// Knows which mechanisms serve, and what they need.
pub trait Sasl: Send + Sync {
    /// The mechanisms that serve on a connection where passwords may be said, best first.
    fn mechanisms(&self, _channel: &Channel) -> Vec<Mechanism> {
        vec![Mechanism::Plain, Mechanism::Login]
    }

    /// What is kept of a login name. It must look the same for a name that nobody has.
    fn kept<'a>(&'a self, _login: &'a str) -> KeptFuture<'a> {
        Box::pin(async { Err(DirectoryError::Busy) })
    }
}

/// Carries messages to the client and back.
pub(crate) trait Conversation {
    /// Why the client's message did not come; no more is said to it in this exchange.
    type Failure;

    /// Sends a challenge, which is in base64, and waits for the line that answers it.
    fn ask(&mut self, challenge: &str) -> impl Future<Output = Result<Bytes, Self::Failure>> + Send;
}

/// Why an exchange ends without a claim.
#[derive(Debug)]
pub(crate) enum Fault<F> {
    /// No message came.
    Silent(F),
    /// The mechanism does not serve here.
    Mechanism,
    /// The client broke the exchange off.
    Cancelled,
    /// A message is not base64, or does not have the mechanism's form.
    Malformed,
    /// What the mechanism needs could not be read.
    Unavailable,
}

/// What a client begins with.
pub(crate) struct Beginning<'a> {
    /// The mechanism, as the client wrote it.
    pub(crate) mechanism: &'a [u8],
    /// Its initial response in base64, where it sent one.
    pub(crate) initial: Option<&'a [u8]>,
    pub(crate) channel: &'a Channel,
}

/// Talks with the client until it has made a claim.
pub(crate) async fn claim<C: Conversation>(
    sasl: &(impl Sasl + ?Sized),
    conversation: &mut C,
    begin: Beginning<'_>,
) -> Result<Claim, Fault<C::Failure>> {
    let initial = begin.initial.map(encoding::decode_initial).transpose();
    let initial = initial.map_err(|_| Fault::Malformed)?;
    let mechanism = std::str::from_utf8(begin.mechanism)
        .ok()
        .and_then(Mechanism::find);
    let mechanism = mechanism.filter(|mechanism| sasl.mechanisms(begin.channel).contains(mechanism));
    let mechanism = mechanism.ok_or(Fault::Mechanism)?;
    let begun = Exchange::begin(mechanism, initial.as_deref());
    let mut step = begun.map_err(|_| Fault::Malformed)?;
    loop {
        step = match step {
            Step::Verify(claim) => return Ok(claim),
            Step::Keys(first) => challenge(sasl, first, begin.channel).await?,
            Step::Challenge(exchange, challenge) => {
                let response = ask(conversation, &challenge).await?;
                exchange.respond(&response).map_err(|_| Fault::Malformed)?
            }
        };
    }
}

/// Sends a challenge and reads the response.
async fn ask<C: Conversation>(conversation: &mut C, challenge: &[u8]) -> Result<Vec<u8>, Fault<C::Failure>> {
    let line = conversation.ask(&encoding::encode(challenge)).await;
    encoding::decode_response(&line.map_err(Fault::Silent)?).map_err(|error| match error {
        DecodeError::Cancelled => Fault::Cancelled,
        DecodeError::NotBase64 => Fault::Malformed,
    })
}

/// Goes on with SCRAM.
async fn challenge<F>(
    sasl: &(impl Sasl + ?Sized),
    first: First,
    channel: &Channel,
) -> Result<Step, Fault<F>> {
    let kept = sasl.kept(first.login()).await.map_err(|error| {
        tracing::error!(%error, "SCRAM keys could not be read");
        Fault::Unavailable
    })?;
    let mut nonce = [0; 18];
    getrandom::fill(&mut nonce).map_err(|_| Fault::Unavailable)?;
    // Bound where PLUS was announced, and there only (RFC 5802 §6).
    let plus = sasl.mechanisms(channel).contains(&Mechanism::ScramSha256Plus);
    let binding = channel
        .exporter
        .as_ref()
        .filter(|_| plus)
        .map(|octets| &octets[..]);
    first
        .answer(kept, &encoding::encode(&nonce), binding)
        .map_err(|_| Fault::Malformed)
}

/// Says what the mechanism wants to have said before the outcome: that we knew the password too, or why a token is not
/// taken. What answers a rejection does not matter.
pub(crate) async fn conclude<C: Conversation, L, R>(
    conversation: &mut C,
    claim: &Claim,
    outcome: &Result<L, R>,
) -> Result<(), Fault<C::Failure>> {
    match (outcome, claim.confirmation(), claim.rejection()) {
        (Ok(_), Some(message), _) => match ask(conversation, message).await?.is_empty() {
            true => Ok(()),
            false => Err(Fault::Malformed),
        },
        (Err(_), _, Some(message)) => ask(conversation, message).await.map(|_| ()),
        _ => Ok(()),
    }
}
