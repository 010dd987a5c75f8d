//! A relay between a client and a server, whose connections a test can cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The relay, on a free port of this machine; its threads end with the process.
#[derive(Debug)]
pub struct Relay {
    /// Its port.
    pub port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    is_cut: bool,
    open: Vec<TcpStream>,
}

impl Relay {
    /// Passes everything on to a port of this machine, and back.
    pub fn to(upstream: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut state = shared.lock().expect("no thread panicked");
                // While it is cut, a client meets a connection that ends at once.
                if state.is_cut {
                    continue;
                }
                let server = TcpStream::connect(("127.0.0.1", upstream)).expect("it accepts");
                state.open.extend([clone(&client), clone(&server)]);
                let (from, to) = (clone(&client), clone(&server));
                thread::spawn(move || pass_on(from, to));
                thread::spawn(move || pass_on(server, client));
            }
        });
        Self { port, state }
    }

    /// Ends all connections, and every one that comes.
    pub fn cut(&self) {
        let mut state = self.state.lock().expect("no thread panicked");
        state.is_cut = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Passes on again.
    pub fn mend(&self) {
        self.state.lock().expect("no thread panicked").is_cut = false;
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 16 * 1024];
    loop {
        match from.read(&mut bytes) {
            Ok(count @ 1..) if to.write_all(bytes.get(..count).unwrap_or_default()).is_ok() => {}
            _ => break,
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a socket can be cloned")
}
