//! Message ids (RFC 5322 §3.6.4): the values of `Message-ID`, `In-Reply-To` and `References`.

use crate::header::Header;

/// How many ids of one field are read. A thread longer than this is told apart by its newest messages.
const MAX_IDS: usize = 1_000;

/// The ids in a value, without angle brackets and blanks. Words outside of brackets are taken for ids only where there
/// are no brackets at all, and if they hold an `@`.
pub fn parse(value: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some(open) = memchr::memchr(b'<', rest) {
        rest = rest.get(open + 1..).unwrap_or_default();
        let Some(close) = memchr::memchr(b'>', rest) else {
            break;
        };
        let (id, after) = rest.split_at_checked(close).unwrap_or((rest, b""));
        // The last bracket before the closing one is the one that opens the id.
        let id = id.rsplit(|byte| *byte == b'<').next().unwrap_or(id);
        found.push(id);
        rest = after;
    }
    if found.is_empty() {
        let words = value.split(|byte| byte.is_ascii_whitespace() || *byte == b',');
        found = words.filter(|word| word.contains(&b'@')).collect();
    }
    let newest = found.len().saturating_sub(MAX_IDS);
    found.drain(..newest);
    found.into_iter().map(clean).filter(|id| !id.is_empty()).collect()
}

fn clean(id: &[u8]) -> String {
    let kept: Vec<u8> = id.iter().copied().filter(|byte| *byte > b' ').collect();
    String::from_utf8_lossy(&kept).trim_matches(['<', '>']).to_owned()
}

/// The ids that a message follows (RFC 5256 §2.2): those of `References`, or the first of `In-Reply-To`.
pub(crate) fn references(header: Header<'_>) -> Vec<String> {
    let ids = |name| {
        header
            .first(name)
            .map(|field| parse(field.value))
            .unwrap_or_default()
    };
    let references = ids("References");
    if references.is_empty() {
        ids("In-Reply-To").into_iter().take(1).collect()
    } else {
        references
    }
}

#[cfg(test)]
mod tests;
