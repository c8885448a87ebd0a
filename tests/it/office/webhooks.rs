//! Webhooks and a receiver that fails in every way (S004-46, 136): all that happened arrives, in order, signed, at least once; nobody waits
//! for somebody else's receiver; and no webhook leads behind the firewall.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    Rest, Server,
    clock::Clock,
    receiver::{Answer, Post, Receiver},
    server::Settings,
    wait,
};

use super::{Engine, on, on_both, refused, text};

/// An answer that hangs is waited for ten seconds; two cores may be busy.
const SOON: Duration = Duration::from_secs(40);
/// What happens in each story.
const EVENTS: usize = 8;
/// The pauses between tries, in seconds, as docs/api.md has their sum: ten tries in 46 hours.
const PAUSES_S: [i64; 9] = [10, 30, 120, 600, 3_600, 10_800, 21_600, 43_200, 86_400];

on_both! {
    /// 500, resets, redirects, half answers, nonsense, hanging, octet by octet.
    a_receiver_that_fails_gets_everything_in_order_at_last = a_failing_receiver;
    /// `kill -9` between tries, and while an answer is waited for.
    no_event_is_lost_by_kill_9_between_tries = a_kill_between_tries;
    /// 127.0.0.1 and its many spellings, names that lead there, redirects.
    no_webhook_leads_behind_the_firewall = the_firewall;
}

/// Everywhere on this machine, at a clock that the test moves.
fn open_settings(clock: &Clock) -> Settings {
    let settings = Settings { clock: Some(clock.clone()), ..Settings::default() };
    settings.with("CORDBOARD__LINKS__ALLOW_NETS", "127.0.0.0/8").with("CORDBOARD__LINKS__ALLOW_PORTS", "")
}

struct Hook {
    id: String,
    secret: String,
    path: &'static str,
}

fn hook(admin: &Rest, receiver: &Receiver, path: &'static str) -> Result<Hook> {
    let made = admin.post("/api/webhooks", &json!({"name": path, "url": receiver.url(path), "events": ["user.update"]}))?.expect(201)?;
    Ok(Hook { id: text(&made, "id")?, secret: text(&made, "secret")?, path })
}

/// Changes something; the events tell of it by this name.
fn happen(rest: &Rest, name: &str) -> Result<()> {
    rest.put("/api/me", &json!({"display_name": name}))?.expect(200).map(drop)
}

/// The deliveries of a webhook, the oldest first.
fn deliveries(admin: &Rest, hook: &Hook) -> Result<Vec<Value>> {
    let filter = super::encoded(&json!({"webhook_id": hook.id}).to_string());
    admin.list(&format!("/api/webhook-deliveries?sort=id&limit=200&filter={filter}"))
}

fn is_taken(post: &Post) -> bool {
    matches!(post.answer, Answer::Status(200..=299) | Answer::SlowBody)
}

/// What a path's receiver took, in the order of its first taking: by the name that each event tells.
fn taken(receiver: &Receiver, path: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let posts =
        receiver.posts_to(path).into_iter().filter(is_taken).filter(|post| seen.insert(post.header("cordboard-delivery").to_owned()));
    posts.map(|post| post.json()["data"]["display_name"].as_str().unwrap_or_default().to_owned()).collect()
}

/// What every request must be, whatever it was answered.
fn is_right(post: &Post, hook: &Hook) -> Result<()> {
    let body = post.json();
    ensure!(post.is_signed_by(&hook.secret), "the signature: {post:?}");
    ensure!(!post.is_signed_by("whsec_another"), "any secret would do");
    ensure!(post.header("content-type") == "application/json" && post.header("cordboard-event") == "user.update", "{post:?}");
    ensure!(post.header("cordboard-timestamp").parse::<i64>().is_ok(), "{post:?}");
    for name in ["seq", "ts", "center", "type", "id", "epoch", "data"] {
        ensure!(!body[name].is_null(), "the body has no {name}: {body}");
    }
    ensure!(body["type"] == "user.update" && body["center"] == "1" && body["data"]["password_hash"].is_null(), "{body}");
    Ok(())
}

/// Numbers of events grow with each that is first taken.
fn is_in_order(receiver: &Receiver, path: &str) -> Result<()> {
    let mut last = 0;
    let mut seen = BTreeSet::new();
    for post in receiver.posts_to(path).iter().filter(|post| is_taken(post)) {
        let seq = post.json()["seq"].as_i64().context("a number")?;
        if seen.insert(post.header("cordboard-delivery").to_owned()) {
            ensure!(seq > last, "{path}: {seq} after {last}");
            last = seq;
        }
    }
    Ok(())
}

