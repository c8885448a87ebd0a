//! A certified OpenID provider on loopback (npm's `oidc-provider`, `tests/peers/oidc`), and a browser that walks through it.
//!
//! The browser runs no scripts: it keeps cookies by origin and path, and goes where it is sent.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use ureq::http;

use crate::{Rest, Server, ports, rest::Reply, server};

/// What the server calls the provider.
pub const ID: &str = "house";
/// Our client there.
pub const CLIENT: &str = "cordboard";
/// Its secret.
pub const SECRET: &str = "a secret of the tests";
/// The audience of access tokens for the API.
pub const AUDIENCE: &str = "urn:cordboard:api";
/// Where the provider sends the browser of the other program, which calls the API: nobody listens there.
const PROGRAM_BACK: &str = "http://127.0.0.1/back";
/// A chain of redirections in a test is never longer.
const REDIRECTIONS_MAX: usize = 20;
/// Node needs about a second beside other tests on two cores.
const START_LIMIT: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(30);

/// The provider: a place first, and a process once it is started.
#[derive(Debug)]
pub struct Provider {
    port: u16,
    keycloak: bool,
    child: Option<Child>,
    log: PathBuf,
    _dir: tempfile::TempDir,
}

impl Provider {
    /// Chooses a place for one; nobody listens there yet. As Keycloak's realm, or with plain claims at the root.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn planned(keycloak: bool) -> Result<Self> {
        let (node, modules) = (node(), modules());
        ensure!(node.is_file(), "no Node under target/tools: `make test` installs it (scripts/setup-console.sh)");
        ensure!(
            modules.join("node_modules/oidc-provider").is_dir(),
            "no OpenID provider under target/tools: `make test` installs it (scripts/setup-peers.sh)"
        );
        let dir = tempfile::tempdir()?;
        Ok(Self { port: ports::block(2)?.start, keycloak, child: None, log: dir.path().join("log"), _dir: dir })
    }

    /// Its issuer.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("{}{}", self.origin(), self.path())
    }

    fn path(&self) -> &'static str {
        if self.keycloak { "/realms/main" } else { "" }
    }

    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Settings with which a server knows it.
    #[must_use]
    pub fn known_to(&self, settings: server::Settings) -> server::Settings {
        let directory = if self.keycloak { ", directory = \"keycloak\"" } else { "" };
        let provider = format!(
            "[{{ id = \"{ID}\", name = \"House\", issuer = \"{}\", client_id = \"{CLIENT}\", client_secret = \"{SECRET}\", \
             allow_insecure = true, bearer_audience = \"{AUDIENCE}\"{directory} }}]",
            self.issuer()
        );
        settings.with("CORDBOARD__OIDC__PROVIDERS", provider)
    }

    /// Starts it for this server, with new keys and its accounts as at first.
    ///
    /// # Errors
    /// When it does not come up; the error holds what it said.
    pub fn start(&mut self, server: &Server) -> Result<()> {
        ensure!(self.child.is_none(), "it runs already");
        let settings = json!({
            "port": self.port, "path": self.path(), "keycloak": self.keycloak,
            "callback": format!("{}/api/auth/oidc/{ID}/callback", server.base()),
            "backchannel": format!("{}/api/auth/oidc/{ID}/backchannel", server.base()),
            "client": CLIENT, "secret": SECRET, "audience": AUDIENCE,
        });
        let mut child = Command::new(node())
            .arg(root().join("tests/peers/oidc/provider.mjs"))
            .env_remove("NODE_OPTIONS")
            .env("MODULES", fs::canonicalize(modules())?)
            .env("SETTINGS", settings.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&self.log)?)
            .spawn()?;
        let stdout = child.stdout.take().context("no stdout")?;
        self.child = Some(child);
        let (tell, told) = mpsc::sync_channel(1);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody listens any more once it is up.
                let _ = tell.try_send(line);
            }
        });
        let ready = told.recv_timeout(START_LIMIT).ok().filter(|line| line == "ready");
        ready.map(drop).with_context(|| format!("the provider does not start: {}", self.said()))
    }

    /// Ends it, its sessions and its keys with it.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Both fail only if it is already gone, which is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// What it complained of.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let headers = [("content-type", "application/json")];
        Rest::new(self.origin()).request(method, path, &headers, Some(body.to_string().as_bytes()))?.expect(200)
    }

    /// Changes what it says of an account: `{"roles": […]}`, `{"enabled": false}`, `{"manager": "anna"}`.
    ///
    /// # Errors
    /// When it does not run.
    pub fn tell(&self, sub: &str, changes: &Value) -> Result<()> {
        self.control("PUT", &format!("/test/accounts/{sub}"), changes).map(drop)
    }

    /// Takes requests and answers none, or does again.
    ///
    /// # Errors
    /// When it does not run.
    pub fn hang(&self, hang: bool) -> Result<()> {
        self.control("POST", "/test/hang", &json!({"hang": hang})).map(drop)
    }

    /// A token of any claims, signed with its `own` key, a `stranger`'s, by HMAC with its public key (`secret`), or by `nobody`.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signed(&self, by: &str, header: &Value, claims: &Value) -> Result<String> {
        let token = self.control("POST", "/test/sign", &json!({"with": by, "header": header, "claims": claims}))?;
        Ok(token["token"].as_str().context("no token")?.to_owned())
    }

    /// An access token for the API in a person's name, as another program gets it: by a code with PKCE, and by the API's audience.
    ///
    /// # Errors
    /// When the provider refuses.
    pub fn access_token_of(&self, login: &str, password: &str) -> Result<String> {
        let verifier = "a verifier of the tests, which has at least forty-three characters".replace([' ', ','], "-");
        let challenge = base64url(&Sha256::digest(verifier.as_bytes()));
        let query = form(&[
            ("client_id", "program"),
            ("redirect_uri", PROGRAM_BACK),
            ("response_type", "code"),
            ("scope", "openid profile email"),
            ("resource", AUDIENCE),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", "x"),
        ]);
        let mut browser = Browser::default();
        let back = browser.through(&format!("{}/auth?{query}", self.issuer()), login, password, PROGRAM_BACK)?;
        let code = parameter(&back, "code").with_context(|| format!("no code: {back}"))?;
        self.token(&[("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", PROGRAM_BACK), ("code_verifier", &verifier)])
    }

    /// An access token for the API in the other program's own name.
    ///
    /// # Errors
    /// When the provider refuses.
    pub fn access_token_of_program(&self) -> Result<String> {
        self.token(&[("grant_type", "client_credentials")])
    }

    fn token(&self, parameters: &[(&str, &str)]) -> Result<String> {
        let client = [("client_id", "program"), ("client_secret", "of the program"), ("resource", AUDIENCE)];
        let reply = Browser::default().post(&format!("{}/token", self.issuer()), &[parameters, &client].concat())?;
        let body = reply.expect(200)?;
        Ok(body["access_token"].as_str().context("no access_token")?.to_owned())
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A browser: cookies, and nothing else.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    cookies: Vec<Cookie>,
}

