//! What an issuer says: a code, tokens, or no (RFC 8628 §3.2, RFC 6749 §5).

use std::time::Duration;

use serde::Deserialize;

use super::OAuthError;
use crate::Secret;
use crate::web::checked;

/// What a person does to let this device in (RFC 8628 §3.2).
#[derive(Clone, Debug)]
pub struct Device {
    /// The code that they enter.
    pub user_code: String,
    /// Where.
    pub address: String,
    /// Where the code is entered already, for a link.
    pub complete: Option<String>,
    /// How long the code is good.
    pub expires_in: Duration,
    pub(super) interval: Option<Duration>,
    code: Secret,
}

/// What logs in, and what gets the next one.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access: Secret,
    /// The refresh token, where there is a new one.
    pub refresh: Option<Secret>,
    /// How long the access token is good.
    pub expires_in: Option<Duration>,
}

/// RFC 6749 §5.2.
pub(super) struct Refused {
    pub(super) error: String,
    pub(super) words: Option<String>,
}

#[derive(Deserialize)]
struct DeviceReply {
    device_code: String,
    user_code: String,
    #[serde(alias = "verification_url")] // Google's.
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

#[derive(Deserialize)]
struct TokensReply {
    access_token: String,
    token_type: String,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
struct RefusedReply {
    error: String,
    error_description: Option<String>,
}

impl Device {
    pub(super) fn parse(octets: &[u8]) -> Result<Self, OAuthError> {
        let reply: Option<DeviceReply> = serde_json::from_slice(octets).ok();
        let reply = reply.ok_or(OAuthError::Garbled("no code for the device"))?;
        // It is shown at a terminal, and opened.
        let is_shown = |text: &str| !text.is_empty() && text.len() <= 64 && !text.contains(char::is_control);
        if !is_shown(&reply.user_code) || checked(&reply.verification_uri).is_err() {
            return Err(OAuthError::Garbled("a code or an address that cannot be shown"));
        }
        let complete = reply.verification_uri_complete;
        Ok(Device {
            user_code: reply.user_code,
            address: printable(reply.verification_uri),
            complete: complete.filter(|address| checked(address).is_ok()).map(printable),
            expires_in: Duration::from_secs(reply.expires_in),
            interval: reply.interval.map(Duration::from_secs),
            code: Secret::from(reply.device_code.as_str()),
        })
    }

    pub(super) fn code(&self) -> String {
        String::from_utf8_lossy(self.code.expose()).into_owned()
    }
}

impl Tokens {
    pub(super) fn parse(octets: &[u8]) -> Result<Self, OAuthError> {
        let reply: Option<TokensReply> = serde_json::from_slice(octets).ok();
        let reply = reply.ok_or(OAuthError::Garbled("no token"))?;
        // RFC 6749 §7.1: a token of a kind that is not understood is not used.
        if !reply.token_type.eq_ignore_ascii_case("bearer") {
            return Err(OAuthError::Garbled("the token is no bearer token"));
        }
        // RFC 6749 §A.12: visible characters. A control character would end the login's line; RFC 6750 §2.1 allows fewer still.
        let is_token = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic());
        if !is_token(&reply.access_token) {
            return Err(OAuthError::Garbled("the token has octets that no token has"));
        }
        Ok(Tokens {
            access: Secret::from(reply.access_token.as_str()),
            refresh: reply.refresh_token.map(|token| Secret::from(token.as_str())),
            expires_in: reply.expires_in.map(Duration::from_secs),
        })
    }
}

impl Refused {
    pub(super) fn parse(octets: &[u8]) -> Option<Self> {
        let reply: RefusedReply = serde_json::from_slice(octets).ok()?;
        Some(Refused {
            error: printable(reply.error),
            words: reply.error_description.map(printable),
        })
    }
}

/// Text of an issuer that is shown at a terminal.
fn printable(text: String) -> String {
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}
