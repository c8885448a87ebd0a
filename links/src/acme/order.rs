//! One order, from the account to the certificate (RFC 8555, 7).

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error, ExternalAccountKey, Identifier, NewAccount, NewOrder,
    OrderStatus, RetryPolicy,
};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::{
    AcmeError, Certificates, Proof, Settings,
    client::{Client, Unasked},
    files,
};

/// How often the authority is asked whether it is done. It may say itself when to ask again.
const ASK: RetryPolicy = RetryPolicy::new().initial_delay(Duration::from_millis(500)).timeout(Duration::from_secs(90));
/// The authority does not know the account (RFC 8555, 6.7).
const UNKNOWN_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";
/// It was asked too often.
const RATE_LIMITED: &str = "urn:ietf:params:acme:error:rateLimited";

/// The account as it is stored, with the directory that it belongs to.
#[derive(Serialize, Deserialize)]
struct Stored {
    directory: String,
    credentials: AccountCredentials,
}

/// Orders a certificate for all names; gives the chain and the key as one PEM text.
pub(super) async fn order(settings: &Settings, client: &Client, certificates: &Certificates) -> Result<String, AcmeError> {
    let (account, is_stored) = account(settings, client).await?;
    match certificate(settings, &account, certificates).await {
        // Authorities that were set up anew know nobody.
        Err(AcmeError::Refused { is_unknown_account: true, .. }) if is_stored => {
            warn!("The authority does not know our account any more; another is made.");
            files::forget_account(&settings.dir)?;
            let (account, _) = self::account(settings, client).await?;
            certificate(settings, &account, certificates).await
        }
        other => other,
    }
}

/// The account at the authority, and whether it was there before.
async fn account(settings: &Settings, client: &Client) -> Result<(Account, bool), AcmeError> {
    let stored = files::account(&settings.dir)?.and_then(|content| serde_json::from_slice::<Stored>(&content).ok());
    if let Some(Stored { credentials, .. }) = stored.filter(|stored| stored.directory == settings.directory) {
        let account = Account::builder_with_http(client.boxed()).from_credentials(credentials).await.map_err(told)?;
        return Ok((account, true));
    }
    let contact: Vec<String> = settings.contact.iter().map(|address| format!("mailto:{address}")).collect();
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let external = match &settings.external_account {
        Some((id, key)) => {
            let key = URL_SAFE_NO_PAD.decode(key).map_err(|error| AcmeError::Answer(format!("its key is no base64url: {error}")))?;
            Some(ExternalAccountKey::new(id.clone(), &key))
        }
        None => None,
    };
    // The server does not start with ACME unless the terms are agreed to.
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let made = Account::builder_with_http(client.boxed()).create(&new, settings.directory.clone(), external.as_ref()).await;
    let (account, credentials) = made.map_err(told)?;
    let stored = Stored { directory: settings.directory.clone(), credentials };
    let content = serde_json::to_vec(&stored).map_err(|error| AcmeError::Answer(error.to_string()))?;
    files::keep_account(&settings.dir, &content)?;
    info!(directory = settings.directory, "An account was made at the authority.");
    Ok((account, false))
}

async fn certificate(settings: &Settings, account: &Account, certificates: &Certificates) -> Result<String, AcmeError> {
    let names: Vec<Identifier> = settings.domains.iter().map(|name| Identifier::Dns(name.clone())).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(told)?;
    let (kind, proof) = match settings.proof {
        Proof::TlsAlpn01 => (ChallengeType::TlsAlpn01, "tls-alpn-01"),
        Proof::Http01 => (ChallengeType::Http01, "http-01"),
    };
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(told)?;
        let name = authorization.identifier().to_string();
        match authorization.status {
            // Proven not long ago: the authority remembers.
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            other => return Err(AcmeError::Answer(format!("the authorization of {name} is {other:?}"))),
        }
        let Some(mut challenge) = authorization.challenge(kind.clone()) else { return Err(AcmeError::NoProof { proof, name }) };
        let key = challenge.key_authorization();
        match settings.proof {
            Proof::TlsAlpn01 => certificates.prove(&name, key.digest().as_ref())?,
            Proof::Http01 => certificates.answer(&challenge.token, key.as_str()),
        }
        challenge.set_ready().await.map_err(told)?;
    }
    if order.poll_ready(&ASK).await.map_err(told)? != OrderStatus::Ready {
        return Err(refusal(&mut order, proof).await);
    }
    let key = order.finalize().await.map_err(told)?;
    let chain = order.poll_certificate(&ASK).await.map_err(told)?;
    Ok(format!("{}\n{key}", chain.trim_end()))
}

/// Why the authority has found an order invalid: it says so beside the challenge that failed.
async fn refusal(order: &mut instant_acme::Order, proof: &str) -> AcmeError {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() {
            continue;
        }
        let name = authorization.identifier().to_string();
        if let Some(problem) = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            let text = format!("{name} is not proven by {proof}: {}", problem.detail.as_deref().unwrap_or("no reason is given"));
            return AcmeError::Refused { text, is_limited: false, is_unknown_account: false };
        }
    }
    AcmeError::Refused { text: "the order is invalid".to_owned(), is_limited: false, is_unknown_account: false }
}

/// The library's error as one of ours.
fn told(error: Error) -> AcmeError {
    match error {
        Error::Api(problem) => AcmeError::Refused {
            text: problem.detail.clone().unwrap_or_else(|| problem.to_string()),
            is_limited: problem.r#type.as_deref() == Some(RATE_LIMITED),
            is_unknown_account: problem.r#type.as_deref() == Some(UNKNOWN_ACCOUNT),
        },
        Error::Other(other) => match other.downcast::<Unasked>() {
            Ok(unasked) => AcmeError::Http(unasked.0),
            Err(other) => AcmeError::Answer(other.to_string()),
        },
        other => AcmeError::Answer(other.to_string()),
    }
}