#[derive(Debug, Clone)]
struct Cookie {
    origin: String,
    path: String,
    name: String,
    value: String,
}

impl Browser {
    /// One page, whatever it is.
    ///
    /// # Errors
    /// When no answer came.
    pub fn get(&mut self, url: &str) -> Result<Reply> {
        self.request("GET", url, &[], None)
    }

    /// A form that is sent.
    ///
    /// # Errors
    /// When no answer came.
    pub fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> Result<Reply> {
        self.request("POST", url, &[("content-type", "application/x-www-form-urlencoded")], Some(&form(fields)))
    }

    fn request(&mut self, method: &str, url: &str, headers: &[(&str, &str)], body: Option<&str>) -> Result<Reply> {
        let (origin, path) = split(url)?;
        let bare = path.split('?').next().unwrap_or_default();
        let fits = |cookie: &&Cookie| cookie.origin == origin && bare.starts_with(&cookie.path);
        let cookies: Vec<String> = self.cookies.iter().filter(fits).map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        let mut request = http::Request::builder().method(method).uri(url);
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(LIMIT)).max_redirects(0).build();
        let response =
            config.new_agent().run(request.body(body.unwrap_or_default().to_owned())?).with_context(|| format!("{method} {url}"))?;
        let (head, mut body) = response.into_parts();
        let body = body.read_to_vec()?;
        for set in head.headers.get_all("set-cookie") {
            self.keep(origin, set.to_str()?);
        }
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }

    fn keep(&mut self, origin: &str, text: &str) {
        let mut parts = text.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let attributes: Vec<(String, String)> = parts
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let attribute = |name: &str| attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let path = attribute("path").unwrap_or_else(|| "/".to_owned());
        self.cookies.retain(|cookie| !(cookie.origin == origin && cookie.path == path && cookie.name == name));
        let is_over = attribute("max-age").as_deref() == Some("0") || attribute("expires").is_some_and(|at| at.contains(" 1970 "));
        if !is_over {
            self.cookies.push(Cookie { origin: origin.to_owned(), path, name: name.to_owned(), value: value.to_owned() });
        }
    }

    /// Goes from `url` wherever it is sent, logs in where it is asked to, and gives back the address below `back` that it is sent to at last,
    /// without going there.
    ///
    /// # Errors
    /// When it ends elsewhere.
    pub fn through(&mut self, url: &str, login: &str, password: &str, back: &str) -> Result<String> {
        let mut url = url.to_owned();
        let mut reply = self.get(&url)?;
        for _ in 0..REDIRECTIONS_MAX {
            if let Some(to) = reply.header("location") {
                url = joined(&url, to)?;
                if url.starts_with(back) {
                    return Ok(url);
                }
                reply = self.get(&url)?;
            } else if reply.status == 200 && url.contains("/interaction/") {
                reply = self.post(&url, &[("login", login), ("password", password)])?;
                ensure!(reply.status != 403, "the provider does not log {login} in");
            } else {
                bail!("{url} ends with {} {}", reply.status, String::from_utf8_lossy(&reply.body));
            }
        }
        bail!("it goes round and round: {url}")
    }

    /// Begins to log in to the server by the provider, and comes back with an answer that the server has not seen yet.
    ///
    /// # Errors
    /// When the provider or the server refuses before.
    pub fn answer(&mut self, server: &Server, login: &str, password: &str) -> Result<String> {
        let url = self.begin(server)?;
        self.through(&url, login, password, &callback(server))
    }

    /// Begins to log in: the address that the server sends the browser to.
    ///
    /// # Errors
    /// When the server sends it nowhere.
    pub fn begin(&mut self, server: &Server) -> Result<String> {
        let reply = self.get(&format!("{}/api/auth/oidc/{ID}/start?return=/calls", server.base()))?;
        ensure!(reply.status == 302, "{} {}", reply.status, String::from_utf8_lossy(&reply.body));
        Ok(reply.header("location").context("no location")?.to_owned())
    }

    /// Brings an answer to the server; gives back where the server sends the browser then: `/calls`, `/login?error=…`.
    ///
    /// # Errors
    /// When the server sends it nowhere.
    pub fn arrive(&mut self, answer: &str) -> Result<String> {
        let reply = self.get(answer)?;
        ensure!(reply.status == 302, "{} {}", reply.status, String::from_utf8_lossy(&reply.body));
        Ok(reply.header("location").context("no location")?.to_owned())
    }

    /// The console's first request: new tokens for the cookie.
    ///
    /// # Errors
    /// When no answer came.
    pub fn refresh(&mut self, server: &Server) -> Result<Reply> {
        let base = server.base();
        self.request("POST", &format!("{base}/api/auth/refresh"), &[("origin", &base), ("sec-fetch-site", "same-origin")], None)
    }

    /// All of it: logs in by the provider, and gives back a client of the API.
    ///
    /// # Errors
    /// When it is refused anywhere.
    pub fn log_in(&mut self, server: &Server, login: &str, password: &str) -> Result<Rest> {
        let answer = self.answer(server, login, password)?;
        let page = self.arrive(&answer)?;
        ensure!(page == "/calls", "it ends at {page}");
        let tokens = self.refresh(server)?.expect(200)?;
        Ok(server.anonymous().with_token(tokens["access_token"].as_str().context("no access_token")?))
    }

    /// Logs out at the provider, which tells the servers of it.
    ///
    /// # Errors
    /// When the provider does not.
    pub fn log_out_at(&mut self, provider: &Provider) -> Result<()> {
        let page = self.get(&format!("{}/session/end", provider.issuer()))?;
        let text = String::from_utf8_lossy(&page.body).into_owned();
        let secret = text.split("name=\"xsrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let secret = secret.with_context(|| format!("no form: {text}"))?;
        let reply = self.post(&format!("{}/session/end/confirm", provider.issuer()), &[("xsrf", secret), ("logout", "yes")])?;
        ensure!(matches!(reply.status, 302 | 303), "{} {}", reply.status, String::from_utf8_lossy(&reply.body));
        Ok(())
    }
}

