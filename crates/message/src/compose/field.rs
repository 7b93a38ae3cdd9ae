//! Header fields, written and folded (RFC 5322 §2.2.3), in ASCII (RFC 2047) or in UTF-8 (RFC 6532).
//!
//! What must hold: a field's lines have at most 998 octets, and 76 characters where there is a blank to fold at; no value
//! can end its line; what is written reads back as the same text.

use super::mailbox::Mailbox;
use super::word::MAX_WORD;
use super::{Form, Refusal};
use crate::downgrade::parameters::{percent, printed};
use crate::downgrade::words::encode_from;

/// RFC 2047 §2: a line with an encoded word has at most 76 characters. Others might have 78 (RFC 5322 §2.1.1).
const LINE: usize = 76;

/// A header that is being written.
pub(super) struct HeaderWriter {
    out: Vec<u8>,
    form: Form,
    column: usize,
    /// Where the first word of this line stands: there is nothing to fold before it.
    start: usize,
}

impl HeaderWriter {
    pub(super) fn new(form: Form) -> Self {
        HeaderWriter {
            out: Vec::new(),
            form,
            column: 0,
            start: 0,
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }

    fn begin(&mut self, name: &str) {
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b':');
        self.column = name.len() + 1;
        self.start = self.column;
    }

    fn end(&mut self) {
        self.out.extend_from_slice(b"\r\n");
        self.column = 0;
    }

    /// Characters left on this line, a blank before the word counted.
    fn room(&self) -> usize {
        LINE.saturating_sub(self.column + 1)
    }

    /// Adds a word and the blank before it, on a line of its own where it does not fit.
    fn word(&mut self, word: &str) {
        let width = word.chars().count();
        if self.column > self.start && width > self.room() {
            self.out.extend_from_slice(b"\r\n");
            (self.column, self.start) = (0, 0);
        }
        self.out.push(b' ');
        self.out.extend_from_slice(word.as_bytes());
        self.column += 1 + width;
    }

    /// A field whose value is words already.
    pub(super) fn words<W: AsRef<str>>(&mut self, name: &str, words: impl IntoIterator<Item = W>) {
        self.begin(name);
        for word in words {
            self.word(word.as_ref());
        }
        self.end();
    }

    /// A field of text (RFC 5322 §2.2.1). The text has no control characters: see [`one_line`].
    pub(super) fn unstructured(&mut self, name: &str, text: &str) {
        self.begin(name);
        let words: Vec<&str> = text.split(' ').collect();
        let hard: Vec<bool> = words.iter().map(|word| self.is_hard(word)).collect();
        // Blanks that stand beside one another survive only within an encoded word.
        let blank = |at: Option<usize>| {
            at.and_then(|at| words.get(at))
                .is_some_and(|word| word.is_empty())
        };
        let encoded = |at: usize| {
            hard.get(at).is_some_and(|hard| *hard) || blank(at.checked_sub(1)) || blank(at.checked_add(1))
        };
        let numbered: Vec<(usize, &str)> = words.iter().copied().enumerate().collect();
        for run in numbered.chunk_by(|(one, _), (next, _)| encoded(*one) == encoded(*next)) {
            let texts: Vec<&str> = run.iter().map(|(_, word)| *word).collect();
            if run.first().is_some_and(|(at, _)| encoded(*at)) {
                self.encoded(&texts.join(" "));
            } else {
                texts.into_iter().for_each(|word| self.word(word));
            }
        }
        self.end();
    }

    /// Adds a text as encoded words (RFC 2047 §2).
    fn encoded(&mut self, text: &str) {
        for word in encode_from(text, self.room()) {
            self.word(&word);
        }
    }

    /// Whether a word of text cannot stand as it is.
    fn is_hard(&self, word: &str) -> bool {
        let plain = match self.form {
            Form::Ascii => word.is_ascii(),
            Form::Utf8 => true,
        };
        // What looks like an encoded word would be decoded; `~{` and `&` begin charsets of mail that says none.
        !plain || word.is_empty() || word.len() > MAX_WORD || word.contains("=?") || word.contains("~{")
    }

    /// A field of addresses.
    ///
    /// # Errors
    /// When an address has no form in ASCII and UTF-8 may not be written.
    pub(super) fn mailboxes(&mut self, name: &str, mailboxes: &[Mailbox]) -> Result<(), Refusal> {
        self.begin(name);
        for (position, mailbox) in mailboxes.iter().enumerate() {
            let comma = if position + 1 < mailboxes.len() { "," } else { "" };
            let address = self.address(mailbox)?;
            match mailbox.name() {
                Some(shown) => {
                    self.phrase(shown);
                    self.word(&format!("<{address}>{comma}"));
                }
                None => self.word(&format!("{address}{comma}")),
            }
        }
        self.end();
        Ok(())
    }

