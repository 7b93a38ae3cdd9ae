//! The settings of a server, each documented, all problems reported at once.
