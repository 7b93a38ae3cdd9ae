//! The base subject (RFC 5256 §2.1): what is left of a subject without `Re:`, `[list]`, `(fwd)` and the like.

/// The base subject of a decoded subject, blanks made one. Case is kept: whoever compares folds it.
pub fn base(subject: &str) -> String {
    base_and_reply(subject).0
}

/// The base subject, and whether what was taken away says that the message is a reply or a forward (RFC 5256 §3).
pub(crate) fn base_and_reply(subject: &str) -> (String, bool) {
    let spaced = subject.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text = spaced.as_str();
    let mut is_reply = false;
    loop {
        let without = strip_trailers(text);
        is_reply |= without.len() < text.trim_end().len();
        let (rest, found) = strip_leaders(without);
        is_reply |= found;
        text = rest;
        match strip_forward(text) {
            Some(inner) => text = inner,
            None => return (text.to_owned(), is_reply),
        }
        is_reply = true;
    }
}

fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn strip_suffix<'t>(text: &'t str, suffix: &str) -> Option<&'t str> {
    let (rest, tail) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    tail.eq_ignore_ascii_case(suffix).then_some(rest)
}

/// Step 2: `(fwd)` and blanks at the end.
fn strip_trailers(mut text: &str) -> &str {
    loop {
        text = text.trim_end();
        match strip_suffix(text, "(fwd)") {
            Some(rest) => text = rest,
            None => return text,
        }
    }
}

/// Steps 3 to 5: `Re:` and blobs at the beginning, as long as there is one. The second value says whether there was a `Re:`.
fn strip_leaders(mut text: &str) -> (&str, bool) {
    let mut found = false;
    loop {
        text = text.trim_start();
        match strip_leader(text) {
            Some(rest) => text = rest,
            // No `Re:` stands behind the blobs: they go without looking for it again, but never the last that is left.
            None => return (strip_blobs(text), found),
        }
        found = true;
    }
}

/// Step 4: blobs that something follows.
fn strip_blobs(mut text: &str) -> &str {
    while let Some(rest) = strip_blob(text).filter(|rest| !rest.is_empty()) {
        text = rest;
    }
    text
}

/// subj-leader = *subj-blob subj-refwd
fn strip_leader(mut text: &str) -> Option<&str> {
    while let Some(rest) = strip_blob(text) {
        text = rest;
    }
    let rest = ["re", "fwd", "fw"]
        .iter()
        .find_map(|word| strip_prefix(text, word))?;
    let rest = rest.trim_start();
    strip_blob(rest).unwrap_or(rest).strip_prefix(':')
}

/// subj-blob = "[" *BLOBCHAR "]" *WSP
fn strip_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    Some(inner.get(end..)?.strip_prefix(']')?.trim_start())
}

/// Step 6: `[fwd: ` and `]` around everything.
fn strip_forward(text: &str) -> Option<&str> {
    strip_prefix(text, "[fwd:")?.strip_suffix(']')
}

#[cfg(test)]
mod tests;
