//! What Outlook packs into a `winmail.dat`: the Transport Neutral Encapsulation Format (MS-OXTNEF).
//!
//! Files, text and page are read; everything else that a mailbox of Exchange knows is stepped over. Damage ends the reading:
//! what was found before it stays. Nothing recurses, and nothing is larger than the octets it is made of, but for the text of compressed RTF,
//! which is at most nine times that.

mod property;
mod rtf;

use crate::charset;
use property::{Id, Properties, Value};

/// What such a file begins with.
const SIGNATURE: u32 = 0x223E_9F78;

/// How many files of one are told apart.
const MAX_FILES: usize = 1_000;

/// How many messages within messages are opened.
const MAX_NESTED: usize = 16;

/// What is packed in one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tnef {
    /// The text of the message.
    pub text: Option<String>,
    /// The message as HTML.
    pub page: Option<String>,
    /// The files, in their order; those of messages within last.
    pub files: Vec<File>,
}

/// A file that is packed in one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct File {
    /// Its name; empty where it has none.
    pub name: String,
    /// `application/octet-stream` where it names none.
    pub media_type: String,
    /// By which a page shows it.
    pub content_id: Option<String>,
    /// What is in it.
    pub octets: Vec<u8>,
}

/// One attribute (MS-OXTNEF §2.1.3.1.2).
struct Attribute<'a> {
    /// The low half of its name; the high half says what type it has.
    id: u16,
    data: &'a [u8],
}

impl Tnef {
    /// Unpacks one. `None` where the octets are none.
    #[must_use]
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let mut waiting = vec![octets];
        let mut whole: Option<Tnef> = None;
        let mut opened = 0;
        while let Some(octets) = waiting.pop() {
            let Some((one, nested)) = parse_one(octets) else {
                continue;
            };
            opened += 1;
            if opened <= MAX_NESTED {
                waiting.extend(nested.into_iter().rev());
            }
            match &mut whole {
                None => whole = Some(one),
                Some(whole) => whole.add(one),
            }
        }
        let mut whole = whole?;
        whole.files.truncate(MAX_FILES);
        Some(whole)
    }

    /// Takes the files of a message within, and its text as one more.
    fn add(&mut self, nested: Tnef) {
        let text = |name: &str, media_type: &str, text: String| File {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            content_id: None,
            octets: text.into_bytes(),
        };
        self.files.extend(match (nested.text, nested.page) {
            (_, Some(page)) => Some(text("message.html", "text/html", page)),
            (Some(plain), None) => Some(text("message.txt", "text/plain", plain)),
            (None, None) => None,
        });
        self.files.extend(nested.files);
    }
}

/// Reads one, without the messages within it, whose octets are the second value.
fn parse_one(octets: &[u8]) -> Option<(Tnef, Vec<&[u8]>)> {
    let mut rest = octets;
    if take_u32(&mut rest)? != SIGNATURE {
        return None;
    }
    take_u16(&mut rest)?;
    let mut reader = Reader::default();
    while let Some(attribute) = attribute(&mut rest) {
        reader.take(&attribute);
        if reader.tnef.files.len() > MAX_FILES {
            break;
        }
    }
    Some(reader.finish())
}

/// Reads an attribute: level, name, length, data, checksum. A checksum that is wrong is nobody's loss.
fn attribute<'a>(rest: &mut &'a [u8]) -> Option<Attribute<'a>> {
    take(rest, 1)?;
    let name = take_u32(rest)?;
    let length = usize::try_from(take_u32(rest)?).ok()?;
    // What is cut off is used as far as it goes.
    let data = take(rest, length.min(rest.len()))?;
    let _ = take(rest, 2.min(rest.len()));
    Some(Attribute {
        id: u16::try_from(name & 0xffff).ok()?,
        data,
    })
}

#[derive(Default)]
struct Reader<'a> {
    tnef: Tnef,
    nested: Vec<&'a [u8]>,
    /// The name of the charset of strings that are not Unicode.
    charset: Vec<u8>,
    file: Option<Open<'a>>,
    plain: Option<&'a [u8]>,
    properties: Option<&'a [u8]>,
}

