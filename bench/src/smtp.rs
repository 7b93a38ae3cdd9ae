//! SMTP (RFC 5321) and LMTP (RFC 2033) as the load generator speaks them: one message after the
//! other over one connection, the envelope pipelined (RFC 2920).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;

use anyhow::{Context as _, Result, bail, ensure};

use crate::lanes::{self, Budget, Heard, Talk};

/// Which of the two; they differ in the greeting and in what follows the data.
#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    /// EHLO; one reply for a message.
    Smtp,
    /// LHLO; one reply for each recipient, of whom there is one here.
    Lmtp,
}

/// Connects and greets.
pub(crate) fn greet(address: SocketAddr, protocol: Protocol) -> Result<TcpStream> {
    let mut stream = lanes::connect(address)?;
    let mut replies = Replies::default();
    expect(&mut stream, &mut replies).context("greeting")?;
    let hello: &[u8] = match protocol {
        Protocol::Smtp => b"EHLO client.example.net\r\n",
        Protocol::Lmtp => b"LHLO client.example.net\r\n",
    };
    stream.write_all(hello)?;
    expect(&mut stream, &mut replies).context("EHLO")?;
    Ok(stream)
}

fn expect(stream: &mut TcpStream, replies: &mut Replies) -> Result<()> {
    let mut buffer = [0_u8; 4096];
    loop {
        let length = stream.read(&mut buffer)?;
        ensure!(length > 0, "the server closed the connection");
        if replies.add(buffer.get(..length).unwrap_or_default())? > 0 {
            return Ok(());
        }
    }
}

/// Counts whole replies.
#[derive(Default)]
struct Replies {
    pending: Vec<u8>,
}

impl Replies {
    /// Adds what came; says how many replies ended in it.
    fn add(&mut self, bytes: &[u8]) -> Result<usize> {
        self.pending.extend_from_slice(bytes);
        let mut whole = 0;
        let mut at = 0;
        for end in memchr::memchr_iter(b'\n', &self.pending) {
            let line = self.pending.get(at..end).unwrap_or_default();
            at = end + 1;
            match line {
                [b'2' | b'3', _, _, b'-', ..] => {}
                [b'2' | b'3', ..] => whole += 1,
                _ => bail!("the server answered {}", line.escape_ascii()),
            }
        }
        self.pending.drain(..at);
        Ok(whole)
    }
}

/// Messages to one recipient.
pub(crate) struct Deliveries {
    budget: Budget,
    envelope: Vec<u8>,
    messages: Rc<Vec<Vec<u8>>>,
    sent: usize,
    replies: Replies,
    wanted: usize,
    at: At,
}

enum At {
    Envelope,
    Data,
}

/// MAIL, RCPT and DATA.
const ENVELOPE_REPLIES: usize = 3;

impl Deliveries {
    /// Sends `messages` in turn to `recipient`, until the budget is spent.
    pub(crate) fn new(budget: &Budget, recipient: &str, messages: &Rc<Vec<Vec<u8>>>) -> Self {
        let envelope = format!("MAIL FROM:<sender@example.net>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n");
        Self {
            budget: budget.clone(),
            envelope: envelope.into_bytes(),
            messages: Rc::clone(messages),
            sent: 0,
            replies: Replies::default(),
            wanted: 0,
            at: At::Envelope,
        }
    }

    fn send_envelope(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.envelope);
        self.wanted = ENVELOPE_REPLIES;
        self.at = At::Envelope;
    }

    /// The messages hold no line that begins with a dot, so nothing has to be stuffed.
    fn send_message(&mut self, out: &mut Vec<u8>) {
        let index = self.sent.checked_rem(self.messages.len()).unwrap_or(0);
        out.extend_from_slice(self.messages.get(index).map_or(&[], Vec::as_slice));
        out.extend_from_slice(b".\r\n");
        self.sent += 1;
        self.wanted = 1;
        self.at = At::Data;
    }
}

impl Talk for Deliveries {
    fn begin(&mut self, out: &mut Vec<u8>) {
        let _ = self.budget.take();
        self.send_envelope(out);
    }

    fn hear(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Heard> {
        let whole = self.replies.add(bytes)?;
        self.wanted = self.wanted.saturating_sub(whole);
        if self.wanted > 0 {
            return Ok(Heard::Waiting);
        }
        match self.at {
            At::Envelope => {
                self.send_message(out);
                Ok(Heard::Waiting)
            }
            At::Data if self.budget.take() => {
                self.send_envelope(out);
                Ok(Heard::Ended(1))
            }
            At::Data => Ok(Heard::Finished(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_by_their_last_lines() {
        let mut replies = Replies::default();
        assert_eq!(
            replies
                .add(b"250-a\r\n250-b\r\n250 c\r\n250 2.1.5 ok\r\n35")
                .unwrap(),
            2
        );
        assert_eq!(replies.add(b"4 go\r\n").unwrap(), 1);
    }

    #[test]
    fn a_refusal_ends_the_run() {
        assert!(Replies::default().add(b"452 4.3.1 full\r\n").is_err());
    }

    #[test]
    fn the_data_follows_the_three_replies_of_the_envelope() {
        let budget = Budget::new(2, std::time::Duration::from_secs(60));
        let messages = Rc::new(vec![b"one\r\n".to_vec(), b"two\r\n".to_vec()]);
        let mut talk = Deliveries::new(&budget, "u1@example.org", &messages);
        let mut out = Vec::new();
        talk.begin(&mut out);
        assert!(out.starts_with(b"MAIL FROM:<") && out.ends_with(b"DATA\r\n"));
        out.clear();
        assert!(matches!(
            talk.hear(b"250 a\r\n250 b\r\n", &mut out).unwrap(),
            Heard::Waiting
        ));
        assert!(out.is_empty());
        assert!(matches!(
            talk.hear(b"354 go\r\n", &mut out).unwrap(),
            Heard::Waiting
        ));
        assert_eq!(out, b"one\r\n.\r\n");
        out.clear();
        assert!(matches!(
            talk.hear(b"250 kept\r\n", &mut out).unwrap(),
            Heard::Ended(1)
        ));
        out.clear();
        talk.hear(b"250 a\r\n250 b\r\n354 go\r\n", &mut out).unwrap();
        assert_eq!(out, b"two\r\n.\r\n");
        assert!(matches!(
            talk.hear(b"250 kept\r\n", &mut out).unwrap(),
            Heard::Finished(1)
        ));
    }
}
