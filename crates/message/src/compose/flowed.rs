//! `format=flowed` (RFC 3676): paragraphs in lines of at most 78 characters, which whoever shows them joins again.

/// RFC 3676 §4.2: a line should have at most 78 characters with its stuffing and the blanks at its end.
const WIDTH: usize = 78;
/// Deeper quotes than this leave no room for words.
const MAX_QUOTES: usize = 30;

/// Whether the blank that ends a flowed line was put there (RFC 3676 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DelSp {
    /// It was, and goes when the lines are joined: for scripts without blanks between words.
    Yes,
    /// It is the blank between two words.
    No,
}

/// Writes a text whose lines are paragraphs; a `>` at the beginning of one quotes it.
pub(super) fn flow(text: &str) -> (String, DelSp) {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let delsp = match text.lines().any(breaks_between_letters) {
        true => DelSp::Yes,
        false => DelSp::No,
    };
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for line in text.lines() {
        paragraph(line, delsp, &mut out);
    }
    (out, delsp)
}

/// Whether a paragraph is too long and has letters that are wide: of a script that is written without blanks.
fn breaks_between_letters(line: &str) -> bool {
    line.chars().any(is_wide) && line.chars().map(columns).sum::<usize>() > WIDTH - 2
}

/// Chinese, Japanese, and what stands between their letters.
fn is_wide(letter: char) -> bool {
    matches!(letter, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff60}' | '\u{20000}'..='\u{3ffff}')
}

fn columns(letter: char) -> usize {
    if is_wide(letter) { 2 } else { 1 }
}

fn paragraph(line: &str, delsp: DelSp, out: &mut String) {
    let content = line.trim_start_matches('>');
    let depth = (line.len() - content.len()).min(MAX_QUOTES);
    let quotes = ">".repeat(depth);
    // The blank after the quote marks is the stuffing that is added again.
    let content = if depth > 0 {
        content.strip_prefix(' ').unwrap_or(content)
    } else {
        content
    };
    if content == "-- " {
        // RFC 3676 §4.3: a signature begins; this is no flowed line.
        out.push_str(&quotes);
        out.push_str(if depth > 0 { " -- \n" } else { "-- \n" });
        return;
    }
    // RFC 3676 §4.2: a line that is not flowed does not end in a blank.
    let mut rest = content.trim_end_matches(' ');
    loop {
        let stuffing = stuffing(rest, depth);
        let room = WIDTH - depth - stuffing.len();
        let (head, tail) = break_line(rest, room, delsp);
        out.push_str(&quotes);
        out.push_str(stuffing);
        out.push_str(head);
        if tail.is_empty() {
            out.push('\n');
            return;
        }
        if delsp == DelSp::Yes {
            out.push(' ');
        }
        out.push('\n');
        rest = tail;
    }
}

/// RFC 3676 §4.4: what stands before a line so that it is not taken for something else; after quote marks always.
fn stuffing(line: &str, depth: usize) -> &'static str {
    let needed = depth > 0 && !line.is_empty() || line.starts_with([' ', '>']) || line.starts_with("From ");
    if needed { " " } else { "" }
}

/// The first line of a paragraph, with the blank at its end that makes it flowed where that is of the text, and the rest.
fn break_line(text: &str, room: usize, delsp: DelSp) -> (&str, &str) {
    // The blank that ends a line has room, and the one that delsp adds.
    let room = match delsp {
        DelSp::Yes => room.saturating_sub(2),
        DelSp::No => room.saturating_sub(1),
    };
    let mut width = 0;
    let mut last_break = None;
    let mut previous = None;
    for (at, letter) in text.char_indices() {
        if let Some(before) = previous {
            let between = delsp == DelSp::Yes && (is_wide(before) || is_wide(letter)) && letter != ' ';
            let after_blank = before == ' ' && letter != ' ';
            // What would read as the beginning of a signature (RFC 3676 §4.3) stays whole.
            let whole = text.get(..at) == Some("-- ");
            if (between && !hangs(letter) || after_blank) && !whole {
                last_break = Some(at);
            }
        }
        if width + columns(letter) > room
            && letter != ' '
            && let Some((head, tail)) = last_break.and_then(|at| text.split_at_checked(at))
        {
            return (head, tail);
        }
        width += columns(letter);
        previous = Some(letter);
    }
    (text, "")
}

/// Whether a letter does not begin a line.
fn hangs(letter: char) -> bool {
    "，。、；：？！）》」』】”’…,.;:?!)".contains(letter)
}

#[cfg(test)]
mod tests;
