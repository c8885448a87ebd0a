//! Whose certificates are believed: the public authorities', and those of the house.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

/// How many certificates a file may have.
const CERTIFICATES_MAX: usize = 100;

/// The authorities whose certificates are believed.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    house: Vec<CertificateDer<'static>>,
}

/// Why certificates of the house cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootsError {
    /// The text is no PEM.
    #[error("no certificates in PEM form: {0}")]
    Pem(String),
    /// There is none in it.
    #[error("there is no certificate in it")]
    Empty,
    /// There are too many.
    #[error("more than {CERTIFICATES_MAX} certificates")]
    TooMany,
    /// One of them cannot be an authority's.
    #[error("certificate {place} cannot be used: {reason}")]
    Unusable {
        /// Which, counted from 1.
        place: usize,
        /// Why.
        reason: String,
    },
}

impl Roots {
    /// The public authorities, as Mozilla keeps them; their list comes with the program.
    #[must_use]
    pub fn public() -> Self {
        Self::default()
    }

    /// The public authorities, and those whose certificates stand in the text of a PEM file.
    ///
    /// # Errors
    /// If the text has no certificates that can be used.
    pub fn with_house(pem: &[u8]) -> Result<Self, RootsError> {
        let mut house = Vec::new();
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| RootsError::Pem(error.to_string()))?;
            let place = house.len() + 1;
            if place > CERTIFICATES_MAX {
                return Err(RootsError::TooMany);
            }
            store.add(certificate.clone()).map_err(|error| RootsError::Unusable { place, reason: error.to_string() })?;
            house.push(certificate);
        }
        if house.is_empty() { Err(RootsError::Empty) } else { Ok(Self { house }) }
    }

    /// The certificates of the house.
    pub(crate) fn house(&self) -> &[CertificateDer<'static>] {
        &self.house
    }

    /// How a client of ours speaks TLS, 1.2 or 1.3: it believes these authorities, and has no certificate of its own.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut store = RootCertStore::empty();
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for certificate in &self.house {
            // Each was taken once already, when it was read.
            let _ = store.add(certificate.clone());
        }
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring knows the default versions of TLS")
            .with_root_certificates(store)
            .with_no_client_auth()
    }
}
