//! The file `dovecot-keywords` of a Maildir, which says what the small letters in names of files stand for.
//!
//! **What must hold**: a letter is known on stable storage before a name has it, what others have written there is kept, and of two programs
//! that add keywords at once one waits: the new text is written into `dovecot-keywords.lock`, which can be made only once and then takes the place
//! of the old (Dovecot locks the file in the same way).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use message::maildir::{KEYWORDS_FILE, Keywords};

/// Writing a page takes milliseconds: who has the lock so long is stuck, and the caller is told.
const PATIENCE: Duration = Duration::from_secs(5);

/// A lock of that age was left by a program that is gone.
const STALE: Duration = Duration::from_secs(120);

/// How often a lock is tried for.
const PAUSE: Duration = Duration::from_millis(20);

/// Gives what `name` makes of the keywords of a Maildir; those that it added are on stable storage then. It may be called twice.
pub(crate) fn with_keywords<T>(maildir: &Path, name: impl Fn(&mut Keywords) -> T) -> io::Result<T> {
    let path = maildir.join(KEYWORDS_FILE);
    let known = read(&path)?;
    let mut keywords = known.clone();
    let named = name(&mut keywords);
    if keywords == known {
        return Ok(named);
    }
    let (mut file, lock) = locked(&path)?;
    let written = read(&path).and_then(|mut keywords| {
        let named = name(&mut keywords);
        file.write_all(keywords.print().as_bytes())?;
        file.sync_all()?;
        fs::rename(&lock, &path)?;
        File::open(maildir)?.sync_all()?;
        Ok(named)
    });
    if written.is_err() {
        // It may have gone with the renaming already.
        let _ = fs::remove_file(&lock);
    }
    written
}

fn read(path: &Path) -> io::Result<Keywords> {
    match fs::read(path) {
        Ok(octets) => Ok(Keywords::parse(&String::from_utf8_lossy(&octets))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Keywords::default()),
        Err(error) => Err(error),
    }
}

fn locked(path: &Path) -> io::Result<(File, PathBuf)> {
    let lock = path.with_added_extension("lock");
    let began = Instant::now();
    loop {
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&lock);
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|file| (file, lock)),
        }
        if is_stale(&lock) {
            let _ = fs::remove_file(&lock);
        } else if began.elapsed() > PATIENCE {
            return Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("another program has locked it: {}", lock.display()),
            ));
        } else {
            std::thread::sleep(PAUSE);
        }
    }
}

fn is_stale(lock: &Path) -> bool {
    let changed = fs::metadata(lock).and_then(|found| found.modified());
    changed.is_ok_and(|changed| {
        SystemTime::now()
            .duration_since(changed)
            .is_ok_and(|age| age > STALE)
    })
}

#[cfg(test)]
mod tests {
    use types::KeywordName;

    use super::*;

    fn letters(keywords: &mut Keywords, names: &[&str]) -> String {
        let mut marks = message::Marks::default();
        for name in names {
            marks.name(KeywordName::check(name).unwrap());
        }
        message::maildir::print_name("u", &marks, keywords)
    }

    #[test]
    fn what_is_there_is_kept_and_what_is_new_is_added() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(KEYWORDS_FILE);
        let name =
            |names: &[&str]| with_keywords(folder.path(), |keywords| letters(keywords, names)).unwrap();
        assert_eq!(name(&[]), "u:2,");
        assert!(!path.exists(), "nothing to say");
        fs::write(&path, "0 work\n1 its own\n").unwrap();
        assert_eq!(name(&["later", "work"]), "u:2,ac");
        assert_eq!(fs::read_to_string(&path).unwrap(), "0 work\n1 its own\n2 later\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no lock is left");
    }

    /// Two accounts are fetched into one Maildir at once: no letter gets two meanings.
    #[test]
    fn two_at_once_agree_on_the_letters() {
        let folder = tempfile::tempdir().unwrap();
        let add = |who: &str| {
            for number in 0..13 {
                let name = format!("{who}{number}");
                with_keywords(folder.path(), |keywords| letters(keywords, &[&name])).unwrap();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| add("a"));
            scope.spawn(|| add("b"));
        });
        let text = fs::read_to_string(folder.path().join(KEYWORDS_FILE)).unwrap();
        assert_eq!(text.lines().count(), 26, "{text}");
    }

    #[test]
    fn a_lock_of_a_program_that_is_gone_does_not_hold() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("dovecot-keywords.lock");
        let file = File::create(&lock).unwrap();
        file.set_modified(SystemTime::now() - STALE - STALE).unwrap();
        let named = with_keywords(folder.path(), |keywords| letters(keywords, &["work"])).unwrap();
        assert_eq!(named, "u:2,a");
        assert!(!lock.exists());
    }
}
