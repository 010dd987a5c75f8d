//! What a process holds: memory, descriptors, threads.

use std::fs;

use crate::run::resident_kib;

/// Descriptors that may come and go without anyone's doing, such as a connection just being closed.
const DESCRIPTOR_SLACK: usize = 2;

/// Memory that any use of the process may leave behind: allocators keep pages.
const MEMORY_SLACK_KIB: u64 = 8 * 1024;

/// What a process holds at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Footprint {
    /// Resident memory in KiB.
    pub memory_kib: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

impl Footprint {
    /// What this process holds now.
    pub fn of(process: u32) -> Self {
        let count =
            |what| fs::read_dir(format!("/proc/{process}/{what}")).expect("it lives").count();
        Self { memory_kib: resident_kib(process), descriptors: count("fd"), threads: count("task") }
    }

    /// Whether this is no more than `before` was, except this much memory.
    pub fn is_within(self, before: Self, memory_kib: u64) -> bool {
        self.memory_kib <= before.memory_kib + memory_kib + MEMORY_SLACK_KIB
            && self.descriptors <= before.descriptors + DESCRIPTOR_SLACK
            && self.threads <= before.threads
    }
}

/// The most memory the process ever had, in KiB: what was given back before anyone looked counts too.
pub fn peak_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("Linux says it");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}
