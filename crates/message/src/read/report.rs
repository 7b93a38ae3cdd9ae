//! What became of a message: delivery reports (RFC 3464) and what readers report (RFC 8098), as values and in words.

use std::fmt;

use super::visible;
use crate::content::ContentType;
use crate::header::{Header, is_blank, line_length};

/// How many recipients of one report are told apart.
const MAX_RECIPIENTS: usize = 1_000;

/// A report. Empty is what it does not say; nothing here holds a line end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// `Reporting-MTA` or `Reporting-UA`, without its type.
    pub reporter: String,
    /// `Arrival-Date` as it is written.
    pub arrived: String,
    /// `Original-Envelope-Id`, or `Original-Message-ID` of a reader's report.
    pub original: String,
    /// What is said of each recipient.
    pub recipients: Vec<Recipient>,
}

/// What became of a message for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipient {
    /// `Final-Recipient` without its type, or else the original one.
    pub address: String,
    /// `Action`: `failed`, `delayed`, `delivered`, `relayed` or `expanded` (RFC 3464 §2.3.3); of a reader's report what its
    /// `Disposition` ends with, such as `displayed`.
    pub action: String,
    /// `Status` (RFC 3463), such as `5.1.1`.
    pub status: String,
    /// `Diagnostic-Code` without its type: the words of the server that refused.
    pub diagnostic: String,
    /// `Remote-MTA` without its type.
    pub remote: String,
    /// `Will-Retry-Until` as it is written.
    pub retry_until: String,
}

/// Whether a part of type `message` is such a report.
pub(crate) fn is_report(content_type: &ContentType<'_>) -> bool {
    let reports = [
        "delivery-status",
        "global-delivery-status",
        "disposition-notification",
        "global-disposition-notification",
    ];
    let is = |name: &str| content_type.subtype.eq_ignore_ascii_case(name.as_bytes());
    reports.iter().any(|name| is(name))
}

/// Cuts a body at its empty lines (RFC 3464 §2.1).
fn groups(mut body: &[u8]) -> Vec<&[u8]> {
    let mut groups = Vec::new();
    while groups.len() <= MAX_RECIPIENTS {
        while is_blank(body) {
            body = body.get(line_length(body)..).unwrap_or_default();
        }
        if body.is_empty() {
            break;
        }
        let mut end = 0;
        while let Some(rest) = body.get(end..).filter(|rest| !rest.is_empty() && !is_blank(rest)) {
            end += line_length(rest);
        }
        let (group, rest) = body.split_at_checked(end).unwrap_or((body, b""));
        groups.push(group);
        body = rest;
    }
    groups
}

/// The value of a field without its type: `rfc822; a@b` is `a@b`.
fn value(header: Header<'_>, name: &str) -> String {
    let text = header
        .first(name)
        .map(|field| visible(&field.text()))
        .unwrap_or_default();
    match text.split_once(';') {
        Some((kind, value)) if !kind.contains(char::is_whitespace) => value.trim().to_owned(),
        _ => text,
    }
}

impl Report {
    /// Reads the body of such a part. What it does not say stays empty.
    #[must_use]
    pub fn parse(body: &[u8]) -> Self {
        let mut report = Report::default();
        for group in groups(body) {
            let header = Header::new(group);
            let has = |name| header.first(name).is_some();
            if has("Reporting-MTA")
                || has("Reporting-UA")
                || has("Arrival-Date")
                || has("Original-Envelope-Id")
            {
                report.take_message(header);
            }
            // A reader's report says everything in one group (RFC 8098 §3.1).
            if has("Final-Recipient") || has("Original-Recipient") || has("Action") || has("Disposition") {
                report.recipients.push(Recipient::of(header));
            }
        }
        report
    }

    fn take_message(&mut self, header: Header<'_>) {
        let mut fill = |to: fn(&mut Report) -> &mut String, names: &[&str]| {
            let found = names
                .iter()
                .map(|name| value(header, name))
                .find(|text| !text.is_empty());
            let slot = to(self);
            if slot.is_empty() {
                *slot = found.unwrap_or_default();
            }
        };
        fill(|report| &mut report.reporter, &["Reporting-MTA", "Reporting-UA"]);
        fill(|report| &mut report.arrived, &["Arrival-Date"]);
        fill(
            |report| &mut report.original,
            &["Original-Envelope-Id", "Original-Message-ID"],
        );
    }
}

impl Recipient {
    fn of(header: Header<'_>) -> Self {
        let address = value(header, "Final-Recipient");
        let action = value(header, "Action");
        let disposition = value(header, "Disposition");
        Recipient {
            address: if address.is_empty() {
                value(header, "Original-Recipient")
            } else {
                address
            },
            action: if action.is_empty() { disposition } else { action },
            status: value(header, "Status"),
            diagnostic: value(header, "Diagnostic-Code"),
            remote: value(header, "Remote-MTA"),
            retry_until: value(header, "Will-Retry-Until"),
        }
    }
}

impl fmt::Display for Report {
    /// A line for each recipient: `bob@example.org: failed (5.1.1): 550 no such user [mx.example.org]`.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for recipient in &self.recipients {
            write!(to, "{}: {}", recipient.address, recipient.action)?;
            if !recipient.status.is_empty() {
                write!(to, " ({})", recipient.status)?;
            }
            if !recipient.diagnostic.is_empty() {
                write!(to, ": {}", recipient.diagnostic)?;
            }
            if !recipient.remote.is_empty() {
                write!(to, " [{}]", recipient.remote)?;
            }
            if !recipient.retry_until.is_empty() {
                write!(to, " -> {}", recipient.retry_until)?;
            }
            writeln!(to)?;
        }
        Ok(())
    }
}
