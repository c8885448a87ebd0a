#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use model::{CallId, ListKind, UserId, WallTime};
use office::{CALLS, Conflict, ListParams, OfficeError, Principal, accounts::NewUser, rights::AccessList};
use serde_json::{Value, json};
use store::{binds, statements};

use super::*;
use crate::{
    can,
    core::{
        days::{Day, Period},
        heard::Ranges,
        policy::HeardPolicy,
    },
    testing::{House, NOW, faults, leave, on_both},
};

const MINUTE: Sound = Sound { duration_ms: 60_000, is_growing: false, erased_at: None };
const DAY_MS: i64 = 24 * 3_600_000;

statements! {
    MOVE: both "UPDATE calls SET scenario = $2 WHERE call_id = $1";
    DAYS: both "SELECT user_id, CAST(SUM(opened) AS BIGINT), CAST(SUM(completed) AS BIGINT), CAST(SUM(heard_ms) AS BIGINT) FROM listen_days
        GROUP BY user_id ORDER BY user_id";
    LISTENS: both "SELECT user_id, call_id, ranges, heard_ms, completed_at FROM listens ORDER BY user_id, call_id";
    SESSIONS: both "SELECT user_id, call_id, ranges, heard_ms, ended_at FROM listen_sessions ORDER BY id";
    AUDITED: both "SELECT action, diff FROM audit_log WHERE resource = 'centers' ORDER BY seq";
}

type ListenedRow = (i64, i64, String, i64, Option<i64>);

fn at(ms: i64) -> WallTime {
    WallTime(NOW.0 + ms)
}

fn ranges(spans: &[(u32, u32)]) -> Ranges {
    spans.to_vec().into()
}

fn report(seq: i64, spans: &[(u32, u32)]) -> Report {
    Report { seq, ranges: ranges(spans), position_ms: 0, speed_permille: 1_000, is_last: false }
}

fn heard(heard_ms: u64, all_heard_ms: u64, is_completed: bool, trimmed_ms: u64) -> Heard {
    Heard { heard_ms, all_heard_ms, is_completed, trimmed_ms }
}

fn conflict<T: std::fmt::Debug>(done: Result<T, OfficeError>) -> Conflict {
    match done {
        Err(OfficeError::Conflict(conflict)) => conflict,
        other => panic!("no conflict: {other:?}"),
    }
}

fn nothing<T: std::fmt::Debug>(done: Result<T, OfficeError>) -> &'static str {
    match done {
        Err(OfficeError::NotFound(what)) => what,
        other => panic!("it was found: {other:?}"),
    }
}

impl House {
    async fn listens(&self, name: &str) -> Principal {
        let lists = vec![AccessList { resource: "calls".to_owned(), kind: ListKind::Scenario, ids: vec!["sales".to_owned()] }];
        let (username, roles) = (name.to_owned(), vec!["listener".to_owned()]);
        self.person(NewUser { username, roles, lists, ..NewUser::default() }).await
    }

    async fn open(&self, who: &Principal, call: CallId, ms: i64) -> Result<Hearing, OfficeError> {
        self.crm.open_listening(&leave(who, office::can::RECORDINGS_LISTEN), call, MINUTE, at(ms)).await
    }

    async fn report(&self, who: &Principal, session: i64, report: &Report, ms: i64) -> Result<Heard, OfficeError> {
        self.report_of(who, session, report, MINUTE, ms).await
    }

    async fn report_of(&self, who: &Principal, session: i64, report: &Report, sound: Sound, ms: i64) -> Result<Heard, OfficeError> {
        self.crm.report_listening(&leave(who, office::can::RECORDINGS_LISTEN), session, report, sound, at(ms)).await
    }

