//! Signing in by a certified OpenID provider, programs with its access tokens, and Keycloak's claims and directory (D20, S001-04 to S001-08,
//! S001-89, S003-55 to S003-67).

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    Rest, Server,
    clock::Clock,
    oidc::{AUDIENCE, Browser, CLIENT, ID, Provider, callback, claims, parameter, with_parameter},
    postgres::Postgres,
    server::{Settings, story},
    wait,
};

use crate::world::SOON;

const ANNA: (&str, &str) = ("anna", "anna at the provider");
const BORIS: (&str, &str) = ("boris", "boris at the provider");

/// A claim of the provider gives a role.
fn rule(admin: &Rest, provider: &Provider, claim: &str, value: &str, role: &str) -> Result<String> {
    let rule = json!({"issuer": provider.issuer(), "claim": claim, "value": value, "role": role});
    let made = admin.post("/api/oidc-role-map", &rule)?.expect(201)?;
    Ok(made["id"].as_str().context("no id")?.to_owned())
}

fn me(rest: &Rest) -> Result<Value> {
    rest.get("/api/me")?.expect(200)
}

/// What the audit log has of an action, the newest first.
fn audited(admin: &Rest, action: &str) -> Result<Vec<Value>> {
    Ok(admin.list("/api/security-audit?limit=200")?.into_iter().filter(|entry| entry["action"] == action).collect())
}

fn user(admin: &Rest, username: &str) -> Result<Value> {
    admin.list("/api/users")?.into_iter().find(|user| user["username"] == username).with_context(|| format!("no account {username}"))
}

fn set_active(admin: &Rest, username: &str, active: bool) -> Result<()> {
    let user = user(admin, username)?;
    let change = json!({"version": user["version"], "state": if active { "active" } else { "disabled" }});
    admin.put(&format!("/api/users/{}", user["id"].as_str().context("no id")?), &change)?.expect(200).map(drop)
}

/// A story with the plain provider, which the server knows.
fn with_provider(settings: Settings, test: impl FnOnce(&mut Server, &mut Provider, &Rest) -> Result<()>) -> Result<()> {
    let mut provider = Provider::planned(false)?;
    story(provider.known_to(settings), |server| {
        provider.start(server)?;
        let admin = server.admin()?;
        test(server, &mut provider, &admin).with_context(|| format!("the provider said: {}", provider.said()))
    })
}

fn on_postgres(story: impl FnOnce(Settings) -> Result<()>) -> Result<()> {
    let database = Postgres::start()?;
    story(Settings::default().with("CORDBOARD__DATABASE__URL", database.url()))
}

