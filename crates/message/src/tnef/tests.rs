//! Files built by the rules of MS-OXTNEF, the examples of MS-OXRTFCP, and damage.

use super::*;
use crate::Message;

fn attribute(level: u8, name: u32, data: &[u8]) -> Vec<u8> {
    let sum: u16 = data
        .iter()
        .fold(0, |sum, octet| sum.wrapping_add(u16::from(*octet)));
    let length = u32::try_from(data.len()).unwrap();
    [
        &[level][..],
        &name.to_le_bytes(),
        &length.to_le_bytes(),
        data,
        &sum.to_le_bytes(),
    ]
    .concat()
}

fn tnef(attributes: &[Vec<u8>]) -> Vec<u8> {
    [&SIGNATURE.to_le_bytes()[..], &[1, 0], &attributes.concat()].concat()
}

fn list(properties: &[Vec<u8>]) -> Vec<u8> {
    [
        &u32::try_from(properties.len()).unwrap().to_le_bytes()[..],
        &properties.concat(),
    ]
    .concat()
}

/// A property of one value that has a length.
fn long(kind: u16, id: u16, data: &[u8]) -> Vec<u8> {
    let mut property = [kind.to_le_bytes(), id.to_le_bytes()].concat();
    property.extend(1_u32.to_le_bytes());
    property.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    property.extend(data);
    property.resize(property.len().next_multiple_of(4), 0);
    property
}

fn unicode(id: u16, text: &str) -> Vec<u8> {
    let units: Vec<u8> = text
        .encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect();
    long(0x1f, id, &units)
}

fn number(id: u16, value: u32) -> Vec<u8> {
    [&3_u16.to_le_bytes()[..], &id.to_le_bytes(), &value.to_le_bytes()].concat()
}

const BEGIN: u32 = 0x0006_9002;
const TITLE: u32 = 0x0001_8010;
const DATA: u32 = 0x0006_800f;
const FILE: u32 = 0x0006_9005;
const MESSAGE: u32 = 0x0006_9003;
const BODY: u32 = 0x0002_800c;
const PAGE: u32 = 0x0006_9007;

fn file(name: &str, media_type: &str, octets: &[u8]) -> File {
    File {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        content_id: None,
        octets: octets.to_vec(),
    }
}

/// A property with a name of its own, one of a kind of several values, and one that is no more than a number.
fn odd() -> Vec<Vec<u8>> {
    let mut named = [0x1f_u16.to_le_bytes(), 0x8001_u16.to_le_bytes()].concat();
    named.extend([7; 16]);
    named.extend(1_u32.to_le_bytes());
    named.extend(6_u32.to_le_bytes());
    named.extend(b"a\0b\0\0\0\0\0");
    named.extend(long(0x1f, 0, b"x\0").get(4..).unwrap());
    let mut many = [0x101e_u16.to_le_bytes(), 0x7001_u16.to_le_bytes()].concat();
    many.extend(2_u32.to_le_bytes());
    many.extend([
        1, 0, 0, 0, b'a', 0, 0, 0, 5, 0, 0, 0, b'b', b'b', b'b', b'b', b'b', 0, 0, 0,
    ]);
    vec![named, many, number(0x3705, 1)]
}

#[test]
fn files_are_unpacked() {
    let long_name = list(
        &[
            odd(),
            vec![unicode(0x3707, "长的文件名.docx"), unicode(0x370e, "Image/PNG")],
        ]
        .concat(),
    );
    let gbk = encoding_rs::GB18030.encode("短.txt").0.into_owned();
    let octets = tnef(&[
        attribute(1, PAGE, &[0xa8, 3, 0, 0, 0, 0, 0, 0]),
        attribute(
            1,
            BODY,
            &[&encoding_rs::GB18030.encode("正文").0[..], b"\0"].concat(),
        ),
        attribute(2, BEGIN, b""),
        attribute(2, TITLE, b"LONG~1.DOC\0"),
        attribute(2, DATA, b"one"),
        attribute(2, FILE, &long_name),
        attribute(2, BEGIN, b""),
        attribute(2, DATA, b"two"),
        attribute(2, TITLE, &[&gbk[..], b"\0"].concat()),
        attribute(2, BEGIN, b""),
        attribute(
            2,
            FILE,
            &list(&[
                long(0x102, 0x3701, b"three"),
                long(0x1e, 0x3704, b"3.txt\0"),
                unicode(0x3712, "3@x"),
            ]),
        ),
    ]);
    let found = Tnef::parse(&octets).unwrap();
    assert_eq!(found.text.as_deref(), Some("正文"));
    let mut third = file("3.txt", "application/octet-stream", b"three");
    third.content_id = Some("3@x".to_owned());
    let octet_stream = "application/octet-stream";
    assert_eq!(
        found.files,
        [
            file("长的文件名.docx", "image/png", b"one"),
            file("短.txt", octet_stream, b"two"),
            third
        ]
    );
}

