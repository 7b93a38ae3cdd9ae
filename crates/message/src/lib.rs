//! The MIME tree of a message with exact byte ranges, its text in any charset, its envelope and structure.
