//! Text of any charset, as a `String`.
//!
//! encoding_rs knows what browsers know. Mail knows a few more, which are here: HZ-GB-2312, ISO-2022-KR, ISO-2022-CN
//! and UTF-7. Text that has no label, or one that says nothing, is UTF-8 where it can be and otherwise guessed.

use chardetng::EncodingDetector;
use encoding_rs::{
    EUC_JP, EUC_KR, Encoding, GB18030, ISO_2022_JP, REPLACEMENT, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE,
    WINDOWS_1252,
};
use memchr::memmem;

mod shifted;
mod utf7;

/// How much of a text is looked at when its charset is guessed.
const SAMPLE: usize = 64 * 1024;

/// What a label stands for.
enum Charset {
    Known(&'static Encoding),
    Hz,
    Iso2022(&'static Encoding),
    Utf7,
    Utf16,
    Guess,
}

/// Decodes text whose charset has this name. Whatever cannot be decoded becomes U+FFFD.
pub fn decode(label: &[u8], bytes: &[u8]) -> String {
    match named(label) {
        Charset::Known(encoding) => known(encoding, bytes),
        Charset::Hz => shifted::hz(bytes),
        Charset::Iso2022(set) => shifted::iso_2022(bytes, set),
        Charset::Utf7 => utf7::decode(bytes),
        // Without a mark the big end comes first (RFC 2781 §4.3).
        Charset::Utf16 => {
            let little = bytes.starts_with(b"\xff\xfe");
            known(if little { UTF_16LE } else { UTF_16BE }, bytes)
        }
        Charset::Guess => guess(bytes),
    }
}

fn known(encoding: &'static Encoding, bytes: &[u8]) -> String {
    if encoding == UTF_8 && mislabelled(bytes) {
        return guess_encoding(bytes).decode(bytes).0.into_owned();
    }
    if encoding == ISO_2022_JP {
        return encoding
            .decode_with_bom_removal(&shifted::without_idle_escapes(bytes))
            .0
            .into_owned();
    }
    encoding.decode_with_bom_removal(bytes).0.into_owned()
}

/// Whether this label names a charset. `us-ascii` does not: it is what programs write that do not know.
pub(crate) fn is_known(label: &[u8]) -> bool {
    !matches!(named(label), Charset::Guess)
}

/// Whether ASCII without escapes stays what it is in the charset of this name.
pub(crate) fn keeps_ascii(label: &[u8]) -> bool {
    match named(label) {
        Charset::Known(encoding) => encoding.is_ascii_compatible(),
        Charset::Guess => true,
        Charset::Hz | Charset::Iso2022(_) | Charset::Utf7 | Charset::Utf16 => false,
    }
}

fn named(label: &[u8]) -> Charset {
    let label = label.trim_ascii();
    let label = label.strip_prefix(b"\"").unwrap_or(label);
    let label = label.strip_suffix(b"\"").unwrap_or(label).to_ascii_lowercase();
    match label.as_slice() {
        b"utf-7" | b"utf7" | b"unicode-1-1-utf-7" | b"csunicode11utf7" | b"x-unicode-2-0-utf-7" => {
            Charset::Utf7
        }
        b"hz-gb-2312" | b"hz" => Charset::Hz,
        b"iso-2022-kr" | b"csiso2022kr" => Charset::Iso2022(EUC_KR),
        b"iso-2022-cn" | b"iso-2022-cn-ext" => Charset::Iso2022(GB18030),
        b"utf-16" | b"utf16" | b"ucs-2" | b"iso-10646-ucs-2" => Charset::Utf16,
        b"us-ascii" | b"ascii" | b"ansi_x3.4-1968" | b"iso646-us" => Charset::Guess,
        b"cp936" | b"ms936" | b"windows-936" | b"gb_2312" | b"gbk2312" | b"x-gb18030" | b"gb-18030"
        | b"gb-2312" => Charset::Known(GB18030),
        b"cp950" | b"ms950" | b"windows-950" | b"x-windows-950" | b"chinesebig5" | b"big-5" => {
            Charset::Known(encoding_rs::BIG5)
        }
        b"cp949" | b"ms949" | b"uhc" | b"x-windows-949" | b"euckr" => Charset::Known(EUC_KR),
        b"cp932" | b"ms932" | b"windows-932" => Charset::Known(SHIFT_JIS),
        b"eucjp" => Charset::Known(EUC_JP),
        b"iso-2022-jp-1" | b"iso-2022-jp-2" | b"iso-2022-jp-3" | b"iso-2022-jp-ms" | b"cp50220"
        | b"cp50221" => Charset::Known(ISO_2022_JP),
        b"iso8859_1" | b"8859_1" | b"iso-8859-1-windows-3.1-latin-1" => Charset::Known(WINDOWS_1252),
        other => match Encoding::for_label(other) {
            Some(encoding) if encoding == REPLACEMENT => Charset::Guess,
            Some(encoding) => Charset::Known(encoding),
            None => windows_page(other),
        },
    }
}

/// `cp-1251`, `windows1251`, `win-1251`, `ansi-1251`: names that only mail has.
fn windows_page(label: &[u8]) -> Charset {
    let digits = label
        .iter()
        .rposition(|byte| !byte.is_ascii_digit())
        .map_or(0, |last| last + 1);
    let page = label.split_at_checked(digits).and_then(|(head, digits)| {
        let known = matches!(
            head.trim_ascii_end(),
            b"cp" | b"cp-" | b"windows" | b"win" | b"win-" | b"ansi-" | b"ms-" | b"x-cp"
        );
        known.then(|| [b"windows-", digits].concat())
    });
    match page.and_then(|page| Encoding::for_label(&page)) {
        Some(encoding) => Charset::Known(encoding),
        None => Charset::Guess,
    }
}

/// Decodes text of which nothing is known.
pub(crate) fn guess(bytes: &[u8]) -> String {
    let mut text = String::new();
    guess_into(bytes, &mut text);
    text
}

/// Decodes text of which nothing is known and adds it.
pub(crate) fn guess_into(bytes: &[u8], to: &mut String) {
    match std::str::from_utf8(bytes) {
        Ok(text) if !has_japanese_escape(bytes) => to.push_str(text.strip_prefix('\u{feff}').unwrap_or(text)),
        _ => to.push_str(&known(guess_encoding(bytes), bytes)),
    }
}

/// Seven-bit Japanese shows itself by its escapes (RFC 1468).
fn has_japanese_escape(bytes: &[u8]) -> bool {
    memchr::memchr(0x1b, bytes).is_some()
        && (memmem::find(bytes, b"\x1b$B").is_some() || memmem::find(bytes, b"\x1b$@").is_some())
}

fn guess_encoding(bytes: &[u8]) -> &'static Encoding {
    let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
    if has_japanese_escape(sample) && sample.is_ascii() {
        return ISO_2022_JP;
    }
    // Damaged UTF-8 is still UTF-8 when most of it can be read.
    if mostly_utf8(sample) {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new();
    detector.feed(sample, true);
    let guessed = detector.guess(None, true);
    if guessed.is_single_byte() && only_signs(sample) {
        return WINDOWS_1252;
    }
    let doubtful = guessed.is_single_byte() || [EUC_KR, EUC_JP, SHIFT_JIS].contains(&guessed);
    if doubtful {
        pairs_of(sample).unwrap_or(guessed)
    } else {
        guessed
    }
}

/// Whether everything beyond ASCII is a sign in windows-1252, such as a currency, a quotation mark or a blank: too little
/// to take one of them for a letter of another language.
fn only_signs(bytes: &[u8]) -> bool {
    let double_blank = memmem::find(bytes, b"\xa1\xa1").is_some();
    !double_blank
        && bytes.iter().all(|byte| match byte {
            0x8a | 0x8c | 0x8e | 0x9a | 0x9c | 0x9e | 0x9f | 0xaa | 0xb5 | 0xba => false,
            byte => *byte < 0xc0,
        })
}

/// Whether the characters of UTF-8 beyond ASCII outnumber the damage by far.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let (good, bad) = characters_and_damage(bytes);
    good > bad * 8
}

/// Whether text that is said to be UTF-8 cannot be: more is damaged than whole, and it is more than one cut character.
fn mislabelled(bytes: &[u8]) -> bool {
    if std::str::from_utf8(bytes).is_ok() {
        return false;
    }
    let (good, bad) = characters_and_damage(bytes.get(..SAMPLE).unwrap_or(bytes));
    bad > 2 && bad > good
}

/// How many characters of UTF-8 beyond ASCII there are, and how many places that are not UTF-8.
fn characters_and_damage(bytes: &[u8]) -> (usize, usize) {
    let mut good = 0_usize;
    let mut bad = 0_usize;
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|letter| !letter.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    (good, bad)
}

/// The syllables that Korean text is full of.
const KOREAN: &str = "가간강개거건것게경계고공과관교구국그금급기까나남내너네년노는니다단달당대더던데도동된되드든들등디때라러런려력로록료루르른를리\
    마만말많매면명모무문물미민바받발방배버번법보부분비사산상생서선설성세소속수스습시식신실심아안알았앙야양어언없었에여역연영예오와외요용우운원월위유육으은을음\
    의이인일임입있자작장재저적전점정제조종주중지직진집차참책처천철체초최추출치카코크터토통트파판편평표품프피하학한할함합항해했행현형호화확회후";

/// Chinese or Korean, beyond the doubts of the detector, which needs more letters than the name of a file has: all bytes
/// beyond ASCII are pairs of the 3,755 common characters of GB 2312 and of its punctuation. Korean syllables take half
/// the same places, but the common ones are few. No European word is made of such pairs only.
fn pairs_of(bytes: &[u8]) -> Option<&'static Encoding> {
    let mut rest = bytes;
    let (mut pairs, mut beyond_korean, mut blanks) = (0_usize, 0_usize, 0_usize);
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if byte.is_ascii() {
            continue;
        }
        let ([second @ 0xa1..=0xfe, tail @ ..], 0xa1 | 0xa3 | 0xb0..=0xd7) = (after, byte) else {
            return None;
        };
        rest = tail;
        pairs += usize::from(*byte >= 0xb0);
        beyond_korean += usize::from(*byte > 0xc8);
        blanks += usize::from((*byte, *second) == (0xa1, 0xa1));
    }
    if pairs < 2 {
        return (blanks > 0).then_some(GB18030);
    }
    let korean = EUC_KR.decode_without_bom_handling(bytes).0;
    let common = korean.chars().filter(|letter| KOREAN.contains(*letter)).count();
    // The longer the text, the surer a smaller share of common syllables.
    let enough = if pairs < 6 {
        common * 2 >= pairs
    } else {
        common * 3 >= pairs
    };
    Some(if enough && beyond_korean == 0 {
        EUC_KR
    } else {
        GB18030
    })
}

#[cfg(test)]
mod tests;
