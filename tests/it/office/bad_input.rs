//! What the API must not take: each is a clear refusal with its status, its code and a sentence, and nothing has changed (FT-17, 29).

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tests::{Rest, Server, clock::Clock, receiver::hmac_sha256, rest::Reply, server::Settings};

use super::{Engine, PASSWORD, encoded, ended, number, on, on_both, person, refused, sql::Sql, text, unbase64, user};

/// Rows that a refusal may add to: it is written down, and nothing else is.
const LOGS: [&str; 2] = ["audit_log", "audit_head"];

on_both! {
    /// Filters, cursors, bodies, methods, versions.
    what_cannot_be_used_changes_nothing = bad_requests;
    /// Expired, unsigned, another's, used twice.
    a_bad_token_opens_nothing = bad_tokens;
    /// By each of the ways that there are.
    the_last_administrator_stays = the_last_administrator;
    /// Of two changes from one version one is made.
    one_of_two_changes_from_one_version_wins = races;
}

/// Method, path, content type, body; status and code of the refusal.
type BadBody<'a> = (&'a str, &'a str, &'a str, Vec<u8>, u16, &'a str);

/// Everything that is kept, and where the log ends.
struct Picture {
    rows: Map<String, Value>,
    last: i64,
}

impl Picture {
    fn take(sql: &Sql) -> Result<Self> {
        Ok(Self { rows: sql.everything_but(&LOGS)?, last: sql.number("SELECT max(seq) FROM audit_log")? })
    }

    /// Nothing has changed since, and the log tells of no change.
    fn is_still(&self, sql: &Sql) -> Result<()> {
        let now = sql.everything_but(&LOGS)?;
        for (table, rows) in &self.rows {
            ensure!(now.get(table) == Some(rows), "{table} has changed from {rows} to {:?}", now.get(table));
        }
        let told = sql.rows(&format!("SELECT action, outcome, diff FROM audit_log WHERE seq > {} AND outcome = 'done'", self.last))?;
        ensure!(told.is_empty(), "the log tells of changes: {told:?}");
        Ok(())
    }
}

