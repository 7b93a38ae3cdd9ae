//! The user's side of the command line: sending, fetching and reading mail with any server. Each command has a file of its name.

pub(crate) mod connection;
pub(crate) mod copy;
pub(crate) mod fetch;
pub(crate) mod list;
mod on_imap;
mod raw;
pub(crate) mod send;
pub(crate) mod sendmail;
pub(crate) mod show;
mod source;
pub(crate) mod sync;
pub(crate) mod watch;

use client::{Cause, Error, Fault, Hint, Step};

use crate::exit::{Code, Exit};
use crate::language::Language;

/// A client's failure as the end of the program.
pub(crate) fn exit(error: &Error, language: Language) -> Exit {
    let hint = error.hint().map(|hint| match hint {
        // On a command line it is an option, or a parameter of the URL.
        Hint::OwnServer => language.pick(
            "If it is your own server, name its certificate with --ca FILE (in a URL: ?ca=FILE), or pin it with --pin sha256:… (?pin=sha256:…).",
            "如果是您自己的服务器，可以用 --ca 文件 指定它的证书（URL 中为 ?ca=文件），或用 --pin sha256:… 指定指纹（URL 中为 ?pin=sha256:…）。",
        ),
        hint => hint.words(tongue(language)),
    });
    Exit::new(code(error), error.words_with(hint, tongue(language)))
}

fn code(error: &Error) -> Code {
    match (error.step(), error.cause()) {
        (Step::Login, Cause::Refused(said)) if !said.is_temporary() => Code::NoPermission,
        (_, Cause::Garbled(_) | Cause::TooLong(_)) => Code::Protocol,
        (Step::Connecting, Cause::Connection(_)) => Code::NoHost,
        (Step::Reading(_), Cause::File(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            Code::NoInput
        }
        (Step::Writing(_), _) => Code::CannotCreate,
        (_, Cause::NoRecipient) => Code::Usage,
        (_, Cause::Message(_)) => Code::Data,
        _ if error.is_temporary() => Code::Temporary,
        _ => match error.fault() {
            Fault::Caller => Code::Usage,
            Fault::Machine => Code::Io,
            Fault::Network => Code::Temporary,
            Fault::Server => Code::Unavailable,
        },
    }
}

/// The same language, as the client library calls it.
pub(crate) fn tongue(language: Language) -> client::Language {
    language.pick(client::Language::English, client::Language::Chinese)
}

/// For whom something is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    People,
    Json,
}

/// What `--json` says.
impl From<bool> for Output {
    fn from(json: bool) -> Self {
        match json {
            true => Output::Json,
            false => Output::People,
        }
    }
}
