//! Lines with holes: `<*>` is anything, `<name>` is the same everywhere.

use std::collections::HashMap;

/// What the names stand for so far.
pub type Names = HashMap<String, String>;

/// A piece of a pattern.
#[derive(Debug)]
enum Piece<'p> {
    Text(&'p str),
    Anything,
    Name(&'p str),
}

/// Cuts a pattern at its holes. Angle brackets around anything but a short lower-case name are text: message ids.
fn pieces(pattern: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    let mut from = 0;
    while let Some(open) = rest.get(from..).and_then(|r| r.find('<')).map(|at| at + from) {
        let inner = rest
            .get(open + 1..)
            .and_then(|r| r.split_once('>'))
            .map(|(inner, _)| inner);
        let is_name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        match inner {
            Some(inner) if inner == "*" || is_name(inner) => {
                pieces.push(Piece::Text(&rest[..open]));
                pieces.push(if inner == "*" {
                    Piece::Anything
                } else {
                    Piece::Name(inner)
                });
                rest = &rest[open + inner.len() + 2..];
                from = 0;
            }
            _ => from = open + 1,
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// Whether a line is what a pattern says; if so, the new names are remembered.
pub fn matches(pattern: &str, line: &str, names: &mut Names) -> bool {
    let mut trial = names.clone();
    let fits = fits(&pieces(pattern), line, &mut trial);
    if fits {
        *names = trial;
    }
    fits
}

fn fits(pieces: &[Piece<'_>], line: &str, names: &mut Names) -> bool {
    let Some((piece, later)) = pieces.split_first() else {
        return line.is_empty();
    };
    match piece {
        Piece::Text(text) => line
            .strip_prefix(text)
            .is_some_and(|rest| fits(later, rest, names)),
        Piece::Anything => ends(line).any(|end| fits(later, &line[end..], names)),
        Piece::Name(name) => match names.get(*name).cloned() {
            Some(value) => line
                .strip_prefix(value.as_str())
                .is_some_and(|rest| fits(later, rest, names)),
            None => ends(line).skip(1).any(|end| {
                names.insert((*name).to_owned(), line[..end].to_owned());
                let fitting = fits(later, &line[end..], names);
                if !fitting {
                    names.remove(*name);
                }
                fitting
            }),
        },
    }
}

fn ends(line: &str) -> impl Iterator<Item = usize> + '_ {
    line.char_indices().map(|(at, _)| at).chain([line.len()])
}

/// What a client sends: names replaced by what they stand for, `<NUL>` and the like by what they mean.
pub fn fill(text: &str, names: &Names) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.extend_from_slice(before.as_bytes());
        let meant = after
            .split_once('>')
            .and_then(|(inner, after)| Some((meaning(inner, names)?, after)));
        match meant {
            Some((bytes, after)) => {
                out.extend_from_slice(&bytes);
                rest = after;
            }
            None => {
                out.push(b'<');
                rest = after;
            }
        }
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

fn meaning(inner: &str, names: &Names) -> Option<Vec<u8>> {
    match inner {
        "NUL" => return Some(vec![0]),
        "CR" => return Some(b"\r".to_vec()),
        "LF" => return Some(b"\n".to_vec()),
        _ => {}
    }
    if let Some((unit, count)) = inner.rsplit_once('*')
        && let Ok(count) = count.parse::<usize>()
    {
        return Some(unit.repeat(count).into_bytes());
    }
    names.get(inner).map(|value| value.clone().into_bytes())
}