fn bad_requests(engine: Engine) -> Result<()> {
    on(engine, Settings::default(), |server, admin, sql| {
        let anna = user(admin, "anna", &["operator"])?;
        let own_path = format!("/api/users/{}", text(&anna, "id")?);
        let hub = admin.hub("desk", "auto", 2)?;
        let nobody = person(server, admin, "olga", &["operator"])?;
        for name in ["a1", "a2", "a3"] {
            user(admin, name, &["viewer"])?;
        }
        let body = json!({"username": "admin", "password": server.password()});
        let token = text(&server.anonymous().post("/api/auth/login", &body)?.expect(200)?, "access_token")?;
        let cursor = |path: &str| -> Result<String> { text(&admin.get(path)?.expect(200)?, "next") };
        let of_users = cursor("/api/users?limit=1&sort=username")?;
        let of_others = cursor(&format!("/api/users?limit=1&sort=username&filter={}", encoded("{\"state\":\"active\"}")))?;
        let of_roles = cursor("/api/roles?limit=1")?;
        let before = Picture::take(sql)?;

        // Lists.
        let filter = |filter: &Value| format!("/api/users?filter={}", encoded(&filter.to_string()));
        let many = |count: usize| json!({"or": (0..count).map(|at| json!({"username": at.to_string()})).collect::<Vec<_>>()});
        let deep = |depth: usize| (0..depth).fold(json!({"username": "x"}), |inner, _| json!({"or": [inner]}));
        let mut lists: Vec<(String, &str, &str)> = vec![
            (filter(&json!({"nonsense": 1})), "unknown_field", "filter.nonsense"),
            (filter(&json!({"password_hash": {"prefix": "$"}})), "unknown_field", "filter.password_hash"),
            (filter(&json!({"version": 1})), "unknown_field", "filter.version"),
            (filter(&json!({"username": {"gt": "a"}})), "invalid_field", "filter.username"),
            (filter(&json!({"username": 7})), "invalid_field", "filter.username"),
            (filter(&json!({"id": "7; DROP TABLE users"})), "invalid_field", "filter.id"),
            (filter(&json!({"id": 1e30})), "invalid_field", "filter.id"),
            (filter(&json!({"username": (0..101).map(|at| at.to_string()).collect::<Vec<_>>()})), "invalid_field", "filter.username"),
            (filter(&many(51)), "invalid_field", "filter"),
            (filter(&deep(5)), "invalid_field", "filter"),
            (filter(&json!([1])), "invalid_field", "filter"),
            ("/api/users?filter=%7B".to_owned(), "invalid_field", "filter"),
            (format!("/api/users?filter={}", "%5B".repeat(2_500)), "invalid_field", "filter"),
            ("/api/users?filter=%7B%22username%22%3A%22%5Cud800%22%7D".to_owned(), "invalid_field", "filter"),
            ("/api/users?filter=%FF%FE".to_owned(), "invalid_field", "filter"),
            ("/api/users?filter=%7B%7D&filter=%7B%7D".to_owned(), "unknown_field", "filter"),
            ("/api/users?fitler=%7B%7D".to_owned(), "unknown_field", "fitler"),
            ("/api/users?sort=nonsense".to_owned(), "unknown_field", "sort.nonsense"),
            ("/api/users?sort=email".to_owned(), "unknown_field", "sort.email"),
            ("/api/users?sort=username%20DESC".to_owned(), "unknown_field", "sort.username DESC"),
            ("/api/users?fields=id,nonsense".to_owned(), "unknown_field", "fields.nonsense"),
            ("/api/users?count=many".to_owned(), "invalid_field", "count"),
            (format!("/api/users?q={}", "x".repeat(600)), "invalid_field", "q"),
            ("/api/webhooks?q=x".to_owned(), "unknown_field", "q"),
            ("/api/users?cursor=nonsense".to_owned(), "invalid_field", "cursor"),
            (format!("/api/users?cursor={of_users}"), "", ""),
            (format!("/api/users?sort=-username&cursor={of_users}"), "invalid_field", "cursor"),
            (format!("/api/users?q=a&cursor={of_users}"), "invalid_field", "cursor"),
            (format!("/api/users?sort=username&cursor={of_others}"), "invalid_field", "cursor"),
            (format!("/api/users?sort=username&cursor={of_roles}"), "invalid_field", "cursor"),
            (format!("/api/roles?cursor={of_users}"), "invalid_field", "cursor"),
        ];
        for limit in ["0", "201", "-1", "1e3", "", "18446744073709551616", "99999999999999999999999999", "ten", "1.0"] {
            lists.push((format!("/api/users?limit={limit}"), "invalid_field", "limit"));
        }
        let mut wrong = Vec::new();
        for (path, code, field) in &lists {
            let reply = admin.get(path)?;
            if code.is_empty() {
                // The same order said in other words is the same list.
                ensure!(reply.status == 200, "{path}: {} {}", reply.status, reply.json());
                continue;
            }
            let told = reply.json()["field"].as_str().unwrap_or_default().to_owned();
            match refused(&reply, 422, code) {
                Ok(()) if told.starts_with(field) => {}
                Ok(()) => wrong.push(format!("{field} expected: {path:.200}: {}", reply.json())),
                Err(error) => wrong.push(format!("{path:.200}: {error:#}")),
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        // A filter of a hundred thousand conditions does not even fit into a request's head; in a body it is counted.
        let huge = many(100_000);
        let long = admin.get(&filter(&many(500)))?;
        ensure!((400..500).contains(&long.status), "{}", long.status);
        for path in ["/api/users/bulk", "/api/exports"] {
            let body = if path.ends_with("bulk") {
                json!({"action": "disable", "filter": huge})
            } else {
                json!({"resource": "users", "format": "csv", "filter": huge})
            };
            let reply = admin.post(path, &body)?;
            refused(&reply, 422, "invalid_field").with_context(|| path.to_owned())?;
        }
        before.is_still(sql).context("lists")?;

        // Bodies.
        // Where a body is refused unread the connection may end, and the next request must not meet that.
        let raw = |method: &str, path: &str, kind: &str, body: &[u8]| {
            admin.request(method, path, &[("content-type", kind), ("connection", "close")], Some(body))
        };
        let json_kind = "application/json";
        let nested = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        let inside = [b"{\"username\":".to_vec(), b"{\"a\":".repeat(50_000), b"1".to_vec(), b"}".repeat(50_001)].concat();
        let bodies: Vec<BadBody> = vec![
            ("POST", "/api/users", json_kind, b"".to_vec(), 400, "malformed_json"),
            ("POST", "/api/users", json_kind, b"{".to_vec(), 400, "malformed_json"),
            ("POST", "/api/users", json_kind, b"{\"username\":\"x\",\"roles\":[\"viewer\"]} {}".to_vec(), 400, "malformed_json"),
            ("POST", "/api/users", json_kind, b"\xff\xfe{\x00}\x00".to_vec(), 400, "malformed_json"),
            ("POST", "/api/users", json_kind, b"{\"username\":\"\xff\"}".to_vec(), 400, "malformed_json"),
            ("POST", "/api/users", json_kind, b"{\"username\":\"\\ud800\"}".to_vec(), 400, "malformed_json"),
            ("POST", "/api/users", json_kind, b"{\"username\":\"\\udc00\\ud800\"}".to_vec(), 400, "malformed_json"),
            ("POST", "/api/users", json_kind, nested.clone(), 422, "invalid_field"),
            ("POST", "/api/users", json_kind, inside, 422, "invalid_field"),
            ("PUT", "/api/me/settings/x", json_kind, nested, 400, "malformed_json"),
            ("POST", "/api/users", json_kind, b"[\"anna\",\"secret\"]".to_vec(), 422, "invalid_field"),
            ("POST", "/api/users", json_kind, b"null".to_vec(), 422, "invalid_field"),
            ("POST", "/api/users", json_kind, b"{}".to_vec(), 422, "missing_field"),
            ("POST", "/api/users", json_kind, b"{\"username\":\"x\",\"admin\":true}".to_vec(), 422, "unknown_field"),
            ("POST", "/api/users", json_kind, b"{\"username\":7}".to_vec(), 422, "invalid_field"),
            ("POST", "/api/users", json_kind, b"{\"username\":\"x\",\"username\":\"y\"}".to_vec(), 422, "invalid_field"),
            ("PUT", &own_path, json_kind, b"{\"version\":1,\"version\":1,\"display_name\":\"x\"}".to_vec(), 422, "invalid_field"),
            ("POST", "/api/users", json_kind, b"{\"username\":\"a\\u0000b\",\"roles\":[\"viewer\"]}".to_vec(), 422, "invalid_field"),
            ("POST", "/api/users", json_kind, b"{\"username\":\"x\",\"display_name\":\"a\\u0000b\"}".to_vec(), 422, "invalid_field"),
            ("POST", "/api/roles", json_kind, b"{\"code\":\"x\",\"name\":\"a\\u0000b\"}".to_vec(), 422, "invalid_field"),
            ("POST", "/api/users", json_kind, b"{\"username\":\"x\",\"password\":\"short\"}".to_vec(), 422, "invalid_field"),
            ("POST", "/api/users", json_kind, b"{\"username\":\"x\",\"roles\":[\"no such role\"]}".to_vec(), 422, "invalid_field"),
            ("POST", "/api/users", json_kind, b"{\"username\":\"x\",\"manager\":\"999999\"}".to_vec(), 422, "invalid_field"),
            ("POST", "/api/users", json_kind, b"{\"username\":\"x\",\"manager\":9223372036854775808}".to_vec(), 422, "invalid_field"),
            ("POST", "/api/users", json_kind, format!("{{\"username\":\"{}\"}}", "x".repeat(129)).into_bytes(), 422, "invalid_field"),
            ("POST", "/api/users", json_kind, b"{\"username\":\"ANNA\",\"roles\":[\"viewer\"]}".to_vec(), 409, "username_taken"),
            ("POST", "/api/users", "text/plain", b"{\"username\":\"x\"}".to_vec(), 415, "unsupported_media_type"),
            ("POST", "/api/users", "application/x-www-form-urlencoded", b"username=x".to_vec(), 415, "unsupported_media_type"),
            ("POST", "/api/users", "", b"{\"username\":\"x\"}".to_vec(), 415, "unsupported_media_type"),
            ("PUT", &own_path, json_kind, b"{\"display_name\":\"x\"}".to_vec(), 422, "missing_field"),
            ("PUT", &own_path, json_kind, b"{\"version\":7,\"display_name\":\"x\"}".to_vec(), 409, "version_conflict"),
            ("PUT", &own_path, json_kind, b"{\"version\":-1,\"display_name\":\"x\"}".to_vec(), 409, "version_conflict"),
            ("PUT", &own_path, json_kind, b"{\"version\":1.5,\"display_name\":\"x\"}".to_vec(), 422, "invalid_field"),
            (
                "POST",
                "/api/permission-sets",
                json_kind,
                b"{\"code\":\"x\",\"name\":\"x\",\"permissions\":[{\"permission\":\"users.fly\",\"scope\":\"all\"}]}".to_vec(),
                422,
                "unknown_field",
            ),
            (
                "POST",
                "/api/permission-sets",
                json_kind,
                b"{\"code\":\"x\",\"name\":\"x\",\"permissions\":[{\"permission\":\"calls.read\",\"scope\":\"world\"}]}".to_vec(),
                422,
                "invalid_field",
            ),
            ("POST", "/api/roles", json_kind, b"{\"code\":\"../../x\",\"name\":\"x\"}".to_vec(), 422, "invalid_field"),
            ("POST", "/api/exports", json_kind, b"{\"resource\":\"secrets\",\"format\":\"csv\"}".to_vec(), 422, "unknown_field"),
            ("POST", "/api/exports", json_kind, b"{\"resource\":\"users\",\"format\":\"exe\"}".to_vec(), 422, "invalid_field"),
            (
                "POST",
                "/api/exports",
                json_kind,
                b"{\"resource\":\"users\",\"format\":\"csv\",\"columns\":[\"password_hash\"]}".to_vec(),
                422,
                "unknown_field",
            ),
            ("POST", "/api/users/bulk", json_kind, b"{\"action\":\"explode\",\"filter\":{}}".to_vec(), 422, "invalid_field"),
            ("POST", "/api/users/bulk", json_kind, b"{\"action\":\"disable\"}".to_vec(), 422, "missing_field"),
            (
                "POST",
                "/api/users/bulk",
                json_kind,
                b"{\"action\":\"disable\",\"filter\":{},\"ids\":[\"1\"]}".to_vec(),
                422,
                "invalid_field",
            ),
            ("POST", "/api/users/bulk", json_kind, b"{\"action\":\"disable\",\"ids\":[\"x\"]}".to_vec(), 422, "invalid_field"),
            (
                "POST",
                "/api/schedules",
                json_kind,
                b"{\"kind\":\"audit.verify\",\"payload\":{},\"cron\":\"* * * * * * *\"}".to_vec(),
                422,
                "invalid_field",
            ),
            (
                "POST",
                "/api/schedules",
                json_kind,
                b"{\"kind\":\"shell.run\",\"payload\":{},\"cron\":\"1 1 1 1 1\"}".to_vec(),
                422,
                "invalid_field",
            ),
            (
                "POST",
                "/api/centers",
                json_kind,
                b"{\"code\":\"c\",\"name\":\"c\",\"settings\":{\"login\":{\"local\":false,\"oidc\":false}}}".to_vec(),
                422,
                "invalid_field",
            ),
            ("POST", "/api/trunks", json_kind, b"{\"name\":\"x\",\"type\":\"auto\",\"capacity\":1000}".to_vec(), 422, "invalid_field"),
            ("PUT", "/api/me/settings/..%2Fx", json_kind, b"1".to_vec(), 422, "invalid_field"),
            ("PUT", "/api/me/settings/x", json_kind, format!("\"{}\"", "x".repeat(70_000)).into_bytes(), 422, "invalid_field"),
            (
                "POST",
                "/api/dci/log-event",
                json_kind,
                b"{\"module\":\"<b>\",\"severity\":\"info\",\"code\":\"c\",\"message\":\"m\"}".to_vec(),
                422,
                "invalid_field",
            ),
            ("PATCH", "/api/users", json_kind, b"{}".to_vec(), 405, "method_not_allowed"),
            ("DELETE", "/api/audit/1", json_kind, b"".to_vec(), 405, "method_not_allowed"),
            ("PUT", "/api/audit/1", json_kind, b"{}".to_vec(), 405, "method_not_allowed"),
            ("POST", "/api/nonsense", json_kind, b"{}".to_vec(), 404, "not_found"),
            ("PUT", "/api/users/x", json_kind, b"{\"version\":1}".to_vec(), 404, "user_not_found"),
            ("DELETE", "/api/users/9223372036854775807", json_kind, b"".to_vec(), 404, "user_not_found"),
            ("DELETE", "/api/roles/1", json_kind, b"".to_vec(), 422, "missing_field"),
            ("DELETE", "/api/roles/1?version=1", json_kind, b"".to_vec(), 409, "built_in"),
        ];
        for (method, path, kind, body, status, code) in bodies {
            let reply = raw(method, path, kind, &body)?;
            let shown: String = String::from_utf8_lossy(&body).chars().take(120).collect();
            if let Err(error) = refused(&reply, status, code) {
                wrong.push(format!("{method} {path} {kind} {shown}: {error:#}"));
            }
            if status == 405 {
                ensure!(reply.header("allow").is_some_and(|allowed| !allowed.is_empty()), "{method} {path}: {:?}", reply.headers);
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        before.is_still(sql).context("bodies")?;

        too_much(server, admin, &token)?;
        unread(server)?;
        let foreign = admin.request("GET", "/api/users", &[("x-center", "77")], None)?;
        refused(&foreign, 404, "center_not_found")?;
        refused(&admin.request("GET", "/api/users", &[("x-center", "main")], None)?, 422, "invalid_field")?;
        // Nobody finds anything out by asking for what is not theirs.
        for (method, path, body) in [
            ("GET", "/api/users".to_owned(), None),
            ("PUT", own_path, Some(json!({"version": 1, "roles": ["admin"]}))),
            ("POST", "/api/users".to_owned(), Some(json!({"username": "x", "roles": ["admin"]}))),
            ("PUT", format!("/api/slots/{}", hub[0].id), Some(json!({"new_password": true}))),
            ("POST", "/api/users/bulk".to_owned(), Some(json!({"action": "disable", "filter": {}}))),
            ("POST", "/api/audit/verify".to_owned(), Some(json!({}))),
        ] {
            let body = body.map(|body| body.to_string());
            let reply = nobody.request(method, &path, &[("content-type", "application/json")], body.as_deref().map(str::as_bytes))?;
            refused(&reply, 403, "forbidden").with_context(|| path)?;
        }
        before.is_still(sql).context("the rest")
    })
}

/// Eleven megabytes, announced and not.
fn too_much(server: &Server, admin: &Rest, token: &str) -> Result<()> {
    let body = format!("{{\"username\":\"{}\"}}", "x".repeat(11 << 20));
    // The server may refuse by the announced length alone and close; then there may be no answer to read.
    if let Ok(reply) = admin.request("POST", "/api/users", &[("content-type", "application/json")], Some(body.as_bytes())) {
        refused(&reply, 413, "body_too_large")?;
    }
    let address = server.base().trim_start_matches("http://").to_owned();
    for head in ["content-length: 11534336".to_owned(), "transfer-encoding: chunked".to_owned()] {
        let mut stream = TcpStream::connect(&address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(
            stream,
            "POST /api/users HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n{head}\r\n\r\n"
        )?;
        if head.contains("chunked") {
            let piece = vec![b' '; 1 << 20];
            for _ in 0..11 {
                // It may close before it has heard everything.
                let sent = write!(stream, "{:x}\r\n", piece.len())
                    .and_then(|()| stream.write_all(&piece))
                    .and_then(|()| stream.write_all(b"\r\n"));
                if sent.is_err() {
                    break;
                }
            }
        }
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(octets) = stream.read(&mut piece) {
            answer.extend_from_slice(&piece[..octets]);
            if octets == 0 || String::from_utf8_lossy(&answer).contains("body_too_large") {
                break;
            }
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        ensure!(answer.starts_with("HTTP/1.1 413") && answer.contains("body_too_large"), "{head}: {answer}");
    }
    Ok(())
}

/// Whoever is refused before their body is read learns that the connection ends (RFC 9112, 9.6), and sends nothing more by it.
fn unread(server: &Server) -> Result<()> {
    for (path, status) in [("/api/users", 401), ("/api/nothing", 404), ("/api/users/bulk", 401)] {
        let mut stream = TcpStream::connect(server.base().trim_start_matches("http://"))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(stream, "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains("\r\nconnection: close\r\n"), "{path}: {answer}");
    }
    Ok(())
}

fn base64url(octets: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in octets.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, octet| (bits << 8) | u32::from(*octet)) << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            text.push(char::from(LETTERS[((bits >> (18 - 6 * at)) & 63) as usize]));
        }
    }
    text
}

fn bad_tokens(engine: Engine) -> Result<()> {
    let clock = Clock::start()?;
    on(engine, Settings { clock: Some(clock.clone()), ..Settings::default() }, |server, admin, sql| {
        let anna = user(admin, "anna", &["operator"])?;
        let nobody = server.anonymous();
        let tokens = |name: &str| nobody.post("/api/auth/login", &json!({"username": name, "password": PASSWORD}))?.expect(200);
        let own = tokens("anna")?;
        let good = text(&own, "access_token")?;
        nobody.with_token(&good).get("/api/me")?.expect(200)?;
        let before = Picture::take(sql)?;

        let [head, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { anyhow::bail!("three parts: {good}") };
        let told: Value = serde_json::from_slice(&unbase64(claims)?)?;
        let part = |value: &Value| base64url(value.to_string().as_bytes());
        let with = |name: &str, value: Value| {
            let mut claims = told.clone();
            claims[name] = value;
            part(&claims)
        };
        let as_admin = with("sub", json!("1"));
        let signed_by = |key: &[u8], head: &str, claims: &str| {
            let sum = hmac_sha256(key, format!("{head}.{claims}").as_bytes());
            format!("{head}.{claims}.{}", base64url(&sum))
        };
        let none = part(&json!({"alg": "none", "typ": "JWT"}));
        let forged = [
            format!("{none}.{claims}."),
            format!("{none}.{as_admin}."),
            format!("{none}.{as_admin}.{signature}"),
            format!("{}.{as_admin}.", part(&json!({"alg": "None"}))),
            format!("{}.{as_admin}.", part(&json!({"alg": "NONE"}))),
            format!("{}.{as_admin}.{signature}", part(&json!({"typ": "JWT"}))),
            format!("{head}.{as_admin}.{signature}"),
            format!("{head}.{}.{signature}", with("exp", json!(4_000_000_000_u64))),
            format!("{head}.{}.{signature}", with("roles", json!(["admin"]))),
            format!("{head}.{claims}."),
            format!("{head}.{claims}"),
            format!("{head}..{signature}"),
            format!("{good}x"),
            format!("{good}.x"),
            good[..good.len() - 2].to_owned(),
            signed_by(b"", head, &as_admin),
            signed_by(b"secret", head, &as_admin),
            signed_by(&Sha256::digest(b"cordboard"), head, &as_admin),
            signed_by(b"secret", &part(&json!({"alg": "HS256", "kid": "../../dev/null"})), &as_admin),
            signed_by(b"secret", &part(&json!({"alg": "HS256", "jwk": {"kty": "oct", "k": base64url(b"secret")}})), &as_admin),
            signed_by(b"secret", &part(&json!({"alg": "RS256"})), &as_admin),
            text(&own, "refresh_token")?,
            "x".repeat(5_000),
            ".".repeat(200),
            "' OR 1=1 --".to_owned(),
            "null".to_owned(),
        ];
        for token in &forged {
            for path in ["/api/me", "/api/users", "/metrics?x=1"] {
                let reply = nobody.with_token(token).request("GET", path, &[("x-forwarded-for", "192.0.2.1")], None)?;
                refused(&reply, 401, "not_signed_in").with_context(|| format!("{path} {token}"))?;
                ensure!(reply.header("www-authenticate") == Some("Bearer"), "{:?}", reply.headers);
            }
        }
        refused(&nobody.get("/api/me")?, 401, "not_signed_in")?;
        refused(&nobody.request("GET", "/api/me", &[("authorization", "Basic YWRtaW46YWRtaW4=")], None)?, 401, "not_signed_in")?;
        for token in ["", "x", &forged[1], &good] {
            refused(&nobody.post("/api/auth/refresh", &json!({"refresh_token": token}))?, 401, "not_signed_in")
                .with_context(|| token.to_owned())?;
        }
        before.is_still(sql)?;

        // Used twice, later than two tabs of one browser would: somebody else has it. The session ends, whoever asks.
        let first = text(&own, "refresh_token")?;
        let second = nobody.post("/api/auth/refresh", &json!({"refresh_token": first}))?.expect(200)?;
        clock.step(60)?;
        refused(&nobody.post("/api/auth/refresh", &json!({"refresh_token": first}))?, 401, "token_reused")?;
        refused(&nobody.post("/api/auth/refresh", &json!({"refresh_token": text(&second, "refresh_token")?}))?, 401, "not_signed_in")?;
        for token in [&good, &text(&second, "access_token")?] {
            refused(&nobody.with_token(token).get("/api/me")?, 401, "not_signed_in")?;
        }
        let rows = sql.rows("SELECT outcome, diff FROM audit_log WHERE action = 'session.token_reused'")?;
        ensure!(rows.len() == 1 && rows[0]["outcome"] == "refused", "{rows:?}");

        // Expired: the quarter of an hour, and a minute for clocks that differ.
        let late = text(&tokens("anna")?, "access_token")?;
        clock.step(60 + 900 + 50)?;
        nobody.with_token(&late).get("/api/me")?.expect(200)?;
        clock.step(60 + 900 + 120)?;
        refused(&nobody.with_token(&late).get("/api/me")?, 401, "not_signed_in")?;

        // Whoever is disabled is out at once, and does not come back by any token.
        let last = tokens("anna")?;
        let admin = server.admin()?;
        let now = admin.get(&format!("/api/users/{}", text(&anna, "id")?))?.expect(200)?;
        admin.put(&format!("/api/users/{}", text(&anna, "id")?), &json!({"version": now["version"], "state": "disabled"}))?.expect(200)?;
        refused(&nobody.with_token(&text(&last, "access_token")?).get("/api/me")?, 401, "not_signed_in")?;
        refused(&nobody.post("/api/auth/refresh", &json!({"refresh_token": text(&last, "refresh_token")?}))?, 401, "not_signed_in")?;
        refused(&nobody.post("/api/auth/login", &json!({"username": "anna", "password": PASSWORD}))?, 401, "invalid_credentials")
    })
}

fn the_last_administrator(engine: Engine) -> Result<()> {
    on(engine, Settings::default(), |server, admin, sql| {
        let me = admin.get("/api/me")?.expect(200)?;
        let path = format!("/api/users/{}", text(&me, "id")?);
        // A second one by a role of its own, which is not the seeded one.
        let boss = person(server, admin, "boss", &["admin"])?;
        let boss_path = format!("/api/users/{}", text(&boss.get("/api/me")?.expect(200)?, "id")?);
        let by_code = |rest: &Rest, path: &str, code: &str| -> Result<Value> {
            rest.list(path)?.into_iter().find(|row| row["code"] == code).with_context(|| format!("no {code} in {path}"))
        };
        let version = |path: &str| -> Result<i64> { number(&admin.get(path)?.expect(200)?, "version") };
        // The boss goes: from here on there is one.
        admin.put(&boss_path, &json!({"version": version(&boss_path)?, "roles": ["operator"]}))?.expect(200)?;
        let (role, set) = (by_code(admin, "/api/roles", "admin")?, by_code(admin, "/api/permission-sets", "admin")?);
        let (role_path, set_path) = (format!("/api/roles/{}", text(&role, "id")?), format!("/api/permission-sets/{}", text(&set, "id")?));
        let items = |without: &str| -> Vec<Value> {
            set["permissions"].as_array().into_iter().flatten().filter(|item| item["permission"] != without).cloned().collect()
        };
        let narrowed: Vec<Value> = items("")
            .into_iter()
            .map(|mut item| {
                if item["permission"] == "roles.update" {
                    item["scope"] = json!("list");
                }
                item
            })
            .collect();
        let before = Picture::take(sql)?;
        let own = version(&path)?;
        let tries: Vec<(&str, Reply)> = vec![
            ("no role", admin.put(&path, &json!({"version": own, "roles": []}))?),
            ("another role", admin.put(&path, &json!({"version": own, "roles": ["supervisor"]}))?),
            ("disabled", admin.put(&path, &json!({"version": own, "state": "disabled"}))?),
            ("deleted", admin.delete(&path)?),
            ("the role without sets", admin.put(&role_path, &json!({"version": role["version"], "sets": []}))?),
            ("the role with another set", admin.put(&role_path, &json!({"version": role["version"], "sets": ["viewer"]}))?),
            (
                "the role's shape",
                admin.put(&format!("{role_path}/shape"), &json!({"version": role["version"], "shape": {"users": ["read"]}}))?,
            ),
            ("the set without anything", admin.put(&set_path, &json!({"version": set["version"], "permissions": []}))?),
            ("without users.update", admin.put(&set_path, &json!({"version": set["version"], "permissions": items("users.update")}))?),
            ("without roles.update", admin.put(&set_path, &json!({"version": set["version"], "permissions": items("roles.update")}))?),
            (
                "without system.configure",
                admin.put(&set_path, &json!({"version": set["version"], "permissions": items("system.configure")}))?,
            ),
            ("narrowed to lists", admin.put(&set_path, &json!({"version": set["version"], "permissions": narrowed}))?),
        ];
        for (what, reply) in &tries {
            refused(reply, 409, "last_admin").with_context(|| (*what).to_owned())?;
        }
        // What came with the program is not deleted at all, and nothing that somebody has is.
        refused(&admin.delete(&format!("{role_path}?version={}", role["version"]))?, 409, "built_in")?;
        refused(&admin.delete(&format!("{set_path}?version={}", set["version"]))?, 409, "built_in")?;
        before.is_still(sql)?;

        // By a bulk change: one's own account is left out, and so the last one stays.
        let begun = admin.post("/api/users/bulk", &json!({"action": "disable", "filter": {}}))?.expect(202)?;
        let job = ended(admin, &text(&begun, "job_id")?)?;
        ensure!(job["state"] == "done" && job["result"]["changed"] == 1 && job["result"]["skipped"] == 1, "{job}");
        ensure!(admin.get(&path)?.expect(200)?["state"] == "active", "the last one stays");
        // By somebody who may change accounts, but does not administer: they cannot touch who may more than they.
        let set = json!({"code": "hr", "name": "HR", "permissions": [
            {"permission": "users.read", "scope": "center"}, {"permission": "users.update", "scope": "center"},
            {"permission": "users.delete", "scope": "center"}, {"permission": "users.bulk", "scope": "center"},
            {"permission": "jobs.read", "scope": "own"}]});
        admin.post("/api/permission-sets", &set)?.expect(201)?;
        admin.post("/api/roles", &json!({"code": "hr", "name": "HR", "sets": ["hr"]}))?.expect(201)?;
        let hr = person(server, admin, "hr", &["hr"])?;
        let before = Picture::take(sql)?;
        let own = version(&path)?;
        refused(&hr.put(&path, &json!({"version": own, "state": "disabled"}))?, 403, "escalation")?;
        refused(&hr.put(&path, &json!({"version": own, "password": "another password"}))?, 403, "escalation")?;
        refused(&hr.delete(&path)?, 403, "escalation")?;
        refused(&hr.post(&format!("{path}/logout"), &json!({}))?, 403, "escalation")?;
        before.is_still(sql)?;
        let begun = hr.post("/api/users/bulk", &json!({"action": "disable", "filter": {"username": "admin"}}))?.expect(202)?;
        let job = ended(&hr, &text(&begun, "job_id")?)?;
        ensure!(job["result"]["changed"] == 0 && job["result"]["skipped"] == 1, "{job}");
        ensure!(admin.get(&path)?.expect(200)?["state"] == "active", "the last one stays");

        // Two that each take the other away at once: one of them is left.
        let other = person(server, admin, "other", &["admin"])?;
        let other_path = format!("/api/users/{}", text(&other.get("/api/me")?.expect(200)?, "id")?);
        let (mine, theirs) = (version(&path)?, version(&other_path)?);
        let (one, two) = std::thread::scope(|scope| {
            let one = scope.spawn(|| admin.put(&other_path, &json!({"version": theirs, "roles": ["viewer"]})));
            let two = scope.spawn(|| other.put(&path, &json!({"version": mine, "roles": ["viewer"]})));
            (one.join(), two.join())
        });
        let statuses: Vec<u16> =
            [one, two].into_iter().map(|reply| Ok(reply.map_err(|_| anyhow::anyhow!("a thread"))??.status)).collect::<Result<_>>()?;
        ensure!(statuses.iter().filter(|status| **status < 300).count() == 1, "{statuses:?}");
        let left = "SELECT count(*) FROM user_roles ur JOIN roles r ON r.id = ur.role_id JOIN users u ON u.id = ur.user_id WHERE r.code = 'admin' AND u.state = 'active'";
        ensure!(sql.number(left)? == 1, "one is left");
        Ok(())
    })
}

fn races(engine: Engine) -> Result<()> {
    on(engine, Settings::default(), |_, admin, sql| {
        let anna = user(admin, "anna", &["viewer"])?;
        admin.post("/api/permission-sets", &json!({"code": "s", "name": "S"}))?.expect(201)?;
        let role = admin.post("/api/roles", &json!({"code": "r", "name": "R"}))?.expect(201)?;
        let hook = admin
            .post("/api/webhooks", &json!({"name": "w", "url": "https://example.com/", "events": ["*"], "enabled": false}))?
            .expect(201)?;
        let center = admin.get("/api/centers/1")?.expect(200)?;
        let schedule = json!({"kind": "audit.verify", "payload": {}, "cron": "1 1 1 1 *"});
        let schedule = admin.post("/api/schedules", &schedule)?.expect(201)?;
        let things = [
            ("users", &anna, "display_name"),
            ("roles", &role, "name"),
            ("webhooks", &hook, "name"),
            ("centers", &center, "name"),
            ("schedules", &schedule, "cron"),
        ];
        for (resource, thing, field) in things {
            let path = format!("/api/{resource}/{}", text(thing, "id")?);
            for round in 0..5 {
                let old = admin.get(&path)?.expect(200)?;
                let body = |at: usize| {
                    let value = if field == "cron" { format!("{} {round} 1 1 *", at + 2) } else { format!("{round} of {at}") };
                    let mut body = json!({"version": old["version"], field: value});
                    if resource == "schedules" {
                        (body["kind"], body["payload"]) = (old["kind"].clone(), old["payload"].clone());
                    }
                    body
                };
                let bodies: Vec<Value> = (0..4).map(body).collect();
                let rows = sql.number("SELECT count(*) FROM audit_log")?;
                let replies: Vec<Reply> = std::thread::scope(|scope| {
                    let threads: Vec<_> = bodies.iter().map(|body| scope.spawn(|| admin.put(&path, body))).collect();
                    threads
                        .into_iter()
                        .map(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("a thread has failed")))
                        .collect::<Result<_>>()
                })?;
                let won: Vec<usize> = (0..4).filter(|at| replies[*at].status == 200).collect();
                ensure!(won.len() == 1, "{resource}: {:?}", replies.iter().map(|reply| (reply.status, reply.json())).collect::<Vec<_>>());
                let new = admin.get(&path)?.expect(200)?;
                ensure!(
                    new[field] == bodies[won[0]][field] && number(&new, "version")? == number(&old, "version")? + 1,
                    "{resource}: {new}"
                );
                for (at, reply) in replies.iter().enumerate().filter(|(at, _)| *at != won[0]) {
                    refused(reply, 409, "version_conflict").with_context(|| format!("{resource} {at}"))?;
                    ensure!(reply.json()["version"] == new["version"], "it says which version there is: {}", reply.json());
                }
                ensure!(sql.number("SELECT count(*) FROM audit_log")? == rows + 1, "one entry");
            }
        }
        // Two who take one name: one gets it.
        for round in 0..5 {
            let body = json!({"username": format!("twin-{round}"), "roles": ["viewer"]});
            let statuses: Vec<u16> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| admin.post("/api/users", &body))).collect();
                threads
                    .into_iter()
                    .map(|thread| Ok(thread.join().unwrap_or_else(|_| anyhow::bail!("a thread has failed"))?.status))
                    .collect::<Result<_>>()
            })?;
            ensure!(
                statuses.iter().filter(|status| **status == 201).count() == 1 && statuses.iter().all(|status| [201, 409].contains(status)),
                "{statuses:?}"
            );
        }
        Ok(())
    })
}
