//! Attacks on the network door: rows 25 to 28.