/// How often the first delivery that came to a path has come.
fn tries_of_first(receiver: &Receiver, path: &str) -> usize {
    let posts = receiver.posts_to(path);
    let delivery = |post: &Post| post.header("cordboard-delivery").to_owned();
    let first = posts.first().map(delivery);
    posts.iter().filter(|post| Some(delivery(post)) == first).count()
}

fn now_ms() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

fn a_failing_receiver(engine: Engine) -> Result<()> {
    let clock = Clock::start()?;
    let trap = Receiver::start(|_| Answer::Status(200))?;
    let (led_to, first) = (trap.url("/trap"), std::sync::Mutex::new(BTreeMap::<String, String>::new()));
    let receiver = Receiver::start(move |post| {
        // The first delivery of each webhook is the one that fails.
        let delivery = post.header("cordboard-delivery").to_owned();
        let is_first =
            first.lock().map(|mut first| *first.entry(post.path.clone()).or_insert_with(|| delivery.clone()) == delivery).unwrap_or(false);
        match (post.path.as_str(), post.attempt) {
            ("/flaky", attempt) if is_first => match attempt {
                1 => Answer::Status(500),
                2 => Answer::Reset,
                3 => Answer::Redirect(led_to.clone()),
                4 => Answer::Half,
                5 => Answer::Nonsense,
                _ => Answer::Status(204),
            },
            ("/never", _) if is_first => Answer::Status(503),
            ("/hangs", 1) if is_first => Answer::Hang,
            ("/creeps", 1) if is_first => Answer::SlowHead,
            ("/drawls", _) => Answer::SlowBody,
            _ => Answer::Status(200),
        }
    })?;
    on(engine, open_settings(&clock), |server, admin, _| {
        let hooks: Vec<Hook> = ["/good", "/flaky", "/never", "/hangs", "/creeps", "/drawls"]
            .into_iter()
            .map(|path| hook(admin, &receiver, path))
            .collect::<Result<_>>()?;
        let [good, flaky, never, hangs, creeps, drawls] = hooks.as_slice() else { anyhow::bail!("six webhooks") };
        let names: Vec<String> = (0..EVENTS).map(|at| format!("event {at}")).collect();
        for name in &names {
            happen(admin, name)?;
        }

        // Who takes everything has everything, while the others' first has not even failed for good.
        wait::until_true("the good one has all", SOON, || taken(&receiver, good.path) == names)?;
        ensure!(receiver.posts_to(hangs.path).len() == 1 && taken(&receiver, flaky.path).is_empty(), "they did not wait for one another");
        ensure!(deliveries(admin, hangs)?.iter().all(|delivery| delivery["state"] == "pending"), "what hangs is not done");
        // A body that never ends is no reason to send it again: the status has been said.
        wait::until_true("who drawls has all", SOON * 2, || taken(&receiver, drawls.path) == names)?;
        ensure!(receiver.posts_to(drawls.path).len() == EVENTS, "each once");

        // What is refused waits longer each time, and what is behind it waits too. The clock goes on by itself as well.
        let mut off = 0;
        loop {
            // At a clock that was moved a token does not live long.
            let admin = server.admin()?;
            let failed = tries_of_first(&receiver, never.path);
            let head = wait::until(format!("failure {failed} is kept"), SOON, || {
                let head = deliveries(&admin, never)?.into_iter().next().context("a delivery")?;
                Ok((failed > 0 && head["attempts"].as_u64() >= Some(u64::try_from(failed)?)).then_some(head))
            })?;
            let attempts = usize::try_from(head["attempts"].as_i64().context("attempts")?)?;
            let Some(pause) = PAUSES_S.get(attempts - 1) else { break };
            let sent_at: i64 = receiver.posts_to(never.path)[attempts - 1].header("cordboard-timestamp").parse()?;
            let waits = head["next_at"].as_i64().context("a time to try again")? - sent_at;
            ensure!((pause * 1_000..=pause * 1_100 + 30_000).contains(&waits), "{waits} ms for {pause} s: {head}");
            ensure!((now_ms()? + off * 1_000 - sent_at).abs() < 120_000, "a timestamp of another time: {sent_at}");
            ensure!(head["last_error"].as_str().is_some_and(|error| error.contains("503")), "{head}");
            off += pause + pause / 10 + 5;
            clock.step(off)?;
            wait::until_true(format!("another try after {attempts}"), SOON, || tries_of_first(&receiver, never.path) > attempts)?;
        }
        for (hook, fails) in [(flaky, 5), (never, 9), (hangs, 1), (creeps, 1)] {
            let posts = receiver.posts_to(hook.path);
            let first = posts.first().context("a request")?.header("cordboard-delivery").to_owned();
            let times = posts
                .iter()
                .filter(|post| post.header("cordboard-delivery") == first)
                .map(|post| post.header("cordboard-timestamp").parse());
            let times: Vec<i64> = times.collect::<Result<_, _>>()?;
            for ((pair, pause), at) in times.windows(2).zip(PAUSES_S).zip(0..fails) {
                ensure!(pair[1] - pair[0] >= pause * 1_000, "{}: only {} ms after try {at}", hook.path, pair[1] - pair[0]);
            }
        }
        let admin = &server.admin()?;
        wait::until_true("the flaky one has all", SOON, || taken(&receiver, flaky.path) == names)?;
        wait::until_true("the one that hung has all", SOON, || taken(&receiver, hangs.path) == names)?;
        wait::until_true("the one that crept has all", SOON, || taken(&receiver, creeps.path) == names)?;
        // Ten tries, and then the next one has its turn.
        wait::until_true("the next after ten tries", SOON, || taken(&receiver, never.path) == names[1..])?;
        let given_up = wait::until("given up", SOON, || {
            let head = deliveries(admin, never)?.into_iter().next().context("a delivery")?;
            Ok((head["state"] == "failed").then_some(head))
        })?;
        ensure!(given_up["attempts"] == 10 && given_up["last_status"] == 503, "{given_up}");
        ensure!(trap.connections() == 0, "a redirect was followed");

        for hook in &hooks {
            is_in_order(&receiver, hook.path)?;
            for post in receiver.posts_to(hook.path) {
                is_right(&post, hook)?;
            }
            let taken = receiver.posts_to(hook.path).iter().filter(|post| is_taken(post)).count();
            ensure!(taken == EVENTS - usize::from(hook.path == never.path), "{}: {taken} taken without a crash", hook.path);
        }
        replayed(server, admin, &receiver, [flaky, never])?;
        a_new_secret(admin, &receiver, good)
    })?;

    gone_for_good(engine)
}

