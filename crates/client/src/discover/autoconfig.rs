//! Thunderbird's autoconfig document, `config-v1.1.xml`: which servers a provider has, and what the login's name is made of.

use roxmltree::{Document, Node, ParsingOptions};
use types::Address;

use super::Trouble;
use super::candidate::{Candidate, Source, Standing, host_name};
use crate::{Protocol, Security};

/// A document has some hundreds.
const MAX_NODES: u32 = 10_000;

/// A provider has a few.
const MAX_SERVERS: usize = 32;

/// Reads the servers that we can speak with, in the document's order, which is the provider's.
pub(super) fn read(octets: &[u8], address: &Address, source: Source) -> Result<Vec<Candidate>, Trouble> {
    let unreadable = |why: &str| Trouble::Unreadable(why.into());
    let text = std::str::from_utf8(octets).map_err(|_| unreadable("it is not UTF-8"))?;
    let options = ParsingOptions {
        // No entities of one's own: they can be made to grow.
        allow_dtd: false,
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    let text = text.trim_start_matches('\u{feff}');
    let document =
        Document::parse_with_options(text, options).map_err(|error| unreadable(&error.to_string()))?;
    let root = document.root_element();
    let provider = children(root, "emailProvider")
        .next()
        .filter(|_| root.has_tag_name("clientConfig"));
    let provider = provider.ok_or_else(|| unreadable("it has no emailProvider"))?;
    let servers = provider.children().filter(Node::is_element);
    let candidates = servers.filter_map(|server| candidate(server, address, source));
    Ok(candidates.take(MAX_SERVERS).collect())
}

fn candidate(server: Node<'_, '_>, address: &Address, source: Source) -> Option<Candidate> {
    let protocol = match (server.tag_name().name(), server.attribute("type")?) {
        ("incomingServer", "imap") => Protocol::Imap,
        ("incomingServer", "pop3") => Protocol::Pop3,
        ("outgoingServer", "smtp") => Protocol::Smtp,
        _ => return None,
    };
    let value = |name| {
        let text = children(server, name).next()?.text()?;
        Some(filled(text.trim(), address))
    };
    let security = match value("socketType")?.to_ascii_uppercase().as_str() {
        "SSL" | "TLS" => Security::Tls,
        "STARTTLS" => Security::StartTls,
        "PLAIN" => Security::None,
        _ => return None,
    };
    Some(Candidate {
        protocol,
        host: host_name(&value("hostname")?)?,
        port: value("port")?.parse().ok().filter(|port| *port != 0)?,
        security,
        login: value("username").unwrap_or_else(|| address.to_string()),
        source,
        standing: Standing::Vouched,
    })
}

fn children<'a, 'input: 'a>(of: Node<'a, 'input>, name: &'a str) -> impl Iterator<Item = Node<'a, 'input>> {
    of.children().filter(move |child| child.has_tag_name(name))
}

fn filled(text: &str, address: &Address) -> String {
    text.replace("%EMAILADDRESS%", &address.to_string())
        .replace("%EMAILLOCALPART%", address.local.as_str())
        .replace("%EMAILDOMAIN%", address.domain.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVIDER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="example.org">
    <domain>example.org</domain>
    <incomingServer type="imap">
      <hostname>imap.%EMAILDOMAIN%</hostname><port>993</port><socketType>SSL</socketType>
      <authentication>password-cleartext</authentication><username>%EMAILLOCALPART%</username>
    </incomingServer>
    <incomingServer type="pop3">
      <hostname>pop.example.org</hostname><port>110</port><socketType>STARTTLS</socketType>
      <username>%EMAILADDRESS%</username>
    </incomingServer>
    <incomingServer type="exchange"><hostname>x.example.org</hostname></incomingServer>
    <outgoingServer type="smtp">
      <hostname>smtp.example.org</hostname><port>25</port><socketType>plain</socketType>
    </outgoingServer>
  </emailProvider>
</clientConfig>"#;

    fn check(document: &str, wanted: Result<&[&str], &str>) {
        let address = Address::parse("alice@example.org").unwrap();
        let said = read(document.as_bytes(), &address, Source::Autoconfig);
        match (said, wanted) {
            (Ok(candidates), Ok(wanted)) => {
                let urls: Vec<String> = candidates.iter().map(Candidate::url).collect();
                assert_eq!(urls, wanted, "{document}");
            }
            (Err(Trouble::Unreadable(why)), Err(wanted)) => {
                assert!(why.contains(wanted), "{why} for {document:.200}");
            }
            (said, wanted) => panic!("{said:?} and not {wanted:?} for {document:.200}"),
        }
    }

    #[test]
    fn the_servers_and_names_of_a_document_are_read() {
        check(
            PROVIDER,
            Ok(&[
                "imaps://alice@imap.example.org:993",
                "pop3://alice%40example.org@pop.example.org:110",
                "smtp://alice%40example.org@smtp.example.org:25?tls=none",
            ]),
        );
        check(
            &format!("\u{feff}{PROVIDER}")
                .replace("SSL", "ssl")
                .replace("%EMAILLOCALPART%", "x"),
            Ok(&[
                "imaps://x@imap.example.org:993",
                "pop3://alice%40example.org@pop.example.org:110",
                "smtp://alice%40example.org@smtp.example.org:25?tls=none",
            ]),
        );
    }

    #[test]
    fn what_is_no_server_is_passed_over() {
        let check_one = |from: &str, to: &str| {
            assert!(PROVIDER.contains(from));
            check(
                &PROVIDER.replace(from, to),
                Ok(&[
                    "pop3://alice%40example.org@pop.example.org:110",
                    "smtp://alice%40example.org@smtp.example.org:25?tls=none",
                ]),
            );
        };
        check_one("<port>993</port>", "<port>0</port>");
        check_one("<port>993</port>", "<port>99999</port>");
        check_one("<port>993</port>", "");
        check_one("imap.%EMAILDOMAIN%", "10.0.0.1");
        check_one("imap.%EMAILDOMAIN%", "a/b@c");
        check_one("<socketType>SSL</socketType>", "<socketType>magic</socketType>");
        check_one("<socketType>SSL</socketType>", "");
    }

    #[test]
    fn hostile_documents_are_refused() {
        check("", Err(""));
        check("<html><body>Not found</body></html>", Err("emailProvider"));
        check("<clientConfig/>", Err("emailProvider"));
        check(
            "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><clientConfig>&a;</clientConfig>",
            Err("DTD"),
        );
        let deep = "<a>".repeat(9_000) + &"</a>".repeat(9_000);
        check(&deep, Err("emailProvider"));
        check(&"<a>".repeat(80_000), Err(""));
    }
}
