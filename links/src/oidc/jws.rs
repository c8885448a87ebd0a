//! Signed tokens (RFC 7515, RFC 7519): who signed them, and what they say.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    JsonWebKey as _, JsonWebKeyAlgorithm, JsonWebKeyUse as _, JwsSigningAlgorithm as _,
    core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm as Algorithm},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{OidcError, TOKEN_MAX};

/// With what a token may be signed: private keys only.
pub(crate) const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

/// A token whose signature holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Proven {
    /// What kind it says that it is, in small letters; empty if it does not say.
    pub(crate) kind: String,
    /// What it says.
    pub(crate) claims: Map<String, Value>,
}

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unproven {
    /// None of the keys could have made it: perhaps there are new ones.
    NoKey,
    /// It does not hold.
    Bad(OidcError),
}

#[derive(Deserialize)]
struct Head {
    alg: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
    cty: Option<Value>,
}

/// Reads a token that one of the keys has signed.
pub(crate) fn prove(token: &str, keys: &CoreJsonWebKeySet) -> Result<Proven, Unproven> {
    let bad = |reason: &str| Unproven::Bad(OidcError::token(reason));
    let parts = parts(token).ok_or_else(|| bad("it is no signed token"))?;
    let head: Head = serde_json::from_slice(&parts.head).map_err(|_| bad("its head is none"))?;
    if !ALGORITHMS.contains(&head.alg) {
        return Err(bad("its signature is of a kind that is not taken here"));
    }
    // RFC 7515, 4.1.11: what is critical and not understood is to be refused; we understand no extension. A token in a token is none either.
    if head.crit.is_some() || head.cty.is_some() {
        return Err(bad("it needs an extension"));
    }
    let candidates: Vec<&CoreJsonWebKey> = keys.keys().iter().filter(|key| fits(key, &head)).collect();
    if candidates.is_empty() {
        return Err(Unproven::NoKey);
    }
    if !candidates.iter().any(|key| key.verify_signature(&head.alg, parts.signed.as_bytes(), &parts.signature).is_ok()) {
        return Err(bad("its signature is wrong"));
    }
    let claims = serde_json::from_slice(&parts.claims).map_err(|_| bad("what it says is no JSON object"))?;
    Ok(Proven { kind: head.typ.unwrap_or_default().to_ascii_lowercase(), claims })
}

fn fits(key: &CoreJsonWebKey, head: &Head) -> bool {
    let is_named = match (&head.kid, key.key_id()) {
        (Some(wanted), Some(id)) => wanted == id.as_str(),
        // RFC 7515, 4.1.4: the name is a hint. A key without a name may be any.
        (None, _) | (_, None) => true,
    };
    let is_for_it = match key.signing_alg() {
        JsonWebKeyAlgorithm::Unspecified => true,
        JsonWebKeyAlgorithm::Algorithm(algorithm) => *algorithm == head.alg,
        JsonWebKeyAlgorithm::Unsupported => false,
    };
    is_named
        && is_for_it
        && key.key_use().is_none_or(|key_use| key_use.allows_signature())
        && head.alg.key_type().as_ref() == Some(key.key_type())
}

/// Who a token says that it is from. Nothing of it is proven.
pub(crate) fn unproven_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    let parts = parts(token)?;
    Some(serde_json::from_slice::<Issuer>(&parts.claims).ok()?.iss)
}

struct Parts<'a> {
    head: Vec<u8>,
    claims: Vec<u8>,
    signature: Vec<u8>,
    signed: &'a str,
}

fn parts(token: &str) -> Option<Parts<'_>> {
    if token.len() > TOKEN_MAX {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (head, claims) = signed.split_once('.')?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    Some(Parts { head: decode(head)?, claims: decode(claims)?, signature: decode(signature)?, signed })
}
