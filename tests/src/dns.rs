//! A name server that answers what a test tells it to and remembers what it was asked.
//!
//! Only as much of RFC 1035 as a stub resolver's single question needs.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

/// Class and time to live of every record; nobody is to keep one.
const IN_AND_TTL: [u8; 6] = [0, 1, 0, 0, 0, 0];

/// What a query asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The name, in lower case, without the final dot.
    pub name: String,
    /// The type: 1 is an IPv4 address, 28 an IPv6 address.
    pub kind: u16,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            1 => write!(f, "{} A", self.name),
            28 => write!(f, "{} AAAA", self.name),
            other => write!(f, "{} TYPE{other}", self.name),
        }
    }
}

/// What a query is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These records, of the addresses only those of the type that was asked for.
    Records(Vec<Record>),
    /// There is no such name.
    NoSuchName,
    /// Nothing at all.
    Silence,
    /// That the answer does not fit, and must be asked for by TCP, where nobody listens.
    Truncated,
    /// These bytes, behind the number of the query.
    Bytes(Vec<u8>),
}

/// One record; it belongs to the name of the question, or to the alias before it.
#[derive(Clone, Debug)]
pub enum Record {
    /// An address.
    Address(IpAddr),
    /// Another name, whose records follow.
    Alias(String),
}

impl Answer {
    /// An answer of addresses, and of aliases for what is none.
    pub fn of(records: &[&str]) -> Self {
        let record = |text: &&str| match text.parse() {
            Ok(address) => Record::Address(address),
            Err(_) => Record::Alias((*text).to_owned()),
        };
        Self::Records(records.iter().map(record).collect())
    }
}

/// A name server on port 53 of 127.0.0.1, which must be free: see [`crate::internet`].
#[derive(Debug)]
pub struct Dns {
    asked: Arc<Mutex<Vec<Question>>>,
}

impl Dns {
    /// Answers each question by `answer`, which also learns how often it was asked before.
    pub fn start(answer: impl Fn(&Question, usize) -> Answer + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:53").expect("port 53 is free");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            let mut times = BTreeMap::new();
            let mut packet = [0; 2048];
            while let Ok((length, peer)) = socket.recv_from(&mut packet) {
                let query = packet.get(..length).unwrap_or_default();
                let (question, end) = parse(query).expect("a resolver asks one question");
                log.lock().expect("no thread panicked").push(question.clone());
                let count = times.entry(question.clone()).or_insert(0);
                let answer = answer(&question, *count);
                *count += 1;
                if let Some(reply) = reply(query, end, &question, &answer) {
                    let _ = socket.send_to(&reply, peer);
                }
            }
        });
        Self { asked }
    }

    /// What it was asked so far, in order, such as `example.com A`.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no thread panicked").iter().map(Question::to_string).collect()
    }

    /// How often this was asked, such as `example.com A`.
    pub fn count(&self, question: &str) -> usize {
        self.asked().iter().filter(|asked| *asked == question).count()
    }
}

/// The question of a query, and where it ends.
fn parse(query: &[u8]) -> Option<(Question, usize)> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes(query.get(at..at + 2)?.try_into().ok()?);
    Some((Question { name: labels.join("."), kind }, at + 4))
}

fn reply(query: &[u8], end: usize, question: &Question, answer: &Answer) -> Option<Vec<u8>> {
    let head = |flags: u16, answers: u16| {
        let mut reply = query.get(..2).unwrap_or_default().to_vec();
        for number in [flags, 1, answers, 0, 0] {
            reply.extend(number.to_be_bytes());
        }
        reply.extend(query.get(12..end).unwrap_or_default());
        reply
    };
    match answer {
        Answer::Silence => None,
        Answer::NoSuchName => Some(head(0x8183, 0)),
        Answer::Truncated => Some(head(0x8380, 0)),
        Answer::Bytes(bytes) => Some([query.get(..2).unwrap_or_default(), bytes].concat()),
        Answer::Records(records) => {
            let mut owner = name(&question.name);
            let (mut body, mut count) = (Vec::new(), 0);
            for record in records {
                let (kind, data): (u16, _) = match record {
                    Record::Address(IpAddr::V4(address)) => (1, address.octets().to_vec()),
                    Record::Address(IpAddr::V6(address)) => (28, address.octets().to_vec()),
                    Record::Alias(alias) => (5, name(alias)),
                };
                if kind != 5 && kind != question.kind {
                    continue;
                }
                body.extend(&owner);
                body.extend(kind.to_be_bytes());
                body.extend(IN_AND_TTL);
                body.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
                body.extend(&data);
                count += 1;
                if kind == 5 {
                    owner = data;
                }
            }
            Some([head(0x8180, count), body].concat())
        }
    }
}

fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.') {
        bytes.push(u8::try_from(label.len()).expect("a label is short"));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}
