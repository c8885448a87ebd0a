//! `[oidc]`

use std::{collections::BTreeMap, fmt, net::IpAddr};

use crate::{
    reader,
    section::{Findings, section},
    value::{Problem, Raw, Value},
};

section! {
    /// Signing in by another server (OpenID Connect): Keycloak, or any other provider.
    Oidc in oidc {
        /// The providers, each with these keys; instead of this line, a part of the file that begins with [[oidc.providers]] for each:
        ///   id = "keycloak"                  stands in addresses: /api/auth/oidc/keycloak/callback
        ///   name = "Company account"         what the button says; without it, the id
        ///   issuer = "https://sso.example.com/realms/main"
        ///   client_id = "cordboard"
        ///   client_secret = "…"              without it, a public client
        ///   scopes = ["openid", "profile", "email"]
        ///   directory = "keycloak"           the client may read users from Keycloak's admin API (e-mail, manager); without it, from nowhere
        ///   bearer_audience = "cordboard-api"  programs may come with the provider's access tokens for this audience; without it, they may not
        ///   allow_insecure = true            http:// will do, to a provider on this machine itself
        /// In the variable CORDBOARD__OIDC__PROVIDERS they stand as in TOML: [{ id = "…", issuer = "…", client_id = "…" }].
        providers: OidcProviders = "[]";
    }
}

impl Oidc {
    pub(crate) fn check(&self, findings: &mut Findings) {
        let providers = &self.providers.0;
        for (at, provider) in providers.iter().enumerate() {
            let before = providers.iter().take(at);
            if before.clone().any(|other| other.id == provider.id) {
                findings.contradiction(&["oidc.providers"], format!("`oidc.providers` has two with the id {:?}", provider.id));
            }
            if before.clone().any(|other| other.issuer == provider.issuer) {
                findings.contradiction(&["oidc.providers"], format!("`oidc.providers` has two with the issuer {:?}", provider.issuer));
            }
            if provider.bearer_audience.as_ref() == Some(&provider.client_id) {
                findings.warn(
                    &["oidc.providers"],
                    format!("provider {:?}: its bearer_audience is the client itself, so that tokens made for signing in resemble those for the API", provider.id),
                );
            }
        }
    }
}

/// The providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcProviders(pub Vec<OidcProvider>);

/// A sign-in provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcProvider {
    /// Its id in addresses.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its issuer's URL.
    pub issuer: String,
    /// Our id there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: Option<Secret>,
    /// What is asked for; `openid` is always among it.
    pub scopes: Vec<String>,
    /// Whether `http://` will do, to this machine itself.
    pub allow_insecure: bool,
    /// From where its users' e-mail addresses and managers are read.
    pub directory: Option<OidcDirectory>,
    /// For which audience programs' access tokens are taken.
    pub bearer_audience: Option<String>,
}

/// From where users are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OidcDirectory {
    /// Keycloak's admin API.
    Keycloak,
}

/// A secret. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself. Not for logs.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// How many providers there may be.
const PROVIDERS_MAX: usize = 16;
/// The longest text of a provider, in octets.
const TEXT_MAX: usize = 1024;
const KEYS: [&str; 9] = ["id", "name", "issuer", "client_id", "client_secret", "scopes", "allow_insecure", "directory", "bearer_audience"];

impl Value for OidcProviders {
    const EXPECTS: &'static str = "a list of providers";

    fn read(raw: &Raw) -> Result<Self, Problem> {
        let list = match raw {
            Raw::Variable(text) if text.trim().is_empty() => return Ok(Self(Vec::new())),
            // What is wrong is not repeated: the text may hold a secret.
            Raw::Variable(text) => reader::parse(text).ok_or_else(|| bad("it is no list in TOML, such as [{ id = \"…\", … }]"))?,
            other => other.clone(),
        };
        let Raw::List(items) = list else { return Err(Problem::Type(list.kind())) };
        if items.len() > PROVIDERS_MAX {
            return Err(bad(format!("there are more than {PROVIDERS_MAX}")));
        }
        let providers = items.iter().enumerate().map(|(at, item)| {
            let Raw::Table(keys) = item else { return Err(bad(format!("provider {} is {}, and no table", at + 1, item.kind()))) };
            OidcProvider::read(keys).map_err(|reason| bad(format!("provider {}: {reason}", at + 1)))
        });
        Ok(Self(providers.collect::<Result<_, _>>()?))
    }
}

fn bad(reason: impl Into<String>) -> Problem {
    Problem::Bad(reason.into())
}

