//! An IMAP client's end of a connection: what has come, taken apart (RFC 3501 §7, §9).

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWriteExt as _, DuplexStream, ReadBuf};

use crate::command::FLAGS;
use crate::names;

/// A connection; what has come and was not taken yet.
pub struct Wire {
    stream: DuplexStream,
    buffer: Vec<u8>,
    pub closed: bool,
}

impl Wire {
    pub fn new(stream: DuplexStream) -> Self {
        Wire {
            stream,
            buffer: Vec::new(),
            closed: false,
        }
    }

    pub async fn send(&mut self, octets: &[u8]) {
        // A server that has said BYE may be gone.
        let _ = self.stream.write_all(octets).await;
    }

    /// Everything that is there, without waiting.
    pub fn take(&mut self) -> Vec<u8> {
        let mut room = [0; 16 * 1024];
        loop {
            let mut read = ReadBuf::new(&mut room);
            let polled =
                Pin::new(&mut self.stream).poll_read(&mut Context::from_waker(Waker::noop()), &mut read);
            match polled {
                Poll::Pending => break,
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    self.buffer.extend_from_slice(read.filled())
                }
                Poll::Ready(_) => {
                    self.closed = true;
                    break;
                }
            }
        }
        std::mem::take(&mut self.buffer)
    }
}

/// What FETCH says of a message.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    pub uid: Option<u32>,
    /// As bits, and whether `\Recent` is among them.
    pub flags: Option<(u8, bool)>,
    pub size: Option<u32>,
    pub bodies: Vec<(String, Vec<u8>)>,
}

/// `tag OK [code] text`.
#[derive(Clone, Debug)]
pub struct Tagged {
    pub tag: String,
    pub status: String,
    pub code: String,
}

#[derive(Clone, Debug)]
pub enum Response {
    Tagged(Tagged),
    Continue,
    Exists(usize),
    Recent(usize),
    Expunge(usize),
    Fetch(usize, Fetched),
    Flags(u8),
    /// The code of an untagged OK.
    Ok(String),
    Search(Vec<u32>),
    Status(String, Vec<(String, u32)>),
    /// Attributes, name.
    List(Vec<String>, String),
    Lsub(String),
    Bye,
}

/// A token of a response.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Atom(String),
    Text(Vec<u8>),
    List(Vec<Token>),
}

/// Takes all that a server has said apart; whatever is not as the grammar wants it is an error.
pub fn parse(said: &[u8]) -> Result<Vec<Response>, String> {
    let mut rest = said;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let length = response_length(rest).ok_or_else(|| format!("half a response: {}", show(rest)))?;
        let (response, after) = rest.split_at(length);
        let parsed = parse_one(&response[..length - 2]);
        all.push(parsed.ok_or_else(|| format!("not a response: {}", show(response)))?);
        rest = after;
    }
    Ok(all)
}

pub fn show(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).trim_end().to_owned()
}

/// A line, with the literals in it and the lines after those.
fn response_length(said: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = said.get(at..)?.windows(2).position(|two| two == b"\r\n")?;
        let text = &said[at..at + line];
        at += line + 2;
        match literal(text) {
            Some(octets) => at += octets,
            None => return (at <= said.len()).then_some(at),
        }
    }
}

fn literal(line: &[u8]) -> Option<usize> {
    let open = line.iter().rposition(|c| *c == b'{')?;
    let digits = std::str::from_utf8(line[open + 1..].strip_suffix(b"}")?).ok()?;
    digits.parse().ok()
}

fn parse_one(line: &[u8]) -> Option<Response> {
    if line.starts_with(b"+ ") {
        return Some(Response::Continue);
    }
    let text = String::from_utf8_lossy(line);
    let (tag, rest) = text.split_once(' ')?;
    if tag != "*" {
        let (status, rest) = rest.split_once(' ')?;
        let (tag, status, code) = (tag.to_owned(), status.to_owned(), code(rest));
        return Some(Response::Tagged(Tagged { tag, status, code }));
    }
    let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
    if let Ok(number) = word.parse() {
        return numbered(number, after.split(' ').next()?, line);
    }
    let number = |text: &str| text.parse().ok();
    match word {
        "OK" => Some(Response::Ok(code(after))),
        "BYE" => Some(Response::Bye),
        "SEARCH" => {
            let numbers = after.split(' ').filter(|number| !number.is_empty()).map(number);
            numbers.collect::<Option<_>>().map(Response::Search)
        }
        "FLAGS" => {
            let [Token::List(flags)] = &tokens(after.as_bytes())?[..] else {
                return None;
            };
            Some(Response::Flags(flag_bits(flags)?.0))
        }
        "STATUS" => {
            let [name, Token::List(items)] = &tokens(after.as_bytes())?[..] else {
                return None;
            };
            let pair =
                |pair: &[Token]| Some((pair.first()?.atom()?.to_owned(), number(pair.get(1)?.atom()?)?));
            let items: Option<_> = items.chunks(2).map(pair).collect();
            Some(Response::Status(names::parse(&name.text()?)?, items?))
        }
        "LIST" | "LSUB" => {
            let [Token::List(attributes), Token::Text(separator), name] = &tokens(after.as_bytes())?[..]
            else {
                return None;
            };
            let name = names::parse(&name.text()?)?;
            let attributes = attributes
                .iter()
                .map(|a| a.atom().map(str::to_owned))
                .collect::<Option<_>>()?;
            (separator == b"/").then_some(match word {
                "LIST" => Response::List(attributes, name),
                _ => Response::Lsub(name),
            })
        }
        _ => None,
    }
}

