//! Compressed RTF (MS-OXRTFCP), and the text in RTF; HTML that is packed in it comes out as it was (MS-OXRTFEX).

use super::{code_page, take, take_u32};
use crate::charset;

/// What the window of the decompressor begins with (MS-OXRTFCP §2.1.2.1).
const BEGINNING: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

const WINDOW: usize = 4096;

/// How deep groups are told apart; what lies deeper is left out.
const MAX_GROUPS: usize = 1_000;

/// Takes the compression away. What is cut off is used as far as it goes.
pub(super) fn decompress(octets: &[u8]) -> Option<Vec<u8>> {
    let mut rest = octets;
    take_u32(&mut rest)?;
    let size = usize::try_from(take_u32(&mut rest)?).ok()?;
    let magic = take(&mut rest, 4)?;
    take_u32(&mut rest)?;
    match magic {
        b"MELA" => Some(rest.get(..size).unwrap_or(rest).to_vec()),
        b"LZFu" => Some(expand(rest)),
        _ => None,
    }
}

fn expand(mut rest: &[u8]) -> Vec<u8> {
    let mut window = [0_u8; WINDOW];
    for (slot, octet) in window.iter_mut().zip(BEGINNING) {
        *slot = *octet;
    }
    let mut at = BEGINNING.len();
    let mut out = Vec::new();
    let mut put = |octet: u8, at: &mut usize, window: &mut [u8; WINDOW]| {
        out.push(octet);
        if let Some(slot) = window.get_mut(*at % WINDOW) {
            *slot = octet;
        }
        *at = (*at + 1) % WINDOW;
    };
    'all: while let Some((control, after)) = rest.split_first() {
        rest = after;
        for bit in 0..8 {
            if control & (1 << bit) == 0 {
                let Some((octet, after)) = rest.split_first() else {
                    break 'all;
                };
                rest = after;
                put(*octet, &mut at, &mut window);
                continue;
            }
            let [high, low, after @ ..] = rest else { break 'all };
            rest = after;
            let from = (usize::from(*high) << 4) | usize::from(*low >> 4);
            // A reference to the place that is written next is the end.
            if from == at {
                break 'all;
            }
            for step in 0..usize::from(*low & 0xf) + 2 {
                let octet = window.get((from + step) % WINDOW).copied().unwrap_or_default();
                put(octet, &mut at, &mut window);
            }
        }
    }
    out
}

/// What RTF turned out to be.
pub(super) enum Document {
    Text(String),
    Page(String),
}

/// What holds for the text of a group.
#[derive(Clone, Copy)]
struct Group {
    /// What is in it is not shown.
    hidden: bool,
    /// It is HTML as it was.
    markup: bool,
    /// It is there only for those who do not know HTML.
    rtf_only: bool,
    /// How many letters stand for a Unicode one behind it.
    fallback: usize,
}

struct Reader {
    groups: Vec<Group>,
    here: Group,
    /// Groups that are open beyond [`MAX_GROUPS`].
    beyond: usize,
    text: String,
    /// Octets of the code page that are not decoded yet.
    octets: Vec<u8>,
    surrogate: Option<u16>,
    charset: Vec<u8>,
    skip: usize,
    from_html: bool,
    /// A `\*` was read: the next word is the name of a group that may be left out.
    optional: bool,
}

/// Groups that hold no text.
const HIDDEN: [&str; 16] = [
    "fonttbl",
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "object",
    "header",
    "footer",
    "headerl",
    "headerr",
    "footerl",
    "footerr",
    "themedata",
    "listtable",
    "listoverridetable",
    "generator",
];

/// The text of a document, or the page that it was made of.
pub(super) fn read(document: &[u8]) -> Document {
    let mut reader = Reader {
        groups: Vec::new(),
        here: Group {
            hidden: false,
            markup: false,
            rtf_only: false,
            fallback: 1,
        },
        beyond: 0,
        text: String::new(),
        octets: Vec::new(),
        surrogate: None,
        charset: b"windows-1252".to_vec(),
        skip: 0,
        from_html: false,
        optional: false,
    };
    let mut rest = document;
    while let Some((octet, after)) = rest.split_first() {
        rest = match octet {
            b'{' => {
                reader.open();
                after
            }
            b'}' => {
                reader.close();
                after
            }
            b'\\' => reader.control(after),
            b'\r' | b'\n' | 0 => after,
            octet => {
                reader.optional = false;
                reader.octet(*octet);
                after
            }
        };
    }
    reader.flush();
    if reader.from_html {
        Document::Page(reader.text)
    } else {
        Document::Text(reader.text)
    }
}

