//! Lines, literals and dot-stuffing, cut out of a stream of bytes under limits.
