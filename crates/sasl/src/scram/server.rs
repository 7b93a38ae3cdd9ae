//! The server's side of SCRAM (RFC 5802 §5).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use super::{BINDING, Keys, LENGTH, are_extensions, hash, hmac, is_nonce, xor};
use crate::gs2::{Flag, Header, read_name};
use crate::server::{Exchange, ExchangeError, Step};
use crate::{Claim, Mechanism};

/// The longest nonce that a client may bring; usual ones have 24 to 64 octets.
const MAX_NONCE: usize = 256;

/// The client's first message: it says who is there, and waits for what is kept of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    mechanism: Mechanism,
    header: Header,
    /// `client-first-message-bare`.
    bare: String,
    login: String,
    nonce: String,
}

/// What is kept of a login name. Of a name that nobody has it looks the same, and holds no keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The salt of all the keys; of a name that nobody has always the same.
    pub salt: Vec<u8>,
    /// The rounds of all the keys.
    pub rounds: u32,
    /// The keys of each password of the account, with a number that says which.
    pub keys: Vec<(u32, Keys)>,
}

/// A proof that was looked at. Nobody is told what came of it before it has been counted.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    /// Whom to act as, where that is not the login itself.
    pub act_as: Option<String>,
    /// Whose password it is.
    pub login: String,
    verdict: Verdict,
}

#[derive(Clone, PartialEq, Eq)]
enum Verdict {
    Wrong,
    Right {
        which: u32,
        /// What shows the client that the server knew it: `server-final-message`.
        message: Vec<u8>,
    },
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof")
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

impl Proof {
    /// The number of the keys that it was made with; none where it is wrong.
    #[must_use]
    pub fn keys(&self) -> Option<u32> {
        match self.verdict {
            Verdict::Wrong => None,
            Verdict::Right { which, .. } => Some(which),
        }
    }

    pub(crate) fn confirmation(&self) -> Option<&[u8]> {
        match &self.verdict {
            Verdict::Wrong => None,
            Verdict::Right { message, .. } => Some(message),
        }
    }
}

impl First {
    /// `client-first-message = gs2-header [reserved-mext ","] username "," nonce ["," extensions]`.
    pub(crate) fn parse(mechanism: Mechanism, message: &[u8]) -> Result<Self, ExchangeError> {
        Self::read(mechanism, message).ok_or(ExchangeError::Malformed(mechanism))
    }

    fn read(mechanism: Mechanism, message: &[u8]) -> Option<Self> {
        let message = std::str::from_utf8(message).ok()?;
        let (header, bare) = Header::parse(message)?;
        let mut attributes = bare.split(',');
        // A `reserved-mext` stands here, and is not understood.
        let login = read_name(attributes.next()?.strip_prefix("n=")?)?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        let formed = is_nonce(nonce) && nonce.len() <= MAX_NONCE && are_extensions(attributes);
        formed.then(|| First {
            mechanism,
            header,
            bare: bare.to_owned(),
            login,
            nonce: nonce.to_owned(),
        })
    }

    /// Whose keys are wanted.
    #[must_use]
    pub fn login(&self) -> &str {
        &self.login
    }

