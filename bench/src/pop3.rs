//! POP3 (RFC 1939) as the load generator speaks it: RETR of a whole maildrop, again and again.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result, ensure};
use memchr::memmem;

use crate::lanes::{self, Budget, Heard, Talk};

/// What ends a multi-line response.
const END: &[u8] = b"\r\n.\r\n";

/// Connects and logs in; says how many messages there are.
pub(crate) fn login(address: SocketAddr, user: &str, password: &str) -> Result<(TcpStream, u64)> {
    let mut stream = lanes::connect(address)?;
    line(&mut stream).context("greeting")?;
    for command in [format!("USER {user}\r\n"), format!("PASS {password}\r\n")] {
        stream.write_all(command.as_bytes())?;
        line(&mut stream)?;
    }
    stream.write_all(b"STAT\r\n")?;
    let stat = line(&mut stream)?;
    let count = stat
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .context("STAT")?;
    Ok((stream, count))
}

fn line(stream: &mut TcpStream) -> Result<String> {
    let mut buffer = [0_u8; 1024];
    let mut text = String::new();
    while !text.ends_with("\r\n") {
        let length = stream.read(&mut buffer)?;
        ensure!(length > 0, "the server closed the connection");
        text.push_str(&String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()));
    }
    ensure!(text.starts_with("+OK"), "the server answered {}", text.trim_end());
    Ok(text)
}

/// RETR 1, 2, … of a maildrop, with up to `window` requests under way.
pub(crate) struct Retrievals {
    budget: Budget,
    count: u64,
    window: u64,
    next: u64,
    under_way: u64,
    spent: bool,
    carry: Vec<u8>,
    finder: memmem::Finder<'static>,
}

impl Retrievals {
    /// Retrieves from a maildrop of `count` messages until the budget is spent.
    pub(crate) fn new(budget: &Budget, count: u64, window: u64) -> Self {
        Self {
            budget: budget.clone(),
            count,
            window,
            next: 0,
            under_way: 0,
            spent: false,
            carry: Vec::new(),
            finder: memmem::Finder::new(END),
        }
    }

    /// Sends again when half of the window has been answered, so that requests go in large pieces.
    fn refill(&mut self, out: &mut Vec<u8>) {
        if self.under_way > self.window / 2 {
            return;
        }
        while self.under_way < self.window && !self.spent {
            if self.budget.take() {
                let number = self.next.checked_rem(self.count).unwrap_or(0) + 1;
                out.extend_from_slice(format!("RETR {number}\r\n").as_bytes());
                self.next += 1;
                self.under_way += 1;
            } else {
                self.spent = true;
            }
        }
    }

    /// Whether the only response under way ended: nothing can follow it, so its last bytes tell.
    fn is_end(&mut self, bytes: &[u8]) -> bool {
        self.carry.extend_from_slice(
            bytes
                .get(bytes.len().saturating_sub(END.len())..)
                .unwrap_or_default(),
        );
        let over = self.carry.len().saturating_sub(END.len());
        self.carry.drain(..over);
        self.carry == END
    }

    /// How many responses ended in what came. The end may lie across two reads.
    fn ends(&mut self, bytes: &[u8]) -> u64 {
        let keep = END.len() - 1;
        self.carry
            .extend_from_slice(bytes.get(..bytes.len().min(keep)).unwrap_or_default());
        let mut ends = u64::from(memmem::find(&self.carry, END).is_some());
        ends += self.finder.find_iter(bytes).map(|_| 1).sum::<u64>();
        if bytes.len() >= keep {
            self.carry.clear();
            self.carry
                .extend_from_slice(bytes.get(bytes.len() - keep..).unwrap_or_default());
        } else {
            let over = self.carry.len().saturating_sub(keep);
            self.carry.drain(..over);
        }
        ends
    }
}

impl Talk for Retrievals {
    fn begin(&mut self, out: &mut Vec<u8>) {
        self.refill(out);
        if self.under_way == 0 {
            out.extend_from_slice(b"RETR 1\r\n");
            self.under_way = 1;
            self.spent = true;
        }
    }

    fn hear(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Heard> {
        ensure!(
            !bytes.starts_with(b"-ERR"),
            "the server answered {}",
            bytes.escape_ascii()
        );
        let ends = if self.window == 1 {
            u64::from(self.is_end(bytes))
        } else {
            self.ends(bytes)
        };
        self.under_way = self.under_way.saturating_sub(ends);
        self.refill(out);
        Ok(match (ends, self.under_way) {
            (_, 0) => Heard::Finished(ends),
            (0, _) => Heard::Waiting,
            _ => Heard::Ended(ends),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn ends_are_counted_across_reads() {
        let stream = b"+OK\r\nfirst\r\n.\r\n+OK\r\nsecond\r\n..\r\n.\r\n+OK\r\n.\r\n";
        let budget = Budget::new(10, Duration::from_secs(10));
        for size in 1..stream.len() {
            let mut retrievals = Retrievals::new(&budget, 3, 64);
            let ends: u64 = stream.chunks(size).map(|piece| retrievals.ends(piece)).sum();
            assert_eq!(ends, 3, "in pieces of {size}");
        }
    }

    #[test]
    fn one_response_at_a_time_ends_however_it_is_cut() {
        let response = b"+OK\r\nfirst\r\n.\r\n";
        let budget = Budget::new(10, Duration::from_secs(10));
        for size in 1..=response.len() {
            let mut retrievals = Retrievals::new(&budget, 3, 1);
            let ends: Vec<bool> = response
                .chunks(size)
                .map(|piece| retrievals.is_end(piece))
                .collect();
            assert_eq!(ends.iter().filter(|&&end| end).count(), 1, "in pieces of {size}");
            assert_eq!(ends.last(), Some(&true));
        }
    }
}
