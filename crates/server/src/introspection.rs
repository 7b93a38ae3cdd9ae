//! Asking the issuer about a token that only it can read (RFC 7662).

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use config::{Introspection, Oidc};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use sasl::Secret;
use serde_json::{Map, Value};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::oidc::{LEEWAY, holder};

/// How long the issuer may take; a client waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many questions are under way at a time.
const AT_ONCE: usize = 16;
/// The largest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// Why nothing was learnt about a token.
#[derive(Debug, Error)]
pub(crate) enum AskError {
    /// The file with our password cannot be read.
    #[error("{path}: {cause}")]
    Secret {
        /// Which.
        path: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The issuer was not reached, or its answer broke off.
    #[error("the issuer was not reached: {0}")]
    Network(#[from] reqwest::Error),
    /// It did not answer as it should: we are not let in, or the address is wrong.
    #[error("the issuer answered {0}")]
    Status(StatusCode),
    /// The answer is not what RFC 7662 §2.2 describes.
    #[error("the issuer's answer cannot be read: {0}")]
    Answer(String),
}

/// Somebody who asks an issuer.
#[derive(Debug)]
pub(crate) struct Inquirer {
    client: Client,
    under_way: Semaphore,
}

impl Inquirer {
    pub(crate) fn new() -> Result<Self, AskError> {
        let client = Client::builder()
            .timeout(PATIENCE)
            // Where a token is sent is for the settings to say.
            .redirect(Policy::none())
            .build()?;
        Ok(Inquirer {
            client,
            under_way: Semaphore::new(AT_ONCE),
        })
    }

    /// The login that a token is for; none where the issuer says that it is not good, or it is not for us.
    pub(crate) async fn login_of(
        &self,
        settings: &Oidc,
        endpoint: &Introspection,
        token: &Secret,
    ) -> Result<Option<String>, AskError> {
        // RFC 6750 §2.1: a token is ASCII.
        let Ok(token) = str::from_utf8(token.expose()) else {
            return Ok(None);
        };
        let _turn = self.under_way.acquire().await;
        let answer = self.ask(endpoint, token).await?;
        Ok(taken(settings, &answer))
    }

    /// RFC 7662 §2.1, §2.2.
    async fn ask(&self, endpoint: &Introspection, token: &str) -> Result<Map<String, Value>, AskError> {
        let secret = fs::read_to_string(&endpoint.secret).map_err(|cause| AskError::Secret {
            path: endpoint.secret.display().to_string(),
            cause,
        })?;
        let question = self
            .client
            .post(&endpoint.url)
            .basic_auth(&endpoint.client, Some(secret.trim_end()))
            .form(&[("token", token), ("token_type_hint", "access_token")]);
        let mut answer = question.send().await?;
        if answer.status() != StatusCode::OK {
            return Err(AskError::Status(answer.status()));
        }
        let mut text = Vec::new();
        while let Some(piece) = answer.chunk().await? {
            text.extend_from_slice(&piece);
            if text.len() > MAX_ANSWER {
                return Err(AskError::Answer(format!("it is larger than {MAX_ANSWER} octets")));
            }
        }
        serde_json::from_slice(&text).map_err(|error| AskError::Answer(error.to_string()))
    }
}

/// Who holds the token, if it is active, from the issuer, for us, for now (RFC 7662 §2.2, §4).
fn taken(settings: &Oidc, answer: &Map<String, Value>) -> Option<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    let number = |name: &str| answer.get(name).and_then(Value::as_u64);
    let active = answer.get("active") == Some(&Value::Bool(true));
    let in_time = number("exp").is_none_or(|exp| exp + LEEWAY > now)
        && number("nbf").is_none_or(|nbf| nbf <= now + LEEWAY);
    let by_issuer = answer
        .get("iss")
        .is_none_or(|issuer| issuer.as_str() == Some(&settings.issuer));
    let for_us = match answer.get("aud") {
        Some(Value::String(audience)) => *audience == settings.audience,
        Some(Value::Array(many)) => many
            .iter()
            .any(|audience| audience.as_str() == Some(&settings.audience)),
        // A token for just anybody lets whoever gets it from a user into the user's mail.
        _ => false,
    };
    (active && in_time && by_issuer && for_us)
        .then(|| holder(settings, answer))
        .flatten()
}

#[cfg(test)]
mod tests;