    /// Goes on with what is kept of the login name. `nonce` must never have been used before, and `binding` is what
    /// `tls-exporter` gives for the connection where SCRAM-SHA-256-PLUS was announced, and only there.
    ///
    /// # Errors
    /// When the client binds in another way, or does not bind because somebody told it that the server cannot.
    ///
    /// # Panics
    /// When the nonce is not printable.
    pub fn answer(self, kept: Kept, nonce: &str, binding: Option<&[u8]>) -> Result<Step, ExchangeError> {
        assert!(is_nonce(nonce), "a nonce of ours is printable");
        let bound = match (self.mechanism, &self.header.flag, binding) {
            (Mechanism::ScramSha256Plus, Flag::Bound(name), Some(octets)) if name == BINDING => octets,
            // RFC 5802 §6: `y` although PLUS was announced: somebody has taken it off the list.
            (Mechanism::ScramSha256, Flag::ServerCannot, None) => &[],
            (Mechanism::ScramSha256, Flag::Cannot, _) => &[],
            _ => return Err(ExchangeError::ChannelBinding),
        };
        let input = [self.header.print().as_bytes(), bound].concat();
        let nonce = format!("{}{nonce}", self.nonce);
        let salt = STANDARD.encode(&kept.salt);
        let challenge = format!("r={nonce},s={salt},i={}", kept.rounds);
        let waiting = Final {
            mechanism: self.mechanism,
            beginning: format!("{},{challenge}", self.bare),
            without_proof: format!("c={},r={nonce}", STANDARD.encode(input)),
            act_as: self.header.act_as,
            login: self.login,
            keys: kept.keys,
        };
        Ok(Step::Challenge(Exchange::scram(waiting), challenge.into_bytes()))
    }
}

/// Waits for the client's proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Final {
    mechanism: Mechanism,
    /// `client-first-message-bare "," server-first-message`.
    beginning: String,
    /// What the client's message must begin with.
    without_proof: String,
    act_as: Option<String>,
    login: String,
    keys: Vec<(u32, Keys)>,
}

impl Final {
    /// `client-final-message = channel-binding "," nonce ["," extensions] "," proof`.
    pub(crate) fn respond(self, message: &[u8]) -> Result<Step, ExchangeError> {
        let malformed = ExchangeError::Malformed(self.mechanism);
        let message = std::str::from_utf8(message).map_err(|_| malformed)?;
        let (without_proof, proof) = message.rsplit_once(",p=").ok_or(malformed)?;
        let proof: [u8; LENGTH] = STANDARD
            .decode(proof)
            .ok()
            .and_then(|proof| proof.try_into().ok())
            .ok_or(malformed)?;
        let mut attributes = without_proof.splitn(3, ',');
        let (Some(channel), Some(nonce)) = (attributes.next(), attributes.next()) else {
            return Err(malformed);
        };
        let extensions = attributes.next().map(|rest| rest.split(','));
        if !are_extensions(extensions.into_iter().flatten()) {
            return Err(malformed);
        }
        if self.without_proof != format!("{channel},{nonce}") {
            return Err(ExchangeError::ChannelBinding);
        }
        let signed = format!("{},{without_proof}", self.beginning);
        let verdict = verify(&self.keys, signed.as_bytes(), proof);
        let (act_as, login) = (self.act_as, self.login);
        Ok(Step::Verify(Claim::Proof(Proof {
            act_as,
            login,
            verdict,
        })))
    }
}

/// Compares the proof with all keys, at least once: the time says nothing of a name that nobody has.
fn verify(keys: &[(u32, Keys)], signed: &[u8], proof: [u8; LENGTH]) -> Verdict {
    let nobody = (
        0,
        Keys {
            stored: [0; LENGTH],
            server: [0; LENGTH],
        },
    );
    let mut found = Choice::from(0);
    let mut which = 0;
    let mut signature = [0; LENGTH];
    let somebody = Choice::from(u8::from(!keys.is_empty()));
    let all = if keys.is_empty() {
        std::slice::from_ref(&nobody)
    } else {
        keys
    };
    for (number, keys) in all {
        let client_key = xor(proof, hmac(&keys.stored, signed));
        let same = hash(&client_key).ct_eq(&keys.stored) & somebody;
        which.conditional_assign(number, same);
        let server = hmac(&keys.server, signed);
        signature
            .iter_mut()
            .zip(server)
            .for_each(|(octet, of)| octet.conditional_assign(&of, same));
        found |= same;
    }
    match bool::from(found) {
        false => Verdict::Wrong,
        true => Verdict::Right {
            which,
            message: format!("v={}", STANDARD.encode(signature)).into_bytes(),
        },
    }
}
