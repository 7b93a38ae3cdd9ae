//! Which field is written anew in which way (RFC 6857 §3.2).

use super::words::{self, Folded};
use super::{address, parameters, without_8bit_on_line};
use crate::charset;
use crate::header::unfold;
use crate::parameter::comment;

/// How a field is written anew.
#[derive(Clone, Copy)]
enum Method {
    /// RFC 6857 §3.2.1.
    Addresses,
    /// RFC 6857 §3.2.2: text only in comments.
    Comments,
    /// RFC 6857 §3.2.3 and §3.1.10: text only in comments, or else under another name.
    Encapsulated,
    /// RFC 6857 §3.2.4.
    Received,
    /// RFC 6857 §3.2.5.
    Parameters,
    /// RFC 6857 §3.2.7: phrases and commas.
    Phrases,
    /// RFC 6857 §3.1.9: an address behind its type.
    TypeAddress,
}

/// What is not here is text (RFC 6857 §3.2.6 and §3.2.8).
const METHODS: &[(&str, Method)] = &[
    ("From", Method::Addresses),
    ("Sender", Method::Addresses),
    ("To", Method::Addresses),
    ("Cc", Method::Addresses),
    ("Bcc", Method::Addresses),
    ("Reply-To", Method::Addresses),
    ("Resent-From", Method::Addresses),
    ("Resent-Sender", Method::Addresses),
    ("Resent-To", Method::Addresses),
    ("Resent-Cc", Method::Addresses),
    ("Resent-Bcc", Method::Addresses),
    ("Resent-Reply-To", Method::Addresses),
    ("Return-Path", Method::Addresses),
    ("Disposition-Notification-To", Method::Addresses),
    ("Date", Method::Comments),
    ("Resent-Date", Method::Comments),
    ("MIME-Version", Method::Comments),
    ("Content-ID", Method::Comments),
    ("Content-Transfer-Encoding", Method::Comments),
    ("Content-Language", Method::Comments),
    ("Accept-Language", Method::Comments),
    ("Auto-Submitted", Method::Comments),
    ("Message-ID", Method::Encapsulated),
    ("Resent-Message-ID", Method::Encapsulated),
    ("In-Reply-To", Method::Encapsulated),
    ("References", Method::Encapsulated),
    ("Received", Method::Received),
    ("Content-Type", Method::Parameters),
    ("Content-Disposition", Method::Parameters),
    ("Keywords", Method::Phrases),
    ("Original-Recipient", Method::TypeAddress),
    ("Final-Recipient", Method::TypeAddress),
];

/// A field in ASCII, without its line end.
pub(super) fn downgrade(name: &str, value: &[u8]) -> Vec<u8> {
    let method = METHODS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let text = charset::guess(&unfold(value));
    let mut out = Folded::new(name);
    match method.map(|(_, method)| *method) {
        Some(Method::Addresses) => address::downgrade(&text, &mut out),
        Some(Method::Parameters) => parameters::downgrade(value, &mut out),
        Some(Method::Comments) => {
            let text = with_comments(&text);
            words::unstructured(&without_8bit_on_line(text.as_bytes()), &mut out);
        }
        Some(Method::Encapsulated) => return encapsulated(name, &with_comments(&text)),
        Some(Method::TypeAddress) => match type_address(&text) {
            Some(text) => out.push(" ", &text),
            None => return encapsulated(name, &text),
        },
        Some(Method::Received) => words::unstructured(&received(&with_comments(&text)), &mut out),
        Some(Method::Phrases) => {
            let phrases = text
                .split(',')
                .map(|phrase| address::phrase(phrase.trim()).join(" "));
            out.push_all(phrases.collect::<Vec<_>>().join(", ").split(' '));
        }
        None => words::unstructured(&text, &mut out),
    }
    out.finish()
}

/// RFC 6857 §3.1.10, where anything that is not ASCII is left.
fn encapsulated(name: &str, text: &str) -> Vec<u8> {
    let mut out = match text.is_ascii() {
        true => Folded::new(name),
        false => Folded::new(&format!("Downgraded-{name}")),
    };
    words::unstructured(text, &mut out);
    out.finish()
}

/// The text with encoded words in its comments (RFC 6857 §3.1.3).
fn with_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for token in tokens(text) {
        match token {
            Token::Comment(inner) => {
                out.push('(');
                let mut encoded = Folded::new("");
                words::unstructured(inner, &mut encoded);
                let encoded = String::from_utf8(encoded.finish()).expect("it is ASCII or was a str");
                out.push_str(encoded.trim_start_matches(':').replace("\r\n", "").trim());
                out.push(')');
            }
            Token::Text(text) => out.push_str(text),
        }
    }
    out
}

enum Token<'a> {
    /// What stands within brackets.
    Comment(&'a str),
    Text(&'a str),
}

/// Cuts a text at its comments, nested ones with those they are in.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some((before, inner)) = rest.split_once('(') {
        let (within, _) = comment(inner.as_bytes());
        let (Some(within), Some(after)) = (inner.get(..within.len()), inner.get(within.len()..)) else {
            break;
        };
        tokens.push(Token::Text(before));
        tokens.push(Token::Comment(within));
        rest = after.strip_prefix(')').unwrap_or(after);
    }
    tokens.push(Token::Text(rest));
    tokens
}

/// RFC 6857 §3.2.4: domains as A-labels; the clauses FOR and ID go where they cannot be written.
fn received(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut kept: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if word.is_ascii() {
            kept.push(word.to_owned());
            continue;
        }
        let clause = kept.last().map(|before| before.to_ascii_lowercase());
        let (body, end) = match word.strip_suffix(';') {
            Some(body) => (body, ";"),
            None => (word, ""),
        };
        match (clause.as_deref(), ascii_word(body)) {
            (Some("id"), _) | (Some("for"), None) => {
                kept.pop();
                // The date still has to be told from what stands before it.
                match kept.last_mut() {
                    Some(before) => before.push_str(end),
                    None => kept.push(end.to_owned()),
                }
            }
            (_, Some(ascii)) => kept.push(format!("{ascii}{end}")),
            (_, None) => kept.push(format!("{}{end}", without_8bit_on_line(body.as_bytes()))),
        }
    }
    kept.join(" ")
}

/// A domain or an address in ASCII, where it has such a form.
fn ascii_word(word: &str) -> Option<String> {
    let inner = word.strip_prefix('<').and_then(|inner| inner.strip_suffix('>'));
    let (open, inner, close) = inner.map_or(("", word, ""), |inner| ("<", inner, ">"));
    let ascii = match inner.rsplit_once('@') {
        Some((local, domain)) if local.is_ascii() => format!("{local}@{}", address::ascii_domain(domain)?),
        Some(_) => return None,
        None => address::ascii_domain(inner)?,
    };
    Some(format!("{open}{ascii}{close}"))
}

/// RFC 6857 §3.1.9: `utf-8; …` as `utf-8-addr-xtext` (RFC 6533 §3).
fn type_address(text: &str) -> Option<String> {
    let (kind, address) = text.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let print = |letter: char| match letter {
        '\\' | '+' | '=' => format!(r"\x{{{:02X}}}", u32::from(letter)),
        letter if letter.is_ascii_graphic() => letter.to_string(),
        letter => format!(r"\x{{{:02X}}}", u32::from(letter)),
    };
    let written: String = address.trim().chars().map(print).collect();
    Some(format!("utf-8;{written}"))
}