/// What failed, or was taken long ago, is sent again when somebody wants it.
fn replayed(server: &Server, admin: &Rest, receiver: &Receiver, [flaky, never]: [&Hook; 2]) -> Result<()> {
    let old = deliveries(admin, flaky)?.into_iter().next().context("a delivery")?;
    let before = receiver.posts_to(flaky.path);
    let reply = admin.post(&format!("/api/webhook-deliveries/{}/replay", text(&old, "id")?), &json!({}))?.expect(202)?;
    let new = text(&reply, "delivery_id")?;
    ensure!(new != text(&old, "id")?, "it has a number of its own");
    wait::until_true("it is sent again", SOON, || receiver.posts_to(flaky.path).len() > before.len())?;
    let again = receiver.posts_to(flaky.path).pop().context("a request")?;
    let first = before.iter().find(|post| is_taken(post)).context("it was taken")?;
    ensure!(again.body == first.body && again.header("cordboard-delivery") == new, "the same event under another number: {again:?}");
    is_right(&again, flaky)?;
    // What was given up, too; it fails again and so waits, and cannot be sent twice meanwhile.
    let lost = deliveries(admin, never)?.into_iter().next().context("a delivery")?;
    let reply = admin.post(&format!("/api/webhook-deliveries/{}/replay", text(&lost, "id")?), &json!({}))?.expect(202)?;
    let path = format!("/api/webhook-deliveries/{}", text(&reply, "delivery_id")?);
    wait::until("the lost one is sent again", SOON, || Ok((admin.get(&path)?.expect(200)?["state"] == "delivered").then_some(())))?;
    refused(&admin.post("/api/webhook-deliveries/999999/replay", &json!({}))?, 404, "row_not_found")?;
    let nobody = super::person(server, admin, "nosy", &["operator"])?;
    refused(&nobody.post(&format!("{path}/replay"), &json!({}))?, 403, "forbidden")?;
    refused(&nobody.get("/api/webhook-deliveries")?, 403, "forbidden")
}

