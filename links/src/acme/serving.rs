//! What the listener serves: the certificate in force, and what proves our names while an order is under way.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::{
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{AcmeError, Certificate};

/// What the authority asks for when it looks at a proof (RFC 8737, 6.2).
pub const ACME_TLS: &[u8] = b"acme-tls/1";

/// The certificate in force and the proofs. As many proofs as there are names in one order, for as long as that takes.
#[derive(Debug, Default)]
pub struct Certificates {
    in_force: RwLock<Option<Certificate>>,
    /// By name.
    proofs: RwLock<BTreeMap<String, Arc<CertifiedKey>>>,
    /// By token.
    answers: RwLock<BTreeMap<String, String>>,
}

impl Certificates {
    /// The certificate in force.
    #[must_use]
    pub fn in_force(&self) -> Option<Certificate> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn put(&self, certificate: Certificate) {
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = Some(certificate);
    }

    /// Proves a name by a certificate with the authorization's digest in it (RFC 8737, 3).
    pub(super) fn prove(&self, name: &str, digest: &[u8]) -> Result<(), AcmeError> {
        let unusable = |error: &dyn std::fmt::Display| AcmeError::Answer(format!("no proof can be made of it: {error}"));
        // The library takes exactly the length of a SHA-256.
        let digest: [u8; 32] = digest.try_into().map_err(|error| unusable(&error))?;
        let mut params = CertificateParams::new([name.to_owned()]).map_err(|error| unusable(&error))?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(&digest)];
        let pair = KeyPair::generate().map_err(|error| unusable(&error))?;
        let certificate = params.self_signed(&pair).map_err(|error| unusable(&error))?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
        let signer = ring::sign::any_supported_type(&private).map_err(|error| unusable(&error))?;
        let key = Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signer));
        self.proofs.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_ascii_lowercase(), key);
        Ok(())
    }

    /// Proves a name by an answer over plain HTTP (RFC 8555, 8.3).
    pub(super) fn answer(&self, token: &str, answer: &str) {
        self.answers.write().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned(), answer.to_owned());
    }

    /// What is answered to a plain request for this path, if it is the authority's.
    #[must_use]
    pub fn answer_to(&self, path: &str) -> Option<String> {
        let token = path.strip_prefix("/.well-known/acme-challenge/")?;
        self.answers.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    pub(super) fn forget_challenges(&self) {
        self.proofs.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.answers.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // The authority offers nothing else; whoever does shall not be served by a proof, and the authority by nothing else.
        let mut offered = hello.alpn().into_iter().flatten();
        if offered.next() == Some(ACME_TLS) && offered.next().is_none() {
            let name = hello.server_name()?.to_ascii_lowercase();
            return self.proofs.read().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        }
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|certificate| Arc::clone(certificate.key()))
    }
}
