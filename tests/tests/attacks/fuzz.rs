//! Random values to everything a script can call: row 33.
