//! An issuer on this machine that knows some tokens.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// Answers one question after the other; gives what it was asked.
async fn issuer(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/introspect", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let mut questions = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = Vec::new();
            while !String::from_utf8_lossy(&question).contains("token_type_hint=") {
                stream.read_buf(&mut question).await.unwrap();
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            questions.push(String::from_utf8(question).unwrap());
        }
        questions
    });
    (url, asked)
}

fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn settings() -> Oidc {
    Oidc {
        issuer: "https://id.example.org".to_owned(),
        audience: "mail".to_owned(),
        keys: None,
        introspection: None,
        claim: "username".to_owned(),
    }
}

fn endpoint(url: String, secret: &std::path::Path) -> Introspection {
    Introspection {
        url,
        client: "posthouse".to_owned(),
        secret: secret.to_owned(),
    }
}

#[tokio::test]
async fn the_issuer_is_asked_as_the_rfc_says_and_its_word_counts() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "our secret\n").unwrap();
    let good = json!({"active": true, "aud": "mail", "username": "alice@example.org"}).to_string();
    let answers = vec![
        response("200 OK", &good),
        response("200 OK", r#"{"active": false}"#),
        response("401 Unauthorized", "{}"),
        response("302 Found\r\nLocation: http://127.0.0.1:1/", ""),
        response("200 OK", "[1]"),
        response(
            "200 OK",
            &format!("{{\"active\": true, \"x\": \"{}\"}}", "x".repeat(MAX_ANSWER)),
        ),
    ];
    let (url, asked) = issuer(answers).await;
    let inquirer = Inquirer::new().unwrap();
    let endpoint = endpoint(url, &secret);
    let ask = async |token: &str| {
        inquirer
            .login_of(&settings(), &endpoint, &Secret::from(token))
            .await
    };
    assert_eq!(
        ask("2YotnFZFEjr1zCsicMWpAA").await.unwrap().as_deref(),
        Some("alice@example.org")
    );
    assert_eq!(ask("a+b/c&active=true").await.unwrap(), None);
    assert!(matches!(
        ask("x").await,
        Err(AskError::Status(StatusCode::UNAUTHORIZED))
    ));
    assert!(
        matches!(ask("x").await, Err(AskError::Status(StatusCode::FOUND))),
        "a token is not sent elsewhere"
    );
    assert!(matches!(ask("x").await, Err(AskError::Answer(_))));
    assert!(matches!(ask("x").await, Err(AskError::Answer(_))));
    let questions = asked.await.unwrap();
    let first = questions[0].to_ascii_lowercase();
    assert!(first.starts_with("post /introspect http/1.1\r\n"), "{first}");
    assert!(
        first.contains("\r\ncontent-type: application/x-www-form-urlencoded\r\n"),
        "{first}"
    );
    // posthouse:our secret
    assert!(
        questions[0].contains("Basic cG9zdGhvdXNlOm91ciBzZWNyZXQ="),
        "{first}"
    );
    assert!(
        questions[0].contains("\r\n\r\ntoken=2YotnFZFEjr1zCsicMWpAA&token_type_hint=access_token"),
        "{first}"
    );
    assert!(
        questions[1].contains("token=a%2Bb%2Fc%26active%3Dtrue&"),
        "{}",
        questions[1]
    );
    // Nobody listens there any more.
    assert!(matches!(ask("x").await, Err(AskError::Network(_))));
    fs::remove_file(&secret).unwrap();
    assert!(matches!(ask("x").await, Err(AskError::Secret { .. })));
}

#[test]
fn a_token_is_taken_if_it_is_active_for_us_for_now() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let check = |change: Value, wanted: bool| {
        let mut answer = json!({
            "active": true, "iss": "https://id.example.org", "aud": ["x", "mail"],
            "exp": now + 300, "username": "alice@example.org",
        });
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => drop(answer.as_object_mut().unwrap().remove(name)),
                value => answer[name] = value.clone(),
            }
        }
        assert_eq!(
            taken(&settings(), answer.as_object().unwrap()).is_some(),
            wanted,
            "{change}"
        );
    };
    for right in [
        json!({}),
        json!({"iss": null}),
        json!({"exp": null}),
        json!({"aud": "mail"}),
        json!({"exp": now - LEEWAY / 2}),
        json!({"nbf": now + LEEWAY / 2}),
    ] {
        check(right, true);
    }
    for wrong in [
        json!({"active": false}),
        json!({"active": "true"}),
        json!({"active": null}),
        json!({"iss": "https://id.example.com"}),
        json!({"aud": null}),
        json!({"aud": "calendar"}),
        json!({"aud": ["calendar"]}),
        json!({"exp": now - 2 * LEEWAY}),
        json!({"nbf": now + 2 * LEEWAY}),
        json!({"username": null}),
        json!({"username": ""}),
    ] {
        check(wrong, false);
    }
}
