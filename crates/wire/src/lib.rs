//! Lines, literals and dot-stuffing, cut out of a stream of bytes under limits.
//!
//! What several text protocols share, and nothing of what their lines mean: [`LineFramer`] cuts lines out of a
//! growing buffer, [`DotReader`] takes a message that ends with a lone dot, [`DotWriter`] prints one, and
//! [`LineEnds`] says what is wrong with the line ends of some bytes.
//!
//! **Invariants**: nothing here reads or writes. A line over its limit is never kept, whatever its length. A dotted
//! message ends at CRLF `.` CRLF and at nothing else that looks like it.

mod dot;
mod line;
mod line_ends;

pub use dot::{DotProgress, DotReader, DotWriter, write_dotted};
pub use line::{Framed, LineFramer};
pub use line_ends::LineEnds;
