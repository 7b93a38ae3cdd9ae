//! Tokens of an OpenID Connect issuer: verified with its public keys, which lie in a file (RFC 7517 §5).
//!
//! GAP RFC 7628 §3.2.2: a client is not told where to get a token.
//!
//! Taken are tokens (RFC 7519 §4.1, §7.2) that are signed (RS256, ES256, EdDSA) with a key of the set, by the issuer, for us, for now. The file is
//! read at each login, so whoever renews it needs to tell nobody. A token that cannot be verified is wrong; a file
//! that cannot be read is a failure.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use config::Oidc;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use sasl::Secret;
use serde_json::{Map, Value};
use thiserror::Error;

/// The largest file of keys: issuers have two or three.
const MAX_KEYS: u64 = 1 << 20;
/// Seconds by which the issuer's clock and ours may differ.
pub(crate) const LEEWAY: u64 = 60;

/// Why tokens cannot be verified.
#[derive(Debug, Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// It is not a set of keys.
    #[error("{}: not a JWK set: {what}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// Reads the file of keys, to see whether it can be.
///
/// # Errors
/// When it cannot.
pub fn check(settings: &Oidc) -> Result<(), KeysError> {
    settings
        .keys
        .as_deref()
        .map_or(Ok(()), |keys| read(keys).map(|_| ()))
}

/// The login that a token is for; none where it is not one that is taken, or where there is no file of keys.
pub(crate) fn login_of(settings: &Oidc, token: &Secret) -> Result<Option<String>, KeysError> {
    let Some(keys) = &settings.keys else {
        return Ok(None);
    };
    Ok(verify(settings, &read(keys)?, token))
}

fn read(path: &Path) -> Result<JwkSet, KeysError> {
    let content = |what: String| KeysError::Content {
        path: path.to_owned(),
        what,
    };
    let file = |cause| KeysError::File {
        path: path.to_owned(),
        cause,
    };
    if fs::metadata(path).map_err(file)?.len() > MAX_KEYS {
        return Err(content(format!("larger than {MAX_KEYS} octets")));
    }
    let text = fs::read(path).map_err(file)?;
    serde_json::from_slice(&text).map_err(|error| content(error.to_string()))
}

