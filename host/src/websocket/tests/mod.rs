//! The driver over a pipe whose other end the test holds.