/// The rules own the roles: what is given at the provider is given here at the next log-in, and what is taken away there is gone here.
fn roles_are_the_providers(settings: Settings) -> Result<()> {
    with_provider(settings, |server, provider, admin| {
        rule(admin, provider, "roles", "crm-operator", "operator")?;
        rule(admin, provider, "roles", "crm-boss", "supervisor")?;
        let listed = server.anonymous().get("/api/auth/providers")?.expect(200)?;
        assert_eq!(listed["oidc"], json!([{"id": ID, "name": "House"}]));

        // The way there asks for a code, with PKCE.
        let mut browser = Browser::default();
        let there = browser.begin(server)?;
        for (name, value) in [("response_type", "code"), ("code_challenge_method", "S256"), ("client_id", CLIENT)] {
            assert_eq!(parameter(&there, name).as_deref(), Some(value), "{there}");
        }
        let scopes = parameter(&there, "scope").unwrap_or_default();
        assert!(scopes.split(' ').any(|scope| scope == "openid") && parameter(&there, "nonce").is_some_and(|nonce| nonce.len() >= 32));

        // Without a role nobody comes in, and no account is made.
        let answer = browser.answer(server, ANNA.0, ANNA.1)?;
        assert_eq!(browser.arrive(&answer)?, "/login?error=oidc_no_role");
        assert!(user(admin, "anna").is_err());
        assert_eq!(browser.refresh(server)?.status, 401);

        provider.tell("anna", &json!({"roles": ["crm-operator", "crm-boss", "something else"]}))?;
        let first = browser.log_in(server, ANNA.0, ANNA.1)?;
        let seen = me(&first)?;
        assert_eq!((&seen["username"], &seen["roles"]), (&json!("anna"), &json!(["operator", "supervisor"])), "{seen}");
        let account = user(admin, "anna")?;
        assert_eq!(
            (&account["email"], &account["display_name"], &account["sso"]),
            (&json!("anna@example.org"), &json!("Anna Petrova"), &json!(true))
        );
        assert_eq!(first.get("/api/users")?.status, 200, "a supervisor's right");
        // Boris's address is not verified by the provider, so it counts for nothing here.
        provider.tell("boris", &json!({"roles": ["crm-operator"]}))?;
        let boris = Browser::default().log_in(server, BORIS.0, BORIS.1)?;
        assert_eq!(me(&boris)?["roles"], json!(["operator"]));
        assert_eq!(user(admin, "boris")?["email"], Value::Null);

        // A role fewer: gone with the next log-in, in the session before as well.
        provider.tell("anna", &json!({"roles": ["crm-operator"]}))?;
        let second = Browser::default().log_in(server, ANNA.0, ANNA.1)?;
        assert_eq!((me(&second)?["roles"].clone(), second.get("/api/users")?.status), (json!(["operator"]), 403));
        assert_eq!((me(&second)?["id"].clone(), first.get("/api/users")?.status), (seen["id"].clone(), 403));
        // The last one: every session ends.
        provider.tell("anna", &json!({"roles": []}))?;
        let answer = browser.answer(server, ANNA.0, ANNA.1)?;
        assert_eq!(browser.arrive(&answer)?, "/login?error=oidc_no_role");
        assert_eq!((first.get("/api/me")?.status, second.get("/api/me")?.status, boris.get("/api/me")?.status), (401, 401, 200));
        // Disabled here is disabled, whatever the provider says.
        provider.tell("anna", &json!({"roles": ["crm-operator"]}))?;
        set_active(admin, "anna", false)?;
        let answer = browser.answer(server, ANNA.0, ANNA.1)?;
        assert_eq!(browser.arrive(&answer)?, "/login?error=invalid_credentials");
        // A whole shift behind one address begins at once.
        for number in 0..100 {
            let begun = Browser::default().begin(server);
            ensure!(begun.is_ok(), "log-in {number}: {begun:?}");
        }
        // A rule's owner is whoever may give the role; a password is nobody's way in.
        assert_eq!(boris.post("/api/oidc-role-map", &json!({}))?.status, 403);
        let password = json!({"username": "boris", "password": BORIS.1});
        assert_eq!(server.anonymous().post("/api/auth/login", &password)?.status, 401);
        Ok(())
    })
}

