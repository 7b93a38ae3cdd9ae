//! The settings as a person reads them: a file with comments, and a page. Both are made from the sections.

use std::fmt::Write as _;

use crate::sections::{auth, limits, listen, log, logins, passwords, pop3, process, server, timeouts, tls};
use crate::{Group, Setting, Words};

/// In which language something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    /// English.
    English,
    /// Chinese.
    Chinese,
}

impl Tongue {
    fn pick(self, words: &Words) -> &str {
        match self {
            Tongue::English => &words.english,
            Tongue::Chinese => &words.chinese,
        }
    }

    fn of(self, english: &'static str, chinese: &'static str) -> &'static str {
        match self {
            Tongue::English => english,
            Tongue::Chinese => chinese,
        }
    }
}

/// A value that a file is to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given<'a> {
    /// The section; empty for what stands above all sections.
    pub section: &'a str,
    /// The setting.
    pub key: &'a str,
    /// Its value, as TOML.
    pub value: String,
}

/// All settings, in order.
#[must_use]
pub fn groups() -> Vec<Group> {
    let mut tls = tls::Tls::describe();
    tls.settings.push(tls::describe_names());
    vec![
        server::Server::describe(),
        listen::Listen::describe(),
        tls,
        limits::Limits::describe(),
        timeouts::Timeouts::describe(),
        logins::Logins::describe(),
        passwords::Passwords::describe(),
        auth::Auth::describe(),
        auth::Issuer::describe(),
        pop3::Pop3::describe(),
        log::Log::describe(),
        process::Process::describe(),
    ]
}

/// A file that gives some settings, and names all others with their defaults behind `#`.
#[must_use]
pub fn commented(given: &[Given<'_>], tongue: Tongue) -> String {
    let mut text = format!(
        "# {}\n",
        tongue.of(
            "The settings of Posthouse. What stands behind # is the default, or an example where there is none.",
            "驿站的设置。# 之后是默认值；没有默认值的是示例。",
        )
    );
    for group in groups() {
        print_group(&mut text, &group, given, tongue);
    }
    text
}

fn print_group(text: &mut String, group: &Group, given: &[Given<'_>], tongue: Tongue) {
    let about = tongue.pick(&group.about);
    match group.name {
        "" => *text += "\n",
        name => *text += &format!("\n[{name}]\n# {about}\n\n"),
    }
    for (number, setting) in group.settings.iter().enumerate() {
        if number > 0 {
            *text += "\n";
        }
        let found = given
            .iter()
            .find(|given| given.section == group.name && given.key == setting.key);
        print_setting(text, setting, found, tongue);
    }
}

fn print_setting(text: &mut String, setting: &Setting, given: Option<&Given<'_>>, tongue: Tongue) {
    let Setting { key, form, about, .. } = setting;
    let (must, stop) = (tongue.of("It is", "取值："), tongue.of(".", "。"));
    let space = tongue.of(" ", "");
    let form = tongue.pick(form).trim();
    for line in [tongue.pick(about), &format!("{must}{space}{form}{stop}")] {
        *text += &format!("# {line}\n");
    }
    let line = match given {
        Some(given) => format!("{key} = {}\n", given.value),
        None => format!("#{key} = {}\n", setting.shown()),
    };
    *text += &line;
}

/// The page of the documentation.
#[must_use]
pub fn page(tongue: Tongue) -> String {
    let mut text = tongue.of(HEAD, HEAD_ZH).to_owned();
    for group in groups() {
        let about = tongue.pick(&group.about);
        let title = match group.name {
            "" => String::new(),
            name => format!("`[{name}]`: "),
        };
        let _ = write!(text, "\n## {title}{about}\n\n");
        text += tongue.of(
            "| Setting | Default | It is | What it does |\n| --- | --- | --- | --- |\n",
            "| 设置 | 默认值 | 取值 | 作用 |\n| --- | --- | --- | --- |\n",
        );
        for setting in &group.settings {
            let default = setting.default.as_ref().map(|value| format!("`{value}`"));
            let none = tongue.of("none", "无").to_owned();
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} |",
                setting.key,
                default.unwrap_or(none),
                tongue.pick(&setting.form).trim(),
                tongue.pick(&setting.about),
            );
        }
    }
    text
}

const HEAD: &str = "# Settings

One TOML file, `/etc/posthouse/posthouse.toml` unless `--config` names another. `posthouse setup` writes it with comments,
and `posthouse settings` prints them. What is not in the file has its default; a key that is not listed here is an error,
and all errors are reported at once, with their lines. `posthouse serve --check` reads the file and does nothing else.

