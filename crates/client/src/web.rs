//! Asking a web server, with an end to everything: https only, so many redirects, so many octets, so much time.
//!
//! `http` is taken to an address of this machine alone, and only where the caller wrote it: never because a server said so.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::redirect::{Attempt, Policy};
use url::{Host, Url};

use crate::Language;

/// What is asked for here has some thousands of octets.
const MAX_DOCUMENT: usize = 256 << 10;

/// A site that moved has moved once or twice.
const MAX_REDIRECTS: usize = 5;

/// Why there is no document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebError {
    /// The address is no https URL.
    NotSafe,
    /// Nothing is there: the server said 404 or its like.
    Status(u16),
    /// It has more octets than this.
    TooLong(usize),
    /// Nothing came in time.
    TimedOut,
    /// The connection or TLS failed, or a redirect was not followed.
    Network(Box<str>),
}

impl WebError {
    /// What went wrong.
    #[must_use]
    pub fn words(&self, language: Language) -> String {
        match self {
            WebError::NotSafe => language
                .pick("it is not an https URL", "不是 https 地址")
                .to_owned(),
            WebError::Status(code) => {
                language.pick(format!("the server said {code}"), format!("服务器回应 {code}"))
            }
            WebError::TooLong(limit) => language.pick(
                format!("it is longer than {limit} octets"),
                format!("超过 {limit} 字节"),
            ),
            WebError::TimedOut => language.pick("no answer in time", "没有及时回应").to_owned(),
            WebError::Network(error) => language.pick(
                format!("the connection failed: {error}"),
                format!("连接失败：{error}"),
            ),
        }
    }
}

/// Reads a document.
#[cfg(feature = "discover")]
pub(crate) async fn get(address: &str, time: Duration) -> Result<Vec<u8>, WebError> {
    let (client, url) = client(address, Policy::custom(follow), time)?;
    let response = client.get(url).send().await.map_err(|error| failure(&error))?;
    let (code, octets) = body(response).await?;
    match code {
        200 => Ok(octets),
        code => Err(WebError::Status(code)),
    }
}

/// Reads a document where no redirect is followed: what it says is believed because of who was asked.
#[cfg(feature = "oauth")]
pub(crate) async fn get_here(address: &str, time: Duration) -> Result<(u16, Vec<u8>), WebError> {
    let (client, url) = client(address, Policy::none(), time)?;
    body(client.get(url).send().await.map_err(|error| failure(&error))?).await
}

/// Sends a form. No redirect is followed: it has secrets in it.
#[cfg(feature = "oauth")]
pub(crate) async fn post(
    address: &str,
    form: &[(&str, &str)],
    time: Duration,
) -> Result<(u16, Vec<u8>), WebError> {
    let (client, url) = client(address, Policy::none(), time)?;
    let asked = client.post(url).header("accept", "application/json").form(form);
    body(asked.send().await.map_err(|error| failure(&error))?).await
}

/// Whether a URL is one to ask: https, or http to an address of this machine.
pub(crate) fn checked(address: &str) -> Result<Url, WebError> {
    let url = Url::parse(address).map_err(|_| WebError::NotSafe)?;
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        _ => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        _ => Err(WebError::NotSafe),
    }
}

fn client(address: &str, policy: Policy, time: Duration) -> Result<(reqwest::Client, Url), WebError> {
    let url = checked(address)?;
    let mut builder = reqwest::Client::builder()
        .redirect(policy)
        .timeout(time)
        .user_agent(concat!("posthouse/", env!("CARGO_PKG_VERSION")));
    if url.scheme() == "http" {
        // A proxy of the environment is not for this machine.
        builder = builder.no_proxy();
    }
    let client = builder.build().map_err(|error| failure(&error))?;
    Ok((client, url))
}

#[cfg(feature = "discover")]
fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if attempt.url().scheme() != "https" {
        return attempt.error("a redirect to what is not https");
    }
    match attempt.previous().len() > MAX_REDIRECTS {
        true => attempt.error("too many redirects"),
        false => attempt.follow(),
    }
}

async fn body(mut response: reqwest::Response) -> Result<(u16, Vec<u8>), WebError> {
    let mut octets = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| failure(&error))? {
        if octets.len() + piece.len() > MAX_DOCUMENT {
            return Err(WebError::TooLong(MAX_DOCUMENT));
        }
        octets.extend_from_slice(&piece);
    }
    Ok((response.status().as_u16(), octets))
}

/// The innermost reason, without the URL: it may have an address in it.
fn failure(error: &reqwest::Error) -> WebError {
    if error.is_timeout() {
        return WebError::TimedOut;
    }
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    match std::ptr::eq(reason, error as &dyn std::error::Error) {
        true => WebError::Network("the request failed".into()),
        false => WebError::Network(reason.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_is_asked_and_this_machine() {
        let check = |address: &str, wanted: bool| {
            assert_eq!(checked(address).is_ok(), wanted, "{address}");
        };
        check("https://autoconfig.example.org/mail/config-v1.1.xml", true);
        check("http://127.0.0.1:8080/", true);
        check("http://[::1]:8080/", true);
        check("http://autoconfig.example.org/", false);
        // A name can lead anywhere.
        check("http://localhost/", false);
        check("http://10.0.0.1/", false);
        check("file:///etc/passwd", false);
        check("nonsense", false);
    }
}
