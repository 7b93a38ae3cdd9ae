//! The header of a message: the fields that are not of its content (RFC 5322 §3.6).

use super::field::HeaderWriter;
use super::mail::Mail;
use super::mailbox::Mailbox;
use super::word::{Reference, Way};
use super::{Form, Refusal};

/// Writes the fields, without those of MIME.
///
/// # Errors
/// When an address has no form in ASCII and UTF-8 may not be written.
pub(super) fn write(mail: &Mail<'_>, form: Form) -> Result<Vec<u8>, Refusal> {
    let mut out = HeaderWriter::new(form);
    out.words("Date", mail.stamp.date.to_string().split(' '));
    out.mailboxes("From", &mail.from)?;
    // RFC 5322 §3.6.2: of several authors one is the sender; who is the only author is not named twice.
    let sender = match (&mail.sender, mail.from.as_slice()) {
        (Some(sender), [only]) if sender.address() == only.address() => None,
        (Some(sender), _) => Some(sender),
        (None, [first, _, ..]) => Some(first),
        (None, _) => None,
    };
    if let Some(sender) = sender {
        out.mailboxes("Sender", std::slice::from_ref(sender))?;
    }
    list(&mut out, "Reply-To", &mail.reply_to)?;
    list(&mut out, "To", &mail.to)?;
    if mail.has_only_hidden_recipients() {
        // RFC 5322 §3.4: a group of nobody, because programs on the way put other things where nothing stands.
        out.words("To", ["undisclosed-recipients:;"]);
    }
    list(&mut out, "Cc", &mail.cc)?;
    if let Some(subject) = &mail.subject {
        out.unstructured("Subject", subject);
    }
    out.words("Message-ID", [format!("<{}>", mail.stamp.id.as_str())]);
    ids(&mut out, "In-Reply-To", &mail.in_reply_to);
    ids(&mut out, "References", &mail.references);
    list(&mut out, "Disposition-Notification-To", &mail.receipts)?;
    if let Some(unsubscribe) = &mail.unsubscribe {
        let last = unsubscribe.uris.len().saturating_sub(1);
        let uris = unsubscribe.uris.iter().enumerate();
        let comma = |position| if position < last { "," } else { "" };
        out.words(
            "List-Unsubscribe",
            uris.map(|(position, uri)| format!("<{uri}>{}", comma(position))),
        );
        if unsubscribe.way == Way::OneClick {
            out.words("List-Unsubscribe-Post", ["List-Unsubscribe=One-Click"]);
        }
    }
    for (name, text) in &mail.others {
        out.unstructured(name.as_str(), text);
    }
    out.words("MIME-Version", ["1.0"]);
    Ok(out.finish())
}

fn list(out: &mut HeaderWriter, name: &str, mailboxes: &[Mailbox]) -> Result<(), Refusal> {
    match mailboxes.is_empty() {
        true => Ok(()),
        false => out.mailboxes(name, mailboxes),
    }
}

fn ids(out: &mut HeaderWriter, name: &str, ids: &[Reference]) {
    if !ids.is_empty() {
        out.words(name, ids.iter().map(|id| format!("<{}>", id.as_str())));
    }
}