/// Whoever brings somebody else's answer, an old one or a changed one, is not let in.
fn answers_are_good_once(settings: Settings) -> Result<()> {
    with_provider(settings, |server, provider, admin| {
        rule(admin, provider, "roles", "crm-operator", "operator")?;
        provider.tell("anna", &json!({"roles": ["crm-operator"]}))?;
        let foreign = "/login?error=oidc_foreign";
        let mut browser = Browser::default();
        let answer = browser.answer(server, ANNA.0, ANNA.1)?;
        // Another browser, another state, another provider's name: none of these uses the answer up.
        assert_eq!(Browser::default().arrive(&answer)?, foreign);
        assert_eq!(browser.clone().arrive(&with_parameter(&answer, "state", "another"))?, foreign);
        assert_eq!(browser.arrive(&answer)?, "/calls");
        // Twice.
        assert_eq!(browser.arrive(&answer)?, foreign);
        let mut keen = browser.clone();
        let next = keen.answer(server, ANNA.0, ANNA.1)?;
        let mut back = keen.clone();
        assert_eq!(keen.arrive(&next)?, "/calls");
        assert_eq!(back.arrive(&next)?, foreign, "the browser still has the cookie, and the state is used up");

        // A code that was used, in a log-in that was not.
        let used = parameter(&next, "code").context("no code")?;
        let fresh = browser.answer(server, ANNA.0, ANNA.1)?;
        assert_eq!(browser.arrive(&with_parameter(&fresh, "code", &used))?, "/login?error=oidc_refused");
        // A code that was not used, of somebody else's log-in: PKCE.
        let stolen = parameter(&Browser::default().answer(server, ANNA.0, ANNA.1)?, "code").context("no code")?;
        let fresh = browser.answer(server, ANNA.0, ANNA.1)?;
        assert_eq!(browser.arrive(&with_parameter(&fresh, "code", &stolen))?, "/login?error=oidc_refused");
        // RFC 9207.
        let fresh = browser.answer(server, ANNA.0, ANNA.1)?;
        ensure!(parameter(&fresh, "iss").is_some(), "the provider does not say who it is: {fresh}");
        assert_eq!(browser.arrive(&with_parameter(&fresh, "iss", "https://evil.example"))?, foreign);
        // An ID token for another log-in.
        let there = with_parameter(&browser.begin(server)?, "nonce", "a nonce of somebody else, of good length");
        let answer = browser.through(&there, ANNA.0, ANNA.1, &callback(server))?;
        assert_eq!(browser.arrive(&answer)?, "/login?error=oidc_token");
        // The person says no.
        let state = parameter(&browser.begin(server)?, "state").context("no state")?;
        assert_eq!(browser.arrive(&format!("{}?error=access_denied&state={state}", callback(server)))?, "/login?error=oidc_refused");
        // None of these was a session.
        assert_eq!(audited(admin, "session.login")?.iter().filter(|entry| entry["actor_name"] == "anna").count(), 2);
        assert_eq!(browser.log_in(server, ANNA.0, ANNA.1).and_then(|anna| me(&anna))?["username"], "anna");
        Ok(())
    })
}

/// Who logs out at the provider is logged out here; nobody else can say so.
fn the_provider_ends_sessions(settings: Settings) -> Result<()> {
    with_provider(settings, |server, provider, admin| {
        rule(admin, provider, "roles", "crm-operator", "operator")?;
        for sub in ["anna", "boris"] {
            provider.tell(sub, &json!({"roles": ["crm-operator"]}))?;
        }
        let (mut annas, mut boriss) = (Browser::default(), Browser::default());
        let (anna, boris) = (annas.log_in(server, ANNA.0, ANNA.1)?, boriss.log_in(server, BORIS.0, BORIS.1)?);
        annas.log_out_at(provider)?;
        wait::until("the end of her session", SOON, || Ok((anna.get("/api/me")?.status == 401).then_some(())))?;
        assert_eq!((annas.refresh(server)?.status, boris.get("/api/me")?.status), (401, 200));
        let told = audited(admin, "session.provider_logout")?;
        assert_eq!(told.len(), 1, "{told:?}");

        let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
        let now = claims(&provider.access_token_of(BORIS.0, BORIS.1)?)?["iat"].as_i64().context("no iat")?;
        let notice =
            json!({"iss": provider.issuer(), "sub": "boris", "aud": CLIENT, "iat": now, "exp": now + 120, "jti": "one", "events": event});
        let send = |token: &str| -> Result<u16> {
            let url = format!("{}/api/auth/oidc/{ID}/backchannel", server.base());
            Ok(Browser::default().post(&url, &[("logout_token", token)])?.status)
        };
        let kind = json!({"typ": "logout+jwt"});
        for (by, change) in [
            ("stranger", json!({})),
            ("nobody", json!({})),
            ("secret", json!({})),
            ("own", json!({"aud": "another"})),
            ("own", json!({"iss": "https://evil.example"})),
            ("own", json!({"events": {}})),
            ("own", json!({"nonce": "x"})),
            ("own", json!({"iat": now - 3600, "exp": now - 3000})),
        ] {
            let token = provider.signed(by, &kind, &with(&notice, &change))?;
            assert_eq!((send(&token)?, boris.get("/api/me")?.status), (400, 200), "{by} {change}");
        }
        let token = provider.signed("own", &kind, &notice)?;
        assert_eq!((send(&token)?, boris.get("/api/me")?.status, send(&token)?), (200, 401, 400));
        Ok(())
    })
}

