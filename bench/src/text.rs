//! Messages to send: text made of words, the same in every run.
//!
//! Nothing is random, so that two servers in one comparison get the same bytes.

use std::fmt::Write as _;

/// Words of plain text; a power of two of them.
const WORDS: [&str; 64] = [
    "about", "above", "account", "address", "after", "again", "agenda", "answer", "archive", "attached",
    "before", "better", "between", "bridge", "budget", "calendar", "carry", "change", "chapter", "clerk",
    "coach", "copy", "courier", "deliver", "draft", "early", "engine", "evening", "every", "figure",
    "folder", "forward", "garden", "general", "harbour", "horse", "house", "inquiry", "journey", "kitchen",
    "language", "letter", "market", "meeting", "message", "morning", "number", "office", "paper", "parcel",
    "picture", "postage", "question", "receipt", "river", "schedule", "signal", "station", "summer", "table",
    "thanks", "village", "window", "winter",
];

/// In how many messages one of the rare words stands: one in a thousand.
pub(crate) const RARE_EVERY: u64 = 1000;

/// How many different rare words there are.
pub(crate) const RARE_WORDS: u64 = 8;

/// The rare word with this number, for the SEARCH cell.
pub(crate) fn rare_word(number: u64) -> String {
    format!("quagmire{}zephyr", number % RARE_WORDS)
}

/// A generator of numbers that is good enough for choosing words (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

/// A text message with the header fields of real mail, of about `size` octets, lines ended by CRLF.
///
/// Message `number` holds rare word `k` when `number % RARE_EVERY == k`.
pub(crate) fn message(number: u64, size: usize) -> Vec<u8> {
    let mut dice = Dice(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut text = String::with_capacity(size + 128);
    head(&mut text, &mut dice, number);
    let rare = (number % RARE_EVERY < RARE_WORDS).then(|| rare_word(number % RARE_EVERY));
    let middle = text.len() + size.saturating_sub(text.len()) / 2;
    let mut rare = rare.as_deref();
    let mut column = 0;
    while text.len() < size {
        let word = match rare {
            Some(word) if text.len() >= middle => {
                rare = None;
                word
            }
            _ => pick(&mut dice),
        };
        text.push_str(word);
        column += word.len() + 1;
        if column > 66 {
            text.push_str("\r\n");
            column = 0;
        } else {
            text.push(' ');
        }
    }
    text.push_str("\r\n");
    text.into_bytes()
}

fn pick(dice: &mut Dice) -> &'static str {
    let index = usize::try_from(dice.roll() >> 58).unwrap_or_default();
    WORDS.get(index).copied().unwrap_or("word")
}

fn head(text: &mut String, dice: &mut Dice, number: u64) {
    let (from, to) = (pick(dice), pick(dice));
    let (day, hour, minute) = (1 + dice.roll() % 28, dice.roll() % 24, dice.roll() % 60);
    let id = dice.roll();
    let reply = dice.roll();
    let written = write!(
        text,
        "Received: from mail.example.net (mail.example.net [192.0.2.25])\r\n\
         \tby mx.example.org with ESMTPS id {id:016x};\r\n\
         \tMon, {day} Jun 2026 {hour:02}:{minute:02}:09 +0000\r\n\
         Message-ID: <{id:016x}.{number}@example.net>\r\n\
         Date: Mon, {day} Jun 2026 {hour:02}:{minute:02}:07 +0000\r\n\
         From: \"{from} {to}\" <{from}.{to}@example.net>\r\n\
         To: {to} <{to}@example.org>, \"The {from} list\" <{from}-list@example.org>\r\n\
         Cc: postmaster@example.net\r\n\
         Subject: {} {} {} {number}\r\n\
         In-Reply-To: <{reply:016x}@example.org>\r\n\
         References: <{reply:016x}@example.org>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         User-Agent: posthouse-bench\r\n\r\n",
        pick(dice),
        pick(dice),
        pick(dice),
    );
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_size_that_was_asked_for() {
        for size in [2_000, 6_000, 10_000] {
            let length = message(7, size).len();
            assert!((size..size + 32).contains(&length), "{length} for {size}");
        }
    }

    #[test]
    fn one_message_in_a_thousand_holds_a_rare_word() {
        let word = rare_word(3);
        let hits: Vec<u64> = (0..4000)
            .filter(|&number| memchr::memmem::find(&message(number, 3_000), word.as_bytes()).is_some())
            .collect();
        assert_eq!(hits, [3, 1003, 2003, 3003]);
    }
}
