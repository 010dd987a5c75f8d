//! A server that a script calls: it answers what the test tells it to and remembers what it was sent.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// One request as it stood on the wire.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Method, target and version.
    pub line: String,
    /// The header lines.
    pub head: Vec<String>,
    /// The body, by `Content-Length`.
    pub body: Vec<u8>,
}

impl Seen {
    /// The values of all lines with this name.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        self.head
            .iter()
            .filter_map(|line| line.split_once(':'))
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }
}

/// A server on a free port of this machine; its threads end with the process.
#[derive(Debug)]
pub struct Upstream {
    /// Its port.
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    reached: Arc<Mutex<Vec<IpAddr>>>,
}

impl Upstream {
    /// Answers each request by `answer`, which writes raw bytes; the connection is closed when it
    /// returns false.
    pub fn start(answer: impl Fn(&Seen, &mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0", answer)
    }

    /// As [`Upstream::start`], at this address; `[::]` is every address of this machine.
    pub fn at(
        address: &str,
        answer: impl Fn(&Seen, &mut TcpStream) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).expect("the port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let reached = Arc::new(Mutex::new(Vec::new()));
        let (answer, log, connections) =
            (Arc::new(answer), Arc::clone(&seen), Arc::clone(&reached));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let here = stream.local_addr().expect("a connection has two ends");
                let here = here.ip().to_canonical();
                connections.lock().expect("no thread panicked").push(here);
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                thread::spawn(move || serve(stream, &*answer, &log));
            }
        });
        Self { port, seen, reached }
    }

    /// Answers every request with these bytes and keeps the connection.
    pub fn always(response: impl Into<Vec<u8>>) -> Self {
        let response = response.into();
        Self::start(move |_, stream| stream.write_all(&response).is_ok())
    }

    /// Answers every request with 200 and this body.
    pub fn text(body: &str) -> Self {
        Self::always(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    }

    /// `http://127.0.0.1:PORT` and this path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The flag that grants it.
    pub fn grant(&self) -> String {
        format!("--allow-net=127.0.0.1:{}", self.port)
    }

    /// The address of this machine that each connection so far was made to.
    pub fn reached(&self) -> Vec<String> {
        self.reached.lock().expect("no thread panicked").iter().map(IpAddr::to_string).collect()
    }

    /// What it was sent so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no thread panicked").clone()
    }
}

fn serve(
    mut stream: TcpStream,
    answer: &dyn Fn(&Seen, &mut TcpStream) -> bool,
    log: &Mutex<Vec<Seen>>,
) {
    let Ok(reading) = stream.try_clone() else { return };
    let mut reader = BufReader::new(reading);
    while let Some(request) = read_request(&mut reader) {
        log.lock().expect("no thread panicked").push(request.clone());
        if !answer(&request, &mut stream) {
            return;
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Seen> {
    let mut request = Seen { line: read_line(reader)?, ..Seen::default() };
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            break;
        }
        request.head.push(line);
    }
    let length = request.headers("content-length").first().and_then(|value| value.parse().ok());
    request.body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

fn read_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    match reader.read_line(&mut line) {
        Ok(count) if count > 0 => Some(line.trim_end().to_owned()),
        _ => None,
    }
}
