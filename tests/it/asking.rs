//! A program says where calls go, over HTTP: asked as webhooks are sent, and never waited for by anybody else.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{
    raw::Habits,
    receiver::{Answer, Receiver},
    server::Settings,
    wait,
};

use crate::world::{self, HIGH, LOW, SOON};

const SECRET: &str = "tuning-fork-0123456789";

/// Three programs: one answers, one hangs, one redirects. A call that is asked about at the hanging one holds up no other, and goes by the default.
#[test]
fn a_program_says_where_a_call_goes_and_one_that_hangs_holds_up_nobody() -> Result<()> {
    let program = Receiver::start(|post| match post.path.as_str() {
        "/good" => Answer::Json(json!({"do": "slots", "slots": ["6002"]}).to_string()),
        "/number" => Answer::Json(json!({"do": "number", "number": "6002"}).to_string()),
        "/away" => Answer::Redirect("http://127.0.0.1:1/".to_owned()),
        _ => Answer::Hang,
    })?;
    let settings = Settings::default().with("CORDBOARD__LINKS__ALLOW_NETS", "127.0.0.0/8").with("CORDBOARD__LINKS__ALLOW_PORTS", "");
    world::with_hub_and(settings, 3, |server, admin, accounts| {
        let [one, two, three] = accounts else { anyhow::bail!("three slots, not {accounts:?}") };
        for (position, (number, path, deadline_ms)) in
            [("5001", "/good", 5_000), ("5002", "/number", 5_000), ("5003", "/hang", 5_000), ("5004", "/away", 5_000)]
                .into_iter()
                .enumerate()
        {
            let route = json!({"name": path, "position": position, "match": {"to": [number], "came_by": "slot"}, "then": {"do": "ask",
                "url": program.url(path), "secret": SECRET, "deadline_ms": deadline_ms, "default": {"do": "slots", "slots": ["6003"]}}});
            let made = admin.post("/api/routes", &route)?.expect(201)?;
            ensure!(!made.to_string().contains(SECRET), "{made}");
        }
        let caller = world::raw(server, one, Habits::answering(LOW))?;
        let (second, third) = (world::raw(server, two, Habits::answering(HIGH))?, world::raw(server, three, Habits::answering(HIGH))?);
        for (number, reached, outcome, said) in [
            ("5001", &second, "answered", json!("slots")),
            ("5002", &second, "answered", json!("number")),
            ("5003", &third, "late", json!(null)),
            ("5004", &third, "wrong", json!(null)),
        ] {
            let (call, answer) = caller.dial(number)?;
            ensure!(answer.status() == Some(200), "{number}: {}", answer.start);
            reached.wait_for_leg("answered", SOON, |leg| leg.acknowledged && leg.ended.is_none())?;
            ensure!(caller.hangup(&call)?.status() == Some(200), "BYE");
            reached.wait_for_leg("over", SOON, |leg| leg.ended.is_some())?;
            let record = wait::until("the record", SOON, || {
                let records = admin.list("/api/cdr/records?sort=-started_at&limit=1")?;
                Ok(records.into_iter().find(|record| record["asked"]["outcome"] == outcome && record["callee"] == number))
            })?;
            assert_eq!(record["asked"]["said"], said, "{record}");
        }
        let posts = program.posts_to("/good");
        let [post] = posts.as_slice() else { anyhow::bail!("{posts:?}") };
        ensure!(post.is_signed_by(SECRET) && post.header("cordboard-event") == "route.ask", "{post:?}");
        assert_eq!(json!([post.json()["from"], post.json()["to"], post.json()["came_by"]]), json!(["6001", "5001", "slot"]));

        // While one is asked about, others are called as ever.
        let waiting = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| caller.dial("5003"));
            wait::until_true("the question", SOON, || program.posts_to("/hang").len() == 2)?;
            let (call, answer) = second.dial("6003")?;
            ensure!(answer.status() == Some(200) && !waiting.is_finished(), "{}: nobody waits for a program of others", answer.start);
            second.hangup(&call)?;
            third.wait_for_leg("over", SOON, |leg| leg.incoming && leg.ended.is_some())?;
            waiting.join().map_err(|_| anyhow::anyhow!("a panic"))?
        })?;
        ensure!(waiting.1.status() == Some(200), "{}", waiting.1.start);
        caller.hangup(&waiting.0)?;
        for line in [r#"{outcome="late"} 2"#, r#"{outcome="answered"} 2"#, r#"{outcome="wrong"} 1"#] {
            wait::until(format!("{line} in the metrics"), SOON, || {
                let metrics = String::from_utf8_lossy(&admin.get("/metrics")?.body).into_owned();
                Ok(metrics.contains(&format!("cordboard_route_questions_total{line}")).then_some(()))
            })?;
        }
        Ok(())
    })
}