/// A file whose end is not found yet.
#[derive(Default)]
struct Open<'a> {
    title: &'a [u8],
    octets: &'a [u8],
    properties: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, attribute: &Attribute<'a>) {
        let data = attribute.data;
        match (attribute.id, &mut self.file) {
            // attOemCodepage
            (0x9007, _) => self.charset = page_name(data),
            // attBody
            (0x800c, None) => self.plain = Some(data),
            // attMsgProps
            (0x9003, None) => self.properties = Some(data),
            // attAttachRenddata: a file begins.
            (0x9002, _) => {
                self.end_file();
                self.file = Some(Open::default());
            }
            // attAttachTitle
            (0x8010, Some(file)) => file.title = data,
            // attAttachData
            (0x800f, Some(file)) => file.octets = data,
            // attAttachment
            (0x9005, Some(file)) => file.properties = data,
            _ => {}
        }
    }

    fn end_file(&mut self) {
        let Some(open) = self.file.take() else { return };
        let mut names: [Option<String>; 3] = [None, None, None];
        let mut is_message = false;
        let mut file = File {
            media_type: "application/octet-stream".to_owned(),
            octets: open.octets.to_vec(),
            ..File::default()
        };
        let charset = self.charset.clone();
        let text = |value: &Value<'_>| value.text(&charset);
        for (id, value) in Properties::new(open.properties) {
            match id {
                // PidTagAttachLongFilename, PidTagDisplayName, PidTagAttachFilename
                Id(0x3707) => set(&mut names, 0, text(&value)),
                Id(0x3001) => set(&mut names, 1, text(&value)),
                Id(0x3704) => set(&mut names, 2, text(&value)),
                // PidTagAttachMimeTag, PidTagAttachContentId
                Id(0x370e) => file.media_type = text(&value).unwrap_or(file.media_type).to_ascii_lowercase(),
                Id(0x3712) => file.content_id = text(&value).filter(|id| !id.is_empty()),
                // PidTagAttachDataBinary, or an object: a message within behind the identifier of its interface.
                Id(0x3701) => match value.object() {
                    Some(object) if object.starts_with(&SIGNATURE.to_le_bytes()) => {
                        self.nested.push(object);
                        is_message = true;
                    }
                    _ => file.octets = value.octets().map(<[u8]>::to_vec).unwrap_or(file.octets),
                },
                _ => {}
            }
        }
        let title = charset::decode(&charset, until_nul(open.title));
        file.name = names
            .into_iter()
            .flatten()
            .find(|name| !name.trim().is_empty())
            .unwrap_or(title);
        if !is_message {
            self.tnef.files.push(file);
        }
    }

    fn finish(mut self) -> (Tnef, Vec<&'a [u8]>) {
        self.end_file();
        let mut compressed = None;
        let mut page = None;
        let mut page_charset = Vec::new();
        for (id, value) in Properties::new(self.properties.unwrap_or_default()) {
            match id {
                // PidTagBody, PidTagHtml, PidTagRtfCompressed, PidTagInternetCodepage
                Id(0x1000) => self.tnef.text = value.text(&self.charset),
                Id(0x1013) => page = Some(value),
                Id(0x1009) => compressed = value.octets(),
                Id(0x3fde) => page_charset = value.number().map(code_page).unwrap_or_default(),
                _ => {}
            }
        }
        self.tnef.page = page.and_then(|page| page.page(&page_charset, &self.charset));
        let plain = self
            .plain
            .map(|plain| charset::decode(&self.charset, until_nul(plain)));
        self.tnef.text = self.tnef.text.or(plain).filter(|text| !text.is_empty());
        if let Some(document) = compressed.and_then(rtf::decompress)
            && (self.tnef.text.is_none() || self.tnef.page.is_none())
        {
            match rtf::read(&document) {
                rtf::Document::Page(page) if self.tnef.page.is_none() => self.tnef.page = Some(page),
                rtf::Document::Text(text) if self.tnef.text.is_none() => self.tnef.text = Some(text),
                rtf::Document::Page(_) | rtf::Document::Text(_) => {}
            }
        }
        (self.tnef, self.nested)
    }
}

fn set(names: &mut [Option<String>; 3], at: usize, name: Option<String>) {
    if let Some(slot) = names.get_mut(at) {
        *slot = name;
    }
}

/// `windows-1252` for the number of a code page.
fn page_name(data: &[u8]) -> Vec<u8> {
    let mut rest = data;
    take_u32(&mut rest).map(code_page).unwrap_or_default()
}

/// The charset of a code page of Windows.
fn code_page(number: u32) -> Vec<u8> {
    match number {
        0 => Vec::new(),
        65_001 => b"utf-8".to_vec(),
        1_200 => b"utf-16le".to_vec(),
        10_000 => b"macintosh".to_vec(),
        54_936 => b"gb18030".to_vec(),
        20_866 => b"koi8-r".to_vec(),
        28_591..=28_606 => format!("iso-8859-{}", number - 28_590).into_bytes(),
        50_220..=50_222 => b"iso-2022-jp".to_vec(),
        51_932 => b"euc-jp".to_vec(),
        51_949 => b"euc-kr".to_vec(),
        number => format!("cp{number}").into_bytes(),
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

fn take_u16(rest: &mut &[u8]) -> Option<u16> {
    Some(u16::from_le_bytes(take(rest, 2)?.try_into().ok()?))
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?))
}

/// A string up to its end.
fn until_nul(text: &[u8]) -> &[u8] {
    memchr::memchr(0, text)
        .and_then(|end| text.get(..end))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests;
