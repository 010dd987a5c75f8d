//! Name look-ups, behind a trait so that tests can answer them.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::limits::{MAX_ADDRESSES, MAX_LOOKUPS};

/// The answer to a look-up, when it comes.
pub type Answer = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// What turns names into addresses.
pub trait Resolver: Send + Sync {
    /// Looks `name` up; the addresses carry `port`.
    fn look_up(&self, name: &str, port: u16) -> Answer;
}

/// The operating system's resolver.
pub struct System {
    running: Arc<Semaphore>,
}

impl System {
    /// A resolver that has at most [`MAX_LOOKUPS`] look-ups under way.
    pub fn new() -> Self {
        Self { running: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

impl Default for System {
    fn default() -> Self {
        Self::new()
    }
}

impl Resolver for System {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the door, and what asks it has checked the name"
    )]
    fn look_up(&self, name: &str, port: u16) -> Answer {
        let name = name.to_owned();
        let running = Arc::clone(&self.running);
        Box::pin(async move {
            let permit = running.acquire_owned().await.map_err(io::Error::other)?;
            // The system call cannot be cancelled. In a task of its own it keeps its permit until
            // it ends, so that abandoned look-ups cannot use up the threads of the process.
            let task = tokio::spawn(async move {
                let _permit = permit;
                let found = tokio::net::lookup_host((name.as_str(), port)).await?;
                Ok(found.take(MAX_ADDRESSES).collect())
            });
            task.await.map_err(io::Error::other)?
        })
    }
}
