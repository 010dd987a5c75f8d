//! What the operator grants, parsed once into types.

pub mod listen;
