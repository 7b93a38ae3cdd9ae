//! A composed mail on its way out: written as this server takes it, its files read while it goes.

use message::compose::{Allowed, Composed, Form, Mail, Room};

use super::client::Client;
use super::content::Content;
use super::envelope::{Envelope, Report};
use crate::error::{Cause, Error, Step};
use crate::{Files, Server};

/// Sends one composed mail over a connection of its own. For several, keep a [`Client`].
///
/// # Errors
/// As [`Client::connect`] and [`Client::send_mail`].
pub async fn send(server: &Server, mail: &Mail<'_>, files: &Files) -> Result<Report, Error> {
    let mut client = Client::connect(server).await?;
    let report = client.send_mail(mail, files).await?;
    // The message is with the server: how it says goodbye changes nothing.
    let _ = client.quit().await;
    Ok(report)
}

impl Envelope {
    /// The envelope of a mail: from its sender, or else its author, to everybody in To, Cc and Bcc.
    #[must_use]
    pub fn of(mail: &Mail<'_>) -> Self {
        let from = Envelope::from(mail.envelope_sender().clone());
        let recipients = mail.recipients().into_iter();
        recipients.fold(from, |envelope, recipient| envelope.to(recipient.clone()))
    }
}

impl Client {
    /// Sends a composed mail to everybody in To, Cc and Bcc. Header fields are in UTF-8 only if an address cannot be said
    /// otherwise, and the server has SMTPUTF8.
    ///
    /// # Errors
    /// As [`Client::send`]; and when a file cannot be read, or the mail cannot be put as this server wants it.
    pub async fn send_mail(&mut self, mail: &Mail<'_>, files: &Files) -> Result<Report, Error> {
        self.send_mail_to(&Envelope::of(mail), mail, files).await
    }

    /// Sends a composed mail with another envelope.
    ///
    /// # Errors
    /// As [`Client::send_mail`].
    pub async fn send_mail_to(
        &mut self,
        envelope: &Envelope,
        mail: &Mail<'_>,
        files: &Files,
    ) -> Result<Report, Error> {
        let utf8 = mail.needs_utf8() && self.extensions.has("SMTPUTF8");
        if mail.needs_utf8() && !utf8 {
            return Err(self.error(Step::Asking, Cause::NotOffered("SMTPUTF8")));
        }
        let allowed = Allowed {
            form: if utf8 { Form::Utf8 } else { Form::Ascii },
            room: Room::SevenBit,
        };
        let composed = mail.compose(allowed);
        let composed = composed
            .map_err(|refusal| self.error(Step::Asking, Cause::Message(refusal.to_string().into())))?;
        let mut signatures = Vec::new();
        for signer in &self.signers {
            let field = signer.field_of(&composed, files).await;
            signatures.push(field.map_err(|(step, cause)| self.error(step, cause))?);
        }
        let composed = signatures.iter().fold(composed, Composed::signed);
        self.send(
            envelope,
            Content::Composed {
                composed: &composed,
                files,
                utf8,
            },
        )
        .await
    }
}
