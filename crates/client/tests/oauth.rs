//! OAuth 2 against an issuer on loopback: the device flow of RFC 8628, the refresh of RFC 6749 §6.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod web;

use std::sync::Mutex;
use std::time::Duration;

use posthouse_client::oauth::{Issuer, OAuthError, Tokens};
use posthouse_client::{Language, Secret};
use web::Web;

const DEVICE: &str = r#"{"device_code":"device secret","user_code":"WDJB-MJHT","verification_uri":"https://example.com/device",
    "verification_uri_complete":"https://example.com/device?user_code=WDJB-MJHT","expires_in":60,"interval":5}"#;
const TOKENS: &str =
    r#"{"access_token":"access-1","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-1"}"#;

/// An issuer that answers at its token endpoint with these, one after the other, the last again and again.
async fn issuer(device: &'static str, tokens: &'static [(u16, &'static str)]) -> Web {
    let left = Mutex::new(tokens.iter());
    Web::start(move |asked, own| {
        let (code, body) = match asked.0.as_str() {
            "GET /.well-known/oauth-authorization-server" => (404, String::new()),
            "GET /.well-known/openid-configuration" => (
                200,
                format!(
                    r#"{{"issuer":"{own}","token_endpoint":"{own}/token","device_authorization_endpoint":"{own}/device"}}"#
                ),
            ),
            "POST /device" => (200, device.to_owned()),
            "POST /token" => {
                let mut left = left.lock().unwrap();
                let (code, body) = left.next().or(tokens.last()).unwrap();
                (*code, (*body).to_owned())
            }
            other => panic!("{other}"),
        };
        (code, "Content-Type: application/json\r\n".to_owned(), body)
    })
    .await
}

/// What came of a whole flow, and the waits.
async fn flow(tokens: &'static [(u16, &'static str)]) -> (Result<Tokens, OAuthError>, Vec<u64>, Web) {
    flow_of(DEVICE, tokens).await
}

async fn flow_of(
    device: &'static str,
    tokens: &'static [(u16, &'static str)],
) -> (Result<Tokens, OAuthError>, Vec<u64>, Web) {
    let web = issuer(device, tokens).await;
    let issuer = Issuer::at(&web.url, "our id").await.unwrap().scope("mail");
    let device = issuer.begin().await.unwrap();
    assert_eq!(device.user_code, "WDJB-MJHT");
    let mut waits = Vec::new();
    let said = issuer
        .wait(&device, async |time: Duration| waits.push(time.as_secs()))
        .await;
    (said, waits, web)
}

