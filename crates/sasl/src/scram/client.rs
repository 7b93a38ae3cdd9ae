//! The client's side of SCRAM (RFC 5802 §5): it also verifies the server.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

use super::{
    BINDING, LEAST_ROUNDS, LENGTH, MOST_ROUNDS, are_extensions, client_key, hash, hmac, is_nonce, salted, xor,
};
use crate::client::ClientError;
use crate::gs2::{Flag, Header, print_name};
use crate::{Credentials, Mechanism};

/// What a client knows of its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// It cannot bind.
    Cannot,
    /// It can, and the server did not announce a mechanism that does.
    ServerCannot,
    /// What `tls-exporter` gives for the connection.
    Exporter(Vec<u8>),
}

impl Binding {
    /// The mechanism that goes with it.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        match self {
            Binding::Exporter(_) => Mechanism::ScramSha256Plus,
            Binding::Cannot | Binding::ServerCannot => Mechanism::ScramSha256,
        }
    }
}

/// A client between its messages.
#[derive(Debug)]
pub(crate) struct Scram {
    mechanism: Mechanism,
    header: Header,
    bound: Vec<u8>,
    nonce: String,
    state: State,
}

#[derive(Debug)]
enum State {
    Begin,
    /// The first message, without its header, has been sent.
    First {
        bare: String,
    },
    /// The proof has been sent; this is what the server must show.
    Proof {
        signature: [u8; LENGTH],
    },
    /// The server has shown it.
    Verified,
    /// Something was wrong.
    Broken,
}

impl Scram {
    pub(crate) fn new(act_as: Option<String>, nonce: &str, binding: Binding) -> Self {
        assert!(is_nonce(nonce), "a nonce of ours is printable");
        let mechanism = binding.mechanism();
        let (flag, bound) = match binding {
            Binding::Cannot => (Flag::Cannot, Vec::new()),
            Binding::ServerCannot => (Flag::ServerCannot, Vec::new()),
            Binding::Exporter(octets) => (Flag::Bound(BINDING.to_owned()), octets),
        };
        Scram {
            mechanism,
            header: Header { flag, act_as },
            bound,
            nonce: nonce.to_owned(),
            state: State::Begin,
        }
    }

    pub(crate) fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Whether the server has shown that it knew the password: a success before that is a stranger's (RFC 5802 §5).
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Verified)
    }

    pub(crate) fn respond(
        &mut self,
        credentials: &Credentials,
        challenge: &[u8],
    ) -> Result<Vec<u8>, ClientError> {
        match std::mem::replace(&mut self.state, State::Broken) {
            State::Begin => {
                let login = stringprep::saslprep(&credentials.login).map_err(|_| ClientError::Unprepared)?;
                let bare = format!("n={},r={}", print_name(&login), self.nonce);
                let message = format!("{}{bare}", self.header.print());
                self.state = State::First { bare };
                Ok(message.into_bytes())
            }
            State::First { bare } => self.prove(credentials, &bare, challenge),
            State::Proof { signature } => match verified(challenge, signature) {
                true => {
                    self.state = State::Verified;
                    Ok(Vec::new())
                }
                false => Err(ClientError::NotTheServer),
            },
            State::Verified | State::Broken => Err(ClientError::NothingLeft(self.mechanism)),
        }
    }

    fn prove(
        &mut self,
        credentials: &Credentials,
        bare: &str,
        challenge: &[u8],
    ) -> Result<Vec<u8>, ClientError> {
        let first =
            ServerFirst::read(challenge, &self.nonce).ok_or(ClientError::Malformed(self.mechanism))?;
        if !(LEAST_ROUNDS..=MOST_ROUNDS).contains(&first.rounds.get()) {
            return Err(ClientError::Rounds(first.rounds.get()));
        }
        let salted =
            salted(&credentials.password, &first.salt, first.rounds).map_err(|_| ClientError::Unprepared)?;
        let input = [self.header.print().as_bytes(), &self.bound].concat();
        let without_proof = format!("c={},r={}", STANDARD.encode(input), first.nonce);
        let signed = format!("{bare},{},{without_proof}", first.message);
        let client_key = client_key(&salted);
        let proof = xor(client_key, hmac(&hash(&client_key), signed.as_bytes()));
        let signature = hmac(&hmac(salted.expose(), b"Server Key"), signed.as_bytes());
        self.state = State::Proof { signature };
        Ok(format!("{without_proof},p={}", STANDARD.encode(proof)).into_bytes())
    }
}

/// `server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count ["," extensions]`.
struct ServerFirst<'a> {
    message: &'a str,
    nonce: &'a str,
    salt: Vec<u8>,
    rounds: NonZeroU32,
}

impl<'a> ServerFirst<'a> {
    fn read(message: &'a [u8], ours: &str) -> Option<Self> {
        let message = std::str::from_utf8(message).ok()?;
        let mut attributes = message.split(',');
        let nonce = attributes.next()?.strip_prefix("r=")?;
        let salt = STANDARD.decode(attributes.next()?.strip_prefix("s=")?).ok()?;
        let rounds = attributes.next()?.strip_prefix("i=")?.parse().ok()?;
        // RFC 5802 §5.1: it begins with the client's, and the server adds its own.
        let added = nonce.strip_prefix(ours)?;
        (is_nonce(added) && are_extensions(attributes)).then_some(ServerFirst {
            message,
            nonce,
            salt,
            rounds,
        })
    }
}

/// `server-final-message = (server-error / verifier) ["," extensions]`.
fn verified(message: &[u8], wanted: [u8; LENGTH]) -> bool {
    let message = std::str::from_utf8(message).unwrap_or_default();
    let signature = message
        .split(',')
        .next()
        .and_then(|verifier| verifier.strip_prefix("v="));
    let signature = signature
        .and_then(|text| STANDARD.decode(text).ok())
        .unwrap_or_default();
    signature.ct_eq(&wanted).into()
}
