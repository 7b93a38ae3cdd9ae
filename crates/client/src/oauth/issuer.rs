//! Who gives tokens: one of the table, or one that says of itself where it is asked (RFC 8414).

use serde::Deserialize;

use super::{OAuthError, PATIENCE};
use crate::Secret;
use crate::web::{WebError, checked, get_here};

/// A provider whose places are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Gmail. Google gives `https://mail.google.com/` to no device flow: tokens are refreshed, and the first one is made elsewhere.
    Google,
    /// Outlook.com and Microsoft 365.
    Microsoft,
}

impl Provider {
    /// Finds one by its name: `google` or `microsoft`.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        match name {
            "google" => Some(Provider::Google),
            "microsoft" => Some(Provider::Microsoft),
            _ => None,
        }
    }

    /// Where codes and tokens are, and what is asked for.
    fn places(self) -> [&'static str; 3] {
        match self {
            Provider::Google => [
                "https://oauth2.googleapis.com/device/code",
                "https://oauth2.googleapis.com/token",
                "https://mail.google.com/",
            ],
            Provider::Microsoft => [
                "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
                "https://login.microsoftonline.com/common/oauth2/v2.0/token",
                "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/POP.AccessAsUser.All \
                 https://outlook.office.com/SMTP.Send offline_access",
            ],
        }
    }
}

/// Who gives tokens, and whom it knows us as.
#[derive(Clone, Debug)]
pub struct Issuer {
    pub(super) device: Option<String>,
    pub(super) token: String,
    pub(super) client: String,
    pub(super) secret: Option<Secret>,
    pub(super) scope: String,
}

/// RFC 8414 §2, RFC 8628 §4.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    token_endpoint: String,
    device_authorization_endpoint: Option<String>,
}

impl Issuer {
    /// A provider of the table, as the client that was registered there.
    pub fn provider(provider: Provider, client: impl Into<String>) -> Self {
        let [device, token, scope] = provider.places();
        Issuer {
            device: Some(device.to_owned()),
            token: token.to_owned(),
            client: client.into(),
            secret: None,
            scope: scope.to_owned(),
        }
    }

    /// An issuer by its URL: it is asked where its places are (RFC 8414 §3, and OpenID's `.well-known/openid-configuration`).
    ///
    /// # Errors
    /// When it cannot be asked, says nothing, or says that it is somebody else.
    pub async fn at(issuer: &str, client: impl Into<String>) -> Result<Self, OAuthError> {
        let url = checked(issuer).map_err(OAuthError::Web)?;
        let path = url.path().trim_end_matches('/');
        let origin = url.origin().ascii_serialization();
        let places = [
            format!("{origin}/.well-known/oauth-authorization-server{path}"),
            format!("{origin}{path}/.well-known/openid-configuration"),
        ];
        let mut said = Err(OAuthError::Web(WebError::NotSafe));
        for place in places {
            said = match get_here(&place, PATIENCE).await {
                Ok((200, octets)) => {
                    let parsed: Option<Metadata> = serde_json::from_slice(&octets).ok();
                    parsed.ok_or(OAuthError::Garbled("its metadata"))
                }
                Ok((code, _)) => Err(OAuthError::Web(WebError::Status(code))),
                Err(error) => Err(OAuthError::Web(error)),
            };
            if said.is_ok() {
                break;
            }
        }
        let metadata = said?;
        // RFC 8414 §3.3: or somebody could pass for somebody else. DEVIATION RFC 8414 §3.3: a slash at the end does not count, as people add it or
        // leave it out; it is asked at the same place.
        if metadata.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
            return Err(OAuthError::Garbled("its metadata is of another issuer"));
        }
        Ok(Issuer {
            device: metadata.device_authorization_endpoint,
            token: metadata.token_endpoint,
            client: client.into(),
            secret: None,
            scope: "offline_access".to_owned(),
        })
    }

    /// With the client's secret, where the issuer gave one.
    #[must_use]
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Asks for this, in place of what the provider has for mail.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }
}
