//! A client of server-sent events that shows each event as it stands on the wire.

use crate::client::{Raw, Response};

/// An open event stream.
#[derive(Debug)]
pub struct Events {
    raw: Raw,
    text: String,
    /// The head of the response.
    pub head: Response,
}

impl Events {
    /// Asks a port of this machine for a stream, with these header lines beside `Host`.
    #[track_caller]
    pub fn open(port: u16, path: &str, lines: &[&str]) -> Self {
        let mut raw = Raw::connect(port);
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n{lines}\r\n"));
        let head = raw.head();
        assert_eq!(head.status, 200, "{}", head.head);
        assert!(
            head.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")),
            "{}",
            head.head
        );
        Self { raw, text: String::new(), head }
    }

    /// The lines of the next event or comment; none at the end of the stream, whole or broken.
    pub fn read(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = event.to_owned();
                self.text = rest.to_owned();
                return Some(event);
            }
            let chunk = self.raw.chunk().ok().filter(|chunk| !chunk.is_empty())?;
            self.text += std::str::from_utf8(&chunk).expect("event streams are UTF-8");
        }
    }

    /// The value of a field in the next event that has it.
    #[track_caller]
    pub fn next(&mut self, field: &str) -> String {
        loop {
            let event = self.read().expect("the stream goes on");
            let mut fields = event.lines().filter_map(|line| line.split_once(": "));
            if let Some((_, value)) = fields.find(|(name, _)| *name == field) {
                return value.to_owned();
            }
        }
    }
}
