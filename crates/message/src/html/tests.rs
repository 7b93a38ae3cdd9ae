//! Pages and what is left of them.

use super::to_text;

#[test]
fn the_text_of_pages_is_found() {
    let cases = [
        ("plain", "plain"),
        ("<p>Hello <b>you</b> there</p>", "Hello you there"),
        (
            "<html><head><title>t</title><style>p{}</style></head><body>a<br>b</body></html>",
            "a\nb",
        ),
        ("a<script type=x>if (a < b) '</b>'</script >b", "ab"),
        ("a<SCRIPT>x</Script>b", "ab"),
        ("a<!-- <p>no</p> -->b", "ab"),
        ("<td>a</td><td>b</td>", "a b"),
        (
            "a &lt;b&gt; &amp;amp; &#20320;&#x597d; &nbsp;&eacute;&copy c",
            "a <b> &amp; 你好 é© c",
        ),
        ("AT&T &unknown; &", "AT&T &unknown; &"),
        ("&#0;&#xd800;&#99999999999;", "\u{fffd}\u{fffd}&#99999999999;"),
        ("1 < 2 <3", "1 < 2 <3"),
        ("a<unclosed", "aunclosed"),
        ("a<!-- unclosed", "a"),
        ("a<script>unclosed", "a"),
        ("  a \r\n b  ", "a b"),
        ("<p>你</p><p>好</p>", "你\n好"),
        ("", ""),
    ];
    for (html, expected) in cases {
        assert_eq!(to_text(html), expected, "{html:?}");
    }
}
