//! What waits for the log, in order, and who writes it: the committer's thread, or a writer that finds the log idle.
//!
//! A lone writer that hands its batch to a thread and is woken by it waits for two wake-ups, which take about as long as the
//! sync. So it writes the group itself while it is polled: it *leads*. As soon as several write, the thread does, and groups grow.
//!
//! **Invariant**: whatever waits has a thread that is awake, a thread that was notified, or a leader that has not been polled.

use std::collections::VecDeque;
use std::future::Future;
use std::hint::spin_loop;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;
use xxhash_rust::xxh3::xxh3_64;

use super::committer::Committer;
use crate::batch::{BlobPut, parse_changes};
use crate::{Change, EngineError, Partition};

/// A group is closed when it has so many octets or records: the first one's writer should not wait for the last one's bytes.
const GROUP_OCTETS: usize = 8 << 20;
const GROUP_RECORDS: usize = 500;
/// A leader writes no more than this itself: its thread has other work.
const LEAD_OCTETS: usize = 256 << 10;

/// How long the thread looks for work before it sleeps, while there are several writers.
const AWAKE: Duration = Duration::from_micros(100);

/// What a writer hands over: encoded and hashed in its own thread.
pub(crate) struct Submission {
    pub(crate) partition: Partition,
    pub(crate) changes: Bytes,
    pub(crate) changes_hash: u64,
    pub(crate) parsed: Vec<Change>,
    pub(crate) blobs: Vec<(BlobPut, u64)>,
    /// Where large blobs lie: changes of the engine's own partition.
    pub(crate) beside: Bytes,
    pub(crate) beside_parsed: Vec<Change>,
    pub(crate) octets: usize,
    pub(crate) done: oneshot::Sender<Result<(), EngineError>>,
}

impl Submission {
    fn new(mut batch: crate::Batch, done: oneshot::Sender<Result<(), EngineError>>) -> Self {
        let partition = batch.partition();
        let beside = batch.take_beside();
        let (changes, blobs) = batch.into_parts();
        let parse = |changes: &Bytes| parse_changes(changes).expect("a batch encodes itself");
        let parsed = parse(&changes);
        let hashed = |blob: BlobPut| {
            let hash = xxh3_64(&blob.bytes);
            (blob, hash)
        };
        let blobs: Vec<_> = blobs.into_iter().map(hashed).collect();
        let octets =
            changes.len() + beside.len() + blobs.iter().map(|(blob, _)| blob.bytes.len()).sum::<usize>();
        Submission {
            partition,
            changes_hash: xxh3_64(&changes),
            changes,
            parsed,
            blobs,
            beside_parsed: parse(&beside),
            beside,
            octets,
            done,
        }
    }

    pub(crate) fn records(&self) -> usize {
        self.blobs.len() + usize::from(!self.beside.is_empty()) + 1
    }
}

/// The queue in front of the committer.
pub(crate) struct Orders {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// How many wait: looked at without the lock.
    length: AtomicUsize,
    committer: Mutex<Committer>,
    leading: Leading,
}

struct Queue {
    waiting: VecDeque<Submission>,
    thread: Thread,
    closing: bool,
}

/// What the committer's thread is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thread {
    Asleep,
    Awake,
}

/// Whether writers may lead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leading {
    Allowed,
    /// On a single core a leader would hold up everybody.
    Never,
}

