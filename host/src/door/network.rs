//! The door to the network.
//!
//! A script's URL becomes a [`CheckedUrl`], and only that becomes addresses to dial. Everything
//! that connects goes through here, on the first request, on each redirect and on each new
//! connection. The rules themselves are in [`crate::grants::net`].

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

use crate::audit::{Audit, Event};
use crate::door::lookup::{Resolver, System};
use crate::failure::{Failure, Kind, cause};
use crate::grants::net::address::canonical;
use crate::grants::net::{Decision, Destination, NetGrants};
use crate::limits::{MAX_ADDRESSES, MAX_URL};

/// Decides, for one run, what may be connected to.
pub struct Network {
    grants: Arc<NetGrants>,
    audit: Audit,
    resolver: Arc<dyn Resolver>,
}

/// A URL that the grants allow as it is written. Only [`Network::check`] makes one.
#[derive(Clone, Debug)]
pub struct CheckedUrl {
    url: Url,
    destination: Destination,
    capability: &'static str,
}

impl CheckedUrl {
    /// The URL; it holds no userinfo.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Where it leads.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Whether the host is an address, which needs no look-up.
    pub fn is_literal(&self) -> bool {
        !matches!(self.url.host(), Some(Host::Domain(_)))
    }

    /// Scheme, host and port as text, for the audit log.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.url.scheme(), self.destination)
    }
}

impl Network {
    /// A door with the operating system's resolver.
    pub fn new(grants: Arc<NetGrants>, audit: Audit) -> Self {
        Self::with_resolver(grants, audit, Arc::new(System::new()))
    }

    /// A door that looks names up with `resolver`.
    pub fn with_resolver(
        grants: Arc<NetGrants>,
        audit: Audit,
        resolver: Arc<dyn Resolver>,
    ) -> Self {
        Self { grants, audit, resolver }
    }

    /// The log of this run, for the operations behind the door.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Parses `url` as the WHATWG URL standard does and decides about it as it is written. No name
    /// is looked up.
    ///
    /// # Errors
    /// - `invalid`: it is no URL, too long, of another scheme than `http`, `https`, `ws` or `wss`,
    ///   no rule could name its host and port, or it holds a user name or password.
    /// - `denied`: it is not granted; the message names the flag that would grant it.
    pub fn check(&self, capability: &'static str, url: &str) -> Result<CheckedUrl, Failure> {
        // Before parsing, which takes time and memory in proportion.
        if url.len() > MAX_URL {
            return Err(too_long());
        }
        let url = Url::parse(url).map_err(|error| {
            Failure::new(Kind::Invalid, format!("the URL cannot be used: {error}"))
        })?;
        self.check_url(capability, url)
    }

