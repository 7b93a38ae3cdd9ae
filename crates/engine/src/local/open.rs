//! Opening: the index is checked, the log is replayed from where the index has got to, damage is told.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::thread::JoinHandle;

use bytes::Bytes;

use super::committer::Committer;
use super::folder::{self, OpenError, failed};
use super::history::{self, History};
use super::index::Index;
use super::orders::Orders;
use super::rebuild::{Before, open_index};
use super::record::{BLOCK, Header, Kind, SegmentHeader};
use super::replay::{Event, Source, last_group, replay};
use super::spent::spent_key;
use super::table::{Place, Position, Table, Tables, place_key};
use super::{Finding, LocalEngine, Options, Shared, absorber, alone, compactor, copier, segment_path};
use crate::batch::parse_changes;
use crate::{BlobNumber, Change, Partition};

/// Rows replayed are taken over when there are so many octets of them.
const REPLAYED: usize = 64 << 20;
/// Blob numbers left out after damage: a lost record may have had any of them.
const GAP: u64 = 1 << 20;

pub(crate) fn open(folder: &Path, options: Options) -> Result<LocalEngine, OpenError> {
    folder::make(folder)?;
    folder::check_local(folder)?;
    let lock = folder::lock(folder)?;
    let salt = folder::salt(folder)?;
    folder::make(&folder.join("log"))?;
    let copies = copier::find(folder, &options, salt).map_err(failed(&folder.join("log")))?;
    let mut findings = Vec::new();
    let (index, before) = open_index(folder, (&options, salt), &mut findings)?;
    let segments = list_segments(folder)?;
    alone::remove_unfinished(folder, &*options.files)?;
    let mut opening = Opening {
        folder,
        options: &options,
        salt,
        missed: None,
        unsettled: None,
        index,
        table: Table::default(),
        findings,
    };
    let previous = opening.replay(&segments, before)?;
    let history = opening.history();
    let unnamed = opening.unnamed()?;
    let Opening {
        index,
        table,
        findings,
        ..
    } = opening;
    for finding in &findings {
        tracing::error!("{finding}");
    }
    let position = table.position;
    let shared = Arc::new(Shared {
        folder: folder.to_owned(),
        files: Arc::clone(&options.files),
        salt,
        tables: RwLock::new(Tables::new(table)),
        index,
        hurry: AtomicBool::new(false),
        absorbing_fails: AtomicBool::new(false),
        closing: AtomicBool::new(false),
        stopped: OnceLock::new(),
        absorber: OnceLock::new(),
        segments: Mutex::new(HashMap::new()),
        ahead: super::ahead::Ahead::default(),
        alone: alone::Alone::default(),
        tail: super::tail::Tail::new(),
        copies: copier::Copies::new(copies),
        keeping: super::keep::Keeping::default(),
        compaction: compactor::Compaction::default(),
        options,
    });
    let next_segment = segments.last().copied().unwrap_or(0).max(position.segment) + 1;
    let gap = if findings.is_empty() { 1 } else { GAP };
    let sequence = position.sequence + gap;
    let committer = Committer::new(Arc::clone(&shared), previous, next_segment, sequence);
    let orders = Arc::new(Orders::new(committer));
    shared.remember_spent(unnamed)?;
    let threads = start_threads(&shared, &orders, history).map_err(failed(folder))?;
    Ok(LocalEngine {
        shared,
        orders,
        next_blob: AtomicU64::new(position.blob + gap),
        findings,
        history,
        threads: Mutex::new(threads),
        _lock: lock,
    })
}

/// The threads in the order in which they are waited for at the end.
fn start_threads(
    shared: &Arc<Shared>,
    orders: &Arc<Orders>,
    history: History,
) -> io::Result<Vec<JoinHandle<()>>> {
    let start = |name: &str, work: Box<dyn FnOnce() + Send>| {
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(work)
    };
    let of_committer = Arc::clone(orders);
    let committing = start("committer", Box::new(move || of_committer.run()))?;
    let of_absorber = Arc::clone(shared);
    let absorbing = start(absorber::NAME, Box::new(move || of_absorber.absorb_all()))?;
    let of_zeros = Arc::clone(shared);
    let zeroing = start("zeros", Box::new(move || of_zeros.ahead.run()))?;
    let of_copies = Arc::clone(shared);
    let copying = start(copier::NAME, Box::new(move || of_copies.copy_daily()))?;
    let _ = shared.absorber.set(absorbing.thread().clone());
    shared.copies.begin(copying.thread());
    let mut threads = vec![copying, committing, absorbing, zeroing];
    // After a salvage everything stays as it is until the next start.
    if history == History::Whole {
        let of_compactor = Arc::clone(shared);
        let (shared, orders) = (Arc::clone(shared), Arc::clone(orders));
        let compactor = compactor::Compactor { shared, orders };
        let compacting = start(compactor::NAME, Box::new(move || compactor.run()))?;
        of_compactor.compaction.begin(compacting.thread());
        threads.insert(0, compacting);
    }
    Ok(threads)
}

