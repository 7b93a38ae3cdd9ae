//! The OAuth 2 tokens of a profile: in the keyring, refreshed when they have expired or a server refused them. They never print.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::Secret;
use client::oauth::{Issuer, OAuthError, Provider, Tokens};
use serde::{Deserialize, Serialize};

use super::file::OAuth;
use super::keyring::{self, Kind};
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::mail::tongue;

/// A token that expires within this time is refreshed: the connection and the login take some.
const MARGIN: Duration = Duration::from_secs(60);

/// Which token is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The one that is kept, while it is good.
    Kept,
    /// Another: a server has refused the one that is kept.
    Another,
}

/// What the keyring has.
#[derive(Deserialize, Serialize)]
struct Kept {
    refresh: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access: Option<String>,
    /// In seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
}

/// The issuer of a profile.
pub(crate) async fn issuer(name: &str, oauth: &OAuth, language: Language) -> Result<Issuer, Exit> {
    let id = oauth.client_id.as_str();
    let mut issuer = match Provider::find(&oauth.issuer) {
        Some(provider) => Issuer::provider(provider, id),
        None => Issuer::at(&oauth.issuer, id)
            .await
            .map_err(|error| exit(&error, language))?,
    };
    if let Some(place) = &oauth.client_secret {
        issuer = issuer.secret(super::secret(name, place, Kind::ClientSecret, language)?);
    }
    Ok(match &oauth.scope {
        Some(scope) => issuer.scope(scope),
        None => issuer,
    })
}

/// An access token that is good, as far as anybody knows.
pub(crate) async fn access(
    name: &str,
    oauth: &OAuth,
    wanted: Wanted,
    language: Language,
) -> Result<Secret, Exit> {
    let kept = keyring::look_up(name, Kind::Tokens, language)?;
    let kept: Option<Kept> = kept.and_then(|kept| serde_json::from_slice(kept.expose()).ok());
    let kept = kept.ok_or_else(|| sign_in(name, language))?;
    if let (Wanted::Kept, Some(access), Some(expires)) = (wanted, &kept.access, kept.expires)
        && now() + MARGIN.as_secs() < expires
    {
        return Ok(Secret::from(access.as_str()));
    }
    let issuer = issuer(name, oauth, language).await?;
    let tokens = match issuer.refresh(&Secret::from(kept.refresh.as_str())).await {
        Ok(tokens) => tokens,
        Err(OAuthError::SignInAgain) => return Err(sign_in(name, language)),
        Err(error) => return Err(exit(&error, language)),
    };
    keep(name, &tokens, Some(kept.refresh), language)?;
    Ok(tokens.access)
}

/// Keeps tokens; the refresh token of before stays where there is no new one (RFC 6749 §6).
pub(crate) fn keep(
    name: &str,
    tokens: &Tokens,
    before: Option<String>,
    language: Language,
) -> Result<(), Exit> {
    let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
    let refresh = tokens.refresh.as_ref().map(text).or(before).ok_or_else(|| {
        Exit::new(
            Code::Protocol,
            language.pick(
                "the issuer gave no refresh token; ask for it with scope (offline_access, where the issuer has that)",
                "颁发者没有给出刷新令牌；请在 scope 中请求（有的颁发者称为 offline_access）",
            ),
        )
    })?;
    let kept = Kept {
        refresh,
        access: Some(text(&tokens.access)),
        // A time that is too far away is as good as none.
        expires: tokens
            .expires_in
            .and_then(|time| now().checked_add(time.as_secs())),
    };
    let kept = serde_json::to_vec(&kept).expect("texts and a number are JSON");
    keyring::store(name, Kind::Tokens, &Secret::new(kept), language)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn sign_in(name: &str, language: Language) -> Exit {
    Exit::new(
        Code::NoPermission,
        language.pick(
            format!("nobody has signed in for the profile {name:?}: posthouse profile login {name}"),
            format!("账号配置 {name:?} 尚未登录：请运行 posthouse profile login {name}"),
        ),
    )
}

/// A failure of OAuth 2 as the end of the program.
pub(crate) fn exit(error: &OAuthError, language: Language) -> Exit {
    let code = match error {
        OAuthError::Web(client::oauth::WebError::NotSafe) => Code::Config,
        OAuthError::Web(_) => Code::Temporary,
        OAuthError::Garbled(_) => Code::Protocol,
        OAuthError::NoDeviceFlow | OAuthError::Refused(..) => Code::Unavailable,
        OAuthError::Denied | OAuthError::Expired | OAuthError::SignInAgain => Code::NoPermission,
    };
    Exit::new(code, error.words(tongue(language)))
}
