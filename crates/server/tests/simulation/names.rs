//! Names of mailboxes, and their form on the wire (RFC 3501 §5.1.3), written from the RFC once more.

/// The names that are created, deleted and renamed.
pub const NAMES: [&str; 12] = [
    "INBOX",
    "归档",
    "归档/2024",
    "归档/2024/一月",
    "项目",
    "项目/甲",
    "a&b",
    "Work",
    "Work/Sub",
    "Work/Sub/深",
    "Archive",
    "Sent",
];

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Base64 with the 64th character and the filling given.
pub fn base64(octets: &[u8], last: u8, fill: char) -> String {
    let mut text = String::new();
    let digit = |index: u32| match index {
        62 => '+',
        63 => char::from(last),
        _ => char::from(ALPHABET[index as usize]),
    };
    for three in octets.chunks(3) {
        let word =
            three.iter().fold(0, |word, octet| word << 8 | u32::from(*octet)) << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            text.push(digit(word >> (18 - 6 * at) & 63));
        }
        text.extend(std::iter::repeat_n(fill, 3 - three.len()));
    }
    text
}

/// Modified UTF-7 in quotes.
pub fn print(name: &str) -> String {
    let mut text = String::from("\"");
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let plain = |c: char| c.is_ascii_graphic() || c == ' ';
        let end = rest.find(|c| plain(c) != plain(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        if plain(first) {
            text += &run.replace('&', "&-");
        } else {
            let units: Vec<u8> = run.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let shifted = base64(&units, b',', '=');
            text += &format!("&{}-", shifted.trim_end_matches('='));
        }
        rest = after;
    }
    text + "\""
}

/// What is printed so.
pub fn parse(text: &str) -> Option<String> {
    let mut name = String::new();
    let mut rest = text;
    while let Some((plain, shifted)) = rest.split_once('&') {
        name += plain;
        let (shifted, after) = shifted.split_once('-')?;
        let (mut bits, mut count, mut octets) = (0u32, 0, Vec::new());
        for c in shifted.bytes() {
            let digit = match c {
                b'+' => 62,
                b',' => 63,
                _ => u32::try_from(ALPHABET.iter().position(|known| *known == c)?).ok()?,
            };
            (bits, count) = ((bits << 6 | digit) & 0xffff, count + 6);
            if count >= 8 {
                count -= 8;
                octets.push(u8::try_from(bits >> count & 0xff).ok()?);
            }
        }
        let units: Vec<u16> = octets
            .chunks_exact(2)
            .map(|two| u16::from_be_bytes([two[0], two[1]]))
            .collect();
        match shifted {
            "" => name.push('&'),
            _ => name += &String::from_utf16(&units).ok()?,
        }
        rest = after;
    }
    Some(name + rest)
}
