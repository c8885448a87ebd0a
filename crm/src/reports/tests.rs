#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use model::{Action, CallId, Cause, Cdr, Direction, Outcome, Segment, SlotId, UserId, WallTime};
use office::{CenterChange, OfficeError, Principal, accounts::NewUser, export::Format};
use store::{
    Statement, binds,
    whose::{OF_LEAD, RANG, TOOK_PART},
};

use super::{
    By, CallSums, CallsReport, Conversion, Counted,
    days::{Place, build, ended},
    period,
};
use crate::{
    can,
    core::{
        days::{Day, Period},
        lead::LeadEvent,
    },
    leads::{LeadChange, NewLead},
    testing::{HOME, House, NOW, leave, on_both},
};

const HOUR: i64 = 3_600_000;

const fn both(name: &'static str, sql: &'static str) -> Statement {
    Statement { name, lite: sql, pg: sql }
}

const RECORD: Statement = both(
    "RECORD",
    "INSERT INTO cdrs (call_id, center_id, direction, caller, callee, user_id, started_at, ended_at, ring_ms, talk_ms, outcome, cause,
    sip_status, segments, scenario, source, tries, rung) VALUES ($1, $2, $3, 'a', 'b', $4, $5, $6, $7, $8, $9, 'normal', 200, $10, $11, $12, '[]', '[]')",
);
const HAD: Statement = both("HAD", "INSERT INTO call_users (user_id, call_id, why, talk_ms, hold_ms) VALUES ($1, $2, $3, $4, $5)");
const STANDS: Statement = both("STANDS", "SELECT day, built FROM report_days WHERE center_id = 1 ORDER BY day");
const SPOIL: Statement = both("SPOIL", "UPDATE call_days SET talk_ms = talk_ms + 1000000");
const CONVERT: Statement = both("CONVERT", "UPDATE leads SET status = 'converted' WHERE id = $1");
const MADE: Statement = both("MADE", "UPDATE leads SET created_at = $2 WHERE id = $1");
const TAGS: Statement =
    both("TAGS", "INSERT INTO tag_days (center_id, day, user_id, tag_id, scenario, set_n, unset_n) VALUES (1, $1, $2, $3, 'sales', 3, 1)");
const AUDITED: Statement = both("AUDITED", "SELECT action, resource, diff FROM audit_log WHERE resource = 'reports' ORDER BY seq");

/// A made-up call, and what each person had of it.
#[derive(Debug, Clone)]
struct Made {
    cdr: Cdr,
    /// Who, why, for how long, of that on hold.
    had: Vec<(UserId, i64, i64, i64)>,
}

