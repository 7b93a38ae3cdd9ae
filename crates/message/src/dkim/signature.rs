//! The DKIM-Signature field (RFC 6376 §3.5): what a signature says of itself, and how it is written.

use std::fmt;
use std::num::NonZeroU64;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use types::{Address, Domain};

use super::canonical::{Canonicalization, signed_text};
use crate::compose::FieldName;
use crate::header::Header;

/// RFC 5322 §2.1.1: lines SHOULD be no longer than 78.
const LINE: usize = 76;

/// How often a field is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// As often as it is there: others add one on the way, for reasons of their own.
    AsThere,
    /// Once more, so that none can be added (RFC 6376 §5.4).
    OnceMore,
}

/// What is signed, in this order.
const FIELDS: &[(&str, Named)] = &[
    // RFC 6376 §5.4: the core, what people are shown and what programs decide by.
    ("From", Named::OnceMore),
    // RFC 6409 §8.1: a submission server may add it.
    ("Sender", Named::AsThere),
    ("Reply-To", Named::OnceMore),
    ("To", Named::OnceMore),
    ("Cc", Named::OnceMore),
    ("Subject", Named::OnceMore),
    ("Date", Named::OnceMore),
    ("Message-ID", Named::OnceMore),
    ("In-Reply-To", Named::AsThere),
    ("References", Named::AsThere),
    ("Disposition-Notification-To", Named::AsThere),
    // All that says how the body is read.
    ("MIME-Version", Named::OnceMore),
    ("Content-Type", Named::OnceMore),
    ("Content-Transfer-Encoding", Named::OnceMore),
    ("Content-Disposition", Named::AsThere),
    // RFC 6376 §5.4.1; RFC 8058 §4: both of one-click MUST be signed.
    ("List-Id", Named::AsThere),
    ("List-Help", Named::AsThere),
    ("List-Unsubscribe", Named::AsThere),
    ("List-Unsubscribe-Post", Named::AsThere),
    ("List-Subscribe", Named::AsThere),
    ("List-Post", Named::AsThere),
    ("List-Owner", Named::AsThere),
    ("List-Archive", Named::AsThere),
];

/// How it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 6376 §3.3.2: RSASSA-PKCS1-v1_5 with SHA-256 over the text.
    RsaSha256,
    /// RFC 8463 §3: PureEdDSA over the SHA-256 of the text.
    Ed25519Sha256,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Algorithm::RsaSha256 => "rsa-sha256",
            Algorithm::Ed25519Sha256 => "ed25519-sha256",
        }
    }
}

/// The name of a key under a domain: `s=`, one or more labels (RFC 6376 §3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(Box<str>);

impl Selector {
    /// Checks a name.
    ///
    /// # Errors
    /// When a label of it is none of a host name (RFC 5321 §4.1.2, `sub-domain`).
    pub fn check(text: &str) -> Result<Self, Refusal> {
        let is_label = |label: &str| {
            let ends = !label.starts_with('-') && !label.ends_with('-');
            let octets = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
            (1..=63).contains(&label.len()) && ends && label.bytes().all(octets)
        };
        match text.len() <= 253 && text.split('.').all(is_label) {
            true => Ok(Selector(text.into())),
            false => Err(Refusal::Selector),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a signature cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// RFC 6376 §5.4: From MUST be signed.
    #[error("the message has no From, which every DKIM signature covers")]
    NoFrom,
    /// RFC 6376 §3.5, `i=`.
    #[error("the identity of a DKIM signature is of its domain, or of one below it")]
    Identity,
    /// RFC 6376 §3.1.
    #[error("a selector is letters, digits and hyphens, in parts with dots between")]
    Selector,
}

/// What a signature says. The same one is good for any number of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    domain: Box<str>,
    selector: Selector,
    canonicalization: Canonicalization,
    identity: Option<String>,
    time: Option<u64>,
    lasts: Option<NonZeroU64>,
    others: Vec<FieldName>,
}

impl Signature {
    /// A signature by a domain, with the key of a selector, relaxed in header and body.
    #[must_use]
    pub fn new(domain: &Domain, selector: Selector) -> Self {
        Signature {
            // RFC 6376 §3.5: an internationalised domain is written in A-labels.
            // DEVIATION RFC 8616 §5: in a message with UTF-8 in its header too, where U-labels are the better form: A-labels stay
            // permitted, and every verifier knows them.
            domain: domain.to_ascii().into(),
            selector,
            canonicalization: Canonicalization::default(),
            identity: None,
            time: None,
            lasts: None,
            others: Vec::new(),
        }
    }

    /// `c=`: the canonical forms.
    #[must_use]
    pub fn canonical(mut self, forms: Canonicalization) -> Self {
        self.canonicalization = forms;
        self
    }

    /// `i=`: on whose behalf it is signed.
    ///
    /// # Errors
    /// When its domain is neither the one that signs nor below it.
    pub fn identity(mut self, address: &Address) -> Result<Self, Refusal> {
        let domain = address.domain.to_ascii();
        let before = domain.strip_suffix(&*self.domain);
        if !before.is_some_and(|before| before.is_empty() || before.ends_with('.')) {
            return Err(Refusal::Identity);
        }
        // As it is written, with quotes where it has some.
        let written = address.to_string();
        let local = written.rsplit_once('@').map_or("", |(local, _)| local);
        self.identity = Some(format!("{}@{domain}", quoted_printable(local)));
        Ok(self)
    }

