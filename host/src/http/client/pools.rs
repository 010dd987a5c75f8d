//! The connections kept for further requests.
//!
//! The HTTP library's resolver sees a name without scheme and port, so there is one of its clients,
//! with one pool, for each script client and origin: its resolver knows what was checked, and a
//! connection can only be reused for what it was made for.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use url::Origin;

use super::fields::Bounds;
use crate::door::network::{CheckedUrl, Network};
use crate::failure::{Failure, Kind};
use crate::limits::{MAX_IDLE_PER_POOL, MAX_POOLS};

/// How long a connection may wait for its next request: shorter than most servers keep theirs.
const IDLE: Duration = Duration::from_secs(30);

/// HTTP/2 receive windows: what a server may send ahead of a script that does not read.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// What a server sees unless the script says otherwise; many refuse requests without one.
const USER_AGENT: &str = concat!("tidelock/", env!("CARGO_PKG_VERSION"));

/// The pools of all clients of a script, the least recently used dropped first.
#[derive(Default)]
pub(super) struct Pools {
    /// The most recently used last.
    kept: Mutex<Vec<(Key, Pool)>>,
}

/// The connections to one origin; clones are the same.
#[derive(Clone)]
pub(super) struct Pool {
    client: reqwest::Client,
    /// Whether an exchange has succeeded, so that a connection may be a kept one.
    answered: Arc<AtomicBool>,
}

impl Pool {
    pub(super) fn new(client: reqwest::Client) -> Self {
        Self { client, answered: Arc::default() }
    }

    pub(super) async fn execute(
        &self,
        request: reqwest::Request,
    ) -> reqwest::Result<reqwest::Response> {
        let result = self.client.execute(request).await;
        if result.is_ok() {
            self.answered.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Whether the next exchange may use a connection that the server has closed meanwhile.
    pub(super) fn may_be_stale(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }
}

/// Whose connections these are, where they lead and how they are made.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The number of the script's client.
    pub(super) client: u64,
    /// Where the connections lead, as it is written: `a.test.` and `a.test` may be two hosts.
    pub(super) origin: Origin,
    /// Fixed when a pool is made, because the library has it for all connections of a client.
    pub(super) connect_timeout: Option<Duration>,
}

impl Pools {
    /// The pool of `key`, if it is kept; it is the last to be dropped then.
    pub(super) fn find(&self, key: &Key) -> Option<Pool> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().rposition(|(other, _)| other == key)?;
        let entry = kept.remove(at);
        let pool = entry.1.clone();
        kept.push(entry);
        Some(pool)
    }

    /// Keeps a pool. One that is dropped for it finishes its exchanges and closes its idle connections.
    pub(super) fn keep(&self, key: Key, pool: Pool) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(other, _)| *other != key);
        if kept.len() >= MAX_POOLS {
            kept.remove(0);
        }
        kept.push((key, pool));
    }

    /// Drops the pools of a client.
    pub(super) fn forget(&self, client: u64) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(key, _)| key.client != client);
    }
}

/// Makes a pool for connections to the destination of `url`.
///
/// # Errors
/// - `tls`: the HTTP library refuses the configuration.
#[expect(clippy::disallowed_methods, reason = "its resolver is the door")]
pub(super) fn build(
    network: &Arc<Network>,
    url: &CheckedUrl,
    connect_timeout: Option<Duration>,
    tls: ClientConfig,
    bounds: Bounds,
) -> Result<Pool, Failure> {
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .dns_resolver(Door { network: Arc::clone(network), url: url.clone() })
        .tls_backend_preconfigured(tls)
        .user_agent(USER_AGENT)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(MAX_IDLE_PER_POOL)
        .http1_max_headers(bounds.lines)
        .http2_max_header_list_size(u32::try_from(bounds.bytes).unwrap_or(u32::MAX))
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW);
    if let Some(timeout) = connect_timeout {
        builder = builder.connect_timeout(timeout);
    }
    builder.build().map(Pool::new).map_err(|error| {
        Failure::new(
            Kind::Tls,
            format!("connections to {} cannot be set up: {error}", url.destination()),
        )
    })
}

/// Answers the HTTP library's look-ups, one for each new connection, through the network door.
struct Door {
    network: Arc<Network>,
    url: CheckedUrl,
}

impl Resolve for Door {
    fn resolve(&self, name: Name) -> Resolving {
        let network = Arc::clone(&self.network);
        let url = self.url.clone();
        Box::pin(async move {
            // The pool serves one origin; anything else would be a way past the check.
            if url.url().host_str() != Some(name.as_str()) {
                return Err(io::Error::other("look-up of a name that was not checked").into());
            }
            let addresses = network.addresses(&url).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use rustls::crypto::ring::default_provider;
    use url::Url;

    use super::*;

    fn key(client: u64, url: &str) -> Key {
        Key { client, origin: Url::parse(url).unwrap().origin(), connect_timeout: None }
    }

    fn pool() -> Pool {
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        Pool::new(reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap())
    }

    #[test]
    fn pools_are_found_by_client_and_origin_only() {
        let pools = Pools::default();
        pools.keep(key(1, "http://a.test/x"), pool());
        assert!(pools.find(&key(1, "http://a.test/y")).is_some());
        for other in [
            key(2, "http://a.test"),
            key(1, "https://a.test"),
            key(1, "http://a.test:81"),
            key(1, "https://a.test:80"),
            key(1, "http://a.test."),
        ] {
            assert!(pools.find(&other).is_none());
        }
        pools.forget(2);
        assert!(pools.find(&key(1, "http://a.test")).is_some());
        pools.forget(1);
        assert!(pools.find(&key(1, "http://a.test")).is_none());
    }

    #[test]
    fn the_least_recently_used_pool_is_dropped_first() {
        let pools = Pools::default();
        for client in 0..MAX_POOLS as u64 {
            pools.keep(key(client, "http://a.test"), pool());
        }
        assert!(pools.find(&key(0, "http://a.test")).is_some());
        pools.keep(key(1000, "http://a.test"), pool());
        assert!(pools.find(&key(0, "http://a.test")).is_some());
        assert!(pools.find(&key(1, "http://a.test")).is_none());
        assert_eq!(pools.kept.lock().unwrap().len(), MAX_POOLS);
    }
}