/// From the moment that a secret is another, the old one signs nothing.
fn a_new_secret(admin: &Rest, receiver: &Receiver, hook: &Hook) -> Result<()> {
    let secret = text(&admin.post(&format!("/api/webhooks/{}/secret", hook.id), &json!({}))?.expect(200)?, "secret")?;
    ensure!(
        secret != hook.secret && !admin.get(&format!("/api/webhooks/{}", hook.id))?.expect(200)?.to_string().contains(&secret),
        "shown once"
    );
    let before = receiver.posts_to(hook.path).len();
    let tested = admin.post(&format!("/api/webhooks/{}/test", hook.id), &json!({}))?.expect(200)?;
    ensure!(tested["delivered"] == true && tested["status"] == 200, "{tested}");
    let post = receiver.posts_to(hook.path).into_iter().nth(before).context("a ping")?;
    ensure!(post.header("cordboard-event") == "ping" && post.is_signed_by(&secret) && !post.is_signed_by(&hook.secret), "{post:?}");
    Ok(())
}

/// Who answers 410 is asked no more, and everybody concerned is told.
fn gone_for_good(engine: Engine) -> Result<()> {
    let clock = Clock::start()?;
    let is_back = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let back = std::sync::Arc::clone(&is_back);
    let receiver =
        Receiver::start(move |_| if back.load(std::sync::atomic::Ordering::SeqCst) { Answer::Status(200) } else { Answer::Status(410) })?;
    on(engine, open_settings(&clock), |_, admin, sql| {
        let hook = hook(admin, &receiver, "/gone")?;
        happen(admin, "first")?;
        let path = format!("/api/webhooks/{}", hook.id);
        let disabled = wait::until("it is disabled", SOON, || {
            let hook = admin.get(&path)?.expect(200)?;
            Ok((hook["enabled"] == false).then_some(hook))
        })?;
        ensure!(disabled["disabled_reason"].as_str().is_some_and(|reason| reason.contains("410")), "{disabled}");
        let row = sql.rows("SELECT actor_kind, diff FROM audit_log WHERE action = 'webhooks.disable'")?;
        ensure!(row.len() == 1 && row[0]["actor_kind"] == "system", "{row:?}");
        wait::until("the log of events", SOON, || {
            Ok((admin.get("/api/dci/logs?module=webhooks")?.expect(200)?["items"][0]["code"] == "webhook_disabled").then_some(()))
        })?;
        happen(admin, "unheard")?;
        is_back.store(true, std::sync::atomic::Ordering::SeqCst);
        admin.put(&path, &json!({"version": disabled["version"], "enabled": true}))?.expect(200)?;
        happen(admin, "heard")?;
        wait::until_true("it hears what happens after that", SOON, || taken(&receiver, "/gone") == ["heard"])
    })
}

fn a_kill_between_tries(engine: Engine) -> Result<()> {
    let clock = Clock::start()?;
    let receiver = Receiver::start(|post| {
        let is_first_of_round = post.json()["data"]["display_name"].as_str().is_some_and(|name| name.starts_with("event 0"));
        match (post.path.as_str(), post.attempt) {
            ("/fails", 1) => Answer::Status(502),
            ("/fails", 2) if is_first_of_round => Answer::Status(502),
            ("/hangs", 1) if is_first_of_round => Answer::Hang,
            _ => Answer::Status(200),
        }
    })?;
    on(engine, open_settings(&clock), |server, admin, _| {
        let (fails, hangs) = (hook(admin, &receiver, "/fails")?, hook(admin, &receiver, "/hangs")?);
        let mut names = Vec::new();
        let mut off = 0;
        for round in 0..4 {
            let admin = server.admin()?;
            for at in 0..2 {
                let name = format!("event {at} of round {round}");
                happen(&admin, &name)?;
                names.push(name);
            }
            // One waits to be tried again, of the other the answer is waited for: in the middle of that it is killed.
            let tried = receiver.posts().len();
            wait::until_true("both are under way", SOON, || {
                receiver.posts().len() > tried || round > 0 && receiver.posts().len() >= tried
            })?;
            wait::until_true("the one hangs", SOON, || {
                !receiver.posts_to(hangs.path).is_empty() && !receiver.posts_to(fails.path).is_empty()
            })?;
            server.kill()?;
            server.launch()?;
            off += 200;
            clock.step(off)?;
        }
        // Each of them fails twice, one after the other, so the clock has to go on.
        let all = |path: &str| taken(&receiver, path) == names;
        for _ in 0..3 * names.len() {
            if all(fails.path) && all(hangs.path) {
                break;
            }
            let before = receiver.posts().len();
            off += 200;
            clock.step(off)?;
            wait::until_true("another try", SOON, || receiver.posts().len() > before || (all(fails.path) && all(hangs.path)))?;
        }
        for hook in [&fails, &hangs] {
            ensure!(all(hook.path), "{}: {:?} of {names:?}", hook.path, taken(&receiver, hook.path));
            is_in_order(&receiver, hook.path)?;
            for post in receiver.posts_to(hook.path) {
                is_right(&post, hook)?;
            }
            let admin = server.admin()?;
            wait::until("all are kept as delivered", SOON, || {
                let all = deliveries(&admin, hook)?;
                Ok((all.len() == names.len() && all.iter().all(|delivery| delivery["state"] == "delivered")).then_some(()))
            })?;
        }
        Ok(())
    })
}

