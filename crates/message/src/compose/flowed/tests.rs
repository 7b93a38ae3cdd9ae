//! `format=flowed`, written and read back.

use super::*;

/// Reads a text back (RFC 3676 §4.1 to §4.5): paragraphs with their quote depth.
fn joined(text: &str, delsp: DelSp) -> Vec<(usize, String)> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        let content = line.trim_start_matches('>');
        let depth = line.len() - content.len();
        let content = content.strip_prefix(' ').unwrap_or(content);
        let flowed = content.ends_with(' ') && content != "-- ";
        let kept = match (flowed, delsp) {
            (true, DelSp::Yes) => &content[..content.len() - 1],
            _ => content,
        };
        match paragraphs
            .last_mut()
            .filter(|(before, _)| open && *before == depth)
        {
            Some((_, paragraph)) => paragraph.push_str(kept),
            None => paragraphs.push((depth, kept.to_owned())),
        }
        open = flowed;
    }
    paragraphs
}

fn check(text: &str, wanted: &str, delsp: DelSp) {
    let (flowed, got) = flow(text);
    assert_eq!(flowed, wanted);
    assert_eq!(got, delsp);
}

#[test]
fn short_lines_stay_and_are_stuffed_where_they_must_be() {
    check("Hi,\n\nall well.\n", "Hi,\n\nall well.\n", DelSp::No);
    // RFC 3676 §4.4
    check(" indented\nFrom here\n", "  indented\n From here\n", DelSp::No);
    // RFC 3676 §4.2: no blank before a hard line end.
    check("ends  \n", "ends\n", DelSp::No);
    // RFC 3676 §4.3
    check("Bye\n-- \nAlice\n", "Bye\n-- \nAlice\n", DelSp::No);
    check("> quoted\n>> twice\n>\n", "> quoted\n>> twice\n>\n", DelSp::No);
    check(">>quoted\r\n>  indented\r", ">> quoted\n>  indented\n", DelSp::No);
}

#[test]
fn long_paragraphs_break_after_a_blank_and_join_again() {
    let words = "The quick brown fox jumps over the lazy dog. ".repeat(9);
    let text = format!("{words}\n> {words}\n");
    let (flowed, delsp) = flow(&text);
    assert_eq!(delsp, DelSp::No);
    assert!(flowed.lines().all(|line| line.len() <= 78), "{flowed}");
    let words = words.trim_end();
    assert_eq!(
        joined(&flowed, delsp),
        [(0, words.to_owned()), (1, words.to_owned())]
    );
    // RFC 3676 §4.2: a word is not cut.
    let word = "x".repeat(200);
    check(&word, &format!("{word}\n"), DelSp::No);
    check(&format!("-- {word}"), &format!("-- {word}\n"), DelSp::No);
}

#[test]
fn chinese_breaks_between_letters_and_joins_without_blanks() {
    let sentence = "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少？".repeat(4);
    let text = format!("{sentence}\n> {sentence} and English words, too, in one line\n");
    let (flowed, delsp) = flow(&text);
    assert_eq!(delsp, DelSp::Yes);
    for line in flowed.lines() {
        assert!(line.chars().map(columns).sum::<usize>() <= 78, "{line}");
        assert!(!line.starts_with(['，', '。', '？']), "{line}");
    }
    let wanted = [
        (0, sentence.clone()),
        (1, format!("{sentence} and English words, too, in one line")),
    ];
    assert_eq!(joined(&flowed, delsp), wanted);
}
