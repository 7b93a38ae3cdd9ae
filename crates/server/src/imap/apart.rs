//! Work on whole messages: small ones at once, large ones where they hold nobody up.

use std::io;
use std::num::NonZero;
use std::sync::LazyLock;
use std::thread::available_parallelism;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// What is worked on at once: a few milliseconds at the most.
const SMALL: usize = 256 * 1024;

/// One core is always left to those who only want to be answered.
static CORES: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = available_parallelism().map_or(1, NonZero::get);
    Semaphore::new(cores.saturating_sub(1).max(1))
});

/// Does work on the octets of a message.
///
/// # Errors
/// The work panicked, or the server is stopping.
pub(super) async fn apart<T: Send + 'static>(
    octets: Bytes,
    work: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> io::Result<T> {
    if octets.len() <= SMALL {
        return Ok(work(&octets));
    }
    // The permit goes along: who gives up waiting does not make the work end.
    let permit = CORES.acquire().await.expect("it is never closed");
    let done = spawn_blocking(move || {
        let _permit = permit;
        work(&octets)
    });
    done.await.map_err(io::Error::other)
}
