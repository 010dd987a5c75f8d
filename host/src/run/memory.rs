//! The limit on an instance's linear memory.

use wasmtime::{ResourceLimiter, Result};

/// Memories and tables a component of ours has: its own, the libc adapter's.
const MAX_MEMORIES: usize = 8;

/// Elements of a table; the guest's holds its functions.
const MAX_TABLE_ELEMENTS: usize = 100_000;

/// Refuses growth past the limit and remembers that it did.
#[derive(Debug)]
pub struct MemoryLimit {
    max: usize,
    refused: bool,
}

impl MemoryLimit {
    /// At most `max` bytes; none for as much as a 32-bit memory can have.
    pub fn new(max: Option<u64>) -> Self {
        let max = max.and_then(|max| usize::try_from(max).ok()).unwrap_or(usize::MAX);
        Self { max, refused: false }
    }

    /// Whether the instance ever asked for more than it may have.
    pub fn refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let allowed = desired <= self.max;
        self.refused |= !allowed;
        Ok(allowed)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }

    fn tables(&self) -> usize {
        MAX_MEMORIES
    }

    fn instances(&self) -> usize {
        // The guest, the adapter, and the shims between them.
        4 * MAX_MEMORIES
    }
}