impl Orders {
    pub(crate) fn new(committer: Committer) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Orders {
            queue: Mutex::new(Queue {
                waiting: VecDeque::new(),
                thread: Thread::Asleep,
                closing: false,
            }),
            changed: Condvar::new(),
            length: AtomicUsize::new(0),
            committer: Mutex::new(committer),
            leading: if cores > 1 {
                Leading::Allowed
            } else {
                Leading::Never
            },
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a batch into the queue.
    pub(crate) fn submit(self: &Arc<Self>, batch: crate::Batch) -> Submitted {
        let (done, answer) = oneshot::channel();
        let submission = Submission::new(batch, done);
        let mut queue = self.queue();
        let mut leads = None;
        // Else the sender is dropped here, and the answer says that the engine is closed.
        if !queue.closing {
            let alone = queue.thread == Thread::Asleep && queue.waiting.is_empty();
            queue.waiting.push_back(submission);
            self.length.store(queue.waiting.len(), Ordering::Release);
            match alone && self.leading == Leading::Allowed {
                true => leads = Some(Arc::clone(self)),
                false if queue.thread == Thread::Asleep => self.changed.notify_one(),
                false => {}
            }
        }
        Submitted { leads, answer }
    }

    /// Writes what waits, if nobody else is at it and it will not take long; else the thread does.
    fn lead(&self) {
        match self.committer.try_lock() {
            Ok(mut committer) if committer.is_quick() => {
                let group = self.take(LEAD_OCTETS);
                if !group.is_empty() {
                    committer.commit(group);
                }
            }
            Ok(_) | Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Poisoned(_)) => self.give_up(),
        }
        if self.length.load(Ordering::Acquire) > 0 {
            self.wake();
        }
    }

    fn wake(&self) {
        // Under the lock, or the thread could just have looked and be about to sleep.
        let _queue = self.queue();
        self.changed.notify_one();
    }

    /// Takes a group; nothing when the first one alone is larger than the limit.
    fn take(&self, limit: usize) -> Vec<Submission> {
        let mut queue = self.queue();
        let (mut octets, mut records) = (0, 0);
        let fits = |submission: &&Submission| {
            let first = records == 0;
            octets += submission.octets;
            records += submission.records();
            (octets <= limit && records <= GROUP_RECORDS) || (first && limit == GROUP_OCTETS)
        };
        let some = queue.waiting.iter().take_while(fits).count();
        let group = queue.waiting.drain(..some).collect();
        self.length.store(queue.waiting.len(), Ordering::Release);
        group
    }

    /// The committer panicked: whoever waits is told that the engine is closed.
    fn give_up(&self) {
        let mut queue = self.queue();
        queue.closing = true;
        queue.waiting.clear();
        self.length.store(0, Ordering::Release);
    }

    /// The thread's work: writes what waits until the engine is closed, then seals the segment.
    pub(crate) fn run(&self) {
        let mut last = 0;
        while self.wait(last) {
            let Ok(mut committer) = self.committer.lock() else {
                return self.give_up();
            };
            let group = self.take(GROUP_OCTETS);
            last = group.len();
            if last > 0 {
                committer.commit(group);
            }
        }
        if let Ok(mut committer) = self.committer.lock() {
            committer.seal();
        }
    }

    /// Waits for work: awake for a while after a group of several. False when there will be none.
    fn wait(&self, last: usize) -> bool {
        let until = Instant::now() + AWAKE;
        while last > 1 && self.length.load(Ordering::Acquire) == 0 && Instant::now() < until {
            spin_loop();
            std::thread::yield_now();
        }
        let mut queue = self.queue();
        while queue.waiting.is_empty() && !queue.closing {
            queue.thread = Thread::Asleep;
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.thread = Thread::Awake;
        !queue.waiting.is_empty()
    }

    /// Refuses what comes from now on; the thread ends when nothing waits any more.
    pub(crate) fn close(&self) {
        self.queue().closing = true;
        self.changed.notify_one();
    }
}

/// A batch on its way to stable storage. Dropped, it arrives all the same.
pub(crate) struct Submitted {
    /// Set while this writer is to write the group itself.
    leads: Option<Arc<Orders>>,
    answer: oneshot::Receiver<Result<(), EngineError>>,
}

impl Submitted {
    /// Waits for it, in a thread that may; the committer's thread writes it.
    pub(crate) fn wait(mut self) -> Result<(), EngineError> {
        let answer = std::mem::replace(&mut self.answer, oneshot::channel().1);
        drop(self);
        answer.blocking_recv().unwrap_or(Err(EngineError::Closed))
    }
}

impl Future for Submitted {
    type Output = Result<(), EngineError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(orders) = self.leads.take() {
            orders.lead();
        }
        let answer = Pin::new(&mut self.answer).poll(context);
        answer.map(|answer| answer.unwrap_or(Err(EngineError::Closed)))
    }
}

impl Drop for Submitted {
    fn drop(&mut self) {
        if let Some(orders) = self.leads.take() {
            orders.wake();
        }
    }
}