/// RFC 8628 §3.1, §3.4, §3.5: what is asked, how often, and that `slow_down` adds 5 seconds for good.
#[tokio::test]
async fn the_device_flow_waits_until_somebody_came() {
    let (said, waits, web) = flow(&[
        (400, r#"{"error":"authorization_pending"}"#),
        (400, r#"{"error":"slow_down"}"#),
        (400, r#"{"error":"authorization_pending"}"#),
        (200, TOKENS),
    ])
    .await;
    let tokens = said.unwrap();
    assert_eq!(tokens.access, Secret::from("access-1"));
    assert_eq!(tokens.refresh, Some(Secret::from("refresh-1")));
    assert_eq!(tokens.expires_in, Some(Duration::from_secs(3600)));
    assert_eq!(waits, [5, 5, 10, 10]);
    let asked = web.asked();
    assert_eq!(asked[2].1, "client_id=our+id&scope=mail");
    assert_eq!(
        asked[3].1,
        "client_id=our+id&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=device+secret"
    );
    let printed = format!("{tokens:?}");
    assert!(
        !printed.contains("access-1") && !printed.contains("refresh-1"),
        "{printed}"
    );
}

/// RFC 8628 §3.5: a client MUST wait as long as the issuer says, however long that is.
#[tokio::test]
async fn an_issuer_that_wants_to_be_asked_seldom_is() {
    let device = r#"{"device_code":"d","user_code":"WDJB-MJHT","verification_uri":"https://example.com/device","expires_in":600,"interval":90}"#;
    let answers = &[(400, r#"{"error":"slow_down"}"#), (200, TOKENS)];
    let (said, waits, _) = flow_of(device, answers).await;
    assert!(said.is_ok(), "{said:?}");
    assert_eq!(waits, [90, 95]);
}

#[tokio::test]
async fn the_device_flow_ends() {
    let check = async |tokens: &'static [(u16, &'static str)], wanted: OAuthError, waits: usize| {
        let (said, waited, _) = flow(tokens).await;
        assert_eq!(said.unwrap_err(), wanted);
        assert_eq!(waited.len(), waits, "{wanted:?}");
    };
    check(&[(400, r#"{"error":"access_denied"}"#)], OAuthError::Denied, 1).await;
    check(&[(400, r#"{"error":"expired_token"}"#)], OAuthError::Expired, 1).await;
    // The code is good for a minute, with 5 seconds between: the issuer need not say it.
    check(
        &[(400, r#"{"error":"authorization_pending"}"#)],
        OAuthError::Expired,
        12,
    )
    .await;
    check(
        &[(
            401,
            r#"{"error":"invalid_client","error_description":"who?\u001b[2J"}"#,
        )],
        OAuthError::Refused("invalid_client".into(), Some("who?[2J".into())),
        1,
    )
    .await;
    check(&[(200, "{}")], OAuthError::Garbled("no token"), 1).await;
    check(
        &[(200, r#"{"access_token":"a","token_type":"mac"}"#)],
        OAuthError::Garbled("the token is no bearer token"),
        1,
    )
    .await;
    check(
        &[(200, r#"{"access_token":"a\r\nQUIT","token_type":"bearer"}"#)],
        OAuthError::Garbled("the token has octets that no token has"),
        1,
    )
    .await;
}

/// RFC 6749 §6, and §5.2: `invalid_grant` is a login that is over.
#[tokio::test]
async fn tokens_are_refreshed() {
    let web = issuer(
        DEVICE,
        &[
            (200, r#"{"access_token":"access-2","token_type":"bearer"}"#),
            (400, r#"{"error":"invalid_grant"}"#),
        ],
    )
    .await;
    let issuer = Issuer::at(&web.url, "id")
        .await
        .unwrap()
        .secret(Secret::from("client secret"));
    let refresh = Secret::from("refresh-1");
    let tokens = issuer.refresh(&refresh).await.unwrap();
    assert_eq!(tokens.access, Secret::from("access-2"));
    assert_eq!((tokens.refresh, tokens.expires_in), (None, None));
    assert_eq!(
        web.asked().last().unwrap().1,
        "client_id=id&client_secret=client+secret&grant_type=refresh_token&refresh_token=refresh-1"
    );
    assert_eq!(
        issuer.refresh(&refresh).await.unwrap_err(),
        OAuthError::SignInAgain
    );
    assert!(!format!("{issuer:?}").contains("client secret"));
}

/// RFC 8414 §3.3: who says that it is somebody else is not believed; and what would be shown or opened must be safe to show or open.
#[tokio::test]
async fn hostile_issuers_are_refused() {
    let web = Web::start(|_, own| {
        let body = format!(r#"{{"issuer":"https://accounts.example.com","token_endpoint":"{own}/token"}}"#);
        (200, String::new(), body)
    })
    .await;
    let said = Issuer::at(&web.url, "id").await.unwrap_err();
    assert_eq!(said, OAuthError::Garbled("its metadata is of another issuer"));
    let said = Issuer::at("http://accounts.example.com", "id").await.unwrap_err();
    assert!(
        said.words(Language::English).contains("not an https URL"),
        "{said}"
    );
    for device in [
        r#"{"device_code":"d","user_code":"A\u001b[2J","verification_uri":"https://example.com/","expires_in":60}"#,
        r#"{"device_code":"d","user_code":"A","verification_uri":"http://example.com/","expires_in":60}"#,
        r#"{"user_code":"A"}"#,
    ] {
        let web = issuer(device, &[]).await;
        let issuer = Issuer::at(&web.url, "id").await.unwrap();
        let said = issuer.begin().await.unwrap_err();
        assert!(matches!(said, OAuthError::Garbled(_)), "{said}");
    }
}
