//! Log-ins, log-outs and tokens against a provider on this machine that does as a test wants. Its keys are made anew in each run.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex, MutexGuard},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use model::WallTime;
use rsa::{pkcs1::EncodeRsaPrivateKey, traits::PublicKeyParts};
use serde_json::json;
use sha2::{Digest, Sha256};
use url::Url;

use super::*;
use crate::testing::{Got, Receiver, Reply};

const NOW: WallTime = WallTime(1_763_712_000_000);
const SECONDS: i64 = NOW.0 / 1000;
/// Later than anything that is known holds, and not so late that it is forgotten.
const FAR: std::time::Duration = std::time::Duration::from_secs(2 * 3600);
const CLIENT: &str = "cordboard";
const SECRET: &str = "a client's secret, of some length";
const BACK: &str = "https://desk.example.org/api/auth/oidc/test/callback";

/// A private key, and how the provider publishes it.
struct Key {
    private: EncodingKey,
    public: Value,
}

fn rsa_key() -> Key {
    // Small, because making a large one takes long where nothing is optimised.
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 1024).unwrap();
    let number = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
    let public = json!({"kty": "RSA", "use": "sig", "n": number(key.n()), "e": number(key.e())});
    Key { private: EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes()), public }
}

fn ec_key() -> Key {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let point = rcgen::PublicKeyData::der_bytes(&key);
    let part = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
    let public = json!({"kty": "EC", "use": "sig", "crv": "P-256", "x": part(1), "y": part(33)});
    Key { private: EncodingKey::from_ec_der(&key.serialize_der()), public }
}

fn ed_key() -> Key {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let public = json!({"kty": "OKP", "use": "sig", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(rcgen::PublicKeyData::der_bytes(&key))});
    Key { private: EncodingKey::from_ed_der(&key.serialize_der()), public }
}

/// The keys that are published from the beginning, by name.
static KEYS: LazyLock<BTreeMap<&str, Key>> = LazyLock::new(|| BTreeMap::from([("rsa", rsa_key()), ("ec", ec_key()), ("ed", ed_key())]));
/// A key that is nobody's.
static STRANGER: LazyLock<Key> = LazyLock::new(ec_key);

fn published(kid: &str, key: &Key) -> Value {
    let mut public = key.public.clone();
    public["kid"] = kid.into();
    public
}

fn header(algorithm: Algorithm, kid: &str) -> Header {
    Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) }
}

fn sign(claims: &Value) -> String {
    jsonwebtoken::encode(&header(Algorithm::ES256, "ec"), claims, &KEYS["ec"].private).unwrap()
}

/// What the provider does.
#[derive(Clone, Default)]
struct Acts {
    /// Changes of the ID token's claims; null takes one away.
    claims: Value,
    /// A whole ID token in its place.
    id_token: Option<String>,
    /// A key beside those from the beginning.
    new_key: Option<Value>,
    /// What it answers to everything.
    down: Option<u16>,
    /// Takes requests and says nothing.
    hangs: bool,
    userinfo: Option<Value>,
    metadata: Value,
    /// What its token endpoint answers.
    token_error: Option<(u16, Value)>,
    /// What its admin API answers.
    users: Vec<(u16, Value)>,
    challenge: String,
    nonce: String,
}

/// A provider on this machine, with us as its client.
struct Fake {
    server: Receiver,
    acts: Arc<Mutex<Acts>>,
    provider: Provider,
}

