//! Standing in for `/usr/sbin/sendmail`: under that name the program takes sendmail's options, and sends with the settings of
//! the environment or the default profile.

use std::ffi::OsString;
use std::path::Path;

/// Options of sendmail that take a value, and mean nothing here or only where a value follows.
const WITH_VALUE: &[&str] = &[
    "-B", "-C", "-N", "-O", "-R", "-V", "-X", "-L", "-h", "-p", "-o", "-q", "-d",
];

/// The words of the command line: those of `posthouse send` where the program was called as sendmail.
pub(crate) fn words(words: Vec<OsString>) -> Vec<OsString> {
    let called = words.first().map(Path::new).and_then(Path::file_name);
    match called.is_some_and(|name| name == "sendmail" || name == "mailq-sendmail") {
        true => as_send(words),
        false => words,
    }
}

fn as_send(words: Vec<OsString>) -> Vec<OsString> {
    let mut said: Vec<OsString> = vec!["posthouse".into(), "send".into()];
    let mut words = words.into_iter().skip(1);
    while let Some(word) = words.next() {
        let text = word.to_string_lossy().into_owned();
        match text.as_str() {
            "-i" | "-oi" => said.push("-i".into()),
            "-t" => said.push("-t".into()),
            "-ti" | "-it" => said.extend(["-t".into(), "-i".into()]),
            "-f" | "-r" => {
                said.push("--from".into());
                said.extend(words.next());
            }
            "-F" => {
                said.push("--from-name".into());
                said.extend(words.next());
            }
            "-v" => said.push("--trace".into()),
            "--" => {
                said.push(word);
                said.extend(words.by_ref());
            }
            text if text.starts_with("-f") || text.starts_with("-r") => {
                said.push("--from".into());
                said.push(text.split_at(2).1.into());
            }
            text if text.starts_with("-F") => {
                said.push("--from-name".into());
                said.push(text.split_at(2).1.into());
            }
            text if WITH_VALUE.contains(&text) => drop(words.next()),
            text if text.starts_with("--") || !text.starts_with('-') => said.push(word),
            // What else sendmail has changes nothing of how a message is sent here.
            _ => {}
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, wanted: &str) {
        let list = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(words(list(line)), list(wanted), "{line}");
    }

    #[test]
    fn options_of_sendmail_are_taken() {
        check("/usr/sbin/sendmail -t -i", "posthouse send -t -i");
        check(
            "sendmail -oi -oem -f alice@example.org -- bob@example.org",
            "posthouse send -i --from alice@example.org -- bob@example.org",
        );
        check(
            "sendmail -fa@example.org -FAlice -B 8BITMIME bob@example.org",
            "posthouse send --from a@example.org --from-name Alice bob@example.org",
        );
        check("posthouse send -t -oi", "posthouse send -t -oi");
    }
}
