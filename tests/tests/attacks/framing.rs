//! Requests whose framing is a lie: rows 18, 20, 21 and 40.