impl Fake {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let acts = Arc::new(Mutex::new(Acts::default()));
        let shared = Arc::clone(&acts);
        // What it says of itself holds its address, which it has once it runs.
        let address: Arc<Mutex<String>> = Arc::default();
        let own = Arc::clone(&address);
        let server = Receiver::start(move |got| {
            let acts = shared.lock().unwrap().clone();
            answer(got, &acts, &own.lock().unwrap(), &shared)
        })
        .await;
        let issuer = server.url("/realms/main");
        *address.lock().unwrap() = issuer.clone();
        let mut settings = Settings {
            id: "test".to_owned(),
            name: "Test".to_owned(),
            issuer,
            client_id: CLIENT.to_owned(),
            client_secret: Some(SECRET.to_owned()),
            scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            allow_insecure: true,
            bearer_audience: Some("cordboard-api".to_owned()),
        };
        change(&mut settings);
        Self { server, acts, provider: Provider::new(settings, &Roots::public()) }
    }

    fn acts(&self) -> MutexGuard<'_, Acts> {
        self.acts.lock().unwrap()
    }

    fn asked(&self, path: &str) -> usize {
        self.server.got().iter().filter(|got| got.path.ends_with(path)).count()
    }

    fn claims(&self) -> Value {
        base_claims(&self.provider.settings().issuer)
    }

    /// Begins a log-in, and lets the provider know what a browser would bring it.
    async fn begin(&self) -> Begun {
        let (url, begun) = self.provider.begin(BACK).await.unwrap();
        let query: BTreeMap<String, String> = Url::parse(&url).unwrap().query_pairs().into_owned().collect();
        let mut acts = self.acts();
        (acts.challenge, acts.nonce) = (query["code_challenge"].clone(), query["nonce"].clone());
        begun
    }

    /// A whole log-in.
    async fn log_in(&self) -> Result<SignedIn, OidcError> {
        let begun = self.begin().await;
        self.provider.finish(&begun, &back(&begun), NOW).await
    }

    /// A whole log-in with other claims in the ID token.
    async fn log_in_with(&self, claims: Value) -> Result<SignedIn, OidcError> {
        self.acts().claims = claims;
        self.log_in().await
    }
}

fn back(begun: &Begun) -> Return {
    Return { state: Some(begun.state.clone()), code: Some("the code".to_owned()), error: None, iss: None }
}

fn base_claims(issuer: &str) -> Value {
    json!({"iss": issuer, "sub": "anna", "aud": CLIENT, "exp": SECONDS + 300, "iat": SECONDS - 1})
}

/// Puts changes over claims; null takes one away.
fn with(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().into_iter().flatten() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn answer(got: &Got, acts: &Acts, issuer: &str, shared: &Mutex<Acts>) -> Reply {
    if acts.hangs {
        return Reply::Hang(Vec::new());
    }
    if let Some(status) = acts.down {
        return Reply::status(status);
    }
    let path = got.path.rsplit("/realms/main").next().unwrap();
    match path {
        "/.well-known/openid-configuration" => Reply::json(with(
            json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/auth"),
                "token_endpoint": format!("{issuer}/token"),
                "userinfo_endpoint": format!("{issuer}/userinfo"),
                "jwks_uri": format!("{issuer}/certs"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "none", "HS256"],
            }),
            &acts.metadata,
        )),
        "/certs" => {
            let mut keys: Vec<Value> = KEYS.iter().map(|(kid, key)| published(kid, key)).collect();
            keys.extend(acts.new_key.clone());
            // What nobody understands does no harm, and a secret key in public is none.
            keys.push(json!({"kty": "unheard of", "kid": "x"}));
            keys.push(json!({"kty": "oct", "kid": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET)}));
            Reply::json(json!({ "keys": keys }))
        }
        "/token" => token(got, acts, issuer),
        "/userinfo" => {
            assert_eq!(got.header("authorization"), format!("Bearer {}", access_token(issuer)));
            Reply::json(
                acts.userinfo.clone().unwrap_or_else(|| json!({"sub": "anna", "email": "anna@example.org", "email_verified": true})),
            )
        }
        path if path.starts_with("/users/") => {
            assert!(got.path.starts_with("/admin/realms/main/users/"), "{}", got.path);
            let mut acts = shared.lock().unwrap();
            let (status, body) = if acts.users.len() > 1 { acts.users.remove(0) } else { acts.users[0].clone() };
            Reply::Answer(status, Vec::new(), body.to_string().into_bytes())
        }
        _ => Reply::status(404),
    }
}