/// The numbers of the log's segments, ascending.
pub(crate) fn list_segments(folder: &Path) -> Result<Vec<u64>, OpenError> {
    let mut numbers = list_files(folder)?;
    numbers.retain(|number| !alone::is_alone(*number));
    Ok(numbers)
}

/// The same, and those of large blobs' own files.
pub(crate) fn list_files(folder: &Path) -> Result<Vec<u64>, OpenError> {
    let path = folder.join("log");
    let mut numbers = Vec::new();
    for entry in fs::read_dir(&path).map_err(failed(&path))? {
        let name = entry.map_err(failed(&path))?.file_name();
        let number: Option<u64> = name
            .to_str()
            .and_then(|name| name.strip_suffix(".seg"))
            .and_then(|n| n.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Where segments end, as the headers of later ones say.
fn told_ends(headers: &BTreeMap<u64, Option<SegmentHeader>>) -> HashMap<u64, u64> {
    let ends = headers.values().flatten();
    ends.map(|header| (header.previous, header.previous_end))
        .collect()
}

/// What is known of a segment's end before it is read.
#[derive(Clone, Copy)]
struct Known {
    /// What a later segment says.
    told: Option<u64>,
    /// Up to where groups were synced at least.
    end: u64,
}

struct Opening<'o> {
    folder: &'o Path,
    options: &'o Options,
    salt: u64,
    /// From where on rows may be missing, as this opening has found.
    missed: Option<Position>,
    /// The same of an earlier opening, if nobody has seen to it.
    unsettled: Option<Position>,
    index: Index,
    table: Table,
    findings: Vec<Finding>,
}

impl Opening<'_> {
    /// Replays what the index does not have; the last segment that holds groups, and where they end.
    fn replay(&mut self, segments: &[u64], before: Before) -> Result<(u64, u64), OpenError> {
        let absorbed = self.begin()?;
        let mut previous = (absorbed.segment, absorbed.offset);
        if absorbed.segment != 0 && !segments.contains(&absorbed.segment) {
            self.tell(absorbed.segment, 0, "the segment is missing");
        }
        let headers = self.headers(segments)?;
        let ends = told_ends(&headers);
        if history::has_gap(absorbed, &headers) || (before == Before::Lost && segments.is_empty()) {
            self.miss(absorbed);
        }
        for number in segments {
            let reached = if *number == absorbed.segment {
                absorbed.offset
            } else {
                0
            };
            let told = ends.get(number).copied();
            let known = Known {
                told,
                end: told.unwrap_or(0).max(reached),
            };
            let size = fs::metadata(segment_path(self.folder, *number)).map_or(0, |m| m.len());
            if size < known.end {
                self.tell(*number, size, "the segment has been cut short");
            }
            if *number < absorbed.segment {
                continue;
            }
            let from = reached.max(BLOCK);
            if let Some(end) = self.replay_segment(*number, from, known)? {
                previous = (*number, end);
                let is_last = segments.last() == Some(number);
                if is_last && !size.is_multiple_of(self.options.step) && size > end {
                    self.tell(*number, size, "the segment has been cut short");
                }
            }
        }
        self.tell_missing(&headers)?;
        self.keep_missed();
        if let Some(start) = self.unsettled.or(self.missed) {
            let what = "rows may be missing from here on; mail is salvaged from what is left of the log";
            self.tell(start.segment.max(1), start.offset, what);
        }
        Ok(previous)
    }

    /// Where replay begins; also where a salvage that was not done to its end began.
    fn begin(&mut self) -> Result<Position, OpenError> {
        let look = self.index.look()?;
        let absorbed = look.position()?.unwrap_or_default();
        let unsettled = look.find(Partition::ENGINE, history::UNSETTLED)?;
        self.unsettled = unsettled.and_then(Position::parse);
        self.table.position = absorbed;
        Ok(absorbed)
    }

    /// Rows may be missing from a place on: the first one counts.
    fn miss(&mut self, from: Position) {
        self.missed.get_or_insert(from);
    }

    /// A restart must not forget it: it is kept with the rows, over what the log says of earlier times.
    fn keep_missed(&mut self) {
        let key = Bytes::from_static(history::UNSETTLED);
        if self.table.get(&(Partition::ENGINE, key.clone())) == Some(&None) {
            self.unsettled = None;
        }
        let starts = [self.unsettled, self.missed].into_iter().flatten();
        if let Some(start) = starts.min_by_key(|start| (start.segment, start.offset)) {
            let value = Some(start.print());
            self.table.apply(Partition::ENGINE, [Change { key, value }]);
        }
    }

    fn history(&self) -> History {
        match self.unsettled.or(self.missed) {
            None => History::Whole,
            Some(_) => History::Salvaged,
        }
    }

    /// The files of large blobs that no row names. Where rows may be missing, a blob that has no place is where its file says.
    fn unnamed(&mut self) -> Result<Vec<u64>, OpenError> {
        let mut unnamed = Vec::new();
        for number in alone::list(self.folder)? {
            let blob = alone::blob_of(number);
            // Whatever it holds, its name is not given out again.
            self.table.position.blob = self.table.position.blob.max(blob.0);
            let key = place_key(blob);
            let place = match self.table.get(&(Partition::ENGINE, key.clone())) {
                Some(row) => row.as_deref().and_then(Place::parse),
                None => {
                    let look = self.index.look()?;
                    look.find(Partition::ENGINE, &key)?.and_then(Place::parse)
                }
            };
            match place {
                Some(place) if place.segment == number => continue,
                None if self.history() == History::Salvaged => {}
                _ => {
                    unnamed.push(number);
                    continue;
                }
            }
            let path = segment_path(self.folder, number);
            let head = alone::read_head(&*self.options.files, (&path, number), self.salt);
            match head.map_err(failed(&path))? {
                Some((header, _)) => apply(&mut self.table, &header, BLOCK, None),
                None => self.tell(number, BLOCK, "the record of a large blob is damaged"),
            }
        }
        Ok(unnamed)
    }

    fn headers(&self, segments: &[u64]) -> Result<BTreeMap<u64, Option<SegmentHeader>>, OpenError> {
        let header = |number: &u64| Ok((*number, self.segment_header(*number)?));
        segments.iter().map(header).collect()
    }

    /// Tells of segments that a later one names and that are not there, unless they were unlinked. The log behind a copy of the index may
    /// be what says so: it has been replayed.
    fn tell_missing(&mut self, headers: &BTreeMap<u64, Option<SegmentHeader>>) -> Result<(), OpenError> {
        for header in headers.values().flatten() {
            let missing = header.previous != 0 && !headers.contains_key(&header.previous);
            if missing && !self.is_spent(header.previous)? {
                self.tell(header.previous, 0, "the segment is missing");
            }
        }
        Ok(())
    }

    /// Whether a segment was unlinked because nothing lived in it.
    fn is_spent(&self, segment: u64) -> Result<bool, OpenError> {
        if let Some(row) = self.table.get(&(Partition::ENGINE, spent_key(segment))) {
            return Ok(row.is_some());
        }
        let look = self.index.look()?;
        Ok(look.find(Partition::ENGINE, &spent_key(segment))?.is_some())
    }

    fn segment_header(&self, number: u64) -> Result<Option<SegmentHeader>, OpenError> {
        let path = segment_path(self.folder, number);
        let file = self.options.files.open(&path).map_err(failed(&path))?;
        let mut block = vec![0; usize::try_from(BLOCK).unwrap_or(0)];
        match file.read_at(&mut block, 0) {
            Ok(()) => Ok(SegmentHeader::parse(&block, self.salt)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(failed(&path)(error)),
        }
    }

    /// The bytes of a segment that are to be replayed. They are on the disk before they are believed: what was written and not
    /// synced when the program was killed is only in the system's memory.
    fn synced_bytes(&self, number: u64, from: u64) -> Result<Vec<u8>, OpenError> {
        let path = segment_path(self.folder, number);
        let file = self.options.files.open(&path).map_err(failed(&path))?;
        file.sync_data().map_err(failed(&path))?;
        let mut bytes = read_from(&path, from, self.options)?;
        let source = Source {
            bytes: &bytes,
            offset: from,
            segment: number,
            salt: self.salt,
            known_end: 0,
        };
        // After a sync that failed the system believes in pages that the disk does not have. Only the last group can be such.
        if let Some(last) = last_group(source) {
            file.forget(from + last.start, last.end - last.start)
                .map_err(failed(&path))?;
            let range = usize::try_from(last.start).unwrap_or(0)..usize::try_from(last.end).unwrap_or(0);
            if let Some(group) = bytes.get_mut(range) {
                file.read_at(group, from + last.start).map_err(failed(&path))?;
            }
        }
        Ok(bytes)
    }

    /// Replays one segment; where its groups end, if it has any business to be there.
    fn replay_segment(&mut self, number: u64, from: u64, known: Known) -> Result<Option<u64>, OpenError> {
        let Known { told, end: known_end } = known;
        let path = segment_path(self.folder, number);
        let mut bytes = self.synced_bytes(number, from)?;
        if let Some(told) = told {
            // What lies behind was refused, or torn.
            bytes.truncate(usize::try_from(told.saturating_sub(from)).unwrap_or(usize::MAX));
        }
        if from == BLOCK && self.segment_header(number)?.is_none() {
            if bytes.iter().all(|byte| *byte == 0) {
                // It was being made when everything ended.
                return Ok(None);
            }
            self.tell(number, 0, "the segment's header is damaged");
            // What it followed is not known: the one before it, or nothing, if that is there.
            let before = segment_path(self.folder, number.saturating_sub(1));
            if number > self.table.position.segment + 1 && !before.exists() {
                self.miss(self.table.position);
            }
        }
        let start = Position {
            segment: number,
            offset: from,
            ..Position::default()
        };
        let source = Source {
            bytes: &bytes,
            offset: from,
            segment: number,
            salt: self.salt,
            known_end,
        };
        let (table, findings) = (&mut self.table, &mut self.findings);
        let mut lost = false;
        let mut note = |offset, what: &str| {
            findings.push(Finding {
                path: path.clone(),
                offset,
                what: what.to_owned(),
            });
        };
        let end = replay(source, &mut |event| match event {
            Event::Record {
                header,
                offset,
                payload,
            } => apply(table, &header, offset, Some(payload)),
            Event::Spoilt { header, offset } => {
                note(
                    offset,
                    &format!("record {} does not match its checksum", header.sequence),
                );
                lost |= header.kind == Kind::Batch;
                apply(table, &header, offset, None);
            }
            Event::Damage { offset } => note(offset, "a group that was synced is damaged"),
            Event::Lost => lost = true,
        });
        if lost || end < known_end {
            self.miss(start);
        }
        self.table.position.segment = number;
        self.table.position.offset = end;
        if self.table.size > REPLAYED {
            self.keep_missed();
            let full = |error: heed::Error| failed(self.index.path())(io::Error::other(error.to_string()));
            self.index.absorb(&self.table).map_err(full)?;
            let position = self.table.position;
            self.table = Table {
                position,
                ..Table::default()
            };
        }
        Ok(Some(end))
    }

    fn tell(&mut self, segment: u64, offset: u64, what: &str) {
        let path = segment_path(self.folder, segment);
        self.findings.push(Finding {
            path,
            offset,
            what: what.to_owned(),
        });
    }
}

/// A file's bytes from somewhere on; none when it is shorter.
pub(crate) fn read_from(path: &Path, from: u64, options: &Options) -> Result<Vec<u8>, OpenError> {
    let file = options.files.open(path).map_err(failed(path))?;
    let size = file.size().map_err(failed(path))?;
    let mut bytes = vec![0; usize::try_from(size.saturating_sub(from)).unwrap_or(0)];
    file.read_at(&mut bytes, from).map_err(failed(path))?;
    Ok(bytes)
}

/// Applies a record; a blob whose bytes are spoilt keeps its place, so that a read can say where the damage is.
fn apply(table: &mut Table, header: &Header, offset: u64, payload: Option<&[u8]>) {
    table.position.sequence = table.position.sequence.max(header.sequence);
    match header.kind {
        Kind::Blob => {
            table.position.blob = table.position.blob.max(header.id);
            let place = Place::of(header, offset);
            let key = place_key(BlobNumber(header.id));
            table.apply(
                Partition::ENGINE,
                [Change {
                    key,
                    value: Some(place.print()),
                }],
            );
        }
        Kind::Batch => {
            let changes = payload
                .map(Bytes::copy_from_slice)
                .and_then(|bytes| parse_changes(&bytes));
            let changes = changes.unwrap_or_default();
            match Partition(header.id) {
                Partition::ENGINE => table.apply_own(changes),
                partition => table.apply(partition, changes),
            }
        }
    }
}