    /// As [`Network::check`], for a URL that is parsed already, such as the next of a redirect chain.
    ///
    /// # Errors
    /// As [`Network::check`].
    pub fn check_url(&self, capability: &'static str, url: Url) -> Result<CheckedUrl, Failure> {
        if url.as_str().len() > MAX_URL {
            return Err(too_long());
        }
        let Some(destination) = Destination::of(&url) else {
            let why = match url.scheme() {
                "http" | "https" | "ws" | "wss" => {
                    "no rule could name its host and port".to_owned()
                }
                other => format!(
                    "its scheme must be http, https, ws or wss, not {}",
                    other.chars().take(16).collect::<String>()
                ),
            };
            return Err(Failure::new(Kind::Invalid, format!("the URL cannot be used: {why}")));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::new(
                Kind::Invalid,
                "the URL cannot be used: it holds a user name or password (send an Authorization header instead)",
            ));
        }
        let checked = CheckedUrl { url, destination, capability };
        let decision = self.grants.destination(&checked.destination);
        self.record(&checked, "check", None, decision);
        match decision {
            Decision::Allowed(_) => Ok(checked),
            Decision::Denied(rule) => Err(forbidden(&checked.destination, rule)),
            Decision::Missing => Err(Failure::new(
                Kind::Denied,
                format!(
                    "net access to {0} is not granted (run with {1})",
                    checked.destination,
                    checked.destination.flag()
                ),
            )),
        }
    }

    /// The addresses that may be dialled for `url`: looked up once, each decided in its canonical
    /// form, never empty.
    ///
    /// # Errors
    /// - `dns`: the name has no address.
    /// - `denied`: it has addresses, and none may be dialled; the message names them and the flag.
    pub async fn addresses(&self, url: &CheckedUrl) -> Result<Vec<SocketAddr>, Failure> {
        let mut found = self.look_up(url).await?;
        found.truncate(MAX_ADDRESSES);
        let mut allowed = Vec::with_capacity(found.len());
        let mut missing = Vec::new();
        let mut forbidding = None;
        for address in found {
            let decision = self.grants.address(&url.destination, address.ip());
            self.record(url, "connect", Some(address.ip()), decision);
            match decision {
                Decision::Allowed(_) => allowed.push(address),
                Decision::Denied(rule) => forbidding = Some(rule),
                Decision::Missing => missing.push(canonical(address.ip())),
            }
        }
        match (allowed.is_empty(), forbidding) {
            (false, _) => Ok(allowed),
            (true, Some(rule)) => Err(forbidden(&url.destination, rule)),
            (true, None) => Err(resolves_elsewhere(&url.destination, missing)),
        }
    }

    /// A connection to one of the addresses of `url`, which are tried in turn.
    ///
    /// # Errors
    /// As [`Network::addresses`], and
    /// - `timeout`: none was made before `deadline`.
    /// - `connect`: the last address refused.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the door, and these are checked addresses"
    )]
    pub async fn connect(&self, url: &CheckedUrl, deadline: Instant) -> Result<TcpStream, Failure> {
        let destination = &url.destination;
        let too_late =
            |_| Failure::new(Kind::Timeout, format!("connecting to {destination} took too long"));
        let addresses = timeout_at(deadline, self.addresses(url)).await.map_err(too_late)??;
        let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        let mut last = io::Error::other("no address");
        for address in addresses {
            // One that does not answer leaves the others their share of the time.
            let now = Instant::now();
            let share = now + deadline.saturating_duration_since(now) / left.max(1);
            left = left.saturating_sub(1);
            match timeout_at(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Small messages are not to wait for each other; a socket that cannot is slower.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = error,
                Err(late) if left == 0 => return Err(too_late(late)),
                Err(_) => {}
            }
        }
        Err(Failure::new(
            Kind::Connect,
            format!("cannot connect to {destination}: {}", cause(&last)),
        ))
    }

    async fn look_up(&self, url: &CheckedUrl) -> Result<Vec<SocketAddr>, Failure> {
        let port = url.destination.port();
        let name = match url.url.host() {
            Some(Host::Ipv4(address)) => return Ok(vec![SocketAddr::new(address.into(), port)]),
            Some(Host::Ipv6(address)) => return Ok(vec![SocketAddr::new(address.into(), port)]),
            Some(Host::Domain(name)) => name,
            None => "",
        };
        match self.resolver.look_up(name, port).await {
            Ok(found) if !found.is_empty() => Ok(found),
            Ok(_) => Err(Failure::new(Kind::Dns, format!("{name} has no address"))),
            Err(error) => Err(Failure::new(Kind::Dns, format!("cannot resolve {name}: {error}"))),
        }
    }

    fn record(
        &self,
        url: &CheckedUrl,
        operation: &'static str,
        address: Option<IpAddr>,
        decision: Decision<'_>,
    ) {
        let target = match address {
            Some(address) => format!("{} at {address}", url.origin()),
            None => url.origin(),
        };
        let event = Event { capability: url.capability, operation, target: &target };
        match decision {
            Decision::Allowed(rule) => self.audit.decision(event, true, Some(rule)),
            Decision::Denied(rule) => self.audit.decision(event, false, Some(rule)),
            Decision::Missing => self.audit.decision(event, false, None),
        }
    }
}

fn too_long() -> Failure {
    Failure::new(
        Kind::Invalid,
        format!("the URL cannot be used: it is longer than {MAX_URL} bytes"),
    )
}

fn forbidden(destination: &Destination, rule: &str) -> Failure {
    Failure::new(
        Kind::Denied,
        format!("net access to {destination} is denied (by --deny-net={rule})"),
    )
}

