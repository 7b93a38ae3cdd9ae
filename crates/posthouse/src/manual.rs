//! `posthouse completions` and `posthouse man`: what shells and man(1) need to know, made from the command line itself.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::exit::{Code, Exit};
use crate::help;
use crate::language::Language;

#[derive(clap::Args)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    shell: Shell,
}

#[derive(clap::Args)]
pub(crate) struct ManArguments {
    /// The folder that they are written into, such as /usr/local/share/man/man1.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

fn command(language: Language) -> clap::Command {
    help::speak(crate::Arguments::command(), language)
}

pub(crate) fn completions(arguments: &CompletionsArguments, language: Language) -> Result<(), Exit> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut command(language), "posthouse", &mut script);
    let written = io::stdout().lock().write_all(&script);
    written.map_err(|error| Exit::new(Code::Io, error.to_string()))
}

pub(crate) fn man(arguments: &ManArguments, language: Language) -> Result<(), Exit> {
    let folder = &arguments.folder;
    let failed = |error: &io::Error| Exit::file(folder, error, language);
    fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    clap_mangen::generate_to(command(language), folder).map_err(|error| failed(&error))
}