/// Where answers of the provider come to.
#[must_use]
pub fn callback(server: &Server) -> String {
    format!("{}/api/auth/oidc/{ID}/callback", server.base())
}

/// A parameter of an address, decoded.
#[must_use]
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let value = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name)?.1;
    let mut octets = Vec::new();
    let mut rest = value.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(octets).ok()
}

/// The same address with another value of a parameter.
#[must_use]
pub fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((known, _)) if known == name => form(&[(name, value)]),
        _ => pair.to_owned(),
    });
    format!("{base}?{}", pairs.collect::<Vec<_>>().join("&"))
}

/// What a token says, without proof.
///
/// # Errors
/// When it is no JWT.
pub fn claims(token: &str) -> Result<Value> {
    let part = token.split('.').nth(1).context("no JWT")?;
    let digits = part.bytes().map(|octet| {
        let place = ALPHABET.iter().position(|known| *known == octet).context("no base64url")?;
        Ok(u32::try_from(place)?)
    });
    let digits = digits.collect::<Result<Vec<u32>>>()?;
    let octets = digits.chunks(4).flat_map(|four| {
        let bits = four.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - four.len()));
        let [_, octets @ ..] = bits.to_be_bytes();
        octets.into_iter().take(four.len() - 1).collect::<Vec<_>>()
    });
    Ok(serde_json::from_slice(&octets.collect::<Vec<_>>())?)
}

