//! Posthouse, a complete mail system in one program: the server, and the commands that look after it.
//!
//! Read first: [`Command`] is what can be asked for; each subcommand has a file of its name. Commands about accounts go
//! through [`admin`], which talks to the running server or opens the data folder itself.

mod account;
mod admin;
mod alias;
mod allocator;
mod app_password;
mod archive;
mod backup;
mod certificates;
mod check;
mod control;
mod disk;
mod dns;
mod domain;
mod exit;
mod export;
mod folder;
mod group;
mod help;
mod import;
mod language;
mod local;
mod log;
mod mail;
mod manual;
mod notify;
mod owner;
mod privileges;
mod profile;
mod quota;
mod repair;
mod restore;
mod run;
mod salvage;
mod samples;
mod scratch;
mod serve;
mod settings;
mod setup;
mod sweep;
mod table;
mod undelete;
mod unit;
mod words;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use exit::{Code, Exit};
use language::Language;

/// A complete mail system in one program.
#[derive(Parser)]
#[command(name = "posthouse", version, about, propagate_version = true)]
struct Arguments {
    /// The language of messages: en or zh. That of the locale unless given.
    #[arg(long, global = true, value_name = "LANGUAGE")]
    lang: Option<Language>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a playground on this machine: no configuration, two accounts, nothing leaves loopback.
    Local(local::Arguments),
    /// Makes a server ready: settings, data folder, first account, systemd unit, and the DNS records to publish.
    Setup(setup::Arguments),
    /// Runs a server.
    Serve(serve::Arguments),
    /// Prints every setting of a server with what it does: a file to begin with.
    Settings(settings::Arguments),
    /// Adds, lists, changes, disables and removes accounts, of a running server or a stopped one.
    #[command(subcommand)]
    Account(account::Command),
    /// Makes addresses lead to others.
    #[command(subcommand)]
    Alias(alias::Command),
    /// Groups: addresses whose mail goes to all their members.
    #[command(subcommand)]
    Group(group::Command),
    /// Adds, lists and removes domains, and says who gets mail to names that nobody has, and how much their accounts may hold.
    #[command(subcommand)]
    Domain(domain::Command),
    /// Brings back messages that were deleted not long ago, into their mailboxes. Example: posthouse undelete carol@example.org
    /// --since 2h
    Undelete(undelete::Arguments),
    /// Verifies a data folder, of a running server or a stopped one: the log, the index and its daily copy, all mail.
    ///
    /// Says where mail was salvaged because a part of the log was lost, and which accounts have mail and no name.
    Check(check::Arguments),
    /// Copies a data folder, of a running server or a stopped one, into DIR; again into the same DIR: only what is new. Example: posthouse backup
    /// /backup/mail --data /var/lib/posthouse
    Backup(backup::Arguments),
    /// Makes a data folder of a backup, or brings one account's mail back. Examples: posthouse restore /backup/mail --data /var/lib/new; posthouse
    /// restore /backup/mail --account carol@example.org --data /var/lib/posthouse
    Restore(restore::Arguments),
    /// Mends the data folder of a stopped server as far as that can be done, keeps what was damaged, and lists what is lost. Example: posthouse repair
    /// --dry-run --data /var/lib/posthouse
    Repair(repair::Arguments),
    /// Writes the mail of an account into files: Maildir, mbox, .eml or zip. Example: posthouse export alice@example.org alice.zip
    ///
    /// Folders, flags, keywords and dates go along, and manifest.json says what is there. Of a running server or a stopped one.
    Export(export::Arguments),
    /// Brings mail from files into an account: an export, or a Maildir or mbox of other programs. Example: posthouse import
    /// alice@example.org ~/Maildir --into Old
    ///
    /// What a folder has already is not brought again: an import can be repeated. Accounts come with `posthouse account import`.
    Import(import::Arguments),
    /// Sends a message: composed of options, or taken from standard input as sendmail does. Examples: posthouse send --server
    /// smtps://alice@mail.example.org --to bob@example.com --subject Hello --text "See you." --attach plan.pdf; posthouse send -t < message
    Send(Box<mail::send::Arguments>),
    /// Fetches what is new into a Maildir, an mbox or a folder of .eml files; nothing is lost and nothing comes twice. Example: posthouse fetch
    /// ~/Maildir --server pop3s://alice@mail.example.org --keep-days 30
    Fetch(Box<mail::fetch::Arguments>),
    /// Keeps a Maildir and the mailboxes of an IMAP account the same, both ways: new mail, flags, moves, deletions, folders. Example: posthouse
    /// sync ~/Maildir --server imaps://alice@mail.example.org
    ///
    /// Where both sides have changed: what is new goes to the other side, before anything is deleted. A message that was deleted on one side is
    /// deleted on the other, unless it was flagged there since: then it comes back. Flags that one side has set or removed are set or removed on
    /// the other. Where the server has numbered a mailbox anew, messages are matched by what is in them, and nothing is deleted. More than half of
    /// a mailbox is deleted only with --force, a mailbox only with --delete-folders. It can be ended at any moment, and goes on the next time.
    Sync(Box<mail::sync::Arguments>),
    /// Copies an account into another over IMAP, into files, or files into an account: folders, flags, dates; what is there already is not copied
    /// again. Examples: posthouse copy --from imaps://alice@old.example.org --to imaps://alice@new.example.org; posthouse copy --from
    /// imaps://alice@old.example.org --to alice.zip
    Copy(Box<mail::copy::Arguments>),
    /// Shows a message of a file, an mbox, a Maildir, standard input or a server. Examples: posthouse show letter.eml; posthouse show -n 3
    /// ~/Maildir --save-attachments ~/Downloads
    Show(Box<mail::show::Arguments>),
    /// Lists the messages of a file, a folder or a server. Example: posthouse list --server pop3s://alice@mail.example.org
    List(Box<mail::list::ListArguments>),
    /// Lists the messages that match. Example: posthouse search ~/Maildir --from 张三 --since 2026-11-01
    Search(Box<mail::list::SearchArguments>),
    /// Waits for new messages of a mailbox and tells of each. Example: posthouse watch --server imaps://alice@mail.example.org --exec 'notify-send
    /// "$MAIL_SUBJECT"'
    Watch(Box<mail::watch::Arguments>),
    /// Accounts on any servers, so that posthouse send --profile work is enough: finds their servers, knows where passwords are.
    #[command(subcommand)]
    Profile(profile::Command),
    /// Prints what a shell needs to complete commands. Example: posthouse completions bash > /etc/bash_completion.d/posthouse
    Completions(manual::CompletionsArguments),
    /// Writes the manual pages of all commands.
    Man(manual::ManArguments),
    /// Prints the help of a command. Example: posthouse help profile add
    Help(help::Arguments),
}