/// The same claims with others in place of some.
fn with(claims: &Value, changes: &Value) -> Value {
    let mut all = claims.clone();
    for (name, value) in changes.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all
}

/// Says hello over Socket.IO with a token: the first packet of the answer.
fn socket(server: &Server, token: &str) -> Result<String> {
    let rest = server.anonymous();
    let opened = rest.get("/socket.io/?EIO=4&transport=polling")?;
    ensure!(opened.status == 200, "{}", String::from_utf8_lossy(&opened.body));
    let hello: Value = serde_json::from_slice(opened.body.get(1..).context("nothing")?)?;
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={}", hello["sid"].as_str().context("no sid")?);
    let packet = format!("40{}", json!({"token": token}));
    let sent = rest.request("POST", &path, &[("content-type", "text/plain")], Some(packet.as_bytes()))?;
    ensure!(sent.status == 200, "{}", String::from_utf8_lossy(&sent.body));
    // A ping may come before the answer. Packets of one answer have a record separator between them.
    wait::until("an answer to the token", SOON, || {
        let packets = String::from_utf8(rest.get(&path)?.body)?;
        Ok(packets.split('\u{1e}').find(|packet| packet.starts_with('4')).map(str::to_owned))
    })
}

/// S003-57: a program comes with the provider's access token, and may what its claims give.
fn programs_come_with_tokens(settings: Settings) -> Result<()> {
    with_provider(settings, |server, provider, admin| {
        provider.tell("anna", &json!({"roles": ["crm-boss"]}))?;
        let token = provider.access_token_of(ANNA.0, ANNA.1)?;
        let program = server.anonymous().with_token(&token);
        let refused = program.get("/api/me")?;
        assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("oidc_no_role")));
        assert!(user(admin, "anna").is_err());
        let boss = rule(admin, provider, "roles", "crm-boss", "supervisor")?;
        rule(admin, provider, "roles", "crm-operator", "operator")?;
        rule(admin, provider, "roles", "crm-program", "viewer")?;

        // Before its person has ever logged in, and the account is the same afterwards.
        let seen = me(&program)?;
        assert_eq!((&seen["username"], &seen["roles"]), (&json!("anna"), &json!(["supervisor"])), "{seen}");
        assert_eq!(program.get("/api/users")?.status, 200);
        let made: Vec<Value> = audited(admin, "users.create")?.into_iter().filter(|entry| entry["actor_kind"] == "token").collect();
        assert_eq!((made.len(), &made[0]["actor_name"]), (1, &json!("anna")), "{made:?}");
        provider.tell("anna", &json!({"roles": ["crm-operator"]}))?;
        let anna = Browser::default().log_in(server, ANNA.0, ANNA.1)?;
        assert_eq!((me(&anna)?["id"].clone(), anna.get("/api/users")?.status), (seen["id"].clone(), 403));
        // An older token says what it said, until it ends; a newer one says less.
        let newer = server.anonymous().with_token(&provider.access_token_of(ANNA.0, ANNA.1)?);
        assert_eq!((program.get("/api/users")?.status, newer.get("/api/users")?.status, newer.get("/api/calls")?.status), (200, 403, 200));
        // Nothing that outlives it comes of it.
        let lasting = program.post("/api/me/tokens", &json!({"name": "mine"}))?;
        assert_eq!(lasting.status, 403, "{}", lasting.json());
        // A program in its own name is somebody else.
        let own = server.anonymous().with_token(&provider.access_token_of_program()?);
        let robot = me(&own)?;
        assert_eq!(robot["roles"], json!(["viewer"]));
        assert_ne!(robot["id"], seen["id"]);
        // Over Socket.IO, too.
        let hello = socket(server, &token)?;
        assert!(hello.starts_with("40{\"sid\""), "{hello}");

        let base = claims(&token)?;
        let now = base["iat"].as_i64().context("no iat")?;
        let typed = json!({"typ": "at+jwt"});
        let send = |by: &str, header: &Value, changes: &Value| -> Result<(u16, String)> {
            let token = provider.signed(by, header, &with(&base, changes))?;
            let reply = server.anonymous().with_token(&token).get("/api/me")?;
            if reply.status == 401 {
                ensure!(reply.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")), "RFC 6750, 3");
                ensure!(socket(server, &token)?.starts_with("44"), "a socket for {by} {header} {changes}");
            }
            Ok((reply.status, reply.json()["code"].as_str().unwrap_or_default().to_owned()))
        };
        // Signed by hand it is as good as the provider's own: what follows fails for the reason that it names.
        assert_eq!(send("own", &typed, &json!({}))?.0, 200);
        assert_eq!(send("own", &typed, &json!({"aud": ["account", AUDIENCE]}))?.0, 200);
        for (by, header, changes) in [
            ("own", &typed, json!({"aud": "urn:another:api"})),
            ("own", &typed, json!({"aud": CLIENT})),
            ("own", &typed, json!({"exp": now - 61, "iat": now - 600})),
            ("own", &typed, json!({"exp": null})),
            ("own", &typed, json!({"nbf": now + 3600})),
            ("own", &typed, json!({"iss": "https://evil.example"})),
            ("own", &typed, json!({"iss": format!("{}/", provider.issuer())})),
            ("own", &typed, json!({"sub": null})),
            ("own", &typed, json!({"cnf": {"jkt": "x"}})),
            ("own", &json!({"typ": "logout+jwt"}), json!({})),
            ("own", &typed, json!({"nonce": "of an ID token"})),
            ("stranger", &typed, json!({})),
            ("stranger", &json!({"kid": "another"}), json!({})),
            ("secret", &typed, json!({})),
            ("nobody", &typed, json!({})),
        ] {
            assert_eq!(send(by, header, &changes)?, (401, "not_signed_in".to_owned()), "{by} {header} {changes}");
        }
        let cut = token.get(..token.len() - 8).context("a short token")?;
        for broken in [cut, &format!("{token}x"), "a.b.c", "..", &format!("{}.{}", "x".repeat(20_000), "y.z")] {
            assert_eq!(server.anonymous().with_token(broken).get("/api/me")?.status, 401, "{broken:.40}");
        }

        // What is taken away here is gone at once, and comes back.
        set_active(admin, "anna", false)?;
        assert_eq!(program.get("/api/me")?.status, 401);
        assert!(socket(server, &token)?.starts_with("44"));
        set_active(admin, "anna", true)?;
        assert_eq!(program.get("/api/users")?.status, 200);
        admin.delete(&format!("/api/oidc-role-map/{boss}"))?.expect(204)?;
        assert_eq!(program.get("/api/users")?.json()["code"], "oidc_no_role");
        Ok(())
    })
}