/// `application/x-www-form-urlencoded`.
fn form(fields: &[(&str, &str)]) -> String {
    let encoded = |text: &str| {
        text.bytes().fold(String::new(), |mut all, octet| {
            if octet.is_ascii_alphanumeric() || b"-_.~".contains(&octet) {
                all.push(char::from(octet));
            } else {
                all.push_str(&format!("%{octet:02X}"));
            }
            all
        })
    };
    fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect::<Vec<_>>().join("&")
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// RFC 4648, 5, without padding.
fn base64url(octets: &[u8]) -> String {
    octets
        .chunks(3)
        .flat_map(|three| {
            let bits = three.iter().fold(0u32, |bits, octet| bits << 8 | u32::from(*octet)) << (8 * (3 - three.len()));
            (0..=three.len()).map(move |place| char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]))
        })
        .collect()
}

/// `http://host:port`, and the rest.
fn split(url: &str) -> Result<(&str, &str)> {
    let rest = url.strip_prefix("http://").with_context(|| format!("no http URL: {url}"))?;
    let end = url.len() - rest.len() + rest.find('/').unwrap_or(rest.len());
    Ok(url.split_at(end))
}

fn joined(from: &str, to: &str) -> Result<String> {
    match to.starts_with('/') {
        true => Ok(format!("{}{to}", split(from)?.0)),
        false => Ok(to.to_owned()),
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn node() -> PathBuf {
    root().join("target/tools/node/node_modules/.bin/node")
}

fn modules() -> PathBuf {
    root().join("target/tools/oidc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_go_there_and_back() -> Result<()> {
        assert_eq!(base64url(b"{\"a\":1}"), "eyJhIjoxfQ");
        assert_eq!(claims("x.eyJhIjoxfQ.y")?, json!({"a": 1}));
        assert_eq!(base64url(&[251, 255]), "-_8");
        let url = format!("http://a/b?{}", form(&[("x", "a b&c=\u{44f}"), ("y", "")]));
        assert_eq!((parameter(&url, "x").as_deref(), parameter(&url, "y").as_deref()), (Some("a b&c=\u{44f}"), Some("")));
        assert_eq!(parameter(&with_parameter(&url, "x", "%"), "x").as_deref(), Some("%"));
        assert_eq!(joined("http://a:1/b?c", "/d")?, "http://a:1/d");
        Ok(())
    }
}
