//! How far a download is, for those who wait for it.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{Refusal, Step};
use crate::failure::{Failure, Kind};
use crate::limits::PROGRESS_PERIOD;

/// Where a download stands.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) done: u64,
    pub(super) total: Option<u64>,
    /// How it ended.
    pub(super) end: Option<Result<u64, Refusal>>,
}

/// Waits for the end.
///
/// # Errors
/// As the download ended.
pub(super) async fn end(state: &mut watch::Receiver<State>) -> Result<u64, Refusal> {
    match state.wait_for(|state| state.end.is_some()).await {
        Ok(state) => state.end.clone().unwrap_or_else(|| Err(lost())),
        Err(_) => Err(lost()),
    }
}

/// What was told of the progress, and when more may be.
#[derive(Default)]
pub(super) struct Pace {
    told: Mutex<Told>,
}

#[derive(Clone, Copy, Default)]
struct Told {
    done: u64,
    at: Option<Instant>,
}

impl Pace {
    /// Waits for progress that is due, or for the end.
    ///
    /// # Errors
    /// As the download ended.
    pub(super) async fn next(&self, state: &mut watch::Receiver<State>) -> Result<Step, Refusal> {
        loop {
            let State { done, total, end } = state.borrow_and_update().clone();
            let told = *self.lock();
            // The end is told as progress first, even if no byte came: a bar is filled by it.
            let finished = matches!(end, Some(Ok(_)));
            let is_news = done > told.done || (finished && told.at.is_none());
            let due = told.at.map(|at| at + PROGRESS_PERIOD);
            let is_due = due.is_none_or(|due| due <= Instant::now());
            if is_news && (finished || (end.is_none() && is_due)) {
                *self.lock() = Told { done, at: Some(Instant::now()) };
                return Ok(Step::Progress { done, total });
            }
            if let Some(end) = end {
                return end.map(Step::Finished);
            }
            let changed = match due {
                Some(due) if is_news => tokio::select! {
                    changed = state.changed() => changed,
                    () = sleep_until(due) => Ok(()),
                },
                _ => state.changed().await,
            };
            if changed.is_err() {
                return Err(lost());
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task ended without a word, which only an abort does.
fn lost() -> Refusal {
    Failure::new(Kind::Cancelled, "the download was stopped").into()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn progress(done: u64) -> Step {
        Step::Progress { done, total: Some(100) }
    }

    #[tokio::test]
    async fn progress_is_told_no_more_often_than_the_period_and_at_the_end() {
        let (sender, mut state) = watch::channel(State::default());
        let pace = Pace::default();
        let set = |done| sender.send_modify(|state| (state.done, state.total) = (done, Some(100)));
        set(1);
        assert_eq!(pace.next(&mut state).await.unwrap(), progress(1));
        let told = pace.lock().at.unwrap();
        set(2);
        assert_eq!(pace.next(&mut state).await.unwrap(), progress(2));
        assert!(told.elapsed() >= PROGRESS_PERIOD);
        sender.send_modify(|state| (state.done, state.end) = (100, Some(Ok(100))));
        assert_eq!(pace.next(&mut state).await.unwrap(), progress(100));
        assert_eq!(pace.next(&mut state).await.unwrap(), Step::Finished(100));
        assert_eq!(pace.next(&mut state).await.unwrap(), Step::Finished(100));
    }

    #[tokio::test]
    async fn a_failure_comes_at_once_and_an_empty_file_has_progress_too() {
        let failed = State { done: 5, total: None, end: Some(Err(lost())) };
        let (_sender, mut state) = watch::channel(failed);
        assert!(Pace::default().next(&mut state).await.is_err());
        let empty = State { end: Some(Ok(0)), ..State::default() };
        let (_sender, mut state) = watch::channel(empty);
        let pace = Pace::default();
        let step = pace.next(&mut state).await.unwrap();
        assert_eq!(step, Step::Progress { done: 0, total: None });
        assert_eq!(pace.next(&mut state).await.unwrap(), Step::Finished(0));
    }

    #[tokio::test]
    async fn a_task_that_is_gone_is_a_cancelled_download() {
        let (sender, mut state) = watch::channel(State::default());
        drop(sender);
        assert_eq!(end(&mut state).await.unwrap_err().failure.kind, Kind::Cancelled);
        let failed = Pace::default().next(&mut state).await.unwrap_err();
        assert_eq!(failed.failure.kind, Kind::Cancelled);
    }
}
