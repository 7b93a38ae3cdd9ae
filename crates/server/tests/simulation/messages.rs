//! The messages that are sent about, and what is to be found in them.

use std::sync::LazyLock;

use bytes::Bytes;
use posthouse_server::facts::facts_of;
use store::Facts;

use crate::names::base64;

/// A message, with its decoded texts.
pub struct Sample {
    pub bytes: Bytes,
    pub facts: Facts,
    pub subject: &'static str,
    pub body: &'static str,
}

impl Sample {
    /// Where the header ends: after its empty line.
    pub fn header(&self) -> usize {
        let end = self.bytes.windows(4).position(|four| four == b"\r\n\r\n");
        end.expect("every sample has a body") + 4
    }
}

/// What SEARCH looks for; none of it is in the parts of a header that all samples have.
pub const WORDS: [&str; 7] = ["apple", "NEEDLE", "苹果", "会议", "draft", "dots", "nowhere"];

pub static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let long: &'static str = "A long line about an apple that fell.\r\n".repeat(120).leak();
    let texts = [
        ("Apple pie", "Take four apples and a needle.\r\n", ""),
        ("苹果派", "今天的苹果很甜。\r\n", "base64"),
        ("会议", "会议记录：项目 needle\r\n", "8bit"),
        ("x", "y\r\n", ""),
        ("long", long, ""),
        ("dots", ".\r\n..two\r\n.three\r\n\r\n.\r\n", ""),
        ("draft", "\r\n", ""),
        ("again", "a needle in the apple tree\r\n", "base64"),
    ];
    texts.into_iter().map(sample).collect()
});

fn sample((subject, body, encoding): (&'static str, &'static str, &str)) -> Sample {
    let printed = match subject.is_ascii() {
        true => subject.to_owned(),
        false => format!("=?UTF-8?B?{}?=", base64(subject.as_bytes(), b'/', '=')),
    };
    let mut text = format!("From: a@b.example\r\nTo: c@d.example\r\nSubject: {printed}\r\n");
    let sent = match encoding {
        "base64" => base64(body.as_bytes(), b'/', '=') + "\r\n",
        _ => body.to_owned(),
    };
    if !encoding.is_empty() {
        text += &format!(
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: {encoding}\r\n"
        );
    }
    text += &format!("\r\n{sent}");
    let bytes = Bytes::from(text);
    Sample {
        facts: facts_of(&bytes),
        bytes,
        subject,
        body,
    }
}