    /// `t=`: when it is signed, in seconds since 1970.
    #[must_use]
    pub fn at(mut self, seconds: u64) -> Self {
        self.time = Some(seconds);
        self
    }

    /// `x=`: so many seconds after [`Signature::at`] it no longer counts. Without that time, nothing.
    #[must_use]
    pub fn lasts(mut self, seconds: NonZeroU64) -> Self {
        self.lasts = Some(seconds);
        self
    }

    /// Signs the fields of one more name, as many as there are.
    #[must_use]
    pub fn also(mut self, name: FieldName) -> Self {
        self.others.push(name);
        self
    }

    /// The canonical forms.
    #[must_use]
    pub fn canonicalization(&self) -> Canonicalization {
        self.canonicalization
    }

    /// What is to be signed of a message with this header, whose canonical body has this SHA-256.
    ///
    /// # Errors
    /// When the header has no From.
    pub fn unsigned(
        &self,
        algorithm: Algorithm,
        header: &[u8],
        body: &[u8; 32],
    ) -> Result<Unsigned, Refusal> {
        if Header::new(header).first("From").is_none() {
            return Err(Refusal::NoFrom);
        }
        let names = self.names(header);
        let mut field = Folded::begin("DKIM-Signature:");
        field.word("v=1;");
        field.word(&format!("a={};", algorithm.name()));
        field.word(&format!("c={};", self.canonicalization));
        field.word(&format!("d={};", self.domain));
        field.word(&format!("s={};", self.selector.as_str()));
        if let Some(identity) = &self.identity {
            field.word(&format!("i={identity};"));
        }
        if let Some(time) = self.time {
            field.word(&format!("t={time};"));
            if let Some(lasts) = self.lasts {
                field.word(&format!("x={};", time.saturating_add(lasts.get())));
            }
        }
        let last = names.len().saturating_sub(1);
        for (position, name) in names.iter().enumerate() {
            let end = if position == last { ';' } else { ':' };
            match position {
                0 => field.word(&format!("h={name}{end}")),
                _ => field.joint(&format!("{name}{end}")),
            }
        }
        field.word(&format!("bh={};", STANDARD.encode(body)));
        // On a line of its own: what follows is as long as it is.
        field.text.push_str("\r\n b=");
        let form = self.canonicalization.header;
        let text = signed_text(header, names.iter().copied(), form, field.text.as_bytes());
        Ok(Unsigned {
            field: field.text,
            text,
        })
    }

    fn names<'n>(&'n self, header: &[u8]) -> Vec<&'n str> {
        let mut names = Vec::new();
        let mut add = |name: &'n str, more: usize| {
            let count = Header::new(header).all(name).count() + more;
            names.extend(std::iter::repeat_n(name, count));
        };
        for (name, named) in FIELDS {
            add(name, usize::from(*named == Named::OnceMore));
        }
        let is_new = |name: &&FieldName| {
            !FIELDS
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name.as_str()))
        };
        for name in self.others.iter().filter(is_new) {
            add(name.as_str(), 0);
        }
        names
    }
}

/// A signature that waits for its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned {
    /// The field up to `b=`.
    field: String,
    text: Vec<u8>,
}

impl Unsigned {
    /// The octets to sign.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The field with its signature.
    #[must_use]
    pub fn signed(self, signature: &[u8]) -> SignatureField {
        let mut field = self.field;
        let mut left = &*STANDARD.encode(signature);
        while let Some((line, rest)) = left
            .split_at_checked(LINE - 4)
            .filter(|(_, rest)| !rest.is_empty())
        {
            field.push_str(line);
            field.push_str("\r\n ");
            left = rest;
        }
        field.push_str(left);
        field.push_str("\r\n");
        SignatureField(field)
    }
}

/// A field that is whole: it goes in front of the message that was signed.
#[derive(Clone, PartialEq, Eq)]
pub struct SignatureField(String);

impl SignatureField {
    /// Its octets, with the end of the last line.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SignatureField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 6376 §2.11, `dkim-quoted-printable`.
fn quoted_printable(text: &str) -> String {
    let mut out = String::new();
    for octet in text.bytes() {
        match octet {
            0x21..=0x3a | 0x3c | 0x3e..=0x7e => out.push(char::from(octet)),
            _ => out.push_str(&format!("={octet:02X}")),
        }
    }
    out
}

/// A field that is folded where it may be.
struct Folded {
    text: String,
    column: usize,
}

impl Folded {
    fn begin(name: &str) -> Self {
        Folded {
            text: name.to_owned(),
            column: name.len(),
        }
    }

    /// A word after a blank.
    fn word(&mut self, word: &str) {
        match self.column + 1 + word.len() > LINE {
            true => self.fold(),
            false => {
                self.text.push(' ');
                self.column += 1;
            }
        }
        self.text.push_str(word);
        self.column += word.len();
    }

    /// A word right after the last (RFC 6376 §3.5, `sig-h-tag`: there may be a fold between).
    fn joint(&mut self, word: &str) {
        if self.column + word.len() > LINE {
            self.fold();
        }
        self.text.push_str(word);
        self.column += word.len();
    }

    fn fold(&mut self) {
        self.text.push_str("\r\n ");
        self.column = 1;
    }
}
