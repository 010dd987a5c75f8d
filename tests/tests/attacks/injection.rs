//! Bytes that would forge a line or a field elsewhere: rows 15, 16, 17 and 36.