fn utc(text: &str) -> WallTime {
    WallTime(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn days(from: &str, to: &str) -> Period {
    period(day(from), day(to)).unwrap()
}

/// The same calls each time: every 37 minutes of twelve days, of two scenarios and an advert, with and without people.
fn made_up(people: &[UserId]) -> Vec<Made> {
    let mut chance = 7_u64;
    let mut draw = |of: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % of
    };
    let first = utc("2026-03-24T00:10:00Z").0;
    let mut all = Vec::new();
    for n in 0..450_i64 {
        let started = WallTime(first + n * 37 * 60_000);
        let direction = [Direction::Inbound, Direction::Outbound, Direction::Internal][usize::try_from(draw(3)).unwrap()];
        let outcome =
            [Outcome::Answered, Outcome::Answered, Outcome::NoAnswer, Outcome::Busy, Outcome::Failed][usize::try_from(draw(5)).unwrap()];
        let is_answered = outcome == Outcome::Answered;
        let (talk, hold) = if is_answered { (draw(600_000), draw(9_000)) } else { (0, 0) };
        let whole = |ms: u64| i64::try_from(ms).unwrap();
        let mut had = Vec::new();
        for user in people {
            match draw(4) {
                0 if is_answered || direction != Direction::Inbound => had.push((*user, TOOK_PART, whole(talk / 2), whole(hold / 2))),
                1 => had.push((*user, RANG, 0, 0)),
                // It is of a lead of theirs: they may read it, and have had nothing of it.
                2 => had.push((*user, OF_LEAD, 0, 0)),
                _ => {}
            }
        }
        let segment = |hold_ms| Segment { user: None, slot: SlotId(1), from: started, to: Some(started), hold_ms };
        all.push(Made {
            cdr: Cdr {
                call_id: CallId((started.0 << 22) | n),
                center: HOME,
                parent: None,
                direction,
                caller: "a".to_owned(),
                callee: "b".to_owned(),
                caller_slot: None,
                callee_slot: None,
                user: None,
                started_at: started,
                ringing_at: None,
                answered_at: None,
                ended_at: WallTime(started.0 + whole(talk)),
                ring_ms: draw(30_000),
                talk_ms: talk,
                outcome,
                cause: Cause::ALL[0],
                sip_status: 200,
                segments: vec![segment(hold), segment(5)],
                scenario: [None, Some("sales"), Some("support")][usize::try_from(draw(3)).unwrap()].map(str::to_owned),
                source: [None, Some("radio")][usize::try_from(draw(2)).unwrap()].map(str::to_owned),
                carrier: None,
                tries: vec![],
                asked: None,
                rung: vec![],
            },
            had,
        });
    }
    all
}

fn code<T: serde::Serialize>(value: T) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

/// The sums of what is in a span, one call after the other, by nothing that the program uses.
fn naive(all: &[Made], of: impl Fn(&Cdr) -> bool, user: Option<UserId>) -> CallSums {
    let mut sums = CallSums::default();
    for Made { cdr, had } in all.iter().filter(|made| of(&made.cdr)) {
        let missed = cdr.direction == Direction::Inbound && cdr.outcome != Outcome::Answered;
        let (part, is_missed, talk, hold) = match user {
            None => {
                (true, missed, i64::try_from(cdr.talk_ms).unwrap(), cdr.segments.iter().map(|s| i64::try_from(s.hold_ms).unwrap()).sum())
            }
            Some(user) => {
                let Some((_, why, talk, hold)) = had.iter().find(|(who, why, ..)| *who == user && *why != OF_LEAD) else { continue };
                (*why == TOOK_PART, missed && *why == RANG, *talk, *hold)
            }
        };
        sums.missed += i64::from(is_missed);
        sums.talk_ms += talk;
        sums.hold_ms += hold;
        if part || cdr.outcome != Outcome::Answered {
            sums.ring_ms += i64::try_from(cdr.ring_ms).unwrap();
        }
        if part {
            sums.calls += 1;
            sums.answered += i64::from(cdr.outcome == Outcome::Answered);
            match cdr.direction {
                Direction::Inbound => sums.inbound += 1,
                Direction::Outbound => sums.outbound += 1,
                Direction::Internal => sums.internal += 1,
            }
        }
    }
    sums
}

impl House {
    async fn record(&self, made: &Made) {
        let cdr = &made.cdr;
        let db = self.crm.store().db();
        let segments = serde_json::to_string(&cdr.segments).unwrap();
        let (direction, outcome) = (code(cdr.direction), code(cdr.outcome));
        let (ring, talk) = (i64::try_from(cdr.ring_ms).unwrap(), i64::try_from(cdr.talk_ms).unwrap());
        let binds = binds![
            cdr.call_id,
            cdr.center,
            &direction,
            cdr.user,
            cdr.started_at,
            cdr.ended_at,
            ring,
            talk,
            &outcome,
            &segments,
            &cdr.scenario,
            &cdr.source
        ];
        db.run(RECORD, binds).await.unwrap();
        for (user, why, talk, hold) in &made.had {
            db.run(HAD, binds![*user, cdr.call_id, *why, *talk, *hold]).await.unwrap();
        }
    }

    async fn zone(&self, root: &Principal, zone: &str) {
        let version = self.office.center(HOME).await.unwrap().unwrap().version;
        let change = CenterChange { tz: Some(zone.to_owned()), ..CenterChange::default() };
        self.office.update_center(&leave(root, office::can::CENTERS_UPDATE), HOME, version, &change, NOW).await.unwrap();
    }

    /// A round of the job, as the runner does it: each step in a transaction of its own.
    async fn build(&self, now: WallTime) {
        let mut at = Some(Place::default());
        while let Some(place) = at {
            let mut tx = self.crm.store().db().begin().await.unwrap();
            at = build(&mut tx, place, now).await.unwrap();
            tx.commit().await.unwrap();
        }
    }

    async fn kept(&self) -> Vec<(i64, i64)> {
        self.crm.store().db().all(STANDS, binds![]).await.unwrap()
    }

    async fn calls_report(&self, who: &Principal, period: Period, by: &[By], now: WallTime) -> CallsReport {
        let by: BTreeSet<By> = by.iter().copied().collect();
        self.crm.calls_report(&leave(who, can::REPORTS_READ), period, &by, now).await.unwrap()
    }
}

/// A report is the naive sum over the records, by whatever it is split, whether its days are kept or not, and on days of 23, 24 and 25 hours.
#[tokio::test]
async fn what_is_kept_and_what_is_summed_up_is_the_naive_sum() {
    on_both(async |house| {
        // The clocks are put forward on 29 March there.
        let root = house.with_role("root", "admin").await;
        house.zone(&root, "Europe/Berlin").await;
        let (chief, anna, vera) = (
            house.with_role("chief", "supervisor").await,
            house.with_role("anna", "operator").await,
            house.with_role("vera", "operator").await,
        );
        let mut all = made_up(&[anna.user(), vera.user()]);
        for made in &all {
            house.record(made).await;
        }
        let (now, whole) = (utc("2026-04-06T12:00:00Z"), days("2026-03-23", "2026-04-06"));
        let zone: chrono_tz::Tz = "Europe/Berlin".parse().unwrap();
        assert_eq!(day("2026-03-29").span(zone).end.0 - day("2026-03-29").span(zone).start.0, 23 * HOUR);
        let within = |cdr: &Cdr, day: Day| day.span(zone).contains(&cdr.started_at);
        let check = async |all: &[Made], now: WallTime| {
            let by_day = house.calls_report(&chief, whole, &[By::Day], now).await;
            assert_eq!((by_day.lines_are, by_day.totals_are, by_day.tz), (Counted::Calls, Counted::Calls, "Europe/Berlin"));
            assert_eq!(by_day.totals, naive(all, |_| true, None));
            assert_eq!(by_day.lines.len(), 12);
            for line in &by_day.lines {
                assert_eq!(line.sums, naive(all, |cdr| within(cdr, line.day.unwrap()), None), "{:?}", line.day);
            }
            let by_user = house.calls_report(&chief, days("2026-03-28", "2026-03-30"), &[By::User], now).await;
            assert_eq!((by_user.lines_are, by_user.totals_are), (Counted::Parts, Counted::Calls));
            let three =
                |cdr: &Cdr| whole.days().filter(|day| (20_260_328..=20_260_330).contains(&day.number())).any(|day| within(cdr, day));
            assert_eq!(by_user.totals, naive(all, three, None));
            assert_eq!(by_user.lines.iter().map(|line| line.user_name.as_deref()).collect::<Vec<_>>(), [Some("anna"), Some("vera")]);
            for line in &by_user.lines {
                assert_eq!(line.sums, naive(all, three, line.user_id), "{line:?}");
            }
            let split = house.calls_report(&chief, whole, &[By::Scenario, By::Source], now).await;
            assert_eq!(split.lines.len(), 6);
            for line in &split.lines {
                let of = |cdr: &Cdr| {
                    cdr.scenario.as_deref().unwrap_or_default() == line.scenario.as_deref().unwrap()
                        && cdr.source.as_deref().unwrap_or_default() == line.source.as_deref().unwrap()
                };
                assert_eq!(line.sums, naive(all, of, None), "{line:?}");
            }
            // An operator has what she has had herself, split or not.
            for by in [vec![], vec![By::User], vec![By::Day, By::Source]] {
                let own = house.calls_report(&anna, whole, &by, now).await;
                assert_eq!((own.lines_are, own.totals_are), (Counted::Parts, Counted::Parts));
                assert_eq!(own.totals, naive(all, |_| true, Some(anna.user())));
                assert!(own.lines.iter().all(|line| line.user_id.is_none_or(|user| user == anna.user())));
            }
        };
        check(&all, now).await;
        house.build(now).await;
        // The fifth is over for less than a day; calls began on the 24th.
        let stands = house.kept().await;
        assert_eq!((stands.first(), stands.last(), stands.len()), (Some(&(20_260_324, 1)), Some(&(20_260_404, 1)), 12));
        check(&all, now).await;
        house.build(now).await;
        check(&all, now).await;

        // A call of a day that is kept ends late: until the next round the day is summed up.
        let mut late = all[200].clone();
        late.cdr.call_id.0 += 1_000;
        late.cdr.talk_ms += 77;
        house.record(&late).await;
        let mut tx = house.crm.store().db().begin().await.unwrap();
        ended(&mut tx, &late.cdr).await.unwrap();
        ended(&mut tx, &late.cdr).await.unwrap();
        tx.commit().await.unwrap();
        let outdated: Vec<i64> = house.kept().await.into_iter().filter(|(_, built)| *built == 0).map(|(day, _)| day).collect();
        assert_eq!(outdated, [Day::of(late.cdr.started_at, zone).number()]);
        all.push(late);
        check(&all, now).await;
        house.build(now).await;
        assert!(house.kept().await.iter().all(|(_, built)| *built == 1));
        check(&all, now).await;
        // What is kept is what reports of such days are of.
        house.crm.store().db().run(SPOIL, binds![]).await.unwrap();
        let spoilt = house.calls_report(&chief, whole, &[], now).await;
        assert!(spoilt.totals.talk_ms > naive(&all, |_| true, None).talk_ms);
    })
    .await;
}

/// By other clocks days are others, and what is kept of them does not hold.
#[tokio::test]
async fn a_day_is_one_of_the_centres_own_clocks() {
    on_both(async |house| {
        let (root, chief) = (house.with_role("root", "admin").await, house.with_role("chief", "supervisor").await);
        house.zone(&root, "Europe/Moscow").await;
        let all = made_up(&[]);
        for made in &all {
            house.record(made).await;
        }
        let now = utc("2026-04-20T00:00:00Z");
        house.build(now).await;
        let calls = async |zone: &str| {
            let zone: chrono_tz::Tz = zone.parse().unwrap();
            let told = house.calls_report(&chief, days("2026-03-29", "2026-03-29"), &[], now).await;
            assert_eq!(told.tz, zone.name());
            assert_eq!(told.totals, naive(&all, |cdr| day("2026-03-29").span(zone).contains(&cdr.started_at), None));
            told.totals.calls
        };
        assert_eq!(calls("Europe/Moscow").await, 39);
        house.zone(&root, "Europe/Berlin").await;
        assert_eq!(calls("Europe/Berlin").await, 37, "an hour less");
    })
    .await;
}

#[tokio::test]
async fn a_day_tells_what_came_of_it() {
    on_both(async |house| {
        let (root, chief) = (house.with_role("root", "admin").await, house.with_role("chief", "supervisor").await);
        let (anna, boris) = (house.with_role("anna", "seller").await, house.with_role("boris", "seller").await);
        let vera = house.with_role("vera", "operator").await;
        let today = Day::of(NOW, chrono_tz::UTC);
        let lead = NewLead { status: None, lead: LeadChange { client_name: Some("Olga".to_owned()), ..LeadChange::default() } };
        let id = house.crm.create_lead(&leave(&anna, can::LEADS_CREATE), &lead, NOW).await.unwrap();
        house.crm.lead_event(&leave(&anna, can::LEADS_READ), (id, 1), LeadEvent::Contact, None, NOW).await.unwrap();
        let group = crate::tags::NewTagGroup { name: "Result".to_owned(), ..crate::tags::NewTagGroup::default() };
        let group = house.crm.create_tag_group(&leave(&root, can::TAGS_MANAGE), &group, NOW).await.unwrap();
        let tag = crate::tags::NewTag { group, name: "Good".to_owned(), ..crate::tags::NewTag::default() };
        let tag = house.crm.create_tag(&leave(&root, can::TAGS_MANAGE), &tag, NOW).await.unwrap();
        house.crm.store().db().run(TAGS, binds![today.number(), vera.user(), tag]).await.unwrap();

        let daily = async |who: &Principal| house.crm.daily_report(&leave(who, can::REPORTS_READ), today, NOW).await.unwrap();
        let told = daily(&chief).await;
        assert_eq!(
            told.people.iter().map(|line| line.user_id).collect::<Vec<_>>(),
            [anna.user(), vera.user()],
            "who did nothing is not there"
        );
        let leads = told.people[0].leads.clone().unwrap();
        assert_eq!(leads, BTreeMap::from([("contact".to_owned(), 1), ("create".to_owned(), 1)]));
        let tags = told.people[1].tags.clone().unwrap();
        assert_eq!((tags.len(), tags[0].name.as_deref(), tags[0].set, tags[0].unset), (1, Some("Good"), 3, 1));
        // One's own line, and nobody else's.
        for who in [&anna, &boris] {
            let own = daily(who).await;
            assert_eq!(own.people.iter().map(|line| line.user_id).collect::<Vec<_>>(), [who.user()]);
            assert_eq!(own.people[0].leads.as_ref().map(BTreeMap::len), Some(if who.user() == anna.user() { 2 } else { 0 }));
            assert_eq!(own.people[0].tags, None, "a seller sees no tags");
        }
        let other = house.crm.daily_report(&leave(&chief, can::REPORTS_READ), day("2001-01-01"), NOW).await.unwrap();
        assert!(other.people.is_empty());

        // As a file: who may export reports, and the log has it.
        let sheet = house.crm.daily_sheet(&leave(&chief, can::REPORTS_EXPORT), &told, (Format::Csv, Some("en")), NOW).await.unwrap();
        let text = String::from_utf8(sheet.octets).unwrap();
        assert!(text.starts_with("\u{feff}Day,Who (number),Who,Calls,"), "{text}");
        assert_eq!(text.lines().count(), 3);
        let audited: Vec<(String, String, String)> = house.crm.store().db().all(AUDITED, binds![]).await.unwrap();
        assert_eq!((audited.len(), audited[0].0.as_str()), (1, "reports.export"));
        assert!(audited[0].2.contains(&today.to_string()));
        assert!(anna.permit(can::REPORTS_EXPORT).is_none());
        let book = house.crm.daily_sheet(&leave(&chief, can::REPORTS_EXPORT), &told, (Format::Xlsx, None), NOW).await.unwrap();
        assert!(book.octets.starts_with(b"PK"));
    })
    .await;
}

#[tokio::test]
async fn a_sellers_conversion_is_of_their_own_leads() {
    on_both(async |house| {
        let (root, chief) = (house.with_role("root", "admin").await, house.with_role("chief", "supervisor").await);
        let (anna, boris) = (house.with_role("anna", "seller").await, house.with_role("boris", "seller").await);
        let vera = house.with_role("vera", "operator").await;
        let db = house.crm.store().db();
        let lead = async |seller: &Principal, operator: Option<&Principal>, status: Option<LeadEvent>| {
            let lead = LeadChange {
                client_name: Some("Olga".to_owned()),
                assigned_seller: Some(Some(seller.user())),
                assigned_operator: Some(operator.map(Principal::user)),
                next_action_at: Some(Some(NOW)),
                ..LeadChange::default()
            };
            let id = house.crm.create_lead(&leave(&root, can::LEADS_CREATE), &NewLead { status: None, lead }, NOW).await.unwrap();
            if let Some(event) = status {
                house.crm.lead_event(&leave(&root, can::LEADS_READ), (id, 1), event, Some("no"), NOW).await.unwrap();
            }
            id
        };
        let converted = lead(&anna, Some(&vera), None).await;
        db.run(CONVERT, binds![converted]).await.unwrap();
        lead(&anna, None, Some(LeadEvent::Lose)).await;
        lead(&anna, None, None).await;
        lead(&boris, Some(&vera), None).await;
        // Made long before the period.
        let old = lead(&anna, None, None).await;
        db.run(MADE, binds![old, NOW.0 - 90 * 24 * HOUR]).await.unwrap();

        let today = Day::of(NOW, chrono_tz::UTC);
        let told =
            async |who: &Principal| house.crm.conversion(&leave(who, can::CONVERSION_READ), period(today, today).unwrap()).await.unwrap();
        let hers = Conversion { created: 3, converted: 1, lost: 1, open: 1, converted_permille: Some(333) };
        let of_anna = told(&anna).await;
        assert_eq!(of_anna.totals, hers);
        assert_eq!(of_anna.people.iter().map(|line| (line.user_id, line.leads)).collect::<Vec<_>>(), [(anna.user(), hers)]);
        let of_vera = Conversion { created: 2, converted: 1, lost: 0, open: 1, converted_permille: Some(500) };
        assert_eq!(told(&vera).await.totals, of_vera);
        let all = told(&chief).await;
        assert_eq!(all.totals, Conversion { created: 4, converted: 1, lost: 1, open: 2, converted_permille: Some(250) }, "each lead once");
        assert_eq!(all.people.len(), 3);
        assert_eq!(all.people.iter().find(|line| line.user_id == vera.user()).unwrap().leads, of_vera);
        let none = house.crm.conversion(&leave(&boris, can::CONVERSION_READ), days("2001-01-01", "2001-02-01")).await.unwrap();
        assert_eq!(none.totals.converted_permille, None);

        // How leads stand: one's own, or all; due are those that somebody is still to work on.
        let stand = async |who: &Principal| house.crm.lead_counts(&leave(who, can::LEADS_READ), NOW).await.unwrap();
        let own = stand(&anna).await;
        assert_eq!((own.open, own.due), (2, 2));
        assert_eq!(own.by_status.values().sum::<i64>(), 4);
        assert_eq!(stand(&boris).await.by_status.values().sum::<i64>(), 1);
        assert_eq!((stand(&chief).await.open, stand(&chief).await.by_status["converted"]), (3, 1));
    })
    .await;
}

#[tokio::test]
async fn what_is_no_period_is_refused() {
    for (from, to) in [("2026-11-22", "2026-11-21"), ("2024-01-01", "2025-01-01")] {
        assert!(matches!(period(day(from), day(to)), Err(OfficeError::Invalid(faults)) if faults[0].field == "to"));
    }
    on_both(async |house| {
        let nobody = house.person(NewUser { username: "nobody".to_owned(), ..NewUser::default() }).await;
        for right in [can::REPORTS_READ, can::REPORTS_EXPORT, can::CONVERSION_READ] {
            assert!(nobody.permit(right).is_none());
        }
        // Leave for something else is none for this.
        let chief = house.with_role("chief", "supervisor").await;
        let wrong = |right: Action| leave(&chief, right);
        let period = days("2026-11-22", "2026-11-22");
        assert!(matches!(house.crm.conversion(&wrong(can::REPORTS_READ), period).await, Err(OfficeError::Defect(_))));
        let report = house.crm.calls_report(&wrong(can::CONVERSION_READ), period, &BTreeSet::new(), NOW).await;
        assert!(matches!(report, Err(OfficeError::Defect(_))));
    })
    .await;
}
