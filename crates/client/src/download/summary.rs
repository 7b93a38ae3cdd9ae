//! What is to stay on a server, and what was done.

use crate::error::Said;

/// What stays on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Everything.
    All,
    /// What was fetched less than so many days ago.
    Days(u32),
    /// Nothing that was fetched.
    Nothing,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages that are new here.
    pub fetched: u64,
    /// Their octets.
    pub octets: u64,
    /// Messages that were here already.
    pub known: u64,
    /// Messages that were deleted from the server.
    pub deleted: u64,
    /// Messages that the server did not give, with what it said.
    pub refused: Vec<(u32, Said)>,
}
