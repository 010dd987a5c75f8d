//! Attacks on memory and on the stacks: rows 3, 4, 6, 7, 8, 32 and 37.