fn code(text: &str) -> String {
    let code = text.strip_prefix('[').and_then(|text| text.split_once(']'));
    code.map(|(code, _)| code.to_owned()).unwrap_or_default()
}

fn numbered(number: usize, word: &str, line: &[u8]) -> Option<Response> {
    match word {
        "EXISTS" => Some(Response::Exists(number)),
        "RECENT" => Some(Response::Recent(number)),
        "EXPUNGE" => Some(Response::Expunge(number)),
        "FETCH" => {
            let open = line.iter().position(|c| *c == b'(')?;
            let [Token::List(items)] = &tokens(&line[open..])?[..] else {
                return None;
            };
            fetched(items).map(|fetched| Response::Fetch(number, fetched))
        }
        _ => None,
    }
}

fn fetched(items: &[Token]) -> Option<Fetched> {
    let mut fetched = Fetched::default();
    for pair in items.chunks(2) {
        let [name, value] = pair else { return None };
        match (name.atom()?, value) {
            ("UID", value) => fetched.uid = Some(value.atom()?.parse().ok()?),
            ("RFC822.SIZE", value) => fetched.size = Some(value.atom()?.parse().ok()?),
            ("FLAGS", Token::List(flags)) => fetched.flags = Some(flag_bits(flags)?),
            (body, Token::Text(octets)) => fetched.bodies.push((body.to_owned(), octets.clone())),
            _ => return None,
        }
    }
    Some(fetched)
}

fn flag_bits(flags: &[Token]) -> Option<(u8, bool)> {
    let (mut bits, mut recent) = (0, false);
    for flag in flags {
        match (
            flag.atom()?,
            FLAGS.iter().position(|known| Some(*known) == flag.atom()),
        ) {
            ("\\Recent", _) => recent = true,
            (_, Some(bit)) => bits |= 1 << bit,
            _ => return None,
        }
    }
    Some((bits, recent))
}

impl Token {
    fn atom(&self) -> Option<&str> {
        match self {
            Token::Atom(atom) => Some(atom),
            _ => None,
        }
    }

    fn text(&self) -> Option<String> {
        match self {
            Token::Atom(atom) => Some(atom.clone()),
            Token::Text(octets) => String::from_utf8(octets.clone()).ok(),
            Token::List(_) => None,
        }
    }
}

fn tokens(text: &[u8]) -> Option<Vec<Token>> {
    let mut at = 0;
    let tokens = list(text, &mut at)?;
    (at == text.len()).then_some(tokens)
}

/// Tokens up to the end or a closing parenthesis.
fn list(text: &[u8], at: &mut usize) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    loop {
        match text.get(*at) {
            None | Some(b')') => return Some(tokens),
            Some(b' ') => *at += 1,
            Some(b'(') => {
                *at += 1;
                tokens.push(Token::List(list(text, at)?));
                *at += 1;
            }
            Some(b'"') => {
                let end = *at + 1 + text[*at + 1..].iter().position(|c| *c == b'"')?;
                tokens.push(Token::Text(text[*at + 1..end].to_vec()));
                *at = end + 1;
            }
            Some(b'{') => {
                let end = *at + text[*at..].windows(2).position(|two| two == b"\r\n")?;
                let octets = literal(&text[*at..end])?;
                tokens.push(Token::Text(text.get(end + 2..end + 2 + octets)?.to_vec()));
                *at = end + 2 + octets;
            }
            Some(_) => {
                let start = *at;
                let mut brackets = false;
                while let Some(c) = text.get(*at).filter(|c| brackets || !b" ()".contains(*c)) {
                    brackets = (brackets || *c == b'[') && *c != b']';
                    *at += 1;
                }
                tokens.push(Token::Atom(String::from_utf8(text[start..*at].to_vec()).ok()?));
            }
        }
    }
}
