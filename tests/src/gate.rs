//! An upstream that keeps its callers waiting until the test lets them go: how a test holds a handler
//! in the middle of its work.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex};

use crate::GUARD;
use crate::upstream::Upstream;

/// The upstream; it answers 200 and `go` once it is open.
#[derive(Debug)]
pub struct Gate {
    upstream: Upstream,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    arrived: usize,
    open: bool,
}

impl Gate {
    /// A closed gate.
    #[expect(clippy::new_without_default, reason = "starting a server is an act")]
    pub fn new() -> Self {
        let state = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let shared = Arc::clone(&state);
        let upstream = Upstream::start(move |_, stream| {
            let (state, changed) = &*shared;
            let mut state = state.lock().expect("no thread panicked");
            state.arrived += 1;
            changed.notify_all();
            while !state.open {
                state = changed.wait(state).expect("no thread panicked");
            }
            drop(state);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\ngo").is_ok()
        });
        Self { upstream, state }
    }

    /// Lua code that makes it known as `gate`.
    pub fn lua(&self) -> String {
        format!("local gate = \"{}\"", self.upstream.url("/"))
    }

    /// The flag that grants it.
    pub fn grant(&self) -> String {
        self.upstream.grant()
    }

    /// Waits until as many requests as this have come, in all.
    pub fn wait_for(&self, count: usize) {
        let (state, changed) = &*self.state;
        let state = state.lock().expect("no thread panicked");
        let waited = changed.wait_timeout_while(state, GUARD, |state| state.arrived < count);
        let (state, _) = waited.expect("no thread panicked");
        assert!(state.arrived >= count, "{} of {count} requests came", state.arrived);
    }

    /// Answers those that wait and all that come.
    pub fn open(&self) {
        let (state, changed) = &*self.state;
        state.lock().expect("no thread panicked").open = true;
        changed.notify_all();
    }
}
