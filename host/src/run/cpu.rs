//! The CPU limits: how long the guest computes.
//!
//! The engine interrupts a computing guest at every epoch tick. Each interruption reads the thread's
//! CPU clock, so that a machine that is busy elsewhere is not held against the script. What a
//! resumption has used is counted exactly; the whole run is charged all CPU time of its thread, the
//! host's work for the script included.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::limits::Limits;

/// Counts the CPU time of one instance and tells when it is over its limits.
#[derive(Debug)]
pub struct CpuMeter {
    start: Instant,
    max_resumption: Option<Duration>,
    max_total: Option<Duration>,
    /// Nanoseconds of `start` at which the guest last began to compute.
    began_at: AtomicU64,
    /// The thread's CPU time when it was last read.
    clock: AtomicU64,
    /// CPU time of the current resumption, as far as it has been interrupted.
    resumption: AtomicU64,
}

/// Which limit was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// `--max-cpu`.
    Resumption,
    /// `--max-cpu-total`.
    Total,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resumption => "more CPU time than --max-cpu in one resumption",
            Self::Total => "more CPU time than --max-cpu-total",
        })
    }
}

impl std::error::Error for Exceeded {}

impl CpuMeter {
    /// A meter for an instance that is about to run on this thread.
    pub fn new(limits: &Limits) -> Self {
        Self {
            start: Instant::now(),
            max_resumption: limits.max_cpu,
            max_total: limits.max_cpu_total,
            began_at: AtomicU64::new(0),
            clock: AtomicU64::new(nanos(thread_cpu_time())),
            resumption: AtomicU64::new(0),
        }
    }

    /// The guest's event loop resumes another coroutine.
    pub fn resumed(&self) {
        self.began_at.store(self.elapsed(), Ordering::Relaxed);
        self.resumption.store(0, Ordering::Relaxed);
    }

    /// The guest was interrupted while it computed.
    ///
    /// # Errors
    /// The limit it has passed.
    pub fn interrupted(&self) -> Result<(), Exceeded> {
        let total = thread_cpu_time();
        let clock = nanos(total);
        let wall = self.elapsed().saturating_sub(self.began_at.load(Ordering::Relaxed));
        let cpu = clock.saturating_sub(self.clock.swap(clock, Ordering::Relaxed));
        // Both are at least what the guest used: the thread may have done other work before the
        // resumption, and the machine may have been busy elsewhere since.
        let used = wall.min(cpu);
        let resumption = self.resumption.fetch_add(used, Ordering::Relaxed).saturating_add(used);
        if self.max_resumption.is_some_and(|max| resumption > nanos(max)) {
            return Err(Exceeded::Resumption);
        }
        if self.max_total.is_some_and(|max| total > max) {
            return Err(Exceeded::Total);
        }
        Ok(())
    }

    /// The guest goes on after other tasks of the thread had their turn.
    pub fn continues(&self) {
        self.began_at.store(self.elapsed(), Ordering::Relaxed);
        self.clock.store(nanos(thread_cpu_time()), Ordering::Relaxed);
    }

    fn elapsed(&self) -> u64 {
        nanos(self.start.elapsed())
    }
}

/// CPU time of the calling thread.
pub fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(max_cpu: Option<Duration>, max_cpu_total: Option<Duration>) -> CpuMeter {
        CpuMeter::new(&Limits { max_cpu, max_cpu_total, ..Limits::default() })
    }

    fn compute(time: Duration) {
        let end = thread_cpu_time() + time;
        while thread_cpu_time() < end {}
    }

    #[test]
    fn a_resumption_may_use_its_limit_and_no_more() {
        let meter = meter(Some(Duration::from_millis(20)), None);
        meter.resumed();
        assert_eq!(meter.interrupted(), Ok(()));
        compute(Duration::from_millis(25));
        assert_eq!(meter.interrupted(), Err(Exceeded::Resumption));
    }

    #[test]
    fn the_next_resumption_begins_at_nothing() {
        let meter = meter(Some(Duration::from_millis(20)), None);
        meter.resumed();
        compute(Duration::from_millis(15));
        assert_eq!(meter.interrupted(), Ok(()));
        meter.resumed();
        compute(Duration::from_millis(15));
        assert_eq!(meter.interrupted(), Ok(()));
    }

    #[test]
    fn what_other_tasks_compute_between_is_not_charged_to_a_resumption() {
        let meter = meter(Some(Duration::from_millis(20)), None);
        meter.resumed();
        for _ in 0..3 {
            compute(Duration::from_millis(2));
            assert_eq!(meter.interrupted(), Ok(()));
            compute(Duration::from_millis(20));
            meter.continues();
        }
    }

    #[test]
    fn the_run_as_a_whole_has_its_own_limit() {
        let meter = meter(None, Some(thread_cpu_time() + Duration::from_millis(5)));
        meter.resumed();
        compute(Duration::from_millis(10));
        meter.resumed();
        assert_eq!(meter.interrupted(), Err(Exceeded::Total));
    }
}
