//! MAIL and RCPT as a client says them, with the parameters of the extensions.

use std::fmt;

use types::Address;

use crate::Letters;

/// The body of a message (RFC 6152 §3, RFC 3030 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyType {
    /// ASCII in lines.
    #[default]
    SevenBit,
    /// Any octets in lines.
    EightBit,
    /// Any octets.
    Binary,
}

/// What comes back with a report of failure (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// The whole message.
    Full,
    /// Its header.
    Header,
}

/// MAIL (RFC 5321 §4.1.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailCommand<'a> {
    /// The sender: nobody where no report is to come back (RFC 5321 §4.5.5).
    pub sender: Option<&'a Address>,
    /// The size of the message in octets (RFC 1870 §6).
    pub size: Option<u64>,
    /// Its body, where that is to be said.
    pub body: Option<BodyType>,
    /// What addresses and header fields may be written in (RFC 6531 §3.4).
    pub letters: Letters,
    /// What comes back with a report (RFC 3461 §4.3).
    pub returned: Option<Return>,
    /// The sender's own mark, which comes back in reports (RFC 3461 §4.4).
    pub envelope_id: Option<&'a str>,
    /// Whether it may go on only over TLS (RFC 8689 §2).
    pub require_tls: bool,
}

/// When a report is wanted (RFC 3461 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notify {
    /// Never.
    Never,
    /// In these cases.
    On(NotifyOn),
}

/// The cases in which a report is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotifyOn {
    /// It was delivered.
    pub success: bool,
    /// It could not be delivered.
    pub failure: bool,
    /// It takes longer.
    pub delay: bool,
}

/// RCPT (RFC 5321 §4.1.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RcptCommand<'a> {
    /// The recipient.
    pub recipient: &'a Address,
    /// What its local part may be written in.
    pub letters: Letters,
    /// When a report is wanted.
    pub notify: Option<Notify>,
    /// Whom the sender wrote to, where that is somebody else (RFC 3461 §4.2).
    pub original: Option<&'a Address>,
}

/// An address in a path: in UTF-8 where that may be said, else in ASCII. An address that has no ASCII form is written as it is; who
/// builds the command has looked at that before.
fn path(address: &Address, letters: Letters) -> String {
    match (letters, address.to_ascii()) {
        (Letters::Ascii, Some(ascii)) => ascii,
        _ => address.to_string(),
    }
}

impl fmt::Display for MailCommand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sender = self.sender.map(|sender| path(sender, self.letters));
        write!(f, "MAIL FROM:<{}>", sender.unwrap_or_default())?;
        if let Some(size) = self.size {
            write!(f, " SIZE={size}")?;
        }
        match self.body {
            None => {}
            Some(BodyType::SevenBit) => f.write_str(" BODY=7BIT")?,
            Some(BodyType::EightBit) => f.write_str(" BODY=8BITMIME")?,
            Some(BodyType::Binary) => f.write_str(" BODY=BINARYMIME")?,
        }
        if self.letters == Letters::Utf8 {
            f.write_str(" SMTPUTF8")?;
        }
        match self.returned {
            None => {}
            Some(Return::Full) => f.write_str(" RET=FULL")?,
            Some(Return::Header) => f.write_str(" RET=HDRS")?,
        }
        if let Some(id) = self.envelope_id {
            write!(f, " ENVID={}", xtext(id))?;
        }
        if self.require_tls {
            f.write_str(" REQUIRETLS")?;
        }
        Ok(())
    }
}

impl fmt::Display for RcptCommand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RCPT TO:<{}>", path(self.recipient, self.letters))?;
        match self.notify {
            None => {}
            Some(Notify::Never) => f.write_str(" NOTIFY=NEVER")?,
            Some(Notify::On(on)) => write!(f, " NOTIFY={}", cases(on))?,
        }
        if let Some(original) = self.original {
            // RFC 6533 §3: an address that is not ASCII has a type of its own, and is written in UTF-8 where that may be said.
            match original.to_ascii() {
                Some(ascii) => write!(f, " ORCPT=rfc822;{}", xtext(&ascii))?,
                None => write!(f, " ORCPT=utf-8;{}", utf8_xtext(&original.to_string()))?,
            }
        }
        Ok(())
    }
}

