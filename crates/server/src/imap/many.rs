//! Looking at many messages at once, on all cores, before any is looked at by itself.
//!
//! Each is looked at where that is cheapest: in its bytes if it reads as it is written (`written`), in a block of search text if one
//! has it (`blocks`), or decoded here. What is found is what looking at it by itself would find. What cannot be read, or is large, is
//! left to be looked at by itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use store::{Account, MessageRow, TextBlock, TextForm};
use tokio::task::JoinSet;
use types::BlobId;

use super::blocks;
use super::normal::Folded;
use super::texts::{Found, Texts};
use super::written::PlainTexts;
use crate::workspace::Workspace;

/// So few messages are looked at one by one.
const FEW: usize = 16;
/// Octets of written messages that are looked through at once.
const WRITTEN_AT_ONCE: u64 = 2 << 20;
/// Octets of messages that are decoded before others get a turn: a few milliseconds.
const DECODED_AT_ONCE: u64 = 256 << 10;
/// A longer message is not read here for its header: its beginning will do.
const READ_FOR_HEADER: u64 = 16 << 10;

/// What one core takes at a time: written messages, or a piece and what it is decoded to, and what was found.
const WORKER: u64 = 4 << 20;

/// In how many messages what was found is kept by each core: some MiB. The others are looked at again by themselves.
const KEPT: usize = 1 << 15;

/// A message that is to be looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Its position in the view.
    pub(super) in_view: usize,
    /// Its bytes.
    pub(super) blob: BlobId,
    /// How many they are.
    pub(super) size: u64,
    /// Whether they are its text.
    pub(super) form: TextForm,
}

impl Wanted {
    pub(super) fn new(in_view: usize, row: &MessageRow) -> Self {
        Wanted {
            in_view,
            blob: row.blob,
            size: row.size.into(),
            form: row.form,
        }
    }
}

/// What was found in messages, by their positions in the view.
#[derive(Default)]
pub(super) struct Known {
    /// Those that have none of the texts, in order.
    nothing: Vec<usize>,
    /// Those that have some.
    something: HashMap<usize, Found>,
}

impl Known {
    /// What was found in a message; nothing where it has not been looked at.
    pub(super) fn take(&mut self, in_view: usize, texts: &Texts) -> Found {
        if self.nothing.binary_search(&in_view).is_ok() {
            return texts.nothing();
        }
        self.something.remove(&in_view).unwrap_or_default()
    }

    fn add(&mut self, in_view: usize, folded: (&[u8], &[u8]), texts: &Texts) {
        if texts.are_absent(folded) {
            self.nothing.push(in_view);
        } else if self.something.len() < KEPT {
            self.something.insert(in_view, texts.find_in_folded(folded));
        }
    }

    fn join(parts: Vec<Known>) -> Self {
        let mut all = Known::default();
        for part in parts {
            all.nothing.extend(part.nothing);
            all.something.extend(part.something);
        }
        all.nothing.sort_unstable();
        all
    }
}

/// A piece of work that is done at once.
enum Piece {
    /// Messages that read as they are written.
    Written(Vec<Wanted>),
    /// Messages of a block, by their numbers in it.
    Block(TextBlock, Vec<(usize, Wanted)>),
    /// Messages that are decoded.
    Decoded(Vec<Wanted>),
}

/// All the work, and what is needed for it.
struct Work {
    account: Account,
    texts: Arc<Texts>,
    plain: Option<Arc<PlainTexts>>,
    pieces: Vec<Piece>,
    next: AtomicUsize,
}

/// Looks for texts in messages. Where there is no memory for it, in none: each is then looked at by itself.
pub(super) async fn look(
    (account, workspace): (&Account, &Workspace),
    messages: Vec<Wanted>,
    texts: &Arc<Texts>,
) -> Known {
    if messages.len() < FEW {
        return Known::default();
    }
    let plain = texts.plain().map(Arc::new);
    let is_written = |message: &Wanted| message.form == TextForm::Ascii && plain.is_some();
    let (mut written, others): (Vec<_>, Vec<_>) = messages.into_iter().partition(is_written);
    let mut known = Known::default();
    if plain.as_ref().is_some_and(|plain| plain.need_no_look()) {
        known
            .nothing
            .extend(written.drain(..).map(|message| message.in_view));
    }
    let mut split = blocks::split(account, others).await;
    blocks::build_later(account, split.in_no_block);
    if !texts.want_body() {
        let is_short = |message: &Wanted| message.size <= READ_FOR_HEADER;
        written.retain(is_short);
        split.unread.retain(is_short);
    }
    let mut pieces: Vec<Piece> = split
        .in_blocks
        .into_iter()
        .map(|(block, wanted)| Piece::Block(block, wanted))
        .collect();
    pieces.extend(cut(split.unread, DECODED_AT_ONCE).map(Piece::Decoded));
    pieces.extend(cut(written, WRITTEN_AT_ONCE).map(Piece::Written));
    let work = Work {
        account: account.clone(),
        texts: Arc::clone(texts),
        plain,
        pieces,
        next: AtomicUsize::new(0),
    };
    let mut parts = work.share(workspace).await;
    parts.push(known);
    Known::join(parts)
}

