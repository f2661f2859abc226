//! What the relay shows of itself over TLS, and how it speaks it: 1.2 and 1.3,
//! without anything kept between connections.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;

/// Why a pair is of no use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The chain has no certificate in it, or a damaged one.
    #[error("there is no certificate in PEM form in it")]
    NoCertificate,
    /// The key cannot be read.
    #[error("there is no private key in PEM form in it")]
    NoKey,
    /// The key is of a kind that is not known, or of another certificate.
    #[error("the private key does not belong to the certificate, or is of no known kind: {0}")]
    Mismatch(rustls::Error),
    /// Cryptography fails.
    #[error("no cryptography: {0}")]
    Crypto(rustls::Error),
}

/// A chain of certificates, its key, and what is spoken with them.
#[derive(Clone)]
pub struct TlsIdentity(Arc<ServerConfig>);

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsIdentity([redacted])")
    }
}

impl TlsIdentity {
    /// Reads a pair in PEM form; our own certificate comes first.
    ///
    /// # Errors
    ///
    /// [`TlsError`] says which of the two is of no use, and why.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or(TlsError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::NoKey)?;
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Crypto)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(TlsError::Mismatch)?;
        // Who comes back brings what it takes in a ticket: a phone that changes
        // its network saves a signature of ours, and nothing is kept for it.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = ring::Ticketer::new().map_err(TlsError::Crypto)?;
        config.send_tls13_tickets = 1;
        Ok(Self(Arc::new(config)))
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn a_pair_is_read_and_what_is_none_is_named() {
        let ((chain, key), (_, other_key)) = (pem("a.example"), pem("b.example"));
        let read = |chain: &str, key: &str| {
            TlsIdentity::from_pem(chain.as_bytes(), key.as_bytes()).map(drop)
        };
        assert!(read(&chain, &key).is_ok());
        let both = format!("{key}{chain}");
        assert!(read(&both, &both).is_ok(), "one file may hold both");
        assert!(matches!(read(&key, &key), Err(TlsError::NoCertificate)));
        assert!(matches!(read("", &key), Err(TlsError::NoCertificate)));
        assert!(matches!(read(&chain, &chain), Err(TlsError::NoKey)));
        assert!(matches!(
            read(&chain, &other_key),
            Err(TlsError::Mismatch(_))
        ));
    }
}
