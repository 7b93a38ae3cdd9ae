//! OAuth 2 tokens for mail: a person signs in on another device (RFC 8628), and the token is refreshed from then on (RFC 6749 §6).
//!
//! Read first: [`Issuer`] is who gives tokens; [`Issuer::begin`] asks for a code that a person enters, [`Issuer::wait`] waits until they did,
//! [`Issuer::refresh`] gets the next access token. [`crate::Login::token`] logs in with it. The caller keeps the tokens, and knows the time.
//!
//! **What must hold**: tokens, codes of the device and client secrets do not print. They go to https, or to this machine, and no redirect is followed.

mod issuer;
mod reply;

use std::time::Duration;

use thiserror::Error;

pub use crate::web::WebError;
use crate::web::post;
use crate::{Language, Secret};
pub use issuer::{Issuer, Provider};
use reply::Refused;
pub use reply::{Device, Tokens};

/// So long an issuer may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// RFC 8628 §3.2: where the issuer does not say how often it may be asked.
const INTERVAL: Duration = Duration::from_secs(5);

/// Nobody is asked more often than this, whatever the issuer says. Less often it may say: a client MUST wait that long (RFC 8628 §3.5).
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

/// RFC 8628 §3.5: what `slow_down` adds "for this and all subsequent requests".
const SLOWER: Duration = Duration::from_secs(5);

/// Nobody sits before a code for longer.
const MAX_WAIT: Duration = Duration::from_secs(60 * 60);

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", self.words(Language::English))]
pub enum OAuthError {
    /// The issuer could not be asked.
    Web(WebError),
    /// What the issuer said cannot be read; this is what is missing or wrong.
    Garbled(&'static str),
    /// The issuer has no device flow.
    NoDeviceFlow,
    /// The person said no (`access_denied`).
    Denied,
    /// The person did not come in time (`expired_token`).
    Expired,
    /// The refresh token is no longer good (`invalid_grant`): a person has to sign in again.
    SignInAgain,
    /// The issuer refused otherwise: its code, and its words.
    Refused(Box<str>, Option<Box<str>>),
}

impl OAuthError {
    /// What went wrong.
    #[must_use]
    pub fn words(&self, language: Language) -> String {
        let (english, chinese) = match self {
            OAuthError::Web(error) => {
                let words = error.words(language);
                return language.pick(
                    format!("the issuer of tokens: {words}"),
                    format!("令牌颁发者：{words}"),
                );
            }
            OAuthError::Garbled(what) => {
                return language.pick(
                    format!("the issuer of tokens does not keep to OAuth 2: {what}"),
                    format!("令牌颁发者不遵守 OAuth 2：{what}"),
                );
            }
            OAuthError::Refused(code, None) => {
                return language.pick(
                    format!("the issuer of tokens refused: {code}"),
                    format!("令牌颁发者拒绝：{code}"),
                );
            }
            OAuthError::Refused(code, Some(words)) => {
                return language.pick(
                    format!("the issuer of tokens refused: {code}: {words}"),
                    format!("令牌颁发者拒绝：{code}：{words}"),
                );
            }
            OAuthError::NoDeviceFlow => (
                "the issuer of tokens does not offer signing in on another device",
                "令牌颁发者不提供在其他设备上登录",
            ),
            OAuthError::Denied => ("access was denied", "授权被拒绝"),
            OAuthError::Expired => ("nobody entered the code in time", "没有及时输入代码"),
            OAuthError::SignInAgain => (
                "the issuer of tokens no longer knows this login: sign in again",
                "令牌颁发者不再承认这个登录：请重新登录",
            ),
        };
        language.pick(english, chinese).to_owned()
    }
}

impl Issuer {
    /// Asks for a code that a person enters somewhere else (RFC 8628 §3.1).
    ///
    /// # Errors
    /// When the issuer cannot be asked, or refuses.
    pub async fn begin(&self) -> Result<Device, OAuthError> {
        let address = self.device.as_deref().ok_or(OAuthError::NoDeviceFlow)?;
        let form = self.form(&[("scope", &self.scope)]);
        let (code, octets) = ask(address, &form).await?;
        match code {
            200 => Device::parse(&octets),
            _ => Err(refused(code, &octets)),
        }
    }