impl Reader {
    fn open(&mut self) {
        self.skip = 0;
        self.optional = false;
        if self.groups.len() < MAX_GROUPS {
            self.groups.push(self.here);
        } else {
            self.beyond += 1;
        }
    }

    fn close(&mut self) {
        self.flush();
        self.skip = 0;
        match self.beyond.checked_sub(1) {
            Some(beyond) => self.beyond = beyond,
            None => self.here = self.groups.pop().unwrap_or(self.here),
        }
    }

    /// Reads what follows a `\` and returns what follows that.
    fn control<'a>(&mut self, after: &'a [u8]) -> &'a [u8] {
        let letters = after
            .iter()
            .take_while(|octet| octet.is_ascii_alphabetic())
            .count();
        let Some((word, rest)) = after.split_at_checked(letters).filter(|_| letters > 0) else {
            return self.sign(after);
        };
        let minus = usize::from(rest.first() == Some(&b'-'));
        let digits = rest
            .iter()
            .skip(minus)
            .take_while(|octet| octet.is_ascii_digit())
            .count();
        let (number, rest) = if digits == 0 {
            (&b""[..], rest)
        } else {
            rest.split_at_checked(minus + digits).unwrap_or((rest, b""))
        };
        let number: Option<i32> = std::str::from_utf8(number)
            .ok()
            .and_then(|number| number.parse().ok());
        self.word(&String::from_utf8_lossy(word), number);
        rest.strip_prefix(b" ").unwrap_or(rest)
    }

    /// A control of one sign.
    fn sign<'a>(&mut self, after: &'a [u8]) -> &'a [u8] {
        let Some((sign, rest)) = after.split_first() else {
            return after;
        };
        match sign {
            b'\'' => {
                if let [high, low, rest @ ..] = rest
                    && let Some(octet) = crate::transfer::hexadecimal(*high, *low)
                {
                    self.octet(octet);
                    return rest;
                }
            }
            b'*' => self.optional = true,
            b'~' => self.letter('\u{a0}'),
            b'_' => self.letter('-'),
            b'\r' | b'\n' => self.letter('\n'),
            b'{' | b'}' | b'\\' => self.octet(*sign),
            _ => {}
        }
        rest
    }

    fn word(&mut self, word: &str, number: Option<i32>) {
        let optional = std::mem::take(&mut self.optional);
        match word {
            "par" | "line" | "row" | "sect" | "page" => self.letter('\n'),
            "tab" | "cell" => self.letter('\t'),
            "emdash" => self.letter('—'),
            "endash" => self.letter('–'),
            "lquote" => self.letter('‘'),
            "rquote" => self.letter('’'),
            "ldblquote" => self.letter('“'),
            "rdblquote" => self.letter('”'),
            "bullet" => self.letter('•'),
            "u" => self.unicode(number.unwrap_or(0)),
            "uc" => {
                self.here.fallback = number
                    .and_then(|number| usize::try_from(number).ok())
                    .unwrap_or(1)
                    .min(16)
            }
            "ansicpg" => {
                let page = number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
                self.charset = code_page(page);
            }
            "fromhtml" => self.from_html = number != Some(0),
            "htmlrtf" => {
                self.flush();
                self.here.rtf_only = number != Some(0);
            }
            "htmltag" => {
                self.flush();
                self.here.markup = true;
                self.here.hidden = false;
            }
            word if optional || HIDDEN.contains(&word) => {
                self.flush();
                self.here.hidden = true;
            }
            _ => {}
        }
    }

    fn is_shown(&self) -> bool {
        !self.here.hidden && self.beyond == 0 && !(self.from_html && self.here.rtf_only)
    }

    fn octet(&mut self, octet: u8) {
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.is_shown() {
            self.octets.push(octet);
        }
    }

    /// A letter that a control word stands for. In markup line ends are written so, too.
    fn letter(&mut self, letter: char) {
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.is_shown() {
            self.flush();
            self.text.push(letter);
        }
    }

    fn unicode(&mut self, number: i32) {
        self.skip = 0;
        let Ok(unit) = u16::try_from(number.rem_euclid(0x1_0000)) else {
            return;
        };
        if self.is_shown() {
            self.flush();
            let units = [self.surrogate.take(), Some(unit)];
            match unit {
                0xd800..=0xdbff => self.surrogate = Some(unit),
                _ => self.text.extend(
                    char::decode_utf16(units.into_iter().flatten())
                        .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)),
                ),
            }
        }
        self.skip = self.here.fallback;
    }

    fn flush(&mut self) {
        if !self.octets.is_empty() {
            self.text.push_str(&charset::decode(&self.charset, &self.octets));
            self.octets.clear();
        }
    }
}