/// Nobody needs the provider for what it has nothing to do with, and it is asked again when it is back.
fn the_provider_goes_away(settings: Settings) -> Result<()> {
    let mut provider = Provider::planned(false)?;
    story(provider.known_to(settings), |server| {
        // It is not there at the start: the server is, and the local administrator (D20).
        let admin = server.admin()?;
        rule(&admin, &provider, "roles", "crm-operator", "operator")?;
        let mut browser = Browser::default();
        let refused = browser.get(&format!("{}/api/auth/oidc/{ID}/start", server.base()))?;
        assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("oidc_unavailable")));
        assert!(refused.header("retry-after").is_some());

        provider.start(server)?;
        provider.tell("anna", &json!({"roles": ["crm-operator"]}))?;
        wait::until("the way to the provider", SOON, || Ok(browser.begin(server).ok()))?;
        let anna = browser.log_in(server, ANNA.0, ANNA.1)?;
        let old = server.anonymous().with_token(&provider.access_token_of(ANNA.0, ANNA.1)?);
        assert_eq!(old.get("/api/me")?.status, 200);

        // It goes, and comes back with other keys: who is in stays in, and new tokens are good at once.
        provider.stop();
        assert_eq!((anna.get("/api/me")?.status, old.get("/api/me")?.status, browser.refresh(server)?.status), (200, 200, 200));
        provider.start(server)?;
        provider.tell("anna", &json!({"roles": ["crm-operator"]}))?;
        let token = provider.access_token_of(ANNA.0, ANNA.1)?;
        let new = server.anonymous().with_token(&token);
        assert_eq!((new.get("/api/me")?.status, old.get("/api/me")?.status), (200, 401), "the old keys are no longer its own");
        assert_eq!(me(&Browser::default().log_in(server, ANNA.0, ANNA.1)?)?["username"], "anna");

        // It hangs while the server knows nothing of it: tokens are neither good nor bad, everybody else is served.
        provider.hang(true)?;
        server.kill()?;
        server.launch()?;
        let admin = server.admin()?;
        let waiting: Vec<_> = (0..4)
            .map(|_| {
                let new = new.clone();
                std::thread::spawn(move || new.get("/api/me"))
            })
            .collect();
        assert_eq!(admin.get("/api/me")?.status, 200);
        for thread in waiting {
            let reply = thread.join().map_err(|_| anyhow::anyhow!("a thread has died"))??;
            assert_eq!((reply.status, &reply.json()["code"]), (503, &json!("oidc_unavailable")), "and not 30 s later");
        }
        provider.hang(false)?;
        wait::until("the token is good again", SOON * 2, || Ok((new.get("/api/me")?.status == 200).then_some(())))
    })
}

