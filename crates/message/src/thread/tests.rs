//! Threads, written as RFC 5256 §4 draws them.

use super::*;

/// `ID SUBJECT <REFERENCE …`, sent in this order unless `@TIME` says otherwise; the threads as in IMAP's answer, with letters of ids,
/// `?` for what is missing, and brackets around all that lies below.
fn check(messages: &[&str], wanted: &str) {
    let parsed = messages.iter().enumerate().map(|(number, text)| {
        let mut message = Threadable {
            sent: i64::try_from(number).unwrap(),
            ..Threadable::default()
        };
        for word in text.split(' ') {
            match word.split_at(usize::from(!word.is_empty())) {
                ("<", id) => message.references.push(id.to_owned()),
                ("@", time) => message.sent = time.parse().unwrap(),
                ("#", subject) => message.subject = subject.replace('_', " "),
                _ => message.id = Some(word.to_owned()),
            }
        }
        message
    });
    let name = |message: usize| messages[message].chars().next().unwrap_or('-');
    let mut drawn = String::new();
    let mut depth = 0;
    for place in threads(parsed) {
        if place.depth < depth || place.depth == 0 {
            let closing = if place.depth == 0 {
                depth
            } else {
                depth - place.depth
            };
            drawn.push_str(&")".repeat(closing));
        }
        if place.depth > depth {
            drawn.push('(');
        } else if !drawn.is_empty() {
            drawn.push(' ');
        }
        depth = place.depth;
        drawn.push(place.message.map_or('?', name));
    }
    drawn.push_str(&")".repeat(depth));
    assert_eq!(drawn, wanted, "{messages:?}");
}

#[test]
fn references_make_threads() {
    check(&[], "");
    check(&["a", "b <a", "c <a <b", "d <a"], "a(b(c) d)");
    check(&["a", "b"], "a b");
    // Step 1.A: those who are spoken of are linked; what is missing between is left out (step 3).
    check(&["a", "c <a <x"], "a(c)");
    check(&["c <x <a", "d <x <b"], "?(c d)");
    check(&["c <x <a"], "c");
    // Step 1.B: what a message says of itself counts more than what others say of it.
    check(&["a", "b", "d <a <c", "c <b"], "a b(c(d))");
    // A message that says nothing is where others put it.
    check(&["a", "b", "c <a <b"], "a(b(c))");
    check(&["c <a <b", "b", "a"], "a(b(c))");
}

#[test]
fn loops_lose_no_message() {
    check(&["a <a"], "a");
    check(&["a <b", "b <a"], "b(a)");
    check(&["a <c", "b <a", "c <b"], "c(a(b))");
    check(&["a <b <a <b <a", "b <a <b"], "b(a)");
}

#[test]
fn ids_that_are_missing_or_double_are_no_ids() {
    check(&["a", "a", "b <a"], "a(b) a");
    check(&["#x", "#y"], "# #");
}

#[test]
fn siblings_and_threads_stand_in_the_order_in_which_they_were_sent() {
    check(&["a @9", "b <a @8", "c <a @7", "d @1"], "d a(c b)");
    check(&["b <x @5", "c <x @3", "d @4"], "?(c b) d");
}

#[test]
fn threads_of_one_subject_become_one() {
    // A reply hangs below what it replies to.
    check(&["a #hello", "b #Re:_hello"], "a(b)");
    check(&["b #Re:_HELLO", "a #[list]_hello"], "a(b)");
    // Two of the same kind stand side by side.
    check(&["a #hello", "b #hello"], "?(a b)");
    check(&["a #Re:_hello", "b #Re:_hello", "c #Re:_hello"], "?(a b c)");
    // With a thread whose beginning is missing.
    check(&["a #hello", "b #Re:_hello <x", "c #Re:_hello <x"], "?(a b c)");
    check(
        &["a #Re:_hello <x", "b #Re:_hello <x", "c #hello <y", "d #hello <y"],
        "?(a b c d)",
    );
    // No subject gathers nothing.
    check(&["a #Re:", "b #Re:", "c"], "a b c");
}

#[test]
fn a_hundred_thousand_messages_are_no_trouble() {
    let count = 100_000_usize;
    let chain = |number: usize| vec![format!("m{}", number + 1)];
    let star = |_: usize| vec!["missing".to_owned()];
    let back = |number: usize| {
        (1..10_usize)
            .rev()
            .map(|step| format!("m{}", number.saturating_sub(step)))
            .collect()
    };
    let shapes: [&dyn Fn(usize) -> Vec<String>; 3] = [&chain, &star, &back];
    for shape in shapes {
        for subject in ["", "same"] {
            let begun = std::time::Instant::now();
            let places = threads((0..count).map(|number| Threadable {
                id: Some(format!("m{number}")),
                references: shape(number),
                subject: subject.to_owned(),
                sent: 0,
            }));
            assert_eq!(
                places.iter().filter(|place| place.message.is_some()).count(),
                count
            );
            // A second on an idle machine; with squares it would be hours.
            assert!(begun.elapsed().as_secs() < 60);
        }
    }
}
