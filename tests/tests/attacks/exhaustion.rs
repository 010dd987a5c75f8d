//! Peers that hold what they were given: rows 19, 24, 31, 34, 38 and 39.