/// Has the directory asked, as its schedule does each quarter of an hour, and gives back what came of it.
fn refreshed(admin: &Rest, clock: &Clock, minutes: &mut i64) -> Result<Value> {
    let newest = || -> Result<Option<Value>> { Ok(admin.list("/api/jobs")?.into_iter().find(|job| job["kind"] == "directory.refresh")) };
    let before = newest()?.map(|job| job["id"].clone());
    *minutes += 1;
    clock.step(*minutes * 60)?;
    let job = wait::until("the directory's answers", SOON * 3, || {
        Ok(newest()?.filter(|job| Some(&job["id"]) != before.as_ref() && job["state"] != "queued" && job["state"] != "running"))
    })?;
    ensure!(job["state"] == "done", "{job}");
    Ok(job["result"].clone())
}

/// S001-05 to S001-08: roles where Keycloak has them, in its access token only, and managers from its directory.
fn keycloak_tells_roles_and_managers(settings: Settings) -> Result<()> {
    let mut provider = Provider::planned(true)?;
    let clock = Clock::start()?;
    story(Settings { clock: Some(clock.clone()), ..provider.known_to(settings) }, |server| {
        provider.start(server)?;
        let admin = server.admin()?;
        rule(&admin, &provider, "realm_access.roles", "crm-manager", "HelpDeskManager")?;
        rule(&admin, &provider, "realm_access.roles", "crm-helpdesk", "HelpDeskUser")?;
        rule(&admin, &provider, &format!("resource_access.{CLIENT}.roles"), "sl3", "SL3User")?;
        provider.tell("anna", &json!({"roles": ["crm-manager"]}))?;
        provider.tell("boris", &json!({"roles": ["crm-helpdesk"], "client_roles": ["sl3", "other"]}))?;
        let vera = json!({"password": "vera at the provider", "preferred_username": "vera", "name": "Vera Belova", "email": "vera@example.org",
            "email_verified": true, "roles": ["crm-helpdesk"], "enabled": true, "manager": "boris"});
        provider.tell("vera", &vera)?;
        let mut boriss = Browser::default();
        let (anna, boris) = (Browser::default().log_in(server, ANNA.0, ANNA.1)?, boriss.log_in(server, BORIS.0, BORIS.1)?);
        Browser::default().log_in(server, "vera", "vera at the provider")?;
        assert_eq!(me(&anna)?["roles"], json!(["HelpDeskManager"]));
        assert_eq!(me(&boris)?["roles"], json!(["HelpDeskUser", "SL3User"]));
        let program = server.anonymous().with_token(&provider.access_token_of(BORIS.0, BORIS.1)?);
        assert_eq!(me(&program)?["roles"], json!(["HelpDeskUser", "SL3User"]));

        // Whom she sees: herself, until the directory says who her people are.
        let team = || -> Result<Vec<String>> {
            let mut names: Vec<String> =
                anna.list("/api/users")?.iter().filter_map(|user| user["username"].as_str().map(str::to_owned)).collect();
            names.sort();
            Ok(names)
        };
        assert_eq!(team()?, ["anna"]);
        let schedule = admin.list("/api/schedules")?.into_iter().find(|schedule| schedule["kind"] == "directory.refresh");
        let schedule = schedule.context("no schedule")?;
        assert_eq!((&schedule["cron"], &schedule["builtin"], &schedule["enabled"]), (&json!("*/15 * * * *"), &json!(true), &json!(true)));
        let path = format!("/api/schedules/{}", schedule["id"].as_str().context("no id")?);
        let often = json!({"kind": "directory.refresh", "cron": "* * * * *", "version": schedule["version"]});
        admin.put(&path, &often)?.expect(200)?;

        provider.tell("boris", &json!({"manager": "anna"}))?;
        let mut minutes = 0;
        assert_eq!(refreshed(&admin, &clock, &mut minutes)?["found"], 3);
        assert_eq!(team()?, ["anna", "boris", "vera"], "the chain of managers");
        assert_eq!(user(&admin, "boris")?["email"], "boris@example.org", "the directory's word");
        // A manager who is none any more sees nothing more.
        provider.tell("boris", &json!({"manager": null}))?;
        refreshed(&admin, &clock, &mut minutes)?;
        assert_eq!(team()?, ["anna"]);
        // Who may not log in there any more is out here.
        assert_eq!(boris.get("/api/me")?.status, 200);
        provider.tell("boris", &json!({"enabled": false}))?;
        refreshed(&admin, &clock, &mut minutes)?;
        assert_eq!((boris.get("/api/me")?.status, boriss.refresh(server)?.status, anna.get("/api/me")?.status), (401, 401, 200));
        assert_eq!(user(&admin, "boris")?["roles"], json!([]));
        Ok(())
    })
    .with_context(|| format!("the provider said: {}", provider.said()))
}

macro_rules! on_both {
    ($($name:ident, $sqlite:ident, $postgres:ident;)*) => {$(
        #[test]
        fn $sqlite() -> Result<()> {
            $name(Settings::default())
        }

        #[test]
        fn $postgres() -> Result<()> {
            on_postgres($name)
        }
    )*};
}

on_both! {
    roles_are_the_providers, roles_are_the_providers_on_sqlite, roles_are_the_providers_on_postgresql;
    answers_are_good_once, answers_are_good_once_on_sqlite, answers_are_good_once_on_postgresql;
    the_provider_ends_sessions, the_provider_ends_sessions_on_sqlite, the_provider_ends_sessions_on_postgresql;
    programs_come_with_tokens, programs_come_with_tokens_on_sqlite, programs_come_with_tokens_on_postgresql;
    the_provider_goes_away, the_provider_goes_away_on_sqlite, the_provider_goes_away_on_postgresql;
    keycloak_tells_roles_and_managers, keycloak_tells_roles_and_managers_on_sqlite, keycloak_tells_roles_and_managers_on_postgresql;
}