    /// What was counted of each person, day by day and call by call: opened, completed, heard.
    async fn sums(&self) -> (BTreeMap<i64, (i64, i64, i64)>, BTreeMap<i64, (i64, i64, i64)>) {
        let db = self.crm.store().db();
        let days: Vec<(i64, i64, i64, i64)> = db.all(DAYS, &[]).await.unwrap();
        let listens: Vec<ListenedRow> = db.all(LISTENS, &[]).await.unwrap();
        let sessions: Vec<ListenedRow> = db.all(SESSIONS, &[]).await.unwrap();
        let mut sums: BTreeMap<i64, (i64, i64, i64)> = BTreeMap::new();
        for (user, .., completed) in &sessions {
            let _ = completed;
            sums.entry(*user).or_default().0 += 1;
        }
        for (user, call, text, heard_ms, completed) in listens {
            let all: Ranges = serde_json::from_str(&text).unwrap();
            assert_eq!(i64::try_from(all.total()).unwrap(), heard_ms);
            // What a person has heard is what their sessions have, and no more.
            let of = sessions.iter().filter(|session| (session.0, session.1) == (user, call));
            let parts = of.map(|session| serde_json::from_str::<Ranges>(&session.2).unwrap());
            assert_eq!(parts.fold(Ranges::default(), |one, other| one.union(&other)), all, "{user} {call}");
            let sum = sums.entry(user).or_default();
            sum.1 += i64::from(completed.is_some());
            sum.2 += heard_ms;
        }
        (days.into_iter().map(|(user, opened, completed, heard)| (user, (opened, completed, heard))).collect(), sums)
    }
}