impl OidcProvider {
    fn read(keys: &BTreeMap<String, Raw>) -> Result<Self, String> {
        if let Some(unknown) = keys.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let meant = reader::closest(unknown, &KEYS).map(|key| format!("; did you mean `{key}`?")).unwrap_or_default();
            return Err(format!("unknown key `{unknown}`{meant}"));
        }
        let text = |key: &str| -> Result<Option<String>, String> {
            match keys.get(key) {
                None => Ok(None),
                Some(Raw::Text(text)) if text.is_empty() => Ok(None),
                Some(Raw::Text(text)) if text.len() > TEXT_MAX || text.chars().any(char::is_control) => {
                    Err(format!("`{key}` is longer than {TEXT_MAX} octets, or holds what cannot be printed"))
                }
                Some(Raw::Text(text)) => Ok(Some(text.clone())),
                Some(other) => Err(format!("`{key}` expects a text, not {}", other.kind())),
            }
        };
        let needed = |key: &str| text(key)?.ok_or_else(|| format!("`{key}` is missing"));
        let id = needed("id")?;
        if id.len() > 32 || !id.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || matches!(octet, b'-' | b'_')) {
            return Err(format!("the id {id:?} is to have at most 32 small letters, digits, - and _"));
        }
        let allow_insecure = match keys.get("allow_insecure") {
            None => false,
            Some(Raw::Flag(flag)) => *flag,
            Some(other) => return Err(format!("`allow_insecure` expects true or false, not {}", other.kind())),
        };
        let issuer = needed("issuer")?;
        check_issuer(&issuer, allow_insecure)?;
        let directory = match text("directory")?.as_deref() {
            None => None,
            Some("keycloak") => Some(OidcDirectory::Keycloak),
            Some(other) => return Err(format!("`directory` is \"keycloak\" or left out, not {other:?}")),
        };
        let client_secret = text("client_secret")?.map(Secret);
        if directory.is_some() && client_secret.is_none() {
            return Err("`directory` needs a `client_secret`: a public client may not read users".to_owned());
        }
        if directory.is_some() && !issuer.contains("/realms/") {
            return Err("`directory` is \"keycloak\", but the issuer is no realm of Keycloak: https://host/realms/name".to_owned());
        }
        let scopes = match keys.get("scopes") {
            None => ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            Some(raw) => scopes(raw)?,
        };
        Ok(Self {
            name: text("name")?.unwrap_or_else(|| id.clone()),
            id,
            issuer,
            client_id: needed("client_id")?,
            client_secret,
            scopes,
            allow_insecure,
            directory,
            bearer_audience: text("bearer_audience")?,
        })
    }
}