fn token(got: &Got, acts: &Acts, issuer: &str) -> Reply {
    if let Some((status, body)) = &acts.token_error {
        return Reply::Answer(*status, vec![("content-type", "application/json".to_owned())], body.to_string().into_bytes());
    }
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&got.body).into_owned().collect();
    let login = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect::<String>();
    assert_eq!(got.header("authorization"), format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{login}"))));
    if form["grant_type"] == "client_credentials" {
        return Reply::json(json!({"access_token": "our own", "token_type": "Bearer", "expires_in": 60}));
    }
    assert_eq!(
        (form["grant_type"].as_str(), form["code"].as_str(), form["redirect_uri"].as_str()),
        ("authorization_code", "the code", BACK)
    );
    assert_eq!(URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"])), acts.challenge);
    let claims = with(with(base_claims(issuer), &json!({"nonce": acts.nonce, "sid": "s1", "name": "Anna"})), &acts.claims);
    let id_token = acts.id_token.clone().unwrap_or_else(|| sign(&claims));
    Reply::json(json!({"access_token": access_token(issuer), "token_type": "Bearer", "expires_in": 60, "id_token": id_token}))
}

/// As Keycloak makes them: the roles stand there and nowhere else. The same each time, as far as its signature allows.
fn access_token(issuer: &str) -> String {
    let claims = json!({"iss": issuer, "sub": "anna", "aud": "account", "azp": CLIENT, "exp": SECONDS + 60, "typ": "Bearer",
        "realm_access": {"roles": ["operator"]}, "name": "not this one"});
    jsonwebtoken::encode(&header(Algorithm::RS256, "rsa"), &claims, &KEYS["rsa"].private).unwrap()
}

fn told(result: Result<impl fmt::Debug, OidcError>) -> String {
    match result {
        Err(OidcError::Token(reason)) => reason,
        other => panic!("a token that does not hold is refused: {other:?}"),
    }
}

#[tokio::test]
async fn somebody_signs_in() {
    let fake = Fake::start().await;
    let (url, begun) = fake.provider.begin(BACK).await.unwrap();
    let url = Url::parse(&url).unwrap();
    assert!(url.as_str().starts_with(&format!("{}/auth?", fake.provider.settings().issuer)));
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(
        (query["response_type"].as_str(), query["client_id"].as_str(), query["redirect_uri"].as_str(), query["scope"].as_str()),
        ("code", CLIENT, BACK, "openid profile email")
    );
    assert_eq!((query["code_challenge_method"].as_str(), query["state"].as_str()), ("S256", begun.state.as_str()));
    assert!(query["state"].len() >= 40 && query["nonce"].len() >= 40);
    assert!(!url.as_str().contains(SECRET) && !format!("{begun:?} {:?}", fake.provider).contains(SECRET));

    let signed_in = fake.log_in().await.unwrap();
    assert_eq!((signed_in.subject.as_str(), signed_in.session.as_deref()), ("anna", Some("s1")));
    assert_eq!((signed_in.text("name"), signed_in.verified_email()), (Some("Anna"), Some("anna@example.org")));
    assert_eq!(values_at(&signed_in.claims, "realm_access.roles"), ["operator"]);
    assert_eq!(signed_in.text("aud"), Some(CLIENT));
    // What was kept survives being kept as text.
    let begun = fake.begin().await;
    let kept: Begun = serde_json::from_str(&serde_json::to_string(&begun).unwrap()).unwrap();
    assert_eq!(kept, begun);
    let with_issuer = Return { iss: Some(fake.provider.settings().issuer.clone()), ..back(&kept) };
    assert!(fake.provider.finish(&kept, &with_issuer, NOW).await.is_ok());
    assert_eq!(fake.asked("/.well-known/openid-configuration"), 1, "what it says of itself is kept");
}

#[tokio::test]
async fn an_email_that_is_not_verified_is_none() {
    let fake = Fake::start().await;
    for (userinfo, wanted) in [
        (json!({"sub": "anna", "email": "a@b.example", "email_verified": false}), None),
        (json!({"sub": "anna", "email": "a@b.example"}), None),
        (json!({"sub": "anna", "email": "a@b.example", "email_verified": "true"}), Some("a@b.example")),
    ] {
        fake.acts().userinfo = Some(userinfo);
        assert_eq!(fake.log_in().await.unwrap().verified_email(), wanted);
    }
    fake.acts().userinfo = Some(json!({"sub": "boris", "email": "boris@b.example", "email_verified": true}));
    assert!(told(fake.log_in().await).contains("somebody else"));
}

#[tokio::test]
async fn an_answer_belongs_to_its_log_in() {
    let fake = Fake::start().await;
    let begun = fake.begin().await;
    let good = back(&begun);
    for foreign in [
        Return { state: None, ..good.clone() },
        Return { state: Some(String::new()), ..good.clone() },
        Return { state: Some(format!("{}x", begun.state)), ..good.clone() },
        Return { state: Some(fake.begin().await.state), ..good.clone() },
        Return { iss: Some("https://other.example".to_owned()), ..good.clone() },
        Return { code: None, ..good.clone() },
        Return { code: Some(String::new()), ..good.clone() },
        Return { code: Some("x".repeat(5000)), ..good.clone() },
        // Whoever says no has to know which log-in.
        Return { error: Some("access_denied".to_owned()), state: None, ..good.clone() },
    ] {
        assert_eq!(fake.provider.finish(&begun, &foreign, NOW).await, Err(OidcError::Foreign), "{foreign:?}");
    }
    let other = Begun { provider: "other".to_owned(), ..begun.clone() };
    assert_eq!(fake.provider.finish(&other, &good, NOW).await, Err(OidcError::Foreign));
    for (error, code) in [("access_denied", "access_denied"), ("<script>", "unknown_error"), ("", "unknown_error")] {
        let refused = Return { error: Some(error.to_owned()), ..good.clone() };
        assert_eq!(fake.provider.finish(&begun, &refused, NOW).await, Err(OidcError::Refused { code: code.to_owned() }));
    }
    assert_eq!(fake.asked("/token"), 0);
}

#[tokio::test]
async fn an_id_token_must_hold() {
    let fake = Fake::start().await;
    for (claims, told_so) in [
        (json!({"iss": "https://other.example"}), "issuer"),
        (json!({"iss": null}), "unusable"),
        (json!({"aud": "other"}), "audience"),
        (json!({"aud": []}), "audience"),
        (json!({"aud": [CLIENT, "other"]}), "another client"),
        (json!({"azp": "other"}), "another client"),
        (json!({"aud": [CLIENT, "other"], "azp": "other"}), "another client"),
        (json!({"exp": SECONDS - 61}), "expired"),
        (json!({"exp": SECONDS - 1_000_000}), "expired"),
        (json!({"iat": SECONDS + 120}), "future"),
        (json!({"nonce": "another"}), "nonce"),
        (json!({"nonce": null}), "nonce"),
        (json!({"sub": ""}), "names nobody"),
        (json!({"sub": "x".repeat(256)}), "names nobody"),
        (json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), "another one's"),
    ] {
        let error = fake.log_in_with(claims.clone()).await.unwrap_err();
        let is_told = match &error {
            OidcError::Token(reason) => reason.to_ascii_lowercase().contains(told_so),
            // The library cannot read a token without an issuer at all.
            OidcError::Unusable { .. } => told_so == "unusable",
            _ => false,
        };
        assert!(is_told, "{claims}: {error}");
    }
    // What is odd and good.
    for claims in [
        json!({}),
        json!({"aud": [CLIENT]}),
        json!({"azp": CLIENT}),
        json!({"aud": [CLIENT, "account"], "azp": CLIENT}),
        json!({"exp": SECONDS - 30, "iat": SECONDS + 30}),
    ] {
        assert!(fake.log_in_with(claims.clone()).await.is_ok(), "{claims}");
    }
    let hash = Sha256::digest(access_token(&fake.provider.settings().issuer));
    assert!(fake.log_in_with(json!({"at_hash": URL_SAFE_NO_PAD.encode(&hash[..16])})).await.is_ok());
}

