//! Bearer tokens: JWT (RFC 7519) signed with HMAC-SHA-256. A token is verified before any of its claims is used (FT-17).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use model::{CenterId, UserId};
use serde::{Deserialize, Serialize};

/// How far clocks may differ, in seconds (FT-10).
pub(crate) const LEEWAY_S: u64 = 60;
/// Longest text that is looked at.
const TOKEN_MAX: usize = 2048;

/// What a token is good for. One kind is never taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Requests and Socket.IO.
    Access,
    /// One path, for an element of a page that cannot send a header.
    Ticket,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The user.
    pub(crate) sub: UserId,
    /// The user's centre.
    pub(crate) center: CenterId,
    /// The name that the user logs in with.
    pub(crate) name: String,
    /// The session that it belongs to: when that ends, the token is good for nothing.
    pub(crate) sid: i64,
    /// The user's roles when it was issued; what counts are the roles in the database, if it can be reached.
    pub(crate) roles: Vec<String>,
    /// What it is good for.
    pub(crate) typ: Kind,
    /// When it was issued, in seconds since 1970.
    pub(crate) iat: u64,
    /// When it expires, in seconds since 1970.
    pub(crate) exp: u64,
    /// The path that a ticket is good for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// The browser that a ticket is good in: the hash of what stands in its cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) play: Option<String>,
}

impl Claims {
    /// The moment from which it is refused, clocks' differences allowed for.
    pub(crate) fn refused_from(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.exp.saturating_add(LEEWAY_S).min(u32::MAX.into()))
    }
}

/// Whom a token is issued to.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) user: UserId,
    pub(crate) center: CenterId,
    pub(crate) name: String,
    pub(crate) session: i64,
    pub(crate) roles: Vec<String>,
}

