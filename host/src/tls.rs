//! Which certificate authorities the clients of a script trust.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

use crate::failure::{Failure, Kind};

/// The operating system's certificate roots, read once by the first request that needs them; clones
/// share them. One is made per process and handed to every run.
#[derive(Clone, Default)]
pub struct SystemRoots {
    roots: Arc<OnceCell<Arc<RootCertStore>>>,
}

impl SystemRoots {
    async fn load(&self) -> Result<&Arc<RootCertStore>, Failure> {
        self.roots
            .get_or_try_init(|| async {
                // Hundreds of kilobytes of files to parse: not on the thread of the event loop.
                tokio::task::spawn_blocking(read_roots).await.map_err(|error| {
                    tls(format!("failed to read the system's certificate roots: {error}"))
                })
            })
            .await
    }
}

/// What one client trusts: the system's roots and the certificates its script gave.
///
/// TLS sessions are resumed within one client only, as connections are.
pub(crate) struct Trust {
    system: SystemRoots,
    extra: RootCertStore,
    config: OnceCell<ClientConfig>,
}

impl Trust {
    /// The system's roots alone.
    pub(crate) fn system(system: SystemRoots) -> Self {
        Self { system, extra: RootCertStore::empty(), config: OnceCell::new() }
    }

    /// Adds the certificates of `pem` to the system's roots.
    ///
    /// # Errors
    /// - `invalid`: `pem` holds no certificate, or one that cannot be used.
    pub(crate) fn new(system: SystemRoots, pem: Option<&[u8]>) -> Result<Self, Failure> {
        let mut extra = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.unwrap_or_default()) {
            let certificate =
                certificate.map_err(|error| invalid(format!("is not PEM: {error}")))?;
            extra.add(certificate).map_err(|error| {
                invalid(format!("holds a certificate that cannot be used: {error}"))
            })?;
        }
        if pem.is_some() && extra.is_empty() {
            return Err(invalid("holds no certificate".to_owned()));
        }
        Ok(Self { system, extra, config: OnceCell::new() })
    }

    /// The TLS configuration for `https`.
    ///
    /// # Errors
    /// - `tls`: there is nothing to trust.
    pub(crate) async fn config(&self) -> Result<ClientConfig, Failure> {
        let config = self
            .config
            .get_or_try_init(|| async {
                let mut roots = Arc::clone(self.system.load().await?);
                if !self.extra.is_empty() {
                    let mut both = RootCertStore::clone(&roots);
                    both.extend(self.extra.roots.iter().cloned());
                    roots = Arc::new(both);
                }
                if roots.is_empty() {
                    return Err(tls(
                        "the system has no certificate roots and the client was given none"
                            .to_owned(),
                    ));
                }
                configure(roots)
            })
            .await?;
        Ok(config.clone())
    }
}

/// The TLS configuration for origins without TLS, which the HTTP library asks for all the same. It
/// trusts nobody, and making it reads no files.
///
/// # Errors
/// - `tls`: the TLS library refuses its own defaults.
pub(crate) fn nobody() -> Result<ClientConfig, Failure> {
    configure(Arc::new(RootCertStore::empty()))
}

fn configure(roots: Arc<RootCertStore>) -> Result<ClientConfig, Failure> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| tls(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The system's roots that can be used; those that cannot are not worth failing for.
fn read_roots() -> Arc<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!("failed to read a certificate root: {error}");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    Arc::new(roots)
}

fn tls(message: String) -> Failure {
    Failure::new(Kind::Tls, message)
}

fn invalid(why: String) -> Failure {
    Failure::new(
        Kind::Invalid,
        format!("the certificates of the client cannot be used: the text {why}"),
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn text_without_a_usable_certificate_is_invalid() {
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let no_base64 = b"-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n";
        for pem in [&b""[..], b"no PEM", broken, no_base64] {
            let failure = Trust::new(SystemRoots::default(), Some(pem)).err().unwrap();
            assert_eq!(failure.kind, Kind::Invalid, "{}", failure.message);
        }
    }
}
