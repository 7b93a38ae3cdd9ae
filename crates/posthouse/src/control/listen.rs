//! The server's side of the socket: lines are read, answered by [`State`], and written.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::sleep;

use super::claims::{Claim, Claims};
use super::mail::{self, Ask};
use super::{Reply, Request, SOCKET, State, parse, print};
use crate::backup::plan::Plan;
use crate::exit::{Code, Exit};

/// The longest line: an import of [`crate::account::CHUNK`] accounts with the longest names and passwords.
const MAX_LINE: u64 = 4 << 20;
/// How long nothing is taken in after the system had no room for it.
const PAUSE: Duration = Duration::from_millis(100);
/// How long an import waits for another into the same account: what one that was killed has left is done by then.
const OTHER_IMPORT: Duration = Duration::from_secs(10);

/// A path of a file in a folder that is short however long the folder's path is: a socket's path has 107 octets.
pub(crate) fn short_path(folder: &File, name: &str) -> PathBuf {
    format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()).into()
}

/// Answers questions until the process ends. The lock on the folder must be held.
pub(crate) fn listen(folder: &Path, state: State) -> io::Result<()> {
    let opened = File::open(folder)?;
    let path = short_path(&opened, SOCKET);
    // Whoever left it is gone: the lock is ours.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    // Nobody else could come in before: see run::keep_files_private.
    std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    tokio::spawn(accept(listener, state));
    Ok(())
}

/// Takes commands in. What the system has no room for passes: mail may take all files for a moment.
async fn accept(listener: UnixListener, state: State) {
    let claims = Arc::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream, state.clone(), Arc::clone(&claims)))),
            Err(error) => {
                tracing::warn!(%error, "no command can be taken in");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, state: State, claims: Arc<Claims>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    // What a backup reads: until its connection ends.
    let mut held = None;
    let mut claim = None;
    loop {
        let mut line = Vec::new();
        (&mut read).take(MAX_LINE).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Ok(());
        }
        let reply = match serde_json::from_slice(&line) {
            Ok(Request::BeginBackup) => match state.integrity.hold().await {
                Ok(hold) => Reply::Backup(Plan::of(held.insert(hold))),
                Err(error) => Reply::Refused(Exit::from(error).into()),
            },
            Ok(mut request) => {
                mail::read_attached(&mut read, &mut request).await?;
                let body = read_body(&mut read, &request).await?;
                match state.claim(&request, &claims, &mut claim).await {
                    Ok(()) => state.answer(request, body).await,
                    Err(exit) => Reply::Refused(exit.into()),
                }
            }
            Err(error) => Reply::Refused(Exit::new(Code::Data, error.to_string()).into()),
        };
        write.write_all(&print(&reply)).await?;
        if let Reply::Mail(answer) = &reply {
            write.write_all(&answer.octets()).await?;
        }
    }
}

impl State {
    /// Whoever opens a mailbox to bring mail has the account from then on.
    async fn claim(
        &self,
        request: &Request,
        claims: &Arc<Claims>,
        held: &mut Option<Claim>,
    ) -> Result<(), Exit> {
        let Request::Mail(Ask::Open(wanted)) = request else {
            return Ok(());
        };
        let account = self.directory.account(&parse(&wanted.address)?).await?;
        if held.as_ref().is_some_and(|held| held.account == account) {
            return Ok(());
        }
        // Whoever waits holds nothing that others wait for.
        *held = None;
        *held = claims.claim(account, OTHER_IMPORT).await;
        match held {
            Some(_) => Ok(()),
            None => Err(Exit::in_both(
                Code::Temporary,
                format!(
                    "another import into {} is at work; try again when it has ended",
                    wanted.address
                ),
                format!("另一个导入正在写入 {}；请等它结束后再试", wanted.address),
            )),
        }
    }
}

/// The octets that follow a request.
async fn read_body(read: &mut (impl AsyncRead + Unpin), request: &Request) -> io::Result<Bytes> {
    let Request::BringBack(request) = request else {
        return Ok(Bytes::new());
    };
    let mut body = vec![0; request.body().ok_or(io::ErrorKind::FileTooLarge)?];
    read.read_exact(&mut body).await?;
    Ok(body.into())
}
