//! Mail of files into an account: Maildir, mbox, files of single messages, a zip of them, or what `posthouse export` wrote.

use std::path::Path;

use client::Server;
use client::copy::{Compared, Filling, Folder, Mailboxes, Options, Put, is_lost};
use client::imap::Client;
use indicatif::ProgressBar;

use super::print::{Done, Lost, Planned, Which};
use crate::archive::{self, Item, Letter, Source, Trouble, words_of};
use crate::exit::{Code, Exit};
use crate::import::clean;
use crate::language::Language;
use crate::mail::{exit, tongue};

/// Which folder of files becomes which mailbox.
pub(super) struct Bringing<'b> {
    source: Source,
    folders: Vec<(archive::Folder, Folder)>,
    server: &'b Server,
    options: &'b Options,
    bar: ProgressBar,
    language: Language,
}

impl<'b> Bringing<'b> {
    /// Looks at both sides.
    pub(super) async fn plan(
        mut source: Source,
        server: &'b Server,
        options: &'b Options,
        language: Language,
    ) -> Result<Self, Exit> {
        let failed = |error: client::Error| exit(&error, language);
        let is_single = source.is_single();
        let mut all = std::mem::take(&mut source.folders);
        if let Some(missing) = options
            .mailboxes
            .iter()
            .find(|name| !all.iter().any(|folder| folder.name == **name))
        {
            let words = language.pick("there is no such mailbox in the files", "文件中没有这个邮箱");
            return Err(Exit::new(Code::Usage, format!("{missing}: {words}")));
        }
        all.retain(|folder| options.mailboxes.is_empty() || options.mailboxes.contains(&folder.name));
        let mut client = Client::connect(server).await.map_err(failed)?;
        let mailboxes = Mailboxes::of(&mut client).await.map_err(failed)?;
        // Nothing is lost by how a server says goodbye.
        let _ = client.logout().await;
        let place = |folder: archive::Folder| {
            // One mailbox that is put somewhere is there, and not below.
            let name = match is_single && options.into.is_some() {
                true => "INBOX",
                false => &folder.name,
            };
            let mut goes_to = mailboxes.place(&clean(name), folder.role.as_deref(), options);
            goes_to.from.clone_from(&folder.name);
            goes_to.subscribed = folder.subscribed;
            (folder, goes_to)
        };
        Ok(Bringing {
            folders: all.into_iter().map(place).collect(),
            source,
            server,
            options,
            bar: super::progress(),
            language,
        })
    }

    pub(super) fn planned(&self) -> Vec<Planned> {
        let planned = self.folders.iter().map(|(_, to)| Planned {
            from: to.from.clone(),
            to: to.to.clone(),
            is_there: to.is_there,
        });
        planned.collect()
    }

    /// Brings everything. Where it ends early, what was done is told all the same by the next run, which finds it there.
    pub(super) async fn run(mut self) -> Result<Vec<Done>, Exit> {
        let mut all = Vec::new();
        for (mut from, to) in std::mem::take(&mut self.folders) {
            let mut done = Done {
                from: to.from.clone(),
                to: to.to.clone(),
                ..Done::default()
            };
            match self.folder(&mut from, &to, &mut done).await {
                Ok(()) => {}
                Err(error) if is_lost(&error) => return Err(exit(&error, self.language)),
                Err(error) => done.fail(Code::Unavailable, error.words(tongue(self.language))),
            }
            all.push(done);
        }
        self.bar.finish_and_clear();
        Ok(all)
    }

    async fn folder(
        &mut self,
        from: &mut archive::Folder,
        to: &Folder,
        done: &mut Done,
    ) -> Result<(), client::Error> {
        let mut letters = match self.source.letters(from) {
            Ok(letters) => letters,
            Err(trouble) => {
                done.fail(Code::Data, trouble.words(self.language));
                return Ok(());
            }
        };
        let mut filling = Filling::begin(self.server, to).await?;
        self.bar.set_message(to.to.clone());
        while let Some(item) = self.source.next(&mut letters) {
            // How many there are is not known before they were read.
            self.bar.inc_length(1);
            self.bar.inc(1);
            match item {
                Item::Trouble(place, trouble) => done.lost(Code::Data, self.lost(place, &[], &trouble)),
                Item::Letter(letter) => match unfit(&letter.octets) {
                    Some(trouble) => {
                        let lost = self.lost(letter.place, &letter.octets, &trouble);
                        done.lost(Code::Data, lost);
                    }
                    None => {
                        filling.put(outgoing(letter)).await?;
                        continue;
                    }
                },
            }
            done.messages += 1;
        }
        let (put, compared) = filling.finish(self.options.verify).await?;
        self.told(put, compared, done);
        Ok(())
    }

    fn lost(&self, place: String, octets: &[u8], trouble: &Trouble) -> Lost {
        Lost {
            uid: None,
            place: Some(place),
            size: octets.len() as u64,
            subject: message::Message::parse(octets).subject(),
            why: trouble.words(self.language),
        }
    }

    fn told(&self, put: Put, compared: Compared, done: &mut Done) {
        let places = |places: Vec<String>| places.into_iter().map(Which::Place).collect();
        done.messages += put.messages;
        done.copied = put.copied;
        done.octets = put.octets;
        done.known = put.known;
        done.lost_flags = put.lost_flags.into_iter().collect();
        for refused in put.refused {
            let lost = Lost {
                uid: None,
                place: Some(refused.place),
                size: refused.size,
                subject: refused.subject,
                why: refused.why.words(tongue(self.language)),
            };
            done.lost(Code::Unavailable, lost);
        }
        done.checked = compared.checked;
        done.altered = places(compared.altered);
        done.missing = places(compared.missing);
    }
}

/// What is in the files, opened for reading.
pub(super) fn open(
    path: &Path,
    format: Option<archive::Format>,
    kind: Option<archive::MboxKind>,
    language: Language,
) -> Result<Source, Exit> {
    let mut source = Source::open(path, format, language)?;
    if let Some(kind) = kind {
        source.kind = kind.into();
    }
    Ok(source)
}

/// What no server takes.
fn unfit(octets: &[u8]) -> Option<Trouble> {
    match octets {
        [] => Some(Trouble::Empty),
        octets if octets.contains(&0) => Some(Trouble::Nul),
        _ => None,
    }
}

fn outgoing(letter: Letter) -> client::copy::Letter {
    client::copy::Letter {
        flags: words_of(&letter.marks),
        place: letter.place,
        octets: letter.octets,
        received: letter.received,
    }
}
