//! `posthouse account quota` and `posthouse domain quota`: how much accounts may hold.

use std::io::{self, Write as _};

use crate::account::{Data, print_json, written};
use crate::admin::{Admin, unexpected};
use crate::control::people::{About, Change, Limit, Quota, Resource, Source};
use crate::control::{Reply, Request};
use crate::exit::Exit;
use crate::language::Language;

/// What a quota is to be; where nothing is given, it is only told.
#[derive(clap::Args)]
pub(crate) struct Limits {
    /// The most octets of mail: 500M, 2G (K, M, G and T are powers of 1024), a number, none, or default.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    storage: Option<Limit>,
    /// The most messages, each copy counted: a number, none, or default.
    #[arg(long, value_name = "N", value_parser = count)]
    messages: Option<Limit>,
    /// No limit of either kind.
    #[arg(long, conflicts_with_all = ["storage", "messages"])]
    none: bool,
    /// As JSON: one object with storage and messages, each with used, limit (or null) and source, and the same of all accounts of
    /// the domain together.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

/// What all accounts of a domain together may hold.
#[derive(clap::Args)]
pub(crate) struct Totals {
    /// The most octets of mail of all accounts together: a size, or none.
    #[arg(long, value_name = "SIZE", value_parser = total_size)]
    total_storage: Option<Limit>,
    /// The most messages of all accounts together: a number, or none.
    #[arg(long, value_name = "N", value_parser = total_count)]
    total_messages: Option<Limit>,
}

impl Totals {
    pub(crate) fn change(&self) -> Change {
        Change {
            storage: self.total_storage,
            messages: self.total_messages,
        }
    }
}

/// Changes what is given, and tells what holds then.
pub(crate) async fn run(about: About, limits: Limits, language: Language) -> Result<(), Exit> {
    let change = match limits.none {
        true => Change {
            storage: Some(Limit::None),
            messages: Some(Limit::None),
        },
        false => Change {
            storage: limits.storage,
            messages: limits.messages,
        },
    };
    let mut admin = Admin::of(limits.data.path(), language).await?;
    let told = admin.ask(Request::Quota { about, change }).await;
    admin.end().await?;
    let Reply::Quota(quota) = told? else {
        return Err(unexpected());
    };
    written(match limits.json {
        true => print_json(&quota),
        false => print(&quota, language),
    })
}

fn print(quota: &Quota, language: Language) -> io::Result<()> {
    print_resources("", [quota.storage, quota.messages], language)?;
    let Some(together) = &quota.together else {
        return Ok(());
    };
    let domain = &together.domain;
    let all = language.pick(format!("all of {domain}, "), format!("{domain} 合计，"));
    print_resources(&all, [together.storage, together.messages], language)
}

fn print_resources(whose: &str, resources: [Resource; 2], language: Language) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let storage = language.pick(("storage", "octets"), ("存储", "字节"));
    let messages = language.pick(("messages", ""), ("邮件", "封"));
    for ((name, unit), resource) in [storage, messages].into_iter().zip(resources) {
        let limit = match resource.limit {
            Some(limit) => format!("{limit} {unit}").trim_end().to_owned(),
            None => language.pick("no limit", "无限制").to_owned(),
        };
        let source = match (resource.source, resource.limit) {
            (Source::Own, _) | (_, None) => "",
            (Source::Domain, Some(_)) if !whose.is_empty() => "",
            (Source::Domain, Some(_)) => language.pick(" (of the domain)", "（取自域）"),
        };
        let used = resource.used.map_or_else(String::new, |used| {
            language.pick(format!("{used} of "), format!("已用 {used}，上限 "))
        });
        let colon = language.pick(": ", "：");
        writeln!(out, "{whose}{name}{colon}{used}{limit}{source}")?;
    }
    Ok(())
}

fn total_count(text: &str) -> Result<Limit, &'static str> {
    total(count(text)).ok_or("a number, or none")
}

fn total_size(text: &str) -> Result<Limit, &'static str> {
    total(size(text)).ok_or("a size such as 500M or 2G, or none")
}

/// There is nothing that a domain's own limits would be taken from.
fn total(limit: Result<Limit, &'static str>) -> Option<Limit> {
    limit.ok().filter(|limit| *limit != Limit::Default)
}

fn count(text: &str) -> Result<Limit, &'static str> {
    match text {
        "none" => Ok(Limit::None),
        "default" => Ok(Limit::Default),
        number => number
            .parse()
            .map(Limit::Of)
            .map_err(|_| "a number, none, or default"),
    }
}

/// K, M, G and T, also as KiB and so on, are powers of 1024; kB, MB, GB and TB of 1000.
fn size(text: &str) -> Result<Limit, &'static str> {
    let wrong = "a size such as 500M or 2G, none, or default";
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if digits == 0 {
        return count(text).map_err(|_| wrong);
    }
    let unit = unit.trim_start().to_ascii_uppercase();
    let power = match unit.bytes().next() {
        None | Some(b'B') => 0,
        Some(b'K') => 1,
        Some(b'M') => 2,
        Some(b'G') => 3,
        Some(b'T') => 4,
        Some(_) => return Err(wrong),
    };
    let base: u64 = match unit.get(1..).unwrap_or_default() {
        "" | "IB" => 1024,
        "B" => 1000,
        _ => return Err(wrong),
    };
    let octets = number.parse::<u64>().ok();
    let octets = octets.and_then(|number| number.checked_mul(base.pow(power)));
    octets.map(Limit::Of).ok_or(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let check = |text: &str, wanted: Option<Limit>| assert_eq!(size(text).ok(), wanted, "{text}");
        check("0", Some(Limit::Of(0)));
        check("1000", Some(Limit::Of(1000)));
        check("2G", Some(Limit::Of(2 << 30)));
        check("2GiB", Some(Limit::Of(2 << 30)));
        check("500m", Some(Limit::Of(500 << 20)));
        check("3 MB", Some(Limit::Of(3_000_000)));
        check("7B", Some(Limit::Of(7)));
        check("none", Some(Limit::None));
        check("default", Some(Limit::Default));
        for wrong in ["", "G", "-1", "1.5G", "2X", "2GG", "99999999T", "nothing"] {
            check(wrong, None);
        }
        assert_eq!(count("12").ok(), Some(Limit::Of(12)));
        assert_eq!(total_size("2G").ok(), Some(Limit::Of(2 << 30)));
        assert_eq!(total_count("none").ok(), Some(Limit::None));
        assert!(total_size("default").is_err() && total_count("default").is_err());
        assert!(count("12G").is_err());
    }
}
