//! `posthouse settings`: every setting, with its default, its limits and what it does.

use std::io::{self, Write as _};

use config::{commented, page};

use crate::exit::{Code, Exit};
use crate::language::Language;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// As the page of the documentation.
    #[arg(long)]
    markdown: bool,
}

pub(crate) fn run(arguments: &Arguments, language: Language) -> Result<(), Exit> {
    let text = match arguments.markdown {
        true => page(language.tongue()),
        false => commented(&[], language.tongue()),
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever reads has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed.map_err(|error| Exit::new(Code::Io, error.to_string())),
    }
}