/// Cuts messages into pieces of about so many octets. A larger one is left out.
fn cut(messages: Vec<Wanted>, octets: u64) -> impl Iterator<Item = Vec<Wanted>> {
    let mut pieces: Vec<Vec<Wanted>> = Vec::new();
    let mut room = 0;
    for message in messages.into_iter().filter(|message| message.size <= octets) {
        if room < message.size || pieces.is_empty() {
            pieces.push(Vec::new());
            room = octets;
        }
        room -= message.size;
        if let Some(last) = pieces.last_mut() {
            last.push(message);
        }
    }
    pieces.into_iter()
}

impl Work {
    /// Shares the pieces among the cores.
    async fn share(self, workspace: &Workspace) -> Vec<Known> {
        let cores = available_parallelism().map_or(1, std::num::NonZero::get);
        let workers = cores.min(self.pieces.len());
        let work = Arc::new(self);
        let mut running = JoinSet::new();
        for worker in 0..workers {
            // One is waited for; more of them are faster, and that is all.
            let space = match worker {
                0 => workspace.take(WORKER).await,
                _ => workspace.try_take(WORKER),
            };
            let Ok(space) = space else { break };
            let work = Arc::clone(&work);
            running.spawn(async move {
                let _space = space;
                work.take_pieces().await
            });
        }
        running.join_all().await
    }

    async fn take_pieces(&self) -> Known {
        let (mut known, mut memory) = (Known::default(), Vec::new());
        while let Some(piece) = self.pieces.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            match piece {
                Piece::Written(messages) => self.look_at_written(messages, &mut known).await,
                Piece::Block(block, wanted) => {
                    self.look_at_block(block, wanted, (&mut memory, &mut known)).await;
                }
                Piece::Decoded(messages) => self.decode(messages, &mut known).await,
            }
            tokio::task::yield_now().await;
        }
        known
    }

    /// Rules out what does not have the texts in its bytes, and decodes what may have them.
    async fn look_at_written(&self, messages: &[Wanted], known: &mut Known) {
        let Some(plain) = self.plain.clone() else { return };
        let blobs = messages.iter().map(|message| message.blob);
        let said = match self.texts.want_body() {
            true => self.account.test_blobs(blobs, plain.test()).await,
            false => self.account.test_blobs(blobs, plain.test_header()).await,
        };
        let mut candidates = Vec::new();
        for (message, absent) in messages.iter().zip(said.unwrap_or_default()) {
            match absent {
                Ok(true) => known.nothing.push(message.in_view),
                Ok(false) => candidates.push(*message),
                // Whoever looks at it by itself will be told.
                Err(_) => {}
            }
        }
        for some in cut(candidates, DECODED_AT_ONCE) {
            self.decode(&some, known).await;
            tokio::task::yield_now().await;
        }
    }

    async fn look_at_block(
        &self,
        block: &TextBlock,
        wanted: &[(usize, Wanted)],
        (text, known): (&mut Vec<u8>, &mut Known),
    ) {
        if !self.account.read_text_block(block, text).await {
            // As if it had never been there.
            for some in cut(
                wanted.iter().map(|(_, message)| *message).collect(),
                DECODED_AT_ONCE,
            ) {
                self.decode(&some, known).await;
            }
            return;
        }
        let places = blocks::places(block);
        for (number, message) in wanted {
            let Some(Some((header, body))) = places.get(*number) else {
                continue;
            };
            let texts = (text.get(header.clone()), text.get(body.clone()));
            if let (Some(header), Some(body)) = texts {
                known.add(message.in_view, (header, body), &self.texts);
            }
        }
    }

    async fn decode(&self, messages: &[Wanted], known: &mut Known) {
        let read = self
            .account
            .read_blobs(messages.iter().map(|message| message.blob))
            .await;
        for (message, octets) in messages.iter().zip(read.unwrap_or_default()) {
            let Ok(octets) = octets else { continue };
            let folded = match self.texts.want_body() {
                true => Folded::of(&octets),
                false => Folded::header_of(&octets),
            };
            known.add(
                message.in_view,
                (folded.header.as_bytes(), &folded.body),
                &self.texts,
            );
        }
    }
}