    /// Waits until the person has entered the code (RFC 8628 §3.4 and §3.5). `sleep` waits: a timer's, or a test's that does not.
    ///
    /// # Errors
    /// When they said no, did not come in time, or the issuer cannot be asked.
    pub async fn wait(
        &self,
        device: &Device,
        mut sleep: impl AsyncFnMut(Duration),
    ) -> Result<Tokens, OAuthError> {
        let form = self.form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", &device.code()),
        ]);
        let mut interval = device.interval.unwrap_or(INTERVAL).max(LEAST_INTERVAL);
        let mut left = device.expires_in.min(MAX_WAIT);
        loop {
            left = left.checked_sub(interval).ok_or(OAuthError::Expired)?;
            sleep(interval).await;
            let (code, octets) = match ask(&self.token, &form).await {
                Ok(answer) => answer,
                // RFC 8628 §3.5: after a time-out, less often; twice as long each time is what it recommends.
                Err(OAuthError::Web(WebError::TimedOut)) => {
                    interval = interval.saturating_mul(2);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if code == 200 {
                return Tokens::parse(&octets);
            }
            match Refused::parse(&octets) {
                Some(refused) if refused.error == "authorization_pending" => {}
                Some(refused) if refused.error == "slow_down" => {
                    interval = interval.saturating_add(SLOWER);
                }
                Some(refused) if refused.error == "access_denied" => return Err(OAuthError::Denied),
                Some(refused) if refused.error == "expired_token" => return Err(OAuthError::Expired),
                _ => return Err(refused(code, &octets)),
            }
        }
    }

    /// Gets the next access token (RFC 6749 §6). Where the reply has no refresh token, the old one stays good.
    ///
    /// # Errors
    /// When the issuer cannot be asked, or refuses: [`OAuthError::SignInAgain`] where the refresh token is no longer good.
    pub async fn refresh(&self, refresh: &Secret) -> Result<Tokens, OAuthError> {
        let refresh = String::from_utf8_lossy(refresh.expose());
        let form = self.form(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]);
        let (code, octets) = ask(&self.token, &form).await?;
        if code == 200 {
            return Tokens::parse(&octets);
        }
        match Refused::parse(&octets) {
            Some(refused) if refused.error == "invalid_grant" => Err(OAuthError::SignInAgain),
            _ => Err(refused(code, &octets)),
        }
    }

    /// RFC 6749 §2.3.1: who asks is in the form too.
    fn form(&self, fields: &[(&str, &str)]) -> Form {
        let mut form = vec![("client_id".to_owned(), Secret::from(self.client.as_str()))];
        if let Some(secret) = &self.secret {
            form.push(("client_secret".to_owned(), secret.clone()));
        }
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Secret::from(*value)));
        form.extend(fields);
        form
    }
}

/// What is sent; its values do not print.
type Form = Vec<(String, Secret)>;

async fn ask(address: &str, form: &Form) -> Result<(u16, Vec<u8>), OAuthError> {
    let texts: Vec<(&str, &str)> = form
        .iter()
        .map(|(name, value)| {
            (
                name.as_str(),
                std::str::from_utf8(value.expose()).unwrap_or_default(),
            )
        })
        .collect();
    post(address, &texts, PATIENCE).await.map_err(OAuthError::Web)
}

fn refused(code: u16, octets: &[u8]) -> OAuthError {
    match Refused::parse(octets) {
        Some(refused) => OAuthError::Refused(refused.error.into(), refused.words.map(Box::from)),
        None => OAuthError::Web(WebError::Status(code)),
    }
}