This page is made from `crates/config/src/sections/`: `posthouse settings --markdown`.
";

const HEAD_ZH: &str = "# 设置

一个 TOML 文件，默认为 `/etc/posthouse/posthouse.toml`，可用 `--config` 指定。`posthouse setup` 会写出带注释的文件，
`posthouse settings` 会打印全部设置。文件中没有的设置取默认值；未知的设置是错误；所有错误连同行号一次报告。
`posthouse serve --check` 只检查文件。

本页由 `crates/config/src/sections/` 生成：`posthouse --lang zh settings --markdown`。
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use crate::kind::quoted;

    #[test]
    fn the_pages_in_the_documentation_are_those_of_the_settings() {
        for (tongue, kept, command) in [
            (
                Tongue::English,
                include_str!("../../../docs/settings.md"),
                "settings",
            ),
            (
                Tongue::Chinese,
                include_str!("../../../docs/settings.zh-CN.md"),
                "--lang zh settings",
            ),
        ] {
            assert!(
                page(tongue) == kept,
                "to renew it: posthouse {command} --markdown"
            );
        }
    }

    #[test]
    fn what_the_file_shows_behind_its_marks_are_the_defaults() {
        for tongue in [Tongue::English, Tongue::Chinese] {
            let text = commented(&[], tongue);
            let known = "hostname = \"mail.example.org\"\n";
            let examples: Vec<String> = groups()
                .iter()
                .flat_map(|group| &group.settings)
                .filter(|setting| setting.default.is_none())
                .map(|setting| format!("#{} = {}", setting.key, setting.example))
                .collect();
            let lines = text
                .lines()
                .filter(|line| !examples.iter().any(|example| example == line));
            let bare: Vec<&str> = lines
                .map(|line| {
                    line.strip_prefix('#')
                        .filter(|rest| !rest.starts_with(' '))
                        .unwrap_or(line)
                })
                .collect();
            let all = Settings::parse(&format!("{known}{}", bare.join("\n"))).unwrap();
            assert_eq!(all, Settings::parse(known).unwrap());
            // The file as it is says the same.
            assert_eq!(Settings::parse(&format!("{known}{text}")).unwrap(), all);
        }
    }

    /// Settings that need one another.
    const TOGETHER: [&[&str]; 3] = [
        &["certificate", "key"],
        &["issuer", "audience", "keys"],
        &["introspection", "client", "secret", "issuer", "audience"],
    ];

    #[test]
    fn every_example_can_be_given() {
        for group in groups() {
            for setting in group.settings.iter().filter(|setting| setting.default.is_none()) {
                let value = setting.example;
                let mut file = match (group.name, setting.key) {
                    ("", "hostname") => String::new(),
                    _ => "hostname = \"a.example\"\n".to_owned(),
                };
                if !group.name.is_empty() {
                    file += &format!("[{}]\n", group.name);
                }
                file += &format!("{} = {value}\n", setting.key);
                if let Some(together) = TOGETHER.iter().find(|keys| keys.contains(&setting.key)) {
                    for other in together.iter().filter(|key| **key != setting.key) {
                        file += &format!("{other} = 'https://x'\n");
                    }
                }
                assert!(Settings::parse(&file).is_ok(), "{file}");
            }
        }
    }

    #[test]
    fn there_is_something_to_say_of_every_setting_in_both_languages() {
        let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        for group in groups() {
            for setting in &group.settings {
                let all = [&setting.about.english, &setting.form.english];
                assert!(
                    all.iter().all(|text| !text.is_empty() && !is_chinese(text)),
                    "{}",
                    setting.key
                );
                assert!(is_chinese(&setting.about.chinese), "{}", setting.key);
                assert!(!setting.form.chinese.is_empty(), "{}", setting.key);
                assert!(
                    setting.default.is_some() == setting.example.is_empty(),
                    "{}",
                    setting.key
                );
            }
        }
    }

    #[test]
    fn what_is_given_stands_without_a_mark() {
        let given = [
            Given {
                section: "",
                key: "hostname",
                value: quoted("mail.example.org"),
            },
            Given {
                section: "process",
                key: "user",
                value: quoted("posthouse"),
            },
        ];
        let text = commented(&given, Tongue::English);
        let settings = Settings::parse(&text).unwrap();
        assert_eq!(settings.hostname.as_str(), "mail.example.org");
        assert_eq!(settings.process.user.as_deref(), Some("posthouse"));
    }
}