#[tokio::test]
async fn a_signature_must_be_of_a_key_of_the_provider() {
    let fake = Fake::start().await;
    let issuer = fake.provider.settings().issuer.clone();
    let attempt = async |make: &dyn Fn(&Value) -> String| {
        let begun = fake.begin().await;
        let claims = with(base_claims(&issuer), &json!({"nonce": fake.acts().nonce}));
        fake.acts().id_token = Some(make(&claims));
        fake.provider.finish(&begun, &back(&begun), NOW).await
    };
    let signed = |algorithm: Algorithm, kid: &str, key: &EncodingKey, claims: &Value| {
        jsonwebtoken::encode(&header(algorithm, kid), claims, key).unwrap()
    };
    for (algorithm, kid) in [
        (Algorithm::RS256, "rsa"),
        (Algorithm::RS384, "rsa"),
        (Algorithm::PS256, "rsa"),
        (Algorithm::ES256, "ec"),
        (Algorithm::EdDSA, "ed"),
    ] {
        let outcome = attempt(&|claims| signed(algorithm, kid, &KEYS[kid].private, claims)).await;
        assert!(outcome.is_ok(), "{algorithm:?}: {outcome:?}");
    }
    let unsigned = |head: Value, claims: &Value| {
        format!("{}.{}.", URL_SAFE_NO_PAD.encode(head.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
    };
    let public = serde_json::to_vec(&KEYS["rsa"].public).unwrap();
    type Forge<'a> = Box<dyn Fn(&Value) -> String + 'a>;
    let evil: Vec<(&str, Forge<'_>)> = vec![
        ("none", Box::new(|claims| unsigned(json!({"alg": "none"}), claims))),
        ("none with a key's name", Box::new(|claims| unsigned(json!({"alg": "none", "kid": "ec"}), claims))),
        ("None", Box::new(|claims| unsigned(json!({"alg": "None", "kid": "ec"}), claims))),
        ("no signature", Box::new(|claims| unsigned(json!({"alg": "ES256", "kid": "ec"}), claims))),
        ("the client's secret", Box::new(|claims| signed(Algorithm::HS256, "ec", &EncodingKey::from_secret(SECRET.as_bytes()), claims))),
        ("a secret in public", Box::new(|claims| signed(Algorithm::HS256, "oct", &EncodingKey::from_secret(SECRET.as_bytes()), claims))),
        ("a public key as secret", Box::new(move |claims| signed(Algorithm::HS256, "rsa", &EncodingKey::from_secret(&public), claims))),
        ("a stranger's key", Box::new(|claims| signed(Algorithm::ES256, "ec", &STRANGER.private, claims))),
        (
            "a stranger's key in the head",
            Box::new(|claims| {
                let jwk = serde_json::from_value(STRANGER.public.clone()).unwrap();
                let head = Header { jwk: Some(jwk), ..header(Algorithm::ES256, "ec") };
                jsonwebtoken::encode(&head, claims, &STRANGER.private).unwrap()
            }),
        ),
        ("a key that is not published", Box::new(|claims| signed(Algorithm::ES256, "new", &STRANGER.private, claims))),
        (
            "another one's claims",
            Box::new(|claims| {
                let token = signed(Algorithm::ES256, "ec", &KEYS["ec"].private, claims);
                let parts: Vec<&str> = token.split('.').collect();
                let other = URL_SAFE_NO_PAD.encode(with(claims.clone(), &json!({"sub": "boris"})).to_string());
                format!("{}.{other}.{}", parts[0], parts[2])
            }),
        ),
        (
            "critical",
            Box::new(|claims| {
                let head = json!({"alg": "ES256", "kid": "ec", "crit": ["b64"], "b64": false});
                unsigned(head, claims) + "AAAA"
            }),
        ),
    ];
    for (name, make) in evil {
        let outcome = attempt(&*make).await;
        assert!(matches!(outcome, Err(OidcError::Token(_) | OidcError::Unusable { .. })), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn new_keys_are_asked_for_and_not_too_often() {
    let fake = Fake::start().await;
    assert!(fake.log_in().await.is_ok());
    assert_eq!(fake.asked("/certs"), 1);
    let new = ec_key();
    let claims = with(fake.claims(), &json!({"aud": "cordboard-api"}));
    let sign = |kid: &str| jsonwebtoken::encode(&header(Algorithm::ES256, kid), &claims, &new.private).unwrap();
    fake.acts().new_key = Some(published("new", &new));
    assert!(fake.provider.bearer(&sign("new"), NOW).await.is_ok());
    assert_eq!(fake.asked("/certs"), 2);
    // Whoever invents names of keys does not have us ask for each.
    for kid in ["a", "b", "c"] {
        assert!(told(fake.provider.bearer(&sign(kid), NOW).await).contains("nobody's key"));
    }
    assert_eq!(fake.asked("/certs"), 2);
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(31)).await;
    tokio::time::resume();
    assert!(told(fake.provider.bearer(&sign("d"), NOW).await).contains("nobody's key"));
    assert_eq!(fake.asked("/certs"), 3);
}

#[tokio::test]
async fn a_provider_that_is_away_is_told_and_comes_back() {
    let fake = Fake::start().await;
    fake.acts().down = Some(503);
    let error = fake.provider.begin(BACK).await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("the sign-in provider test is not available"), "{error}");
    // The next one does not wait for it again.
    assert_eq!(fake.provider.begin(BACK).await.unwrap_err(), error);
    assert_eq!(fake.server.got().len(), 1);
    let advance = async |seconds: u64| {
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
        tokio::time::resume();
    };
    fake.acts().down = None;
    advance(6).await;
    assert!(fake.log_in().await.is_ok());
    // What was known an hour ago will do while it is away; after a day it will not.
    let begun = fake.begin().await;
    fake.acts().down = Some(500);
    advance(3601).await;
    assert!(fake.provider.begin(BACK).await.is_ok());
    assert!(fake.provider.finish(&begun, &back(&begun), NOW).await.unwrap_err().is_unavailable());
    advance(24 * 3600).await;
    assert!(fake.provider.begin(BACK).await.unwrap_err().is_unavailable());
    // Nobody there at all.
    let address = Receiver::start(|_| Reply::status(200)).await.address();
    let settings = Settings { issuer: format!("http://{address}"), ..fake.provider.settings().clone() };
    assert!(Provider::new(settings, &Roots::public()).begin(BACK).await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn nobody_waits_long_for_a_provider_that_hangs() {
    let fake = Fake::start().await;
    let token = |kid: &str| {
        let claims = with(fake.claims(), &json!({"aud": "cordboard-api"}));
        jsonwebtoken::encode(&header(Algorithm::ES256, kid), &claims, &KEYS["ec"].private).unwrap()
    };
    // Nothing is known of it yet: nobody knows whether the token is good.
    fake.acts().hangs = true;
    tokio::time::pause();
    let all = [fake.provider.clone(), fake.provider.clone()].map(|provider| {
        let token = token("ec");
        tokio::spawn(async move { provider.bearer(&token, NOW).await })
    });
    for asked in all {
        assert!(asked.await.unwrap().unwrap_err().is_unavailable());
    }
    // The question itself ends, and after its pause there is another.
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    tokio::time::resume();
    fake.acts().hangs = false;
    assert!(fake.provider.bearer(&token("ec"), NOW).await.is_ok());
    // It hangs an hour later, when it is to be asked again: what it has said before will do.
    fake.acts().hangs = true;
    tokio::time::pause();
    tokio::time::advance(FAR).await;
    let begun = tokio::time::Instant::now();
    assert!(fake.provider.bearer(&token("ec"), NOW).await.is_ok());
    assert!(begun.elapsed() <= std::time::Duration::from_secs(3), "{:?}", begun.elapsed());
    // Whoever comes with a key that nobody knows waits for it alone.
    let stranger = {
        let (provider, token) = (fake.provider.clone(), token("unknown"));
        tokio::spawn(async move { provider.bearer(&token, NOW).await })
    };
    tokio::task::yield_now().await;
    let begun = tokio::time::Instant::now();
    assert!(fake.provider.bearer(&token("ec"), NOW).await.is_ok());
    assert!(begun.elapsed() <= std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(stranger.await.unwrap().is_err());
}

#[tokio::test]
async fn a_provider_that_is_set_up_wrongly_is_told() {
    for (metadata, told_so) in [
        (json!({"issuer": "https://other.example"}), "unexpected issuer"),
        (json!({"token_endpoint": null}), "no token endpoint"),
        (json!({"jwks_uri": null}), "parse"),
        (json!({"jwks_uri": "http://169.254.169.254/latest"}), "https:// is needed"),
        (json!({"jwks_uri": "https://169.254.169.254/latest"}), "link-local"),
    ] {
        let fake = Fake::start().await;
        fake.acts().metadata = metadata.clone();
        let error = fake.provider.begin(BACK).await.unwrap_err();
        assert!(
            matches!(&error, OidcError::Unusable { reason, .. } if reason.to_ascii_lowercase().contains(told_so)),
            "{metadata}: {error}"
        );
    }
    let fake = Fake::start_with(|settings| settings.allow_insecure = false).await;
    assert!(matches!(fake.provider.begin(BACK).await, Err(OidcError::Unusable { .. })));
    assert_eq!(fake.server.got(), []);
    let fake = Fake::start().await;
    for (status, body, wanted) in [
        (400, json!({"error": "invalid_grant", "error_description": "used"}), Some("invalid_grant")),
        (401, json!({"error": "invalid_client"}), None),
        (400, json!({"error": "unauthorized_client"}), None),
    ] {
        fake.acts().token_error = Some((status, body));
        match (fake.log_in().await.unwrap_err(), wanted) {
            (OidcError::Refused { code }, Some(wanted)) => assert_eq!(code, wanted),
            (OidcError::Unusable { .. }, None) => {}
            (error, _) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_session_that_has_ended_is_told_once() {
    let fake = Fake::start().await;
    let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let number = std::cell::Cell::new(0);
    let token = |changes: Value| {
        number.set(number.get() + 1);
        let base = json!({"sid": "s1", "events": event, "jti": format!("j{}", number.get()), "iat": SECONDS, "exp": SECONDS + 120});
        sign(&with(with(fake.claims(), &base), &changes))
    };
    let send = async |changes: Value| fake.provider.logged_out(&token(changes), NOW).await;
    let ended = send(json!({})).await.unwrap();
    assert_eq!((ended.subject.as_deref(), ended.session.as_deref()), (Some("anna"), Some("s1")));
    assert_eq!(ended.issuer, fake.provider.settings().issuer);
    assert_eq!(send(json!({"sid": null})).await.unwrap().session, None);
    assert_eq!(send(json!({"sub": null})).await.unwrap().subject, None);
    assert!(send(json!({"exp": null})).await.is_ok(), "older providers do not say when it ends");
    for (changes, told_so) in [
        (json!({"sid": null, "sub": null}), "neither"),
        (json!({"nonce": "x"}), "token of a log-in"),
        (json!({"events": null}), "no message"),
        (json!({"events": {}}), "no message"),
        (json!({"events": {"http://schemas.openid.net/event/backchannel-logout": true}}), "no message"),
        (json!({"iss": "https://other.example"}), "from somebody else"),
        (json!({"aud": "other"}), "for somebody else"),
        (json!({"iat": null}), "when it was made"),
        (json!({"iat": SECONDS - 301}), "too old"),
        (json!({"iat": SECONDS + 61}), "from the future"),
        (json!({"exp": SECONDS - 61}), "has ended"),
        (json!({"exp": "soon"}), "has ended"),
        (json!({"jti": null}), "no id"),
    ] {
        let reason = told(send(changes.clone()).await);
        assert!(reason.contains(told_so), "{changes}: {reason}");
    }
    let once = token(json!({}));
    assert!(fake.provider.logged_out(&once, NOW).await.is_ok());
    assert!(told(fake.provider.logged_out(&once, NOW).await).contains("here before"));
    assert!(told(fake.provider.logged_out(&sign(&fake.claims()), NOW).await).contains("no message"), "an ID token is none");
    let claims = with(fake.claims(), &json!({"sid": "s1", "events": event, "jti": "k", "iat": SECONDS}));
    let forged = jsonwebtoken::encode(&header(Algorithm::ES256, "ec"), &claims, &STRANGER.private).unwrap();
    assert!(told(fake.provider.logged_out(&forged, NOW).await).contains("signature is wrong"));
    for kind in ["at+jwt", "logout+jwt", "LOGOUT+JWT"] {
        let head = Header { typ: Some(kind.to_owned()), ..header(Algorithm::ES256, "ec") };
        let claims = with(claims.clone(), &json!({"jti": kind}));
        let token = jsonwebtoken::encode(&head, &claims, &KEYS["ec"].private).unwrap();
        assert_eq!(fake.provider.logged_out(&token, NOW).await.is_ok(), kind != "at+jwt", "{kind}");
    }
    for garbage in ["", ".", "..", "a.b.c", "a.b", "e30.e30.e30", &"x".repeat(TOKEN_MAX + 1)] {
        assert!(matches!(fake.provider.logged_out(garbage, NOW).await, Err(OidcError::Token(_))), "{garbage:.20}");
    }
}

#[tokio::test]
async fn a_program_comes_with_an_access_token() {
    let fake = Fake::start().await;
    let base = with(fake.claims(), &json!({"aud": ["account", "cordboard-api"], "typ": "Bearer", "azp": "some-program"}));
    let send = async |changes: Value| fake.provider.bearer(&sign(&with(base.clone(), &changes)), NOW).await;
    let bearer = send(json!({"realm_access": {"roles": ["operator"]}})).await.unwrap();
    assert_eq!((bearer.subject.as_str(), bearer.expires_at), ("anna", WallTime((SECONDS + 300) * 1000)));
    assert_eq!(values_at(&bearer.claims, "realm_access.roles"), ["operator"]);
    for good in [
        json!({"typ": null}),
        json!({"aud": "cordboard-api"}),
        json!({"exp": SECONDS - 30}),
        json!({"nbf": SECONDS + 30}),
        json!({"exp": 1.9e9}),
    ] {
        assert!(send(good.clone()).await.is_ok(), "{good}");
    }
    for (changes, told_so) in [
        (json!({"iss": "https://other.example"}), "from somebody else"),
        (json!({"aud": "account"}), "for somebody else"),
        (json!({"aud": null}), "for somebody else"),
        (json!({"aud": CLIENT}), "for somebody else"),
        (json!({"exp": null}), "never ends"),
        (json!({"exp": SECONDS - 61}), "has ended"),
        (json!({"nbf": SECONDS + 61}), "not begun"),
        (json!({"iat": SECONDS + 61}), "not begun"),
        (json!({"typ": "ID"}), "no access token"),
        (json!({"typ": "Refresh"}), "no access token"),
        (json!({"nonce": "x"}), "no access token"),
        (json!({"at_hash": "x"}), "no access token"),
        (json!({"events": {}}), "no access token"),
        (json!({"cnf": {"jkt": "x"}}), "bound to a key"),
        (json!({"sub": null}), "names nobody"),
    ] {
        let reason = told(send(changes.clone()).await);
        assert!(reason.contains(told_so), "{changes}: {reason}");
    }
    for kind in ["at+jwt", "application/at+jwt", "logout+jwt", "dpop+jwt"] {
        let head = Header { typ: Some(kind.to_owned()), ..header(Algorithm::ES256, "ec") };
        let token = jsonwebtoken::encode(&head, &base, &KEYS["ec"].private).unwrap();
        assert_eq!(fake.provider.bearer(&token, NOW).await.is_ok(), kind.ends_with("at+jwt"), "{kind}");
    }
    let providers = Providers(vec![fake.provider.clone()]);
    assert!(providers.of_bearer(&sign(&base)).is_some() && providers.find("test").is_some() && providers.find("other").is_none());
    assert!(providers.of_bearer(&sign(&with(base.clone(), &json!({"iss": "https://other.example"})))).is_none());
    assert!(providers.of_bearer("no token").is_none());
    // Where they are not wanted they are not taken.
    let fake = Fake::start_with(|settings| settings.bearer_audience = None).await;
    assert!(told(fake.provider.bearer(&sign(&base), NOW).await).contains("not taken"));
    assert!(Providers(vec![fake.provider.clone()]).of_bearer(&sign(&fake.claims())).is_none());
}

#[tokio::test]
async fn keycloak_tells_of_its_users() {
    let fake = Fake::start().await;
    let keycloak = Keycloak::new(fake.provider.clone()).unwrap();
    let anna = json!({"id": "a-1", "username": "anna", "email": "anna@example.org", "firstName": "Anna", "lastName": "Petrova", "enabled": true,
        "attributes": {"manager": ["b-2"], "department": ["sales"]}, "access": {"manage": false}});
    fake.acts().users = vec![(200, anna)];
    let user = keycloak.user("a-1").await.unwrap().unwrap();
    assert_eq!((user.email.as_deref(), user.manager.as_deref(), user.enabled), (Some("anna@example.org"), Some("b-2"), true));
    assert_eq!((user.first_name.as_deref(), user.last_name.as_deref()), (Some("Anna"), Some("Petrova")));
    keycloak.user("a-1").await.unwrap();
    assert_eq!(fake.asked("/token"), 1, "our own token is used again");
    assert_eq!(fake.server.got().iter().rev().find(|got| got.path.contains("/users/")).unwrap().header("authorization"), "Bearer our own");
    fake.acts().users = vec![(200, json!({"id": "c", "username": "c", "attributes": {"manager": [""]}}))];
    let user = keycloak.user("c").await.unwrap().unwrap();
    assert_eq!((user.manager, user.email, user.enabled), (None, None, true));
    fake.acts().users = vec![(200, json!({"id": "c", "username": "c", "enabled": false, "attributes": null}))];
    assert!(!keycloak.user("c").await.unwrap().unwrap().enabled);
    fake.acts().users = vec![(404, json!({}))];
    assert_eq!(keycloak.user("nobody").await, Ok(None));
    // The token was taken back before its time: once more with a new one, and not again.
    fake.acts().users = vec![(401, json!({})), (404, json!({}))];
    assert_eq!(keycloak.user("x").await, Ok(None));
    assert_eq!(fake.asked("/token"), 2);
    for status in [401, 403] {
        fake.acts().users = vec![(status, json!({}))];
        assert!(matches!(keycloak.user("x").await, Err(OidcError::Refused { .. })));
    }
    fake.acts().users = vec![(500, json!({}))];
    assert!(keycloak.user("x").await.unwrap_err().is_unavailable());
    let count = fake.server.got().len();
    for evil in ["", "..", "../../master/users/1", "a/b", "a?b", "a%2fb", "a b", &"x".repeat(129)] {
        assert_eq!(keycloak.user(evil).await, Ok(None), "{evil}");
    }
    assert_eq!(fake.server.got().len(), count);
    let public = Fake::start_with(|settings| settings.client_secret = None).await;
    assert!(Keycloak::new(public.provider).is_err());
}
