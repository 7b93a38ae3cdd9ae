//! neomutt, at a terminal that nobody sees: a mailbox with its cache of headers, opened twice.

#[test]
fn a_mailbox_is_changed_and_its_cached_headers_stay_right() {
    crate::mutt::uses_a_mailbox_twice("neomutt");
}
