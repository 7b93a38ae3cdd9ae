//! What a server announces (RFC 5321 §4.1.1.1).

use crate::Reply;

/// The extensions of a server, from its answer to EHLO or LHLO.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    lines: Vec<String>,
}

impl Extensions {
    /// Reads the answer: its first line names the server, each other line an extension.
    #[must_use]
    pub fn parse(reply: &Reply) -> Self {
        let lines = reply.text().split('\n').skip(1);
        Extensions {
            lines: lines.map(|line| line.trim().to_owned()).collect(),
        }
    }

    /// The parameters of an extension, where it is announced.
    #[must_use]
    pub fn parameters(&self, keyword: &str) -> Option<&str> {
        self.lines.iter().find_map(|line| {
            let (name, parameters) = line.split_once(' ').unwrap_or((line, ""));
            name.eq_ignore_ascii_case(keyword).then_some(parameters)
        })
    }

    /// Whether an extension is announced.
    #[must_use]
    pub fn has(&self, keyword: &str) -> bool {
        self.parameters(keyword).is_some()
    }

    /// The largest message that the server takes, in octets, where it says one (RFC 1870 §3: zero says none).
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.parameters("SIZE")?
            .trim()
            .parse()
            .ok()
            .filter(|size| *size > 0)
    }

    /// The names of the mechanisms of AUTH (RFC 4954 §3), and of `AUTH=` as servers wrote it before there was an RFC.
    pub fn mechanisms(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().flat_map(|line| {
            let names = line
                .get(..5)
                .filter(|word| word.eq_ignore_ascii_case("AUTH ") || word.eq_ignore_ascii_case("AUTH="));
            let names = names.and_then(|_| line.get(5..)).unwrap_or_default();
            names.split_ascii_whitespace()
        })
    }

    /// Each line that was announced.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_read() {
        let text = "mx.example Hello\nPIPELINING\nsize 1000\nAUTH PLAIN login\nAUTH=LOGIN\n8BITMIME\nSIZES 4";
        let extensions = Extensions::parse(&Reply::plain(250, text));
        assert!(extensions.has("pipelining") && extensions.has("8BITMIME"));
        assert!(!extensions.has("mx.example") && !extensions.has("DSN"));
        assert_eq!(extensions.size(), Some(1000));
        let mechanisms: Vec<&str> = extensions.mechanisms().collect();
        assert_eq!(mechanisms, ["PLAIN", "login", "LOGIN"]);
        let unlimited = Extensions::parse(&Reply::plain(250, "mx\nSIZE 0"));
        assert_eq!(unlimited.size(), None);
        assert!(unlimited.has("SIZE"));
    }
}