/// RFC 6749, 3.3: which characters a scope has.
fn scopes(raw: &Raw) -> Result<Vec<String>, String> {
    let wrong = || "`scopes` expects a list of words, such as [\"openid\", \"email\"]".to_owned();
    let Raw::List(items) = raw else { return Err(wrong()) };
    let mut scopes = vec!["openid".to_owned()];
    for item in items {
        let Raw::Text(scope) = item else { return Err(wrong()) };
        let is_scope = scope.bytes().all(|octet| matches!(octet, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        if scope.is_empty() || scope.len() > 128 || !is_scope || items.len() > 32 {
            return Err(wrong());
        }
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    Ok(scopes)
}

/// OpenID Connect Core, 2: an issuer is `https://` without query and fragment.
fn check_issuer(issuer: &str, allow_insecure: bool) -> Result<(), String> {
    let host = |rest: &str| {
        let authority = rest.split('/').next().unwrap_or_default();
        let bare = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(host, _)| host);
        bare.unwrap_or_else(|| authority.split(':').next().unwrap_or_default()).to_owned()
    };
    if issuer.contains(['?', '#', '@', ' ']) {
        return Err(format!("the issuer {issuer:?} is a URL without query, fragment and user"));
    }
    if let Some(rest) = issuer.strip_prefix("https://") {
        return if host(rest).is_empty() { Err(format!("the issuer {issuer:?} names no host")) } else { Ok(()) };
    }
    let Some(rest) = issuer.strip_prefix("http://") else { return Err(format!("the issuer {issuer:?} does not begin with https://")) };
    let host = host(rest);
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match (allow_insecure, is_here) {
        (true, true) => Ok(()),
        (false, true) => {
            Err(format!("the issuer {issuer:?} is not encrypted; `allow_insecure = true` lets that pass on this machine itself"))
        }
        (_, false) => Err(format!("the issuer {issuer:?} does not begin with https://")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;
    use crate::Config;

    fn load(file: &str, env: Option<&str>) -> Result<(Vec<OidcProvider>, Vec<String>), Vec<String>> {
        let env = env.map(|value| ("CORDBOARD__OIDC__PROVIDERS".to_owned(), value.to_owned()));
        match Config::judge(Some(file), env.into_iter(), |_| Vec::new()).outcome() {
            Ok((config, warnings)) => Ok((config.oidc.providers.0, warnings.iter().map(ToString::to_string).collect())),
            Err(errors) => Err(errors.iter().map(ToString::to_string).collect()),
        }
    }

    const FULL: &str = r#"
[[oidc.providers]]
id = "keycloak"
name = "Company account"
issuer = "https://sso.example.com/realms/main"
client_id = "cordboard"
client_secret = "s3cret"
scopes = ["openid", "email", "roles"]
directory = "keycloak"
bearer_audience = "cordboard-api"

[[oidc.providers]]
id = "other"
issuer = "http://127.0.0.1:9000"
client_id = "cordboard"
allow_insecure = true
"#;

    #[test]
    fn providers_are_read() {
        let (providers, warnings) = load(FULL, None).unwrap();
        assert_eq!(warnings, Vec::<String>::new());
        let [keycloak, other] = providers.as_slice() else { panic!("{providers:?}") };
        assert_eq!((keycloak.name.as_str(), keycloak.client_secret.as_ref().map(Secret::secret)), ("Company account", Some("s3cret")));
        assert_eq!(
            (keycloak.scopes.as_slice(), keycloak.directory),
            (["openid", "email", "roles"].map(str::to_owned).as_slice(), Some(OidcDirectory::Keycloak))
        );
        assert_eq!((other.name.as_str(), other.scopes.len(), other.allow_insecure), ("other", 3, true));
        assert!(!format!("{providers:?}").contains("s3cret"));
        // As a variable, which goes before the file.
        let (providers, _) = load(FULL, Some(r#"[{ id = "env", issuer = "https://a", client_id = "b" }]"#)).unwrap();
        assert_eq!((providers.len(), providers[0].id.as_str()), (1, "env"));
        assert_eq!(load(FULL, Some("")).unwrap().0, []);
    }

    #[test]
    fn what_is_wrong_with_a_provider_is_told() {
        let of = |lines: &str| load(&format!("[[oidc.providers]]\nid = \"a\"\nissuer = \"https://a\"\nclient_id = \"c\"\n{lines}"), None);
        for (lines, told) in [
            ("isuer = \"x\"", "provider 1: unknown key `isuer`; did you mean `issuer`?"),
            ("name = 5", "`name` expects a text, not a whole number"),
            ("scopes = \"openid\"", "`scopes` expects a list of words"),
            ("scopes = [\"a b\"]", "`scopes` expects a list of words"),
            ("allow_insecure = \"yes\"", "`allow_insecure` expects true or false"),
            ("directory = \"ldap\"", "`directory` is \"keycloak\" or left out, not \"ldap\""),
            ("directory = \"keycloak\"", "needs a `client_secret`"),
            ("directory = \"keycloak\"\nclient_secret = \"s3cret\"", "no realm of Keycloak"),
            ("[[oidc.providers]]\nid = \"a\"\nissuer = \"https://b\"\nclient_id = \"c\"", "two with the id \"a\""),
            ("[[oidc.providers]]\nid = \"b\"\nissuer = \"https://a\"\nclient_id = \"c\"", "two with the issuer \"https://a\""),
            ("[[oidc.providers]]\nid = \"b\"", "provider 2: `issuer` is missing"),
            ("[[oidc.providers]]\nid = \"B/b\"", "provider 2: the id \"B/b\""),
        ] {
            let errors = of(lines).unwrap_err().join("\n");
            assert!(errors.contains(told) && !errors.contains("s3cret"), "{lines}: {errors}");
        }
        assert_eq!(of("bearer_audience = \"c\"").unwrap().1.len(), 1);
        for wrong in ["providers = 5", "providers = \"x\"", "providers = [5]"] {
            assert!(load(&format!("[oidc]\n{wrong}"), None).is_err(), "{wrong}");
        }
        let told = load("", Some("s3cret = {")).unwrap_err().join("\n");
        assert!(told.contains("no list in TOML") && !told.contains("s3cret"), "{told}");
    }

    #[test]
    fn an_issuer_is_encrypted() {
        for (issuer, insecure, is_good) in [
            ("https://sso.example.com", false, true),
            ("https://sso.example.com:8443/realms/main", false, true),
            ("https://10.0.0.1/", false, true),
            ("http://localhost:9000", true, true),
            ("http://[::1]:9000/x", true, true),
            ("http://localhost:9000", false, false),
            ("http://sso.example.com", true, false),
            ("http://127.0.0.1.example.com", true, false),
            ("https://", false, false),
            ("https://user@sso", false, false),
            ("https://sso?x", false, false),
            ("sso.example.com", true, false),
        ] {
            assert_eq!(check_issuer(issuer, insecure).is_ok(), is_good, "{issuer}");
        }
    }
}
