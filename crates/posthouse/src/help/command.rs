//! `posthouse help COMMAND`: what `--help` says, asked for in the other way.

use clap::CommandFactory as _;

use super::speak;
use crate::exit::{Code, Exit};
use crate::language::Language;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The command, and one below it.
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
}

/// Prints what `--help` of the command prints.
pub(crate) fn run(arguments: &Arguments, language: Language) -> Result<(), Exit> {
    let words = arguments.words.iter().map(String::as_str);
    let whole = crate::Arguments::command();
    let mut command = &whole;
    for word in words.clone() {
        command = command.find_subcommand(word).ok_or_else(|| {
            Exit::new(
                Code::Usage,
                language.pick(
                    format!("there is no command {word:?}; posthouse help lists them"),
                    format!("没有 {word} 这个命令；posthouse help 列出全部命令"),
                ),
            )
        })?;
    }
    let asked = ["posthouse"].into_iter().chain(words).chain(["--help"]);
    // It is said as clap says it, short or long.
    match speak(crate::Arguments::command(), language).try_get_matches_from(asked) {
        Err(help) => help
            .print()
            .map_err(|error| Exit::new(Code::Io, error.to_string())),
        Ok(_) => unreachable!("--help is never taken for anything else"),
    }
}
