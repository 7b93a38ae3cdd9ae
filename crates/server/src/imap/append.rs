//! APPEND (RFC 3501 §6.3.11, RFC 3502, RFC 4315 §3, RFC 6855 §4).

use std::borrow::Cow;

use bytes::Bytes;
use imap::command::Append;
use imap::command::append::AppendMessage;
use imap::{Mode, Refusal};
use message::repair;
use store::{Account, Appended, BlobSource, NewMessage, TextForm};
use types::Timestamp;

use super::copy::{no_target, target};
use super::flags::keywords;
use super::stop::Stop;
use crate::facts::facts_of_bytes;
use crate::workspace::Workspace;

/// Puts messages into a mailbox, all or none.
pub(super) async fn append(
    (account, workspace): (&Account, &Workspace),
    append: Append,
    now: Timestamp,
) -> Result<Vec<Appended>, Stop> {
    let target = target(account, &append.mailbox)?;
    // An empty one cancels the whole (RFC 3502).
    if append.messages.iter().any(|message| message.message.is_empty()) {
        return Err(Refusal::EmptyMessage.into());
    }
    let mut messages = Vec::with_capacity(append.messages.len());
    for message in append.messages {
        // To be written anew, and read by whoever does not know UTF-8.
        let octets = u64::try_from(message.message.len()).unwrap_or(u64::MAX);
        let space = workspace.take(octets).await;
        let space = space.map_err(|_| Refusal::Unavailable)?;
        let message = prepare(message, now).await;
        drop(space);
        if append.mailbox.mode == Mode::Ascii {
            check_header(&message)?;
        }
        messages.push(message);
    }
    account.append(target, messages).await.map_err(no_target)
}

/// Bare CR and LF become line ends before a message is stored.
async fn prepare(append: AppendMessage, now: Timestamp) -> NewMessage {
    let bytes = match repair::crlf(&append.message) {
        Cow::Borrowed(_) => append.message.clone(),
        Cow::Owned(repaired) => Bytes::from(repaired),
    };
    NewMessage {
        facts: facts_of_bytes(&bytes).await,
        source: BlobSource::Bytes(bytes),
        keywords: keywords(&append.flags),
        received: append.received.unwrap_or(now),
    }
}

/// RFC 6855 §4: who has not enabled UTF8=ACCEPT appends no 8-bit character in the header of a message. In those of its parts,
/// which the RFC does not speak of, old mail has many.
///
/// DEVIATION RFC 6855 §4: old mail whose header has other 8-bit charsets, unlabelled, is taken: it is no internationalised mail, and
/// whoever moves a mailbox here has it and cannot mend it.
fn check_header(message: &NewMessage) -> Result<(), Refusal> {
    let (TextForm::Encoded, BlobSource::Bytes(bytes)) = (message.facts.form, &message.source) else {
        return Ok(());
    };
    let end = match bytes.starts_with(b"\r\n") {
        true => 0,
        false => memchr::memmem::find(bytes, b"\r\n\r\n").unwrap_or(bytes.len()),
    };
    let header = bytes.get(..end).unwrap_or_default();
    match !header.is_ascii() && str::from_utf8(header).is_ok() {
        true => Err(Refusal::HeaderNotAscii),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use store::Keywords;

    use super::*;

    #[tokio::test]
    async fn a_header_in_utf_8_is_refused_and_one_in_an_old_charset_is_not() {
        let check = async |bytes: &'static [u8], wanted: Result<(), Refusal>| {
            let bytes = Bytes::from_static(bytes);
            let message = NewMessage {
                facts: facts_of_bytes(&bytes).await,
                source: BlobSource::Bytes(bytes.clone()),
                keywords: Keywords::default(),
                received: Timestamp(0),
            };
            assert_eq!(check_header(&message), wanted, "{}", bytes.escape_ascii());
        };
        let refused = Err(Refusal::HeaderNotAscii);
        check("Subject: 你好\r\n\r\nx\r\n".as_bytes(), refused).await;
        check("Subject: 你好\r\n".as_bytes(), refused).await;
        check("Subject: x\r\n\r\n你好\r\n".as_bytes(), Ok(())).await;
        check("\r\nSubject: 你好\r\n\r\n".as_bytes(), Ok(())).await;
        // 你好 in GBK, and the end of a line in Latin-1.
        check(b"Subject: \xc4\xe3\xba\xc3\r\n\r\nx\r\n", Ok(())).await;
        check(b"From: Andr\xe9 <a@example.org>\r\n\r\nx\r\n", Ok(())).await;
    }
}
