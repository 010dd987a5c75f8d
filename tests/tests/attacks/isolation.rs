//! Attacks on the walls of the interpreter: rows 10 to 14.