#[tokio::test]
async fn what_was_heard_counts_once_in_whatever_player() {
    on_both(async |house| {
        let (vera, petr) = (house.listens("vera").await, house.listens("petr").await);
        let call = house.call(1_000, "sales", None).await;
        let first = house.open(&vera, call, 0).await.unwrap();
        assert_eq!((first.heard.is_empty(), first.is_completed), (true, false));
        let five = report(1, &[(0, 5_000)]);
        assert_eq!(house.report(&vera, first.id, &five, 5_000).await.unwrap(), heard(5_000, 5_000, false, 0));
        // Its answer was lost: it is answered again, and not counted, whatever it says now.
        assert_eq!(house.report(&vera, first.id, &report(1, &[(50_000, 60_000)]), 6_000).await.unwrap(), heard(5_000, 5_000, false, 0));
        // The player jumps back, and then plays what nobody can have played so soon.
        let jump = report(2, &[(2_000, 8_000), (20_000, 50_000)]);
        assert_eq!(house.report(&vera, first.id, &jump, 10_000).await.unwrap(), heard(12_000, 12_000, false, 26_000));
        // Another tab, at the same time; what both play counts once.
        let second = house.open(&vera, call, 10_000).await.unwrap();
        assert_eq!(second.heard, ranges(&[(0, 8_000), (20_000, 24_000)]));
        let there = Report { speed_permille: 3_000, ..report(1, &[(4_000, 30_000)]) };
        assert_eq!(house.report(&vera, second.id, &there, 20_000).await.unwrap(), heard(26_000, 30_000, true, 0));
        assert_eq!(
            house.report(&vera, first.id, &report(3, &[(24_000, 32_000)]), 20_000).await.unwrap(),
            heard(20_000, 32_000, true, 26_000)
        );
        // Somebody else has heard nothing of it, and has no say in this session.
        let other = house.open(&petr, call, 20_000).await.unwrap();
        assert_eq!((other.heard.is_empty(), other.is_completed), (true, false));
        assert_eq!(nothing(house.report(&petr, first.id, &report(4, &[(0, 1_000)]), 21_000).await), "listening session");
        assert_eq!(nothing(house.report(&vera, 77, &report(1, &[]), 21_000).await), "listening session");
        // The last report, and one behind it.
        let last = Report { is_last: true, ..report(4, &[(32_000, 33_000)]) };
        assert_eq!(house.report(&vera, first.id, &last, 25_000).await.unwrap(), heard(21_000, 33_000, true, 26_000));
        assert_eq!(house.report(&vera, first.id, &last, 26_000).await.unwrap(), heard(21_000, 33_000, true, 26_000), "once more");
        assert_eq!(conflict(house.report(&vera, first.id, &report(5, &[(33_000, 34_000)]), 27_000).await), Conflict::SessionEnded);
        let (days, sums) = house.sums().await;
        assert_eq!(days, sums);
        assert_eq!(days[&vera.user().0], (2, 1, 33_000));
        assert_eq!(days[&petr.user().0], (1, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn what_is_not_reached_is_not_listened_to() {
    on_both(async |house| {
        let vera = house.listens("vera").await;
        let (call, foreign) = (house.call(1_000, "sales", None).await, house.call(2_000, "other", None).await);
        assert_eq!(nothing(house.open(&vera, foreign, 0).await), "call");
        assert_eq!(nothing(house.open(&vera, CallId(77), 0).await), "call");
        let session = house.open(&vera, call, 0).await.unwrap().id;
        house.report(&vera, session, &report(1, &[(0, 5_000)]), 5_000).await.unwrap();
        // The scenario is taken away: nothing counts from then on, and nothing is lost.
        house.crm.store().db().run(MOVE, binds![call, "other"]).await.unwrap();
        assert_eq!(nothing(house.report(&vera, session, &report(2, &[(5_000, 9_000)]), 10_000).await), "call");
        house.crm.store().db().run(MOVE, binds![call, "sales"]).await.unwrap();
        assert_eq!(house.report(&vera, session, &report(2, &[(5_000, 9_000)]), 10_000).await.unwrap(), heard(9_000, 9_000, false, 0));
        // Leave to another thing is no leave.
        let reads = leave(&vera, office::can::CALLS_READ);
        let done = house.crm.open_listening(&reads, call, MINUTE, NOW).await;
        assert!(matches!(done, Err(OfficeError::Defect(_))), "{done:?}");
    })
    .await;
}

#[tokio::test]
async fn a_recording_that_is_erased_while_it_plays_ends_the_session_and_keeps_what_was_heard() {
    on_both(async |house| {
        let vera = house.listens("vera").await;
        let call = house.call(1_000, "sales", None).await;
        let session = house.open(&vera, call, 0).await.unwrap().id;
        house.report(&vera, session, &report(1, &[(0, 5_000)]), 5_000).await.unwrap();
        let erased = Sound { erased_at: Some(at(8_000)), ..MINUTE };
        // Three seconds were played until then, and a player may be two ahead.
        let done = house.report_of(&vera, session, &report(2, &[(5_000, 15_000)]), erased, 15_000).await;
        assert_eq!(conflict(done), Conflict::SessionEnded);
        let (days, sums) = house.sums().await;
        assert_eq!((days[&vera.user().0], &days), ((1, 0, 10_000), &sums));
        // The same once more, and further ones: nothing more.
        assert_eq!(house.report_of(&vera, session, &report(2, &[(5_000, 15_000)]), erased, 16_000).await.unwrap().heard_ms, 10_000);
        assert_eq!(
            conflict(house.report_of(&vera, session, &report(3, &[(15_000, 20_000)]), erased, 20_000).await),
            Conflict::SessionEnded
        );
        let opened = house.crm.open_listening(&leave(&vera, office::can::RECORDINGS_LISTEN), call, erased, at(20_000)).await;
        assert_eq!(conflict(opened), Conflict::Erased { at: at(8_000) });
        assert_eq!(house.sums().await.0, sums);
    })
    .await;
}

#[tokio::test]
async fn sessions_end_and_have_a_bound() {
    on_both(async |house| {
        let vera = house.listens("vera").await;
        let call = house.call(1_000, "sales", None).await;
        let session = house.open(&vera, call, 0).await.unwrap().id;
        house.report(&vera, session, &report(1, &[]), IDLE_MS).await.unwrap();
        assert_eq!(conflict(house.report(&vera, session, &report(2, &[(0, 5_000)]), 2 * IDLE_MS + 1).await), Conflict::SessionEnded);
        let ended: Vec<ListenedRow> = house.crm.store().db().all(SESSIONS, &[]).await.unwrap();
        assert_eq!(ended[0].4, Some(at(2 * IDLE_MS).0));
        for _ in 0..SESSIONS_OPEN_MAX {
            house.open(&vera, call, 3 * IDLE_MS).await.unwrap();
        }
        assert!(matches!(conflict(house.open(&vera, call, 3 * IDLE_MS).await), Conflict::State(_)));
        // Those that say nothing make room by themselves; a clock that is put back harms nobody.
        house.open(&vera, call, 4 * IDLE_MS + 1).await.unwrap();
        let other = house.listens("petr").await;
        let session = house.open(&other, call, 0).await.unwrap().id;
        assert_eq!(house.report(&other, session, &report(1, &[(0, 9_000)]), -60_000).await.unwrap(), heard(2_000, 2_000, false, 7_000));
    })
    .await;
}

/// What still grows is listened to by the time alone: how much of it that is nobody knows.
#[tokio::test]
async fn a_growing_recording_is_no_share_of_anything() {
    on_both(async |house| {
        let vera = house.listens("vera").await;
        let call = house.call(1_000, "sales", None).await;
        let session = house.open(&vera, call, 0).await.unwrap().id;
        let grown = |duration_ms| Sound { duration_ms, is_growing: true, erased_at: None };
        let first = house.report_of(&vera, session, &report(1, &[(0, 10_000)]), grown(5_000), 10_000).await.unwrap();
        assert_eq!(first, heard(5_000, 5_000, false, 0), "no more than is on the disk");
        let second = house.report_of(&vera, session, &report(2, &[(5_000, 30_000)]), grown(31_000), 35_000).await.unwrap();
        assert_eq!(second, heard(30_000, 30_000, true, 0));
    })
    .await;
}

#[tokio::test]
async fn a_centre_says_what_listening_is() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (reads, may) = (leave(&root, can::LISTENING_READ), leave(&root, can::LISTENING_CONFIGURE));
        assert_eq!(house.crm.listening_policy(&reads).await.unwrap(), HeardPolicy::default());
        let wrong = PolicyChange { heard_percent: Some(0), heard_s: Some(0), speed_max_permille: Some(99) };
        assert_eq!(faults(house.crm.change_listening_policy(&may, wrong, NOW).await), ["heard_percent", "heard_s", "speed_max"]);
        let change = PolicyChange { heard_percent: Some(10), speed_max_permille: Some(1_000), ..PolicyChange::default() };
        let now = HeardPolicy { heard_percent: 10, heard_s: 30, speed_max_permille: 1_000 };
        for _ in 0..2 {
            assert_eq!(house.crm.change_listening_policy(&may, change, NOW).await.unwrap(), now);
        }
        assert_eq!(house.crm.listening_policy(&reads).await.unwrap(), now);
        assert!(matches!(house.crm.change_listening_policy(&reads, change, NOW).await, Err(OfficeError::Defect(_))));
        let audited: Vec<(String, String)> = house.crm.store().db().all(AUDITED, &[]).await.unwrap();
        let told: Vec<_> = audited.iter().filter(|(action, _)| action == "listening.configure").collect();
        assert_eq!(told.len(), 1, "{audited:?}");
        assert!(told[0].1.contains(r#""heard_percent":60"#) && told[0].1.contains(r#""heard_percent":10"#), "{told:?}");
        // The next report goes by it, at the speed that is believed now.
        let call = house.call(1_000, "sales", None).await;
        let session = house.open(&root, call, 0).await.unwrap().id;
        let fast = Report { speed_permille: 4_000, ..report(1, &[(0, 20_000)]) };
        assert_eq!(house.report(&root, session, &fast, 5_000).await.unwrap(), heard(7_000, 7_000, true, 13_000));
    })
    .await;
}

#[tokio::test]
async fn statistics_are_sums_of_days() {
    on_both(async |house| {
        let (root, vera) = (house.with_role("root", "admin").await, house.listens("vera").await);
        let (one, two) = (house.call(1_000, "sales", None).await, house.call(2_000, "", None).await);
        for (who, call, day) in [(&vera, one, 0), (&vera, one, 1), (&root, one, 1), (&root, two, 1)] {
            let session = house.open(who, call, day * DAY_MS).await.unwrap().id;
            house.report(who, session, &report(1, &[(0, 40_000)]), day * DAY_MS + 40_000).await.unwrap();
        }
        let day = |days: i64| Day::of(at(days * DAY_MS), chrono_tz::UTC);
        let period = |first, last| Period::new(day(first), day(last)).unwrap();
        let ask = async |who: &Principal, period, split| {
            let found = house.crm.listening_statistics(&leave(who, can::TAG_STATISTICS_READ), period, split).await.unwrap();
            let line = |line: Line| {
                let user = line.user.map(|user| user.0);
                (line.day.map(|of| i64::from(of != day(0))), user, line.scenario, (line.opened, line.completed, line.heard_ms))
            };
            found.lines.into_iter().map(line).collect::<Vec<_>>()
        };
        let all = Split::default();
        assert_eq!(ask(&root, period(0, 1), all).await, [(None, None, None, (4, 3, 120_000))]);
        // What was heard again counts as opened, and as nothing else.
        assert_eq!(ask(&vera, period(0, 1), all).await, [(None, None, None, (2, 1, 40_000))]);
        assert_eq!(ask(&vera, period(1, 1), all).await, [(None, None, None, (1, 0, 0))]);
        assert_eq!(ask(&root, period(2, 3), all).await, []);
        let by_day = Split { by_day: true, ..all };
        assert_eq!(ask(&root, period(0, 1), by_day).await, [(Some(0), None, None, (1, 1, 40_000)), (Some(1), None, None, (3, 2, 80_000))]);
        let whole = Split { by_day: true, by_user: true, by_scenario: true };
        let (root_id, vera_id) = (Some(root.user().0), Some(vera.user().0));
        let (sales, none) = (Some("sales".to_owned()), Some(String::new()));
        assert_eq!(
            ask(&root, period(1, 1), whole).await,
            [
                (Some(1), root_id, none, (1, 1, 40_000)),
                (Some(1), root_id, sales.clone(), (1, 1, 40_000)),
                (Some(1), vera_id, sales, (1, 0, 0)),
            ]
        );
        // The sessions themselves: of one's own, or of all.
        for (who, count) in [(&root, 4), (&vera, 2)] {
            let view = leave(who, can::TAG_STATISTICS_READ).view(&LISTEN_SESSIONS);
            let page = house.office.list(&view, &ListParams::default()).await.unwrap();
            assert_eq!(page.items.len(), count);
            assert!(page.items.iter().all(|row| row["heard_ms"] == 40_000));
        }
        assert_eq!(house.sums().await.0, house.sums().await.1);
    })
    .await;
}

#[tokio::test]
async fn calls_say_what_one_has_heard_of_them() {
    on_both(async |house| {
        let (root, vera, petr) = (house.with_role("root", "admin").await, house.listens("vera").await, house.listens("petr").await);
        let calls =
            [house.call(1_000, "sales", None).await, house.call(2_000, "sales", None).await, house.call(3_000, "sales", None).await];
        for (who, call, ms) in [(&vera, calls[0], 45_000), (&vera, calls[1], 6_600), (&petr, calls[1], 60_000)] {
            let session = house.open(who, call, 0).await.unwrap().id;
            house.report(who, session, &report(1, &[(0, ms)]), i64::from(ms)).await.unwrap();
        }
        let list = async |who: &Principal, filter: Value| {
            let view = leave(who, office::can::CALLS_READ).view(&CALLS);
            let page = house.office.list(&view, &ListParams::default().filtered(filter)).await?;
            Ok::<_, OfficeError>(page.items.iter().map(|row| (row["call_id"].clone(), row["listened"].clone())).collect::<Vec<_>>())
        };
        let id = |at: usize| json!(calls[at]);
        assert_eq!(list(&vera, json!({})).await.unwrap(), [(id(2), Value::Null), (id(1), json!(11)), (id(0), json!(75))]);
        assert_eq!(list(&root, json!({})).await.unwrap(), [(id(2), Value::Null), (id(1), Value::Null), (id(0), Value::Null)]);
    })
    .await;
}

/// A stream of numbers that is the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(most)).unwrap()
    }
}

/// A player as it is: it plays, jumps, loses reports and their answers.
struct Player {
    who: usize,
    call: CallId,
    id: i64,
    seq: i64,
    /// What it has played since the last answer.
    unsent: Ranges,
    /// All that it has played.
    played: Ranges,
    last: Option<Heard>,
    is_liar: bool,
    opened_ms: i64,
}

/// Two people with two players each, on two calls, over days: what counts was played, never shrinks, and the sums agree. Who lies gets no further than
/// the clock.
#[tokio::test]
async fn nothing_counts_that_was_not_heard() {
    for seed in [1_u64, 2, 3] {
        on_both(async |house| {
            let people = [house.listens("vera").await, house.listens("petr").await];
            let calls = [house.call(1_000, "sales", None).await, house.call(2_000, "sales", None).await];
            let mut chance = Chance(seed);
            let mut clock = 0_i64;
            let mut players = Vec::new();
            for at in 0..6_usize {
                let (who, call) = (at % 2, calls[at / 2 % 2]);
                let id = house.open(&people[who], call, clock).await.unwrap().id;
                let (unsent, played) = (Ranges::default(), Ranges::default());
                players.push(Player { who, call, id, seq: 0, unsent, played, last: None, is_liar: at == 5, opened_ms: 0 });
            }
            let mut honest: BTreeMap<(usize, CallId), Ranges> = BTreeMap::new();
            let liars: BTreeSet<(usize, CallId)> =
                players.iter().filter(|player| player.is_liar).map(|player| (player.who, player.call)).collect();
            for _ in 0..60 {
                let player = &mut players[usize::try_from(chance.below(6)).unwrap()];
                let (from, length, speed) = (chance.below(55_000), 1 + chance.below(9_000), 1 + chance.below(3));
                clock += i64::from(length.div_ceil(speed)) + if chance.below(20) == 0 { 20 * 3_600 } else { 0 };
                let span = if player.is_liar { ranges(&[(0, 60_000)]) } else { ranges(&[(from, from + length)]) };
                player.unsent = player.unsent.union(&span);
                player.played = player.played.union(&span);
                if !player.is_liar {
                    let all = honest.entry((player.who, player.call)).or_default();
                    *all = all.union(&span);
                }
                // The report is lost on its way.
                if chance.below(4) == 0 {
                    continue;
                }
                player.seq += 1;
                let said = Report { seq: player.seq, ranges: player.unsent.clone(), position_ms: 0, speed_permille: 3_000, is_last: false };
                let mut answer = house.report(&people[player.who], player.id, &said, clock).await.unwrap();
                // Its answer is, and it comes again.
                if chance.below(3) == 0 {
                    answer = house.report(&people[player.who], player.id, &said, clock + 1).await.unwrap();
                }
                player.unsent = Ranges::default();
                if let Some(last) = player.last.replace(answer) {
                    assert!(last.heard_ms <= answer.heard_ms && last.all_heard_ms <= answer.all_heard_ms, "seed {seed}: it shrinks");
                }
                let most = u64::try_from((clock - player.opened_ms) * 3 + 2_000).unwrap();
                assert!(answer.heard_ms <= most.min(60_000), "seed {seed}: more than the clock allows");
                assert!(player.is_liar || answer.trimmed_ms == 0, "seed {seed}: an honest report was cut");
            }
            let (days, sums) = house.sums().await;
            assert_eq!(days, sums, "seed {seed}");
            // What counts of honest players was played, but for gaps that are a rounding.
            let listens: Vec<ListenedRow> = house.crm.store().db().all(LISTENS, &[]).await.unwrap();
            for (user, call, text, ..) in listens {
                let who = people.iter().position(|person| person.user() == UserId(user)).unwrap();
                let counted: Ranges = serde_json::from_str(&text).unwrap();
                let truth = honest.get(&(who, CallId(call))).cloned().unwrap_or_default();
                let more = counted.less(&truth);
                assert!(
                    liars.contains(&(who, CallId(call))) || more.spans().iter().all(|(from, to)| to - from < 250),
                    "seed {seed}: {counted:?} was not played: {truth:?}"
                );
            }
        })
        .await;
    }
}
