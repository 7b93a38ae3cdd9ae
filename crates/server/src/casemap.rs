//! How texts are compared in a search: without regard to case, and to forms of the same character.
//!
//! What i;unicode-casemap is for.
//!
//! DEVIATION RFC 5051 §2: as a searcher would expect, compatibility forms are composed again (NFKC), so that one Hangul
//! syllable is not part of another, and cases are folded in full (`ß` is `ss`).

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// A text in the form that is compared. Texts are equal to a searcher if their folded forms are.
#[must_use]
pub(crate) fn fold(mut text: String) -> String {
    if text.is_ascii() {
        text.make_ascii_lowercase();
        return text;
    }
    if let Some(folded) = fold_simple(&text) {
        return folded;
    }
    match is_nfkc_quick(text.chars()) {
        IsNormalized::Yes => fold_chars(text.chars(), text.len()),
        IsNormalized::No | IsNormalized::Maybe => fold_chars(text.nfkc(), text.len()),
    }
}

/// Folds a text of characters that fold each by itself, whatever stands beside them: what most Chinese and Japanese text is made of.
/// A third of the time, because nothing is looked up.
fn fold_simple(text: &str) -> Option<String> {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => folded.push(c.to_ascii_lowercase()),
            '\u{4e00}'..='\u{9fff}'
            | '\u{3001}'..='\u{3029}'
            | '\u{3041}'..='\u{3096}'
            | '\u{30a1}'..='\u{30fc}'
            | '\u{2018}'..='\u{201d}' => folded.push(c),
            '\u{3000}' => folded.push(' '),
            // The wide forms of ASCII.
            '\u{ff01}'..='\u{ff5e}' => {
                let narrow = u8::try_from(u32::from(c) - 0xff00 + 0x20).ok()?;
                folded.push(char::from(narrow.to_ascii_lowercase()));
            }
            _ => return None,
        }
    }
    Some(folded)
}

fn fold_chars(chars: impl Iterator<Item = char>, length: usize) -> String {
    let mut folded = String::with_capacity(length);
    for c in chars {
        match c {
            c if c.is_ascii() => folded.push(c.to_ascii_lowercase()),
            // Most scripts have no case: Han, Kana, Hangul.
            '\u{2e80}'..='\u{a63f}' | '\u{ac00}'..='\u{faff}' => folded.push(c),
            c => folded.extend(c.to_uppercase().flat_map(char::to_lowercase)),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_folded_without_tables_folds_as_with_them_beside_whatever() {
        let simple = |c: &char| fold_simple(c.encode_utf8(&mut [0; 4])).is_some();
        let mut count = 0;
        for c in ('\0'..=char::MAX).filter(simple) {
            let text = String::from(c);
            assert_eq!(fold_simple(&text).unwrap(), fold_chars(text.nfkc(), 1), "{c:?}");
            // It never joins what stands before it.
            assert_ne!(is_nfkc_quick(text.chars()), IsNormalized::Maybe, "{c:?}");
            count += 1;
        }
        assert!(count > 21_000, "{count}");
        assert_eq!(fold_simple("か\u{3099}"), None);
        assert_eq!(fold("ガＡ　か\u{3099}".to_owned()), "ガa が");
    }

    #[test]
    fn texts_that_a_searcher_takes_for_equal_fold_to_the_same() {
        let check = |text: &str, wanted: &str| assert_eq!(fold(text.to_owned()), wanted, "{text}");
        check("Hello", "hello");
        check("ÉTÉ", "été");
        check("e\u{301}", "é");
        check("STRASSE straße", "strasse strasse");
        check("ΣΊΣΥΦΟΣ σίσυφος", "σίσυφοσ σίσυφοσ");
        check("ＡＢＣ１２", "abc12");
        check("ｶﾞ", "ガ");
        check("信箱", "信箱");
        check("각", "각");
        check("ﬁn", "fin");
    }
}
