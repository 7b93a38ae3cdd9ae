//! Pages as people read them, and pages that are made to break whoever reads them.

use super::*;
use crate::read::MAX_SHOWN;

fn check(html: &str, wanted: &str) {
    assert_eq!(page(html, Some(24)), wanted, "{html}");
}

#[test]
fn blocks_stand_on_lines_of_their_own() {
    check("", "");
    check("  <br><p></p> ", "");
    check("one <b>two</b>three", "one twothree\n");
    check("<p>one</p><p>two", "one\n\ntwo\n");
    check(
        "<div>one</div><div>two<br>three<br><br>four",
        "one\ntwo\nthree\n\nfour\n",
    );
    check("one<hr>two", "one\n----------\ntwo\n");
    check("<h1>Head</h1>text", "Head\n\ntext\n");
    check("<pre>a\n  b\n\nc</pre>d", "a\n  b\n\nc\n\nd\n");
    check("a<!-- x > y -->b<!-->c", "abc\n");
    check("<script>a<b</script><style>x</style>b<title>t</title>", "b\n");
    check(
        "1 < 2 &amp; 3 &gt; 2 &bogus; &#x4e2d;",
        "1 < 2 & 3 > 2 &bogus; 中\n",
    );
}

#[test]
fn lines_are_broken_at_columns_and_wide_letters_take_two() {
    check(
        "aaaa bbbb cccc dddd eeee ffff",
        "aaaa bbbb cccc dddd eeee\nffff\n",
    );
    check(
        "<p>这是一个很长的中文段落，没有空格。",
        "这是一个很长的中文段落，\n没有空格。\n",
    );
    // A comma does not begin a line.
    check("一二三四五六七八九十甲乙，丙", "一二三四五六七八九十甲\n乙，丙\n");
    // A line end between two wide letters is no blank, between others it is one.
    check("中文\n换行 and\nmore", "中文换行 and more\n");
    check(
        "http://example.org/very/long/word x",
        "http://example.org/very/long/word\nx\n",
    );
    assert_eq!(
        page("<p>aaaa bbbb cccc dddd eeee ffff", None),
        "aaaa bbbb cccc dddd eeee ffff\n"
    );
}

#[test]
fn lists_and_quotations_are_set_in() {
    check(
        "<ul><li>one<li>two<ul><li>deep</ul></ul>after",
        "* one\n* two\n  * deep\n\nafter\n",
    );
    check(
        "<ol start=3><li><p>three</p></li><li>four</ol>",
        "3. three\n\n4. four\n",
    );
    check(
        "a<blockquote>b<blockquote>c</blockquote></blockquote>d",
        "a\n\n> b\n\n> > c\n\nd\n",
    );
    check(
        "<blockquote>aaaa bbbb cccc dddd eeee",
        "> aaaa bbbb cccc dddd\n> eeee\n",
    );
}

#[test]
fn cells_of_a_row_stand_beside_one_another() {
    check(
        "<table><tr><th>a<th>b</tr><tr><td>1</td><td>2</td></tr></table>",
        "a | b\n1 | 2\n",
    );
    check(
        "<table><tr><td><div>a</div></td><td><div>b</div></td></tr></table>",
        "a\nb\n",
    );
    check("<table><tr><td></td><td>b</td></tr></table>", "b\n");
}

#[test]
fn links_are_numbered_and_told_below() {
    check(
        "<a href='https://example.org/'>here</a> and <a href=https://example.org/>there</a>",
        "here[1] and there[1]\n\n[1]: https://example.org/\n",
    );
    // What says where it leads needs no number; nor does what leads nowhere.
    check(
        "<a href=\"mailto:a@example.org\">a@example.org</a> <a href='#x'>x</a> <a href='javascript:y'>y</a>",
        "a@example.org x y\n",
    );
    check("<a href='https://EXAMPLE.org'>example.org</a>", "example.org\n");
    check(
        "<a href='http://a/?x=1&amp;y=2'><img src=x alt='A &amp; B'></a>",
        "[A & B][1]\n\n[1]: http://a/?x=1&y=2\n",
    );
    check(
        "<a href='http://a/\n\u{1b}[2J'>x</a>",
        "x[1]\n\n[1]: http://a/[2J\n",
    );
}

#[test]
fn what_a_browser_hides_is_hidden() {
    check(
        "<div style='Display : none'>pre<div>header</div>text</div>shown",
        "shown\n",
    );
    check("<span hidden>a</span>b<img style='display:none' alt=c>d", "bd\n");
    check("a<span style=\"display:none\">b", "a\n");
}

#[test]
fn broken_tags_lose_little() {
    check(
        "<a href=\"http://x>text</a> more",
        "text[1] more\n\n[1]: http://x\n",
    );
    check("a <b c='>'>d</b> e", "a d e\n");
    check("a<", "a<\n");
    check("a<b", "a\n");
    check("<!-- never closed <p>text</p>", "text\n");
    check("it's <i>o'clock</i>", "it's o'clock\n");
    check("\u{202e}cod.exe\u{7}\u{9b}", "cod.exe\n");
}

/// Each of these took another program seconds or its stack.
#[test]
fn hostile_pages_take_bounded_time_and_memory() {
    let many = |text: &str, octets: usize| text.repeat(octets / text.len());
    // So large that an hour would not be enough where the work grew with the square.
    let large = 2 * 1024 * 1024;
    let pages = [
        many("<div>", large),
        many("<table><tr><td>", large),
        many("<blockquote>a", large),
        many("<ul><li>a", large),
        many("<a href=\"http://x/\">b", large),
        many("<a \">\" b=\">", large),
        many("<a b=\"", large),
        many("<a b='", large),
        many("<a", large),
        many("<!--", large),
        many("<!-- <", large),
        many("</", large),
        many("&", large),
        many("<script>", large),
        many("<br>", large),
        many("<hr>", large),
        many("a<br>", large),
        many("中", large),
        many("<p hidden>", large),
        "a".repeat(large),
        format!("<a {}>x", many("a=b ", large)),
        format!("<a href='{}'>x", "u".repeat(large)),
    ];
    let news = many(
        "<p>Some <b>words</b> of <a href='http://example.org/'>news</a>, 新闻。</p>\n",
        10 * 1024 * 1024,
    );
    assert!(
        page(
            &"a<br>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa<br>".repeat(MAX_SHOWN / 40),
            None
        )
        .len()
            <= MAX_SHOWN + 100
    );
    for html in pages.into_iter().chain([news]) {
        let begun = std::time::Instant::now();
        let text = page(&html, Some(80));
        let head: String = html.chars().take(20).collect();
        assert!(text.len() <= html.len() * 12 + 100, "{head}: {}", text.len());
        assert!(begun.elapsed().as_secs() < 100, "{head}: {:?}", begun.elapsed());
    }
}
