//! Text as `format=flowed` means it (RFC 3676): lines joined to paragraphs, their quotation known.

/// Lines that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph {
    /// How many `>` stood before each of its lines.
    pub quotes: usize,
    /// The text on one line, neither quoted nor stuffed.
    pub text: String,
}

/// A signature's first line, which is never flowed (RFC 3676 §4.3).
const SIGNATURE: &str = "-- ";

/// Joins the lines of a text; `delete_space` is the parameter `DelSp=yes` (RFC 3676 §3.2).
pub fn paragraphs(text: &str, delete_space: DelSp) -> Vec<Paragraph> {
    let mut found: Vec<Paragraph> = Vec::new();
    let mut is_open = false;
    let text = text.strip_suffix('\n').unwrap_or(text);
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let quoted = line.trim_start_matches('>');
        let quotes = line.len() - quoted.len();
        // RFC 3676 §4.4: one blank was stuffed before what begins with one.
        let content = quoted.strip_prefix(' ').unwrap_or(quoted);
        let flows = content.ends_with(' ') && content != SIGNATURE;
        let kept = match delete_space {
            DelSp::Yes if flows => content.strip_suffix(' ').unwrap_or(content),
            _ => content,
        };
        match found.last_mut() {
            // RFC 3676 §4.5: a paragraph ends where the depth of quotation changes, whatever its last line says.
            Some(last) if is_open && last.quotes == quotes && content != SIGNATURE => {
                last.text.push_str(kept)
            }
            _ => found.push(Paragraph {
                quotes,
                text: kept.to_owned(),
            }),
        }
        is_open = flows;
    }
    found
}

/// Whether the blank before a line end is one of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DelSp {
    /// It was put there only to say that the line flows: Chinese and Japanese.
    Yes,
    /// It stands between two words.
    No,
}