fn the_firewall(engine: Engine) -> Result<()> {
    let receiver = Receiver::start(|_| Answer::Status(200))?;
    let port = receiver.address().port();
    // By default: public addresses at the ports of the web.
    on(engine, Settings::default(), |_, admin, _| {
        let made = |url: &str| admin.post("/api/webhooks", &json!({"name": "x", "url": url, "events": ["*"]}));
        for url in [receiver.url("/"), "http://example.com:22/".to_owned(), "https://[::1]:8443/".to_owned()] {
            let reply = made(&url)?;
            refused(&reply, 422, "invalid_field")?;
            ensure!(
                reply.json()["field"] == "url" && reply.json()["detail"].as_str().is_some_and(|words| words.contains("links.allow_")),
                "{}",
                reply.json()
            );
        }
        for url in [
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "javascript:alert(1)",
            "//example.com",
            "",
            "http://",
            "http://user:secret@example.com/",
        ] {
            refused(&made(url)?, 422, "invalid_field").with_context(|| url.to_owned())?;
        }
        Ok(())
    })?;
    // Any port, but no address of the house.
    let name = std::fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_owned();
    on(engine, Settings::default().with("CORDBOARD__LINKS__ALLOW_PORTS", ""), |_, admin, _| {
        let hosts = [
            "127.0.0.1",
            "127.1",
            "127.255.255.254",
            "2130706433",
            "0x7f.0.0.1",
            "0x7f000001",
            "0177.0.0.1",
            "0.0.0.0",
            "0",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.100.100.200",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "[64:ff9b::7f00:1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "localhost",
            "LocalHost.",
            "ip6-localhost",
            "a.localhost",
            "１２７.0.0.1",
            &name,
        ];
        let mut tried = 0;
        for host in hosts.into_iter().filter(|host| !host.is_empty()) {
            let reply = admin.post("/api/webhooks", &json!({"name": "x", "url": format!("http://{host}:{port}/"), "events": ["*"]}))?;
            if reply.status == 201 {
                let path = format!("/api/webhooks/{}", text(&reply.json(), "id")?);
                let tested = admin.post(&format!("{path}/test"), &json!({}))?.expect(200)?;
                ensure!(tested["delivered"] == false && tested["status"].is_null(), "{host}: {tested}");
                let error = text(&tested, "error")?;
                ensure!(error.contains("links.allow_nets") || error.contains("resolve") || error.contains("address"), "{host}: {error}");
                ensure!(admin.delete(&path)?.status == 204, "{host}");
            } else {
                refused(&reply, 422, "invalid_field").with_context(|| host.to_owned())?;
            }
            tried += 1;
        }
        ensure!(tried >= 26 && receiver.connections() == 0, "{} connections in {tried} tries", receiver.connections());
        Ok(())
    })?;
    // One address is allowed: it leads to no other.
    let beyond = [
        format!("http://127.0.0.2:{port}/"),
        format!("http://[::1]:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "/inside".to_owned(),
    ];
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let redirects = Receiver::start(move |_| {
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Answer::Redirect(beyond[turn % beyond.len()].clone())
    })?;
    let settings = Settings::default().with("CORDBOARD__LINKS__ALLOW_PORTS", "").with("CORDBOARD__LINKS__ALLOW_NETS", "127.0.0.1/32");
    on(engine, settings, |_, admin, _| {
        let hook = hook(admin, &redirects, "/")?;
        for at in 1..=4 {
            let tested = admin.post(&format!("/api/webhooks/{}/test", hook.id), &json!({}))?.expect(200)?;
            ensure!(tested["delivered"] == false && tested["status"] == 307, "{tested}");
            ensure!(text(&tested, "error")?.contains("redirects"), "{tested}");
            ensure!(redirects.posts().len() == at && redirects.posts_to("/inside").is_empty(), "it was followed: {:?}", redirects.posts());
        }
        let neighbour = admin.post("/api/webhooks", &json!({"name": "x", "url": format!("http://127.0.0.2:{port}/"), "events": ["*"]}))?;
        refused(&neighbour, 422, "invalid_field")?;
        ensure!(receiver.connections() == 0, "it was reached");
        Ok(())
    })
}
