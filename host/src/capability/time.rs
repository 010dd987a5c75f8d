//! `wit/time.wit`: clocks and the one timer.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime::component::{Accessor, HasData};

use crate::bindings::tidelock::script::time;
use crate::capability::View;

/// Longest wait that is asked of the timer. No run lasts as long, and every clock has room for it.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The clocks of one instance.
#[derive(Clone)]
pub struct TimeCtx {
    start: Instant,
    cpu: Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl TimeCtx {
    /// `start` is the zero of the monotonic clock, `cpu` gives the seconds the run has computed.
    pub fn new(start: Instant, cpu: Arc<dyn Fn() -> f64 + Send + Sync>) -> Self {
        Self { start, cpu }
    }

    /// The moment at which `monotonic` reads `deadline`, or one that never comes.
    fn moment(&self, deadline: u64) -> Instant {
        let latest = Instant::now() + FOREVER;
        match self.start.checked_add(Duration::from_nanos(deadline)) {
            Some(moment) => moment.min(latest),
            None => latest,
        }
    }
}

/// The capability's place in the linker.
pub struct Time;

impl HasData for Time {
    type Data<'a> = View<'a, TimeCtx>;
}

impl time::Host for View<'_, TimeCtx> {
    fn now(&mut self) -> wasmtime::Result<f64> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(since.as_secs_f64())
    }

    fn monotonic(&mut self) -> wasmtime::Result<u64> {
        // Nanoseconds of 584 years.
        Ok(u64::try_from(self.ctx.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn cpu(&mut self) -> wasmtime::Result<f64> {
        Ok((self.ctx.cpu)())
    }
}

impl<T> time::HostWithStore<T> for Time {
    async fn wait_until(accessor: &Accessor<T, Self>, deadline: u64) -> wasmtime::Result<()> {
        let moment = accessor.with(|mut access| access.get().ctx.moment(deadline));
        tokio::time::sleep_until(moment.into()).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ctx() -> TimeCtx {
        TimeCtx::new(Instant::now(), Arc::new(|| 1.5))
    }

    #[test]
    fn deadlines_of_any_size_are_moments() {
        let ctx = ctx();
        for deadline in [0, 1, 1_000_000_000, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
            assert!(ctx.moment(deadline) <= Instant::now() + FOREVER);
        }
        assert_eq!(ctx.moment(5_000), ctx.start + Duration::from_nanos(5_000));
    }

    #[test]
    fn the_timer_takes_the_longest_wait() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let Ok(runtime) = runtime else { return };
        let moment = ctx().moment(u64::MAX);
        let waited = runtime.block_on(async {
            let wait = tokio::time::sleep_until(moment.into());
            tokio::time::timeout(Duration::from_millis(5), wait).await
        });
        assert!(waited.is_err());
    }
}
