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
    match is_nfkc_quick(text.chars()) {
        IsNormalized::Yes => fold_chars(text.chars(), text.len()),
        IsNormalized::No | IsNormalized::Maybe => fold_chars(text.nfkc(), text.len()),
    }
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
