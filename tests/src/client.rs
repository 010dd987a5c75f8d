//! A raw HTTP client: bytes in, bytes out, so that a test sees exactly what is on the wire.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::GUARD;

/// One connection.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    buffered: Vec<u8>,
}

/// A response as it stood on the wire.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header section, without the status line.
    pub head: String,
    /// The body; decoded if it was chunked.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header field, of the first line with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).into_iter().next()
    }

    /// The values of all lines with this name.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Raw {
    /// Connects to a port of this machine.
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server accepts");
        stream.set_read_timeout(Some(GUARD)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("it can be set");
        Self { stream, buffered: Vec::new() }
    }

    /// Sends bytes; a peer that has closed is no failure.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Sends a request without a body on a kept-alive connection and reads the response.
    pub fn get(&mut self, path: &str) -> Response {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
        self.response()
    }

    /// Reads one response to a request that was not HEAD.
    pub fn response(&mut self) -> Response {
        self.read_response(false).expect("the server answers")
    }

    /// Reads one response to a HEAD request.
    pub fn head_response(&mut self) -> Response {
        self.read_response(true).expect("the server answers")
    }

    /// Reads one response; none if the server closed instead.
    pub fn read_response(&mut self, is_head: bool) -> Option<Response> {
        let mut response = self.read_head()?;
        let status = response.status;
        if is_head || status < 200 || status == 204 || status == 304 {
            return Some(response);
        }
        response.body = if response.header("transfer-encoding").is_some() {
            self.chunks()
        } else if let Some(length) = response.header("content-length") {
            let length = length.parse().expect("a number");
            self.exactly(length)
        } else {
            self.rest()
        };
        Some(response)
    }

    /// Reads the head of a response, whose body [`Self::chunk`] then gives.
    pub fn head(&mut self) -> Response {
        self.read_head().expect("the server answers")
    }

    fn read_head(&mut self) -> Option<Response> {
        let end = loop {
            if let Some(at) = find(&self.buffered, b"\r\n\r\n") {
                break at;
            }
            if !self.fill() {
                assert!(self.buffered.is_empty(), "half a head: {:?}", self.text());
                return None;
            }
        };
        let head: Vec<u8> = self.buffered.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let (line, head) = head.split_once("\r\n").expect("a status line");
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        Some(Response { status, head: head.trim_end().to_owned(), body: Vec::new() })
    }

    /// Reads until the server closes.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.buffered)
    }

    /// Asserts that the server closes without sending more.
    #[track_caller]
    pub fn expect_closed(&mut self) {
        let rest = self.rest();
        assert!(rest.is_empty(), "unexpected bytes: {:?}", String::from_utf8_lossy(&rest));
    }

    /// Reads this many bytes; none if the server closes before them.
    pub fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.buffered.len() < length {
            if !self.fill() {
                return None;
            }
        }
        Some(self.buffered.drain(..length).collect())
    }

    /// The connection itself.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The next chunk of a chunked body; empty at its end.
    ///
    /// # Errors
    /// What there is of the chunk, if the server closes before its end.
    pub fn chunk(&mut self) -> Result<Vec<u8>, Vec<u8>> {
        let end = loop {
            if let Some(at) = find(&self.buffered, b"\r\n") {
                break at;
            }
            if !self.fill() {
                return Err(std::mem::take(&mut self.buffered));
            }
        };
        let line: Vec<u8> = self.buffered.drain(..end + 2).collect();
        let size = String::from_utf8_lossy(&line);
        let size = usize::from_str_radix(size.trim(), 16).expect("a chunk size");
        while self.buffered.len() < size + 2 {
            if !self.fill() {
                return Err(std::mem::take(&mut self.buffered));
            }
        }
        let mut chunk = self.exactly(size + 2);
        chunk.truncate(size);
        Ok(chunk)
    }

    /// The next chunk as text.
    #[track_caller]
    pub fn chunk_text(&mut self) -> String {
        let chunk = self.chunk().expect("a whole chunk");
        String::from_utf8_lossy(&chunk).into_owned()
    }

    /// The rest of a chunked body, and whether it came to its end.
    pub fn rest_of_chunks(&mut self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        loop {
            match self.chunk() {
                Ok(chunk) if chunk.is_empty() => return (body, true),
                Ok(chunk) => body.extend(chunk),
                Err(part) => {
                    body.extend(part);
                    return (body, false);
                }
            }
        }
    }

    fn chunks(&mut self) -> Vec<u8> {
        let (body, ended) = self.rest_of_chunks();
        assert!(ended, "the body ended in the middle of a chunk");
        body
    }

    fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.buffered.len() < length {
            assert!(self.fill(), "the body has {} of {length} bytes", self.buffered.len());
        }
        self.buffered.drain(..length).collect()
    }

    /// Reads more; false at the end. A reset is an end.
    fn fill(&mut self) -> bool {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => false,
            Ok(count) => {
                self.buffered.extend(bytes.iter().take(count));
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => {
                panic!("nothing came within {GUARD:?}: {error}; so far {:?}", self.text())
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.buffered).into_owned()
    }
}

/// Sends a request with a body on a connection of its own; gives status and text of the answer.
pub fn send(port: u16, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut client = Raw::connect(port);
    let length = body.len();
    client.send(format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    let response = client.response();
    (response.status, response.text())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
