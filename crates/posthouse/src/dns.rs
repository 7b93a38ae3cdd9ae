//! The DNS records that a mail server wants, as lines of a zone file.

use std::fmt::Write as _;

use crate::language::Language;

/// What the records are about.
pub(crate) struct Zone<'a> {
    /// The domain of the addresses.
    pub(crate) domain: &'a str,
    /// The server's own name.
    pub(crate) hostname: &'a str,
}

impl Zone<'_> {
    /// The records, each with why.
    pub(crate) fn print(&self, language: Language) -> String {
        let Zone { domain, hostname } = self;
        let mut text = String::new();
        let mut say = |english: &str, chinese: &str, records: &[String]| {
            let _ = writeln!(text, "; {}", language.pick(english, chinese));
            for record in records {
                let _ = writeln!(text, "{record}");
            }
        };
        say(
            "where the server is: put its addresses in, and have the reverse names (PTR) point back",
            "服务器的地址：请填入实际地址，并设置反向解析（PTR）",
            &[
                format!("{hostname}. A <{}>", language.pick("IPv4 address", "IPv4 地址")),
                format!(
                    "{hostname}. AAAA <{}>",
                    language.pick("IPv6 address", "IPv6 地址")
                ),
            ],
        );
        say(
            "where mail to the domain goes (RFC 5321 §5.1)",
            "该域的邮件送往哪里（RFC 5321 §5.1）",
            &[format!("{domain}. MX 10 {hostname}.")],
        );
        say(
            "who may send mail of the domain (RFC 7208): its MX, and nobody else",
            "谁可以发送该域的邮件（RFC 7208）：只有它的 MX",
            &[format!("{domain}. TXT \"v=spf1 mx -all\"")],
        );
        say(
            "where mail programs find the services (RFC 6186, RFC 8314 §5.1)",
            "邮件客户端如何找到服务（RFC 6186、RFC 8314 §5.1）",
            &self.services(),
        );
        say(
            "who may issue certificates for the name (RFC 8659): put your authority in",
            "谁可以为该名字签发证书（RFC 8659）：请填入所用的机构",
            &[format!("{hostname}. CAA 0 issue \"letsencrypt.org\"")],
        );
        text
    }

    fn services(&self) -> Vec<String> {
        let Zone { domain, hostname } = self;
        let service = |name: &str, port: u16| format!("_{name}._tcp.{domain}. SRV 0 1 {port} {hostname}.");
        // RFC 6186 §3.4: "." says that a service is not offered: what begins without TLS is no choice for anybody.
        let absent = |name: &str| format!("_{name}._tcp.{domain}. SRV 0 0 0 .");
        vec![
            service("submissions", 465),
            service("submission", 587),
            service("imaps", 993),
            absent("imap"),
            service("pop3s", 995),
            absent("pop3"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_records_name_the_domain_and_the_server() {
        let zone = Zone {
            domain: "example.org",
            hostname: "mail.example.org",
        };
        let text = zone.print(Language::English);
        let records: Vec<&str> = text.lines().filter(|line| !line.starts_with(';')).collect();
        assert_eq!(
            records,
            [
                "mail.example.org. A <IPv4 address>",
                "mail.example.org. AAAA <IPv6 address>",
                "example.org. MX 10 mail.example.org.",
                "example.org. TXT \"v=spf1 mx -all\"",
                "_submissions._tcp.example.org. SRV 0 1 465 mail.example.org.",
                "_submission._tcp.example.org. SRV 0 1 587 mail.example.org.",
                "_imaps._tcp.example.org. SRV 0 1 993 mail.example.org.",
                "_imap._tcp.example.org. SRV 0 0 0 .",
                "_pop3s._tcp.example.org. SRV 0 1 995 mail.example.org.",
                "_pop3._tcp.example.org. SRV 0 0 0 .",
                "mail.example.org. CAA 0 issue \"letsencrypt.org\"",
            ]
        );
    }
}