#[test]
fn messages_within_are_opened() {
    let inner = tnef(&[
        attribute(1, MESSAGE, &list(&[unicode(0x1000, "inner text")])),
        attribute(2, BEGIN, b""),
        attribute(2, TITLE, b"in.txt\0"),
        attribute(2, DATA, b"in"),
    ]);
    let object = |octets: &[u8]| {
        list(&[
            long(0x0d, 0x3701, &[&[9; 16][..], octets].concat()),
            unicode(0x3001, "a message"),
        ])
    };
    let outer = tnef(&[
        attribute(2, BEGIN, b""),
        attribute(2, FILE, &object(&inner)),
        attribute(2, BEGIN, b""),
        attribute(2, TITLE, b"empty\0"),
        attribute(2, BEGIN, b""),
        attribute(2, FILE, &object(b"\xd0\xcf\x11\xe0")),
    ]);
    let found = Tnef::parse(&outer).unwrap();
    assert_eq!(
        found.files,
        [
            file("empty", "application/octet-stream", b""),
            file("a message", "application/octet-stream", b"\xd0\xcf\x11\xe0"),
            file("message.txt", "text/plain", b"inner text"),
            file("in.txt", "application/octet-stream", b"in"),
        ]
    );
    // However deep: no recursion, and no more than the limit is opened.
    let mut deep = inner;
    for _ in 0..40 {
        deep = tnef(&[attribute(2, BEGIN, b""), attribute(2, FILE, &object(&deep))]);
    }
    assert_eq!(Tnef::parse(&deep).unwrap().files, []);
}

#[test]
fn pages_are_read_in_their_charset() {
    let page = |properties: &[Vec<u8>]| {
        Tnef::parse(&tnef(&[attribute(1, MESSAGE, &list(properties))]))
            .unwrap()
            .page
    };
    let latin = long(0x102, 0x1013, b"<p>caf\xe9</p>\0");
    assert_eq!(
        page(&[latin, number(0x3fde, 28_591)]).as_deref(),
        Some("<p>café</p>")
    );
    let own = long(0x102, 0x1013, b"<meta charset=\"koi8-r\"><p>\xc4\xc1");
    assert_eq!(page(&[own]).as_deref(), Some("<meta charset=\"koi8-r\"><p>да"));
    assert_eq!(page(&[unicode(0x1013, "<p>x")]).as_deref(), Some("<p>x"));
}

/// The examples of MS-OXRTFCP §3.
#[test]
fn rtf_is_decompressed() {
    let simple = b"\x2d\0\0\0\x2b\0\0\0LZFu\xf1\xc5\xc7\xa7\x03\0\x0a\0rcpg125B2\x0a\xf3 hel\x09\0 bw\x05\xb0ld}\x0a\x80\x0f\xa0";
    assert_eq!(
        rtf::decompress(simple).unwrap(),
        b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    );
    let overlapping = b"\x1a\0\0\0\x1c\0\0\0LZFu\xe2\xd4KQA\0\x04 WXYZ\x0dn}\x01\x0e\xb0";
    assert_eq!(
        rtf::decompress(overlapping).unwrap(),
        b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"
    );
    assert_eq!(
        rtf::decompress(b"\x10\0\0\0\x03\0\0\0MELA\0\0\0\0abcdef").unwrap(),
        b"abc"
    );
    assert_eq!(rtf::decompress(b"\x10\0\0\0\x03\0\0\0ABCD\0\0\0\0abc"), None);
    assert_eq!(rtf::decompress(b""), None);
}