fn cases(on: NotifyOn) -> String {
    let named = [
        (on.success, "SUCCESS"),
        (on.failure, "FAILURE"),
        (on.delay, "DELAY"),
    ];
    let wanted: Vec<&str> = named
        .iter()
        .filter(|(on, _)| *on)
        .map(|(_, name)| *name)
        .collect();
    match wanted.as_slice() {
        [] => "NEVER".to_owned(),
        wanted => wanted.join(","),
    }
}

/// RFC 3461 §4: `xchar = any ASCII CHAR between "!" and "~" except for "+" and "="`; the rest as `+` and two digits.
fn xtext(text: &str) -> String {
    let mut out = String::new();
    for octet in text.bytes() {
        match octet {
            b'+' | b'=' => out.push_str(&format!("+{octet:02X}")),
            b'!'..=b'~' => out.push(char::from(octet)),
            _ => out.push_str(&format!("+{octet:02X}")),
        }
    }
    out
}

/// RFC 6533 §3, `utf-8-addr-unitext`: as it is, but for what would end the parameter.
fn utf8_xtext(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '+' | '=' | '\\' | '\0'..=' ' | '\x7f' => out.push_str(&format!("\\x{{{:02X}}}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, parse};

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn mail_and_rcpt_print() {
        let sender = address("alice@example.org");
        let mut mail = MailCommand {
            sender: Some(&sender),
            ..MailCommand::default()
        };
        assert_eq!(mail.to_string(), "MAIL FROM:<alice@example.org>");
        mail.size = Some(7);
        mail.body = Some(BodyType::EightBit);
        mail.returned = Some(Return::Header);
        mail.envelope_id = Some("a+b c");
        mail.require_tls = true;
        assert_eq!(
            mail.to_string(),
            "MAIL FROM:<alice@example.org> SIZE=7 BODY=8BITMIME RET=HDRS ENVID=a+2Bb+20c REQUIRETLS"
        );
        let nobody = MailCommand::default();
        assert_eq!(nobody.to_string(), "MAIL FROM:<>");

        let recipient = address("bob@bücher.example");
        let mut rcpt = RcptCommand {
            recipient: &recipient,
            letters: Letters::Ascii,
            notify: Some(Notify::On(NotifyOn {
                success: true,
                failure: true,
                delay: false,
            })),
            original: Some(&sender),
        };
        assert_eq!(
            rcpt.to_string(),
            "RCPT TO:<bob@xn--bcher-kva.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;alice@example.org"
        );
        rcpt.letters = Letters::Utf8;
        rcpt.notify = Some(Notify::Never);
        rcpt.original = None;
        assert_eq!(rcpt.to_string(), "RCPT TO:<bob@bücher.example> NOTIFY=NEVER");
    }

    #[test]
    fn the_server_reads_what_the_client_says() {
        let sender = address("\"a b\"@example.org");
        let mail = MailCommand {
            sender: Some(&sender),
            size: Some(10),
            body: Some(BodyType::EightBit),
            letters: Letters::Utf8,
            ..MailCommand::default()
        };
        let Ok((Command::Mail(read), _)) = parse(mail.to_string().as_bytes()) else {
            panic!("{mail} is not read");
        };
        assert_eq!(read.from.address(), Some(&sender));
        assert_eq!(read.size, Some(10));
        let recipient = address("张三@例子.example");
        let rcpt = RcptCommand {
            recipient: &recipient,
            letters: Letters::Utf8,
            notify: None,
            original: None,
        };
        assert!(parse(rcpt.to_string().as_bytes()).is_ok(), "{rcpt}");
    }
}
