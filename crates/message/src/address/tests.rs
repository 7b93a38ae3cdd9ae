//! Lists of addresses: RFC 5322 appendix A, and the wild.

use super::*;

/// `name|route|mailbox|host`, groups in braces.
fn show(value: &[u8]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let items = parse_addresses(value).into_iter().map(|item| match item {
        AddressItem::Address {
            name,
            route,
            mailbox,
            host,
        } => {
            let route = route
                .map(|route| format!("[{}]", text(&route)))
                .unwrap_or_default();
            let name = name.map(|name| text(&name)).unwrap_or_else(|| "-".to_owned());
            format!("{name}|{route}{}|{}", text(&mailbox), text(&host))
        }
        AddressItem::GroupStart(name) => format!("{}{{", text(&name)),
        AddressItem::GroupEnd => "}".to_owned(),
    });
    items.collect::<Vec<_>>().join(" ; ")
}

fn check(cases: &[(&str, &str)]) {
    for (value, expected) in cases {
        assert_eq!(show(value.as_bytes()), *expected, "{value:?}");
    }
}

#[test]
fn addresses_are_read() {
    check(&[
        ("", ""),
        ("a@b", "-|a|b"),
        ("<a@b>", "-|a|b"),
        ("John Doe <jdoe@machine.example>", "John Doe|jdoe|machine.example"),
        (
            "\"Joe Q. Public\" <john.q.public@example.com>",
            "Joe Q. Public|john.q.public|example.com",
        ),
        (
            "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
            "Mary Smith|mary|x.test ; -|jdoe|example.org ; Who?|one|y.test",
        ),
        (
            "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
            "-|boss|nil.test ; Giant; \"Big\" Box|sysservices|example.net",
        ),
        // Groups.
        (
            "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
            "A Group{ ; Ed Jones|c|a.test ; -|joe|where.test ; John|jdoe|one.test ; }",
        ),
        ("Undisclosed recipients:;", "Undisclosed recipients{ ; }"),
        ("G:a@b; , c@d", "G{ ; -|a|b ; } ; -|c|d"),
        ("G:a@b", "G{ ; -|a|b ; }"),
        // RFC 5322 §A.5, §A.6.1, §A.6.3
        (
            "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
            "Pete|pete|silly.test",
        ),
        (
            "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
            "A Group{ ; Chris Jones|c|public.example ; -|joe|example.org ; John|jdoe|one.test ; }",
        ),
        (
            "(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
            "Hidden recipients{ ; }",
        ),
        (
            "Joe Q. Public <john.q.public@example.com>",
            "Joe Q. Public|john.q.public|example.com",
        ),
        (
            "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
            "Mary Smith|[@node.test]mary|example.net ; -|jdoe|test.example",
        ),
        ("<@a,@b:c@d>", "-|[@a,@b]c|d"),
        (
            "John Doe <jdoe@machine(comment).  example>",
            "John Doe|jdoe|machine.example",
        ),
    ]);
}

#[test]
fn names_and_quotes_are_told_apart() {
    check(&[
        // A comment is the name where there is none.
        ("a@b (The Name)", "The Name|a|b"),
        ("a@b (=?utf-8?q?x?=)", "=?utf-8?q?x?=|a|b"),
        ("<a@b> (The Name)", "The Name|a|b"),
        // Quoted local parts lose their quotes (RFC 3501 §7.4.2).
        ("\"a b\"@c", "-|a b|c"),
        ("\"a@b\"@c", "-|a@b|c"),
        ("<\"a,b\"@c>", "-|a,b|c"),
        ("a@[IPv6:::1]", "-|a|[IPv6:::1]"),
        ("x <a@[10.0.0.1]>", "x|a|[10.0.0.1]"),
        // Encoded words stay, and may hold what ends other words.
        ("=?utf-8?q?a,_b?= <a@b>", "=?utf-8?q?a,_b?=|a|b"),
        (
            "=?utf-8?B?5L2g?= =?utf-8?B?5aW9?= <a@b>",
            "=?utf-8?B?5L2g?= =?utf-8?B?5aW9?=|a|b",
        ),
        ("\"=?utf-8?B?5L2g?=\" <a@b>", "=?utf-8?B?5L2g?=|a|b"),
    ]);
}

#[test]
fn broken_addresses_are_still_shown() {
    check(&[
        ("root", "-|root|"),
        ("a@b: c@d", "-|a|b ; -|c|d"),
        ("a b c", "-|a b c|"),
        ("<>", "-||"),
        ("a@b c@d", "-|a@bc|d"),
        ("a <b@c", "a|b|c"),
        ("a@b, <c@d>>, e@f", "-|a|b ; -|c|d ; -|e|f"),
        ("x <a@b> y <c@d>", "x|a|b ; y|c|d"),
        ("\"unclosed <a@b>", "-|unclosed <a@b>|"),
        ("a@b; c@d", "-|a|b ; -|c|d"),
        ("mailto:a@b", "mailto{ ; -|a|b ; }"),
        (",,,", ""),
        ("a\r\n <b@c>", "a|b|c"),
    ]);
    assert_eq!(show(b"a\0b@c\rd"), "-|ab|cd");
}

#[test]
fn addresses_are_shown_to_people() {
    let items = parse_addresses(b"=?gbk?B?xOO6ww==?= <a@b>, \xc4\xe3\xba\xc3 <c@d>, e, G:;");
    let shown: Vec<_> = items
        .iter()
        .map(|item| (item.display_name(), item.address()))
        .collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        shown,
        [
            (text("你好"), text("a@b")),
            (text("你好"), text("c@d")),
            (None, text("e")),
            (text("G"), None),
            (None, None)
        ]
    );
}

#[test]
fn a_local_part_is_quoted_where_it_must_be() {
    let address = |value: &[u8]| parse_addresses(value).first().and_then(AddressItem::address);
    assert_eq!(address(b"\"a b\"@c").as_deref(), Some("\"a b\"@c"));
    assert_eq!(address(br#""a\"b\\"@c"#).as_deref(), Some(r#""a\"b\\"@c"#));
    assert_eq!(address(b"\"ab\"@c").as_deref(), Some("ab@c"));
}

#[test]
fn lists_are_read_up_to_the_limit() {
    let count = |entries: usize| parse_addresses("a@b,".repeat(entries).as_bytes()).len();
    assert_eq!(count(MAX_ADDRESSES - 1), MAX_ADDRESSES - 1);
    assert_eq!(count(MAX_ADDRESSES), MAX_ADDRESSES);
    assert_eq!(count(MAX_ADDRESSES + 1), MAX_ADDRESSES);
    let group = parse_addresses(format!("G:{}", "a@b,".repeat(MAX_ADDRESSES)).as_bytes());
    assert_eq!(group.last(), Some(&AddressItem::GroupEnd));
}

#[test]
fn hostile_lists_are_read_in_linear_time() {
    for piece in ["<", ":", ";", "(", "\"", "=?utf-8?q?", "a@[", "<@", ",", "\\"] {
        parse_addresses(piece.repeat(200_000).as_bytes());
    }
}