fn main() -> ExitCode {
    allocator::give_back_what_is_large();
    run::keep_files_private();
    // What is wrong with the command line is said in its language too.
    let language = Language::of_command_line(std::env::args()).unwrap_or_else(Language::of_locale);
    let command = help::speak(Arguments::command(), language);
    let matches = command.try_get_matches_from(mail::sendmail::words(std::env::args_os().collect()));
    let arguments = match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error, language),
    };
    let language = arguments.lang.unwrap_or(language);
    match carry_out(arguments.command, language) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.print(language),
    }
}

/// Says what is wrong with the command line, or what was asked about it.
fn refuse(error: &clap::Error, language: Language) -> ExitCode {
    let mistake = help::mistake(error).filter(|_| language == Language::Chinese);
    // Nobody is left to be told if this fails.
    let _ = match mistake {
        Some(words) => io::stderr().write_all(words.as_bytes()),
        None => error.print(),
    };
    match error.use_stderr() {
        true => Code::Usage.into(),
        false => ExitCode::SUCCESS,
    }
}

fn carry_out(command: Command, language: Language) -> Result<(), Exit> {
    match command {
        Command::Local(arguments) => local::run(&arguments, language),
        Command::Serve(arguments) => serve::run(&arguments, language),
        Command::Setup(arguments) => run::block_on(setup::run(&arguments, language)),
        Command::Settings(arguments) => settings::run(&arguments, language),
        Command::Account(command) => run::block_on(account::run(command, language)),
        Command::Alias(command) => run::block_on(alias::run(command, language)),
        Command::Group(command) => run::block_on(group::run(command, language)),
        Command::Domain(command) => run::block_on(domain::run(command, language)),
        Command::Undelete(arguments) => run::block_on(undelete::run(arguments, language)),
        Command::Check(arguments) => run::block_on(check::run(&arguments, language)),
        Command::Backup(arguments) => run::block_on(backup::run(&arguments, language)),
        Command::Restore(arguments) => run::block_on(restore::run(&arguments, language)),
        Command::Repair(arguments) => run::block_on(repair::run(&arguments, language)),
        Command::Export(arguments) => run::block_on(export::run(&arguments, language)),
        Command::Import(arguments) => run::block_on(import::run(&arguments, language)),
        Command::Send(arguments) => run::block_on(mail::send::run(*arguments, language)),
        Command::Fetch(arguments) => run::block_on(mail::fetch::run(*arguments, language)),
        Command::Sync(arguments) => run::block_on(mail::sync::run(*arguments, language)),
        Command::Copy(arguments) => run::block_on(mail::copy::run(*arguments, language)),
        Command::Show(arguments) => run::block_on(mail::show::run(*arguments, language)),
        Command::List(arguments) => run::block_on(mail::list::list(*arguments, language)),
        Command::Watch(arguments) => run::block_on(mail::watch::run(*arguments, language)),
        Command::Profile(command) => run::block_on(profile::run(command, language)),
        Command::Completions(arguments) => manual::completions(&arguments, language),
        Command::Man(arguments) => manual::man(&arguments, language),
        Command::Help(arguments) => help::run(&arguments, language),
        Command::Search(arguments) => run::block_on(mail::list::search(*arguments, language)),
    }
}
