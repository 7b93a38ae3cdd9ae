//! The text of a transcript to its steps.

use std::time::Duration;

/// What there is before the conversation begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// An account with a password.
    Account { name: String, password: String },
    /// A mailbox with messages: file names, each with flags.
    Mailbox {
        account: String,
        name: String,
        messages: Vec<(String, Vec<String>)>,
    },
    /// How much an account may hold.
    Quota {
        account: String,
        octets: Option<u64>,
        messages: Option<u64>,
    },
    /// A setting of the server; where it cannot be set, the transcript is not run.
    Setting { name: String, value: String },
    /// A client that has logged in, and opened a mailbox.
    Session {
        client: u8,
        account: String,
        mailbox: Option<String>,
    },
}

/// A step of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The client sends this; with a line end or without.
    Send { client: u8, text: String, end: bool },
    /// The server says this next.
    Expect { client: u8, pattern: String },
    /// The server says these next, in any order.
    Unordered { client: u8, patterns: Vec<String> },
    /// The server says these before the next [`Step::Expect`], among others.
    Among { client: u8, patterns: Vec<String> },
    /// The server closes.
    Closed { client: u8 },
    /// The clock moves.
    Wait(Duration),
}

/// A transcript.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// What is given, in order.
    pub given: Vec<Given>,
    /// The steps with their line numbers.
    pub steps: Vec<(usize, Step)>,
}

impl Transcript {
    /// Reads a transcript.
    ///
    /// # Errors
    /// Says which line is not one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut transcript = Transcript {
            given: Vec::new(),
            steps: Vec::new(),
        };
        for (number, line) in (1..).zip(text.lines()) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let parsed = match line.strip_prefix("given ") {
                Some(given) => parse_given(given).map(|given| transcript.given.push(given)),
                None => parse_step(line).map(|step| transcript.push(number, step)),
            };
            parsed.ok_or_else(|| format!("line {number} is not a line of a transcript: {line}"))?;
        }
        Ok(transcript)
    }

    /// Adds a step; lines of one block become one step.
    fn push(&mut self, number: usize, step: Step) {
        match (self.steps.last_mut(), step) {
            (
                Some((_, Step::Unordered { client, patterns })),
                Step::Unordered {
                    client: same,
                    patterns: more,
                },
            ) if *client == same => patterns.extend(more),
            (
                Some((_, Step::Among { client, patterns })),
                Step::Among {
                    client: same,
                    patterns: more,
                },
            ) if *client == same => {
                patterns.extend(more);
            }
            (_, step) => self.steps.push((number, step)),
        }
    }
}

fn parse_given(text: &str) -> Option<Given> {
    let (what, rest) = text.split_once(' ')?;
    match what {
        "account" => {
            let (name, password) = rest.split_once(' ')?;
            let password = password.strip_prefix('"')?.strip_suffix('"')?;
            Some(Given::Account {
                name: name.to_owned(),
                password: password.to_owned(),
            })
        }
        "mailbox" => {
            let (place, messages) = rest.split_once(':')?;
            let (account, name) = place.split_once(' ')?;
            Some(Given::Mailbox {
                account: account.to_owned(),
                name: name.to_owned(),
                messages: messages.split_whitespace().map(parse_message).collect(),
            })
        }
        "quota" => {
            let (account, limits) = rest.split_once(' ')?;
            let limit = |name: &str| {
                let mut limits = limits.split(' ').filter_map(|limit| limit.split_once('='));
                limits.find(|(known, _)| *known == name)?.1.parse().ok()
            };
            Some(Given::Quota {
                account: account.to_owned(),
                octets: limit("storage"),
                messages: limit("messages"),
            })
        }
        "setting" => {
            let (name, value) = rest.split_once(' ')?;
            Some(Given::Setting {
                name: name.to_owned(),
                value: value.to_owned(),
            })
        }
        "session" => {
            let mut words = rest.split(' ');
            let (client, account) = (words.next()?.parse().ok()?, words.next()?.to_owned());
            Some(Given::Session {
                client,
                account,
                mailbox: words.next().map(str::to_owned),
            })
        }
        _ => None,
    }
}

/// `hello.eml` or `hello.eml[\Seen,$x]`.
fn parse_message(word: &str) -> (String, Vec<String>) {
    match word.split_once('[') {
        Some((file, flags)) => {
            let flags = flags
                .trim_end_matches(']')
                .split(',')
                .map(str::to_owned)
                .collect();
            (file.to_owned(), flags)
        }
        None => (word.to_owned(), Vec::new()),
    }
}

fn parse_step(line: &str) -> Option<Step> {
    let who = line.chars().next()?;
    let rest = line.get(1..)?;
    let digits = rest.chars().take_while(char::is_ascii_digit).count();
    let (number, rest) = rest.split_at(digits);
    let client = if number.is_empty() {
        1
    } else {
        number.parse().ok()?
    };
    let kind = rest.chars().next()?;
    let text = rest.get(1..)?;
    let text = text.strip_prefix(' ').unwrap_or(text).to_owned();
    Some(match (who, kind) {
        ('C', ':') => Step::Send {
            client,
            text,
            end: true,
        },
        ('C', '-') => Step::Send {
            client,
            text,
            end: false,
        },
        ('S', ':') => Step::Expect {
            client,
            pattern: text,
        },
        ('S', '~') => Step::Unordered {
            client,
            patterns: vec![text],
        },
        ('S', '*') if text.is_empty() => Step::Among {
            client,
            patterns: Vec::new(),
        },
        ('S', '*') => Step::Among {
            client,
            patterns: vec![text],
        },
        ('X', ':') => Step::Closed { client },
        ('T', ':') => Step::Wait(parse_time(text.strip_prefix('+')?)?),
        _ => return None,
    })
}

/// `30s`, `30m`, `2h`.
fn parse_time(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.len().checked_sub(1)?);
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    Some(Duration::from_secs(
        number.parse::<u64>().ok()?.checked_mul(seconds)?,
    ))
}