fn resolves_elsewhere(destination: &Destination, mut addresses: Vec<IpAddr>) -> Failure {
    addresses.sort_unstable();
    addresses.dedup();
    let shown: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    let flag = destination.address_flag(&addresses);
    let why = match destination.is_localhost() {
        // Nothing is wrong with the answer: the name itself was not named by a rule.
        true if addresses.iter().all(IpAddr::is_loopback) => String::new(),
        true => format!(": it resolves to {}, which is not loopback", shown.join(", ")),
        false => format!(": it resolves to {}, which is not public", shown.join(", ")),
    };
    Failure::new(
        Kind::Denied,
        format!("net access to {destination} is not granted{why} (run with {flag})"),
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::VecDeque;
    use std::io;
    use std::sync::Mutex;

    use super::*;
    use crate::door::lookup::Answer;

    /// Answers look-ups with prepared lists, one after the other, and keeps what was asked.
    #[derive(Default)]
    struct Prepared {
        answers: Mutex<VecDeque<Vec<&'static str>>>,
        asked: Mutex<Vec<String>>,
    }

    impl Resolver for Prepared {
        fn look_up(&self, name: &str, port: u16) -> Answer {
            self.asked.lock().unwrap().push(name.to_owned());
            let answer = self.answers.lock().unwrap().pop_front();
            Box::pin(async move {
                let answer = answer.ok_or_else(|| io::Error::other("no such name"))?;
                Ok(answer
                    .into_iter()
                    .map(|ip| SocketAddr::new(ip.parse().unwrap(), port))
                    .collect())
            })
        }
    }

    fn door(rules: &[&str], answers: &[&[&'static str]]) -> (Network, Arc<Prepared>) {
        let mut grants = NetGrants::default();
        for rule in rules {
            match rule.strip_prefix('!') {
                Some(rule) => grants.deny(rule).unwrap(),
                None if *rule == "all" => grants.allow_all(),
                None => grants.allow(rule).unwrap(),
            }
        }
        let resolver = Arc::new(Prepared::default());
        resolver.answers.lock().unwrap().extend(answers.iter().map(|answer| answer.to_vec()));
        (Network::with_resolver(Arc::new(grants), Audit::default(), resolver.clone()), resolver)
    }

    fn check(door: &Network, url: &str) -> Result<CheckedUrl, Failure> {
        door.check("http-client", url)
    }

    async fn dial(door: &Network, url: &str) -> Result<Vec<String>, String> {
        let checked = check(door, url).map_err(|failure| failure.message)?;
        let addresses = door.addresses(&checked).await.map_err(|failure| failure.message)?;
        Ok(addresses.iter().map(SocketAddr::to_string).collect())
    }

    #[test]
    fn a_denial_names_the_flag() {
        let (door, _) = door(&["!evil.test"], &[]);
        for (url, message) in [
            (
                "https://api.example.com/x?secret=1",
                "net access to api.example.com:443 is not granted (run with --allow-net=api.example.com)",
            ),
            (
                "http://api.example.com:8080",
                "net access to api.example.com:8080 is not granted (run with --allow-net=api.example.com:8080)",
            ),
            (
                "http://0x7f.1/",
                "net access to 127.0.0.1:80 is not granted (run with --allow-net=127.0.0.1)",
            ),
            (
                "http://[::1]:81/",
                "net access to [::1]:81 is not granted (run with --allow-net=[::1]:81)",
            ),
            (
                "http://public/",
                "net access to public:80 is not granted (run with --allow-net=public.)",
            ),
            ("http://evil.test/", "net access to evil.test:80 is denied (by --deny-net=evil.test)"),
        ] {
            let failure = check(&door, url).unwrap_err();
            assert_eq!((failure.kind, failure.message.as_str()), (Kind::Denied, message));
        }
    }

    #[test]
    fn what_is_no_usable_url_is_invalid_and_not_repeated() {
        let (door, _) = door(&["all"], &[]);
        let long = format!("http://a.test/{}", "s".repeat(MAX_URL));
        let grows = format!("http://a.test/{}", "\u{fc}".repeat(MAX_URL / 4));
        for url in [
            "",
            "secret",
            "/secret",
            "//secret.test",
            "http://",
            "file:///secret",
            "ftp://secret.test",
            "data:,secret",
            "javascript:secret",
            "unix:/secret",
            "http://secret@a.test",
            "http://:secret@a.test",
            "http://secret\0.test",
            "http://secret test",
            "http://[::1",
            "http://a.test:99999",
            "http://999.999.999.999",
            "http://1.2.3.4.5",
            "http://secret,public",
            "http://*.secret.test",
            "http://$(secret)",
            "http://secret;a.test",
            "http://secret'a.test",
            "http://secret=a.test",
            &long,
            &grows,
        ] {
            let failure = check(&door, url).unwrap_err();
            assert_eq!(failure.kind, Kind::Invalid, "{url}");
            assert!(!failure.message.contains("secret"), "{}", failure.message);
        }
    }

    #[tokio::test]
    async fn an_ungranted_name_is_not_looked_up() {
        let (door, resolver) = door(&["a.test", "10.0.0.0/8"], &[]);
        dial(&door, "http://b.test").await.unwrap_err();
        dial(&door, "http://a.test:81").await.unwrap_err();
        assert!(resolver.asked.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_literal_is_never_looked_up() {
        let (door, resolver) = door(&["127.0.0.1:8080", "public"], &[]);
        assert_eq!(dial(&door, "http://2130706433:8080").await.unwrap(), ["127.0.0.1:8080"]);
        assert_eq!(
            dial(&door, "http://[::ffff:127.0.0.1]:8080").await.unwrap(),
            ["[::ffff:127.0.0.1]:8080"]
        );
        assert_eq!(
            dial(&door, "http://[64:ff9b::808:808]").await.unwrap(),
            ["[64:ff9b::808:808]:80"]
        );
        assert!(resolver.asked.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_name_that_moves_to_a_private_address_is_refused() {
        let (door, resolver) = door(
            &["a.test:8080"],
            &[&["8.8.8.8"], &["10.0.0.5"], &["::ffff:127.0.0.1", "64:ff9b::a00:5"]],
        );
        assert_eq!(dial(&door, "http://a.test:8080").await.unwrap(), ["8.8.8.8:8080"]);
        assert_eq!(
            dial(&door, "http://a.test:8080").await.unwrap_err(),
            "net access to a.test:8080 is not granted: it resolves to 10.0.0.5, which is not public (run with --allow-net=10.0.0.5:8080)"
        );
        assert_eq!(
            dial(&door, "http://a.test:8080").await.unwrap_err(),
            "net access to a.test:8080 is not granted: it resolves to 10.0.0.5, 127.0.0.1, which is not public (run with --allow-net=10.0.0.5:8080,127.0.0.1:8080)"
        );
        assert_eq!(resolver.asked.lock().unwrap().len(), 3, "each connection looks up once");
    }

    #[tokio::test]
    async fn of_mixed_answers_only_the_public_ones_are_dialled() {
        let (door, _) = door(
            &["public", "!9.9.9.9"],
            &[&["127.0.0.1", "8.8.8.8", "::1", "9.9.9.9", "2606:4700::1111"], &["9.9.9.9"]],
        );
        assert_eq!(
            dial(&door, "http://a.test").await.unwrap(),
            ["8.8.8.8:80", "[2606:4700::1111]:80"]
        );
        assert_eq!(
            dial(&door, "http://a.test").await.unwrap_err(),
            "net access to a.test:80 is denied (by --deny-net=9.9.9.9)"
        );
    }

    #[tokio::test]
    async fn localhost_must_be_loopback() {
        let (granted, _) = door(&["localhost:81"], &[&["127.0.0.1", "::1"], &["8.8.8.8"]]);
        assert_eq!(
            dial(&granted, "http://localhost:81").await.unwrap(),
            ["127.0.0.1:81", "[::1]:81"]
        );
        assert_eq!(
            dial(&granted, "http://localhost:81").await.unwrap_err(),
            "net access to localhost:81 is not granted: it resolves to 8.8.8.8, which is not loopback (run with --allow-net=8.8.8.8:81)"
        );
        let (public, _) = door(&["public:*"], &[&["127.0.0.1"]]);
        assert_eq!(
            dial(&public, "http://localhost:81").await.unwrap_err(),
            "net access to localhost:81 is not granted (run with --allow-net=localhost:81)"
        );
    }

    #[tokio::test]
    async fn a_name_without_addresses_is_a_dns_failure() {
        let (door, _) = door(&["a.test"], &[&[]]);
        let checked = check(&door, "http://a.test/?secret").unwrap();
        for message in ["a.test has no address", "cannot resolve a.test: no such name"] {
            let failure = door.addresses(&checked).await.unwrap_err();
            assert_eq!((failure.kind, failure.message.as_str()), (Kind::Dns, message));
        }
    }
}
