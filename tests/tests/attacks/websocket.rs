//! A hostile WebSocket peer: row 22.
