//! Attacks on the file door: rows 29 and 30.
