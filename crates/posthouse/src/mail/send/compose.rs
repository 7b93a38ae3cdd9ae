//! A mail from the options of `posthouse send`.

use std::path::Path;

use client::Files;
use message::compose::{FieldName, Mail, Mailbox, MessageId, Reference};

use super::{Arguments, no_recipient, no_sender, read_input};
use crate::exit::{Code, Exit};
use crate::language::Language;
use crate::mail::exit;

impl Arguments {
    pub(super) fn compose(&self, files: &mut Files, language: Language) -> Result<Mail<'static>, Exit> {
        let author = self.author(language)?;
        let stamp = client::stamp(&author.address().domain);
        let mut mail = Mail::new(author.clone(), stamp);
        for (list, add) in [
            (&self.to, Mail::to as fn(Mail<'static>, Mailbox) -> Mail<'static>),
            (&self.recipients, Mail::to),
            (&self.cc, Mail::cc),
            (&self.bcc, Mail::bcc),
            (&self.reply_to, Mail::reply_to),
        ] {
            mail = self
                .addresses(list, "--to", language)?
                .into_iter()
                .fold(mail, add);
        }
        if mail.recipients().is_empty() && !self.dry_run {
            return Err(no_recipient(language));
        }
        if let Some(subject) = &self.subject {
            mail = mail.subject(subject);
        }
        if self.read_receipt {
            mail = mail.read_receipt(author);
        }
        mail = self.bodies(mail, language)?;
        mail = self.fields(mail, language)?;
        self.parts(mail, files, language)
    }

    fn bodies(&self, mut mail: Mail<'static>, language: Language) -> Result<Mail<'static>, Exit> {
        let text = match (&self.text, &self.text_file) {
            (Some(text), _) => Some(text.clone()),
            (None, Some(file)) => Some(read_text(file, language)?),
            (None, None) => None,
        };
        let html = match (&self.html, &self.html_file) {
            (Some(html), _) => Some(html.clone()),
            (None, Some(file)) => Some(read_text(file, language)?),
            (None, None) => None,
        };
        let html = html.map(|html| {
            self.inline
                .iter()
                .fold(html, |html, inline| with_whole_cid(html, inline))
        });
        let has_text = text.is_some();
        mail = match text {
            Some(text) if self.flowed => mail.flowed_text(text),
            Some(text) => mail.text(text),
            None => mail,
        };
        Ok(match html {
            Some(html) if has_text => mail.html(html),
            Some(html) => mail.html(html).text_from_html(),
            None => mail,
        })
    }

    fn fields(&self, mut mail: Mail<'static>, language: Language) -> Result<Mail<'static>, Exit> {
        for field in &self.header {
            let wrong = |why: &str| Exit::new(Code::Usage, format!("--header {field:?}: {why}"));
            let (name, value) = field
                .split_once(':')
                .ok_or_else(|| wrong(language.pick("write it as \"Name: value\"", "请写成“名称: 值”")))?;
            let name = FieldName::check(name.trim()).map_err(|error| wrong(&error.to_string()))?;
            mail = mail.header(name, value.trim());
        }
        if let Some(id) = &self.in_reply_to {
            let id = id.trim().trim_start_matches('<').trim_end_matches('>');
            let reference = Reference::check(id)
                .map_err(|error| Exit::new(Code::Usage, format!("--in-reply-to: {error}")))?;
            mail = mail.in_reply_to(reference.clone()).reference(reference);
        }
        Ok(mail)
    }

    fn parts(
        &self,
        mut mail: Mail<'static>,
        files: &mut Files,
        language: Language,
    ) -> Result<Mail<'static>, Exit> {
        for path in &self.attach {
            let attachment = files.attach(path).map_err(|error| exit(&error, language))?;
            mail = mail.attach(attachment);
        }
        for inline in &self.inline {
            let wrong = |why: String| Exit::new(Code::Usage, format!("--inline {inline}: {why}"));
            let (cid, path) = inline.split_once('=').ok_or_else(|| {
                wrong(
                    language
                        .pick("write it as CID=FILE", "请写成 CID=文件")
                        .to_owned(),
                )
            })?;
            let id = MessageId::check(&whole_cid(cid));
            let id = id.map_err(|error| wrong(error.to_string()))?;
            let attachment = files.attach(path).map_err(|error| exit(&error, language))?;
            mail = mail.inline(id, attachment);
        }
        Ok(mail)
    }

    /// Who sends: --from, or whoever the profile is of, or logs in.
    pub(super) fn author(&self, language: Language) -> Result<Mailbox, Exit> {
        let mailbox = match &self.from {
            Some(from) => Mailbox::parse(from)
                .map_err(|error| Exit::new(Code::Usage, format!("--from {from}: {error}")))?,
            None => self
                .connection
                .author(language)?
                .ok_or_else(|| no_sender(language))?,
        };
        Ok(match &self.from_name {
            Some(name) => Mailbox::named(name, mailbox.address().clone()),
            None => mailbox,
        })
    }

    /// The addresses in a list of options.
    pub(super) fn addresses(
        &self,
        list: &[String],
        option: &str,
        language: Language,
    ) -> Result<Vec<Mailbox>, Exit> {
        let mut found = Vec::new();
        for text in list {
            let items = message::parse_addresses(text.as_bytes());
            if items.is_empty() {
                let words = language.pick("is no address", "不是地址");
                return Err(Exit::new(Code::Usage, format!("{option} {text:?}: {words}")));
            }
            for item in &items {
                let mailbox = Mailbox::of(item);
                found.push(
                    mailbox.map_err(|error| Exit::new(Code::Usage, format!("{option} {text:?}: {error}")))?,
                );
            }
        }
        Ok(found)
    }
}

/// RFC 2392 §2: a Content-ID is of the form of a Message-ID; people write a single word.
fn whole_cid(cid: &str) -> String {
    match cid.contains('@') {
        true => cid.to_owned(),
        false => format!("{cid}@inline"),
    }
}

/// The HTML with the same Content-ID as the picture of an --inline.
fn with_whole_cid(html: String, inline: &str) -> String {
    let cid = inline.split_once('=').map_or(inline, |(cid, _)| cid);
    let whole = whole_cid(cid);
    ['"', '\'', ')', ' ', '>'].into_iter().fold(html, |html, end| {
        html.replace(&format!("cid:{cid}{end}"), &format!("cid:{whole}{end}"))
    })
}

/// A text from a file, or from standard input where that is `-`.
fn read_text(file: &Path, language: Language) -> Result<String, Exit> {
    let octets = match file.as_os_str() == "-" {
        true => read_input(language)?,
        false => std::fs::read(file).map_err(|error| Exit::file(file, &error, language))?,
    };
    let text = String::from_utf8(octets);
    text.map_err(|_| Exit::not_utf8(&file.display().to_string(), language))
}
