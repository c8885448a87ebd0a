//! A certificate with its key: for which names, and for how long.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use x509_parser::{extensions::GeneralName, prelude::FromDer as _};

/// Why a certificate cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is no certificate with a key.
    #[error("{0}")]
    Form(String),
    /// It is for other names than those ordered.
    #[error("it is for other names")]
    Names,
}

/// A chain of certificates and the key of the first.
#[derive(Debug, Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    names: Vec<String>,
    begins: SystemTime,
    ends: SystemTime,
}

impl Certificate {
    /// Reads a chain and its key out of one PEM text.
    ///
    /// # Errors
    /// If there are none, or they do not belong together.
    pub fn of_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        let form = |error: &dyn std::fmt::Display| CertificateError::Form(error.to_string());
        let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(|error| form(&error))?;
        let private = PrivateKeyDer::from_pem_slice(pem).map_err(|error| form(&error))?;
        let first = chain.first().ok_or_else(|| form(&"there is no certificate in it"))?;
        let (names, begins, ends) = read(first)?;
        let signer = ring::sign::any_supported_type(&private).map_err(|error| form(&error))?;
        let key = CertifiedKey::new(chain, signer);
        key.keys_match().map_err(|error| form(&error))?;
        Ok(Self { key: Arc::new(key), names, begins, ends })
    }

    /// What it is signed with.
    #[must_use]
    pub fn key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }

    /// Until when it is good.
    #[must_use]
    pub fn ends(&self) -> SystemTime {
        self.ends
    }

    /// When it is to be renewed: at two thirds of its life.
    #[must_use]
    pub fn renewal(&self) -> SystemTime {
        self.begins + self.ends.duration_since(self.begins).unwrap_or_default() * 2 / 3
    }

    /// Whether it is for all these names.
    #[must_use]
    pub fn is_for(&self, names: &[String]) -> bool {
        names.iter().all(|name| self.names.iter().any(|own| own.eq_ignore_ascii_case(name)))
    }
}

/// Names, beginning and end of a certificate.
pub(super) fn read(certificate: &CertificateDer<'_>) -> Result<(Vec<String>, SystemTime, SystemTime), CertificateError> {
    let form = |error: &dyn std::fmt::Display| CertificateError::Form(error.to_string());
    let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(certificate).map_err(|error| form(&error))?;
    let time = |time: x509_parser::time::ASN1Time| {
        SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or_default())
    };
    let names = parsed.subject_alternative_name().map_err(|error| form(&error))?;
    let names = names.map_or(&[][..], |names| names.value.general_names.as_slice());
    let names = names.iter().filter_map(|name| if let GeneralName::DNSName(name) = name { Some((*name).to_owned()) } else { None });
    Ok((names.collect(), time(parsed.validity().not_before), time(parsed.validity().not_after)))
}
