//! What the operator granted.
pub mod net;