/// Issues and verifies.
pub(crate) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Tokens {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        // The algorithm is ours, not the header's: `none`, RS256 and the rest are refused. `exp` must be there.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        Self { encoding: EncodingKey::from_secret(secret), decoding: DecodingKey::from_secret(secret), validation }
    }

    /// A new access token that lives for `life`.
    pub(crate) fn access(&self, now: SystemTime, subject: &Subject, life: Duration) -> Result<String, jsonwebtoken::errors::Error> {
        self.issue(now, subject, (Kind::Access, None, None), life)
    }

    /// A new ticket for a path that lives for `life`.
    pub(crate) fn ticket(
        &self,
        now: SystemTime,
        subject: &Subject,
        path: String,
        life: Duration,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        self.issue(now, subject, (Kind::Ticket, Some(path), None), life)
    }

    /// The same, for the browser alone whose cookie has this hash.
    pub(crate) fn ticket_of_browser(
        &self,
        now: SystemTime,
        subject: &Subject,
        (path, play): (String, String),
        life: Duration,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        self.issue(now, subject, (Kind::Ticket, Some(path), Some(play)), life)
    }

    fn issue(
        &self,
        now: SystemTime,
        subject: &Subject,
        (typ, path, play): (Kind, Option<String>, Option<String>),
        life: Duration,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let claims = Claims {
            sub: subject.user,
            center: subject.center,
            name: subject.name.clone(),
            sid: subject.session,
            roles: subject.roles.clone(),
            typ,
            iat,
            exp: iat.saturating_add(life.as_secs()),
            path,
            play,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// The claims of a good token of that kind; none for every other text, without saying why.
    pub(crate) fn verify(&self, token: &str, kind: Kind) -> Option<Claims> {
        if token.len() > TOKEN_MAX {
            return None;
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation).ok()?.claims;
        (claims.typ == kind).then_some(claims)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    use super::*;

    const SECRET: [u8; 32] = [7; 32];

    fn now_s() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    fn part(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    /// Signs whatever it is given, rightly.
    fn signed(header: &Value, claims: &Value, secret: &[u8]) -> String {
        let message = format!("{}.{}", part(header), part(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(secret), Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    }

    fn good_claims() -> Value {
        json!({"sub": "5", "center": "1", "name": "anna", "roles": ["admin"], "typ": "access", "iat": now_s(), "exp": now_s() + 900, "sid": 7})
    }

    #[test]
    fn attacks_are_refused() {
        let tokens = Tokens::new(&SECRET);
        let hs256 = json!({"alg": "HS256", "typ": "JWT"});
        let with = |name: &str, value: Value| {
            let mut claims = good_claims();
            claims.as_object_mut().unwrap().insert(name.to_owned(), value);
            claims
        };
        let without = |name: &str| {
            let mut claims = good_claims();
            claims.as_object_mut().unwrap().remove(name);
            claims
        };
        let good = signed(&hs256, &good_claims(), &SECRET);
        assert_eq!(tokens.verify(&good, Kind::Access).unwrap().sub, UserId(5));

        let cut = good.rsplit_once('.').unwrap().0;
        let swapped = format!("{}.{}.{}", part(&hs256), part(&with("sub", json!("6"))), good.rsplit('.').next().unwrap());
        let attacks = [
            ("empty", String::new()),
            ("two dots", "..".to_owned()),
            ("no signature", format!("{cut}.")),
            ("signature cut off", cut.to_owned()),
            ("alg none", format!("{}.{}.", part(&json!({"alg": "none"})), part(&good_claims()))),
            ("alg NONE", format!("{}.{}.", part(&json!({"alg": "NONE"})), part(&good_claims()))),
            ("alg none, rightly signed", signed(&json!({"alg": "none"}), &good_claims(), &SECRET)),
            ("alg HS384", signed(&json!({"alg": "HS384"}), &good_claims(), &SECRET)),
            ("alg RS256", signed(&json!({"alg": "RS256"}), &good_claims(), &SECRET)),
            ("no alg", signed(&json!({"typ": "JWT"}), &good_claims(), &SECRET)),
            ("empty key", signed(&hs256, &good_claims(), b"")),
            ("other key", signed(&hs256, &good_claims(), &[8; 32])),
            ("own key by jwk", signed(&json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "AA"}}), &good_claims(), &[0])),
            ("own key by jku", signed(&json!({"alg": "HS256", "jku": "https://evil.example/"}), &good_claims(), &[0])),
            ("claims exchanged", swapped),
            ("expired", signed(&hs256, &with("exp", json!(now_s() - 61)), &SECRET)),
            ("no exp", signed(&hs256, &without("exp"), &SECRET)),
            ("exp is text", signed(&hs256, &with("exp", json!("9999999999")), &SECRET)),
            ("exp is negative", signed(&hs256, &with("exp", json!(-1)), &SECRET)),
            ("not yet", signed(&hs256, &with("nbf", json!(now_s() + 120)), &SECRET)),
            ("for somebody else", signed(&hs256, &with("aud", json!("other")), &SECRET)),
            ("no sub", signed(&hs256, &without("sub"), &SECRET)),
            ("sub is SQL", signed(&hs256, &with("sub", json!("1 OR 1=1")), &SECRET)),
            ("sub is a list", signed(&hs256, &with("sub", json!([1])), &SECRET)),
            ("sub is zero", signed(&hs256, &with("sub", json!("0")), &SECRET)),
            ("no typ", signed(&hs256, &without("typ"), &SECRET)),
            ("wrong typ", signed(&hs256, &with("typ", json!("ticket")), &SECRET)),
            ("unknown typ", signed(&hs256, &with("typ", json!("Access")), &SECRET)),
            ("roles are a text", signed(&hs256, &with("roles", json!("admin")), &SECRET)),
            ("no session", signed(&hs256, &without("sid"), &SECRET)),
            ("claims are a list", signed(&hs256, &json!([]), &SECRET)),
            ("too long", signed(&hs256, &with("pad", json!("x".repeat(4096))), &SECRET)),
        ];
        for (name, token) in attacks {
            assert!(tokens.verify(&token, Kind::Access).is_none(), "{name}");
        }
    }

    #[test]
    fn a_token_is_good_for_its_kind_until_it_expires() {
        let tokens = Tokens::new(&SECRET);
        let subject =
            Subject { user: UserId(5), center: CenterId(1), name: "anna".to_owned(), session: 7, roles: vec!["operator".to_owned()] };
        let now = SystemTime::now();
        let life = Duration::from_secs(900);
        let access = tokens.access(now, &subject, life).unwrap();
        let ticket = tokens.ticket(now, &subject, "/api/x".to_owned(), life).unwrap();
        assert!(tokens.verify(&access, Kind::Ticket).is_none() && tokens.verify(&ticket, Kind::Access).is_none());
        let claims = tokens.verify(&access, Kind::Access).unwrap();
        assert_eq!((claims.sub, claims.sid, claims.path), (UserId(5), 7, None));
        assert_eq!(tokens.verify(&ticket, Kind::Ticket).unwrap().path.as_deref(), Some("/api/x"));
        // A minute late is still in time; two are not.
        let late = |s: u64| tokens.access(now - Duration::from_secs(900 + s), &subject, life).unwrap();
        assert!(tokens.verify(&late(50), Kind::Access).is_some());
        assert!(tokens.verify(&late(70), Kind::Access).is_none());
    }
}