#[test]
fn the_text_of_rtf_is_read() {
    let check = |document: &[u8], wanted: &str| match rtf::read(document) {
        rtf::Document::Text(text) | rtf::Document::Page(text) => {
            assert_eq!(text, wanted, "{}", String::from_utf8_lossy(document));
        }
    };
    check(
        b"{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}{\\*\\generator x;}\\pard one\\par two\\tab{\\b three}}",
        "one\ntwo\tthree",
    );
    check(b"{\\rtf1\\ansicpg936 \\'d6\\'d0\\'ce\\'c4}", "中文");
    check(
        b"{\\rtf1\\uc1 \\u20013?\\u-10179?\\u-8704?\\u233\\'e9x}",
        "中😀éx",
    );
    check(b"{\\rtf1\\uc0\\u20013 a\\{b\\}\\\\}", "中a{b}\\");
    // MS-OXRTFEX §3: what was HTML is HTML again.
    let packed = b"{\\rtf1\\ansi\\fromhtml1 {\\*\\htmltag64 <p>}\\htmlrtf {\\f1 \\htmlrtf0 caf\\'e9{\\*\\htmltag84 &nbsp;}\\htmlrtf \\'a0}\\htmlrtf0{\\*\\htmltag72 </p>}}";
    check(packed, "<p>café&nbsp;</p>");
    assert!(matches!(rtf::read(packed), rtf::Document::Page(_)));
    check(
        &[
            b"{".repeat(100_000),
            b"deep".to_vec(),
            b"}".repeat(99_999),
            b"shallow".to_vec(),
        ]
        .concat(),
        "shallow",
    );
    check(b"\\", "");
    check(b"\\'4", "4");
    check(b"\\u99999999999 ", "\0");
}

#[test]
fn damage_ends_the_reading_and_nothing_else() {
    assert_eq!(Tnef::parse(b""), None);
    assert_eq!(Tnef::parse(b"not one"), None);
    let properties = list(
        &[
            odd(),
            vec![
                unicode(0x3707, "name"),
                long(0x102, 0x3701, b"octets"),
                unicode(0x1000, "text"),
            ],
        ]
        .concat(),
    );
    let whole = tnef(&[
        attribute(1, MESSAGE, &properties),
        attribute(2, BEGIN, b""),
        attribute(2, DATA, b"data"),
        attribute(2, FILE, &properties),
    ]);
    for end in 0..whole.len() {
        let cut = whole.get(..end).unwrap();
        let found = Tnef::parse(cut);
        assert!(found.is_none_or(|found| found.files.len() <= 1));
        // One octet that is wrong.
        let mut wrong = whole.clone();
        *wrong.get_mut(end).unwrap() = 0xff;
        let _ = Tnef::parse(&wrong);
    }
    assert_eq!(
        Tnef::parse(&whole).unwrap().files,
        [file("name", "application/octet-stream", b"octets")]
    );
}

#[test]
fn a_message_shows_what_is_packed_in_it() {
    let octets = tnef(&[
        attribute(1, MESSAGE, &list(&[unicode(0x1000, "packed text\r\n")])),
        attribute(2, BEGIN, b""),
        attribute(2, TITLE, b"a.txt\0"),
        attribute(2, DATA, b"data"),
    ]);
    let check = |part: &str, text: &str| {
        let mut bytes = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{part}--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\r\n").into_bytes();
        bytes.extend(&octets);
        bytes.extend(b"\r\n--b--\r\n");
        let message = Message::parse(&bytes);
        assert_eq!(crate::read::text(&message, &crate::read::View::default()), text);
        let found = crate::attachments(&message);
        let listed: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.size)).collect();
        assert_eq!(listed, [("a.txt", 4)]);
        let pieces: Vec<_> = crate::octets(&message, found.first().unwrap().source).collect();
        assert_eq!(pieces.concat(), b"data");
    };
    check("", "packed text\n");
    // Where there is text besides, it is the same.
    check("--b\r\n\r\nplain\r\n", "plain\n");
}