    fn address(&self, mailbox: &Mailbox) -> Result<String, Refusal> {
        let address = mailbox.address();
        match self.form {
            Form::Utf8 => Ok(address.to_string()),
            Form::Ascii => address
                .to_ascii()
                .ok_or_else(|| Refusal::NeedsUtf8(address.clone())),
        }
    }

    /// A display name (RFC 5322 §3.2.5): atoms, a quoted string, or encoded words.
    fn phrase(&mut self, name: &str) {
        let is_atext =
            |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
        if self.is_hard(name) {
            self.encoded(name);
        } else if name.chars().all(|c| c == ' ' || is_atext(c)) {
            name.split(' ').for_each(|atom| self.word(atom));
        } else {
            // RFC 5322 §3.2.4: a quoted string may be folded at its blanks.
            let quoted = format!("\"{}\"", name.replace('\\', r"\\").replace('"', r#"\""#));
            quoted.split(' ').for_each(|word| self.word(word));
        }
    }

    /// A field of a word and parameters (RFC 2045 §5.1, RFC 2183 §2).
    pub(super) fn parameters(&mut self, name: &str, head: &str, parameters: &[Parameter<'_>]) {
        self.begin(name);
        let written: Vec<String> = parameters
            .iter()
            .flat_map(|parameter| self.parameter(parameter))
            .collect();
        self.word(&format!("{head}{}", if written.is_empty() { "" } else { ";" }));
        for (position, parameter) in written.iter().enumerate() {
            let semicolon = if position + 1 < written.len() { ";" } else { "" };
            self.word(&format!("{parameter}{semicolon}"));
        }
        self.end();
    }

    fn parameter(&self, parameter: &Parameter<'_>) -> Vec<String> {
        let Parameter { name, value, style } = parameter;
        let as_it_is = self.form == Form::Utf8 || value.is_ascii();
        if as_it_is && value.len() <= MAX_WORD && !value.contains("=?") && !value.contains("~{") {
            return vec![format!("{name}={}", printed(value.as_bytes()))];
        }
        match style {
            // DEVIATION RFC 2047 §5: an encoded word in quotes. Outlook and Foxmail write and read it, and programs that
            // know RFC 2231 have the name in `filename*`.
            Style::Words => {
                let words = encode_from(value, LINE - name.len() - 3).join("\r\n ");
                vec![format!("{name}=\"{words}\"")]
            }
            Style::Percent => percent_pieces(name, value),
        }
    }
}

/// A value in the form of RFC 2231, in pieces where it is long (§3, §4.1).
fn percent_pieces(name: &str, value: &str) -> Vec<String> {
    // Whole characters in each: some programs decode the pieces before they join them.
    let mut pieces = vec![String::new()];
    for letter in value.chars() {
        let letter = percent(letter.encode_utf8(&mut [0; 4]).as_bytes());
        match pieces.last_mut() {
            Some(last) if last.len() + letter.len() <= PIECE => last.push_str(&letter),
            _ => pieces.push(letter),
        }
    }
    if let [piece] = pieces.as_slice() {
        return vec![format!("{name}*=UTF-8''{piece}")];
    }
    let label = |number: usize| if number == 0 { "UTF-8''" } else { "" };
    let print = |(number, piece): (usize, &String)| format!("{name}*{number}*={}{piece}", label(number));
    pieces.iter().enumerate().map(print).collect()
}

/// Octets of one piece of a long value: `filename*10*=UTF-8''` and the piece fit into a line.
const PIECE: usize = 54;

/// A parameter that is to be written. Its value has no control characters.
pub(super) struct Parameter<'a> {
    pub(super) name: &'static str,
    pub(super) value: &'a str,
    pub(super) style: Style,
}

/// What becomes of a value that is not ASCII.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Percent signs (RFC 2231).
    Percent,
    /// Encoded words in quotes, for old programs.
    Words,
}

/// A text on one line: control characters are blanks, a line end one, and there are none around it. Marks of byte order, which
/// nobody sees, are left out: a program that reads takes them for one.
pub(super) fn one_line(text: &str) -> String {
    let text = text.replace("\r\n", " ").replace('\u{feff}', "");
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line.trim_matches(' ').to_owned()
}

#[cfg(test)]
mod tests;
