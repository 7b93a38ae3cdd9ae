//! The tree of a message's parts, as a person or a program lists it.

use std::fmt;

use crate::attachment::media_type;
use crate::content::TransferEncoding;
use crate::message::Message;
use crate::read;
use crate::structure::{Kind, PartId};

/// One part in the list of all. No string holds a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Which part.
    pub part: PartId,
    /// In how many parts it lies.
    pub depth: usize,
    /// What IMAP calls it (RFC 3501 §6.4.5), such as `1.2`; empty for a message that is a multipart.
    pub number: String,
    /// What it is to whoever walks the tree.
    pub kind: Kind,
    /// `text/plain`, in small letters.
    pub media_type: String,
    /// Its charset as it is written.
    pub charset: Option<String>,
    /// Its name, decoded.
    pub name: Option<String>,
    /// `inline`, `attachment` or another word, in small letters.
    pub disposition: Option<String>,
    /// How it was made to fit into lines.
    pub encoding: TransferEncoding,
    /// Octets of its body as it was transferred.
    pub octets: usize,
    /// The subject of a message within.
    pub subject: Option<String>,
}

/// Every part of a message, parents before their children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree(pub Vec<Branch>);

/// Lists the parts of a message.
#[must_use]
pub fn tree(message: &Message<'_>) -> Tree {
    let mut branches: Vec<Branch> = Vec::with_capacity(message.structure().parts().len());
    let mut counts = vec![0_u32; message.structure().parts().len()];
    for id in message.structure().ids() {
        let part = message.part(id);
        let parent = part.parent.and_then(|parent| branches.get(parent.index()));
        let depth = parent.map_or(0, |parent| parent.depth + 1);
        let number = match parent {
            None => whole(part.kind, ""),
            Some(parent) if parent.kind == Kind::Message => whole(part.kind, &parent.number),
            Some(parent) => {
                let count = counts.get_mut(parent.part.index());
                let number = count.map_or(1, |count| {
                    *count += 1;
                    *count
                });
                // A multipart that is a message within has no number besides that of the part it lies in.
                join(&parent.number, number)
            }
        };
        branches.push(branch(message, id, depth, number));
    }
    Tree(branches)
}

/// The number of a message, the root or one within: that of its body, where it is no multipart.
fn whole(kind: Kind, before: &str) -> String {
    match kind {
        Kind::Multipart => before.to_owned(),
        Kind::Text | Kind::Other | Kind::Message => join(before, 1),
    }
}

fn join(before: &str, number: u32) -> String {
    if before.is_empty() {
        number.to_string()
    } else {
        format!("{before}.{number}")
    }
}

fn branch(message: &Message<'_>, id: PartId, depth: usize, number: String) -> Branch {
    let content_type = message.content_type(id);
    let kind = message.part(id).kind;
    let is_message = message
        .part(id)
        .parent
        .is_none_or(|parent| message.part(parent).kind == Kind::Message);
    let subject = message.header(id).first("Subject").filter(|_| is_message);
    Branch {
        part: id,
        depth,
        number,
        kind,
        media_type: media_type(&content_type),
        charset: Some(content_type.parameters.text("charset"))
            .filter(|_| kind == Kind::Text)
            .flatten()
            .map(|charset| read::visible(&charset)),
        name: message.file_name(id).map(|name| read::visible(&name)),
        disposition: message
            .disposition(id)
            .map(|shown| read::visible(&String::from_utf8_lossy(&shown.kind)).to_ascii_lowercase()),
        encoding: message.encoding(id),
        octets: message.part(id).body.len(),
        subject: subject.map(|field| read::visible(&field.text())),
    }
}

impl fmt::Display for Tree {
    /// A line a part: `1.2  image/png; base64, 1024 octets, attachment "cat.png"`, set in by its depth.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for branch in &self.0 {
            writeln!(to, "{}{branch}", "  ".repeat(branch.depth))?;
        }
        Ok(())
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.number.is_empty() {
            write!(to, "{} ", self.number)?;
        }
        write!(to, "{}", self.media_type)?;
        if let Some(charset) = &self.charset {
            write!(to, ", {charset}")?;
        }
        match self.encoding {
            TransferEncoding::Identity => {}
            TransferEncoding::QuotedPrintable => write!(to, ", quoted-printable")?,
            TransferEncoding::Base64 => write!(to, ", base64")?,
        }
        write!(to, ", {} octets", self.octets)?;
        if let Some(disposition) = &self.disposition {
            write!(to, ", {disposition}")?;
        }
        if let Some(name) = &self.name {
            write!(to, " \"{name}\"")?;
        }
        if let Some(subject) = &self.subject {
            write!(to, ": {subject}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