fn verify(settings: &Oidc, keys: &JwkSet, token: &Secret) -> Option<String> {
    let header = decode_header(token.expose()).ok()?;
    let algorithm = header.alg;
    // Never what is signed with a shared secret: a public key is none.
    if !matches!(algorithm, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) {
        return None;
    }
    let key = DecodingKey::from_jwk(key_of(keys, header.kid.as_deref())?).ok()?;
    let mut validation = Validation::new(algorithm);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.set_issuer(&[&settings.issuer]);
    validation.set_audience(&[&settings.audience]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY;
    let claims: Map<String, Value> = decode(token.expose(), &key, &validation).ok()?.claims;
    holder(settings, &claims)
}

/// The login that claims name.
pub(crate) fn holder(settings: &Oidc, claims: &Map<String, Value>) -> Option<String> {
    // OpenID Connect Core §5.1: anybody may have said that it is theirs.
    if settings.claim == "email"
        && claims
            .get("email_verified")
            .is_some_and(|verified| !is_true(verified))
    {
        return None;
    }
    match claims.get(&settings.claim)? {
        Value::String(login) if !login.is_empty() => Some(login.clone()),
        _ => None,
    }
}

/// Some issuers write it as a text.
fn is_true(value: &Value) -> bool {
    value.as_bool() == Some(true) || value.as_str() == Some("true")
}

/// The key that a token names; without a name, the only one.
fn key_of<'a>(keys: &'a JwkSet, name: Option<&str>) -> Option<&'a Jwk> {
    match (name, keys.keys.as_slice()) {
        (Some(name), _) => keys.find(name),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    use super::*;

    fn settings() -> Oidc {
        Oidc {
            issuer: "https://id.example.org".to_owned(),
            audience: "mail".to_owned(),
            keys: None,
            introspection: None,
            claim: "email".to_owned(),
        }
    }

    fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    struct Issuer {
        key: EncodingKey,
        keys: JwkSet,
    }

    impl Issuer {
        /// One with a key of its own.
        fn new(names: &[&str]) -> Self {
            let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
            let key = EncodingKey::from_ec_der(pair.serialized_der());
            let jwk = |name: &&str| {
                let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
                jwk.common.key_id = Some((*name).to_owned());
                jwk
            };
            let keys = JwkSet {
                keys: names.iter().map(jwk).collect(),
            };
            Issuer { key, keys }
        }

        fn sign(&self, key: Option<&str>, claims: &Value) -> Secret {
            let mut header = Header::new(Algorithm::ES256);
            header.kid = key.map(str::to_owned);
            Secret::from(&*encode(&header, claims, &self.key).unwrap())
        }
    }

    fn good() -> Value {
        json!({
            "iss": "https://id.example.org",
            "aud": ["mail", "calendar"],
            "exp": now() + 300,
            "email": "alice@example.org",
            "email_verified": true,
        })
    }

    #[test]
    fn a_token_is_taken_from_the_issuer_for_us_for_now() {
        let issuer = Issuer::new(&["a"]);
        let check = |change: Value, wanted: Option<&str>| {
            let mut claims = good();
            for (name, value) in change.as_object().unwrap() {
                match value {
                    Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                    value => claims[name] = value.clone(),
                }
            }
            let got = verify(&settings(), &issuer.keys, &issuer.sign(Some("a"), &claims));
            assert_eq!(got.as_deref(), wanted, "{change}");
        };
        let alice = Some("alice@example.org");
        check(json!({}), alice);
        check(json!({"aud": "mail"}), alice);
        check(json!({"exp": now() - 50}), alice);
        check(json!({"nbf": now() + 50}), alice);
        check(json!({"email_verified": null}), alice);
        check(json!({"email_verified": "true"}), alice);
        for wrong in [
            json!({"exp": now() - 70}),
            json!({"exp": null}),
            json!({"nbf": now() + 70}),
            json!({"iss": "https://id.example.com"}),
            json!({"iss": null}),
            json!({"aud": "calendar"}),
            json!({"aud": null}),
            json!({"email": null}),
            json!({"email": ""}),
            json!({"email": 1}),
            json!({"email_verified": false}),
            json!({"email_verified": "false"}),
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn only_a_key_of_the_set_signs() {
        let (issuer, stranger) = (Issuer::new(&["a", "b"]), Issuer::new(&["a"]));
        let taken = |by: &Issuer, keys: &Issuer, name| {
            verify(&settings(), &keys.keys, &by.sign(name, &good())).is_some()
        };
        assert!(taken(&issuer, &issuer, Some("a")));
        assert!(taken(&stranger, &stranger, None));
        assert!(!taken(&issuer, &issuer, None), "which of the two?");
        assert!(!taken(&issuer, &issuer, Some("c")));
        assert!(!taken(&stranger, &issuer, Some("a")));
        let token = issuer.sign(Some("a"), &good());
        for cut in 0..token.expose().len() {
            let token = Secret::new(&token.expose()[..cut]);
            assert_eq!(verify(&settings(), &issuer.keys, &token), None, "{cut}");
        }
    }

    #[test]
    fn a_token_signed_with_a_public_key_as_a_secret_or_not_at_all_is_not_taken() {
        let issuer = Issuer::new(&["a"]);
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("a".to_owned());
        let public = serde_json::to_vec(&issuer.keys).unwrap();
        let forged = encode(&header, &good(), &EncodingKey::from_secret(&public)).unwrap();
        assert_eq!(verify(&settings(), &issuer.keys, &Secret::from(&*forged)), None);
        // {"alg":"none"}, {"iss":…}
        let unsigned = Secret::from("eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3JnIn0.");
        assert_eq!(verify(&settings(), &issuer.keys, &unsigned), None);
    }

    #[test]
    fn a_file_of_keys_that_is_none_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("jwks.json");
        let settings = Oidc {
            keys: Some(keys.clone()),
            ..settings()
        };
        assert!(matches!(check(&settings), Err(KeysError::File { .. })));
        fs::write(&keys, "{}").unwrap();
        assert!(matches!(check(&settings), Err(KeysError::Content { .. })));
        let issuer = Issuer::new(&["a"]);
        fs::write(&keys, serde_json::to_vec(&issuer.keys).unwrap()).unwrap();
        let login = login_of(&settings, &issuer.sign(Some("a"), &good())).unwrap();
        assert_eq!(login.as_deref(), Some("alice@example.org"));
    }
}
