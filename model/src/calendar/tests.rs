#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::*;

fn calendar(json: Value) -> Calendar {
    serde_json::from_value(json).unwrap()
}

/// A moment with its offset, as in `2026-03-29T01:30:00+01:00`.
fn at(text: &str) -> WallTime {
    WallTime(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
}

/// What opens and closes from a moment on, as the wall clock there shows it.
fn changes(calendar: &Calendar, from: &str, many: usize) -> Vec<String> {
    let mut now = at(from);
    let mut changes = Vec::new();
    for _ in 0..many {
        let Some(next) = calendar.next_change(now) else { break };
        let word = if calendar.is_open(next) { "open" } else { "closed" };
        assert_ne!(calendar.is_open(next), calendar.is_open(WallTime(next.0 - 1)), "a change is the very moment");
        let shown = calendar.zone.0.timestamp_millis_opt(next.0).unwrap();
        changes.push(format!("{} {word}", shown.format("%m-%d %H:%M%:z")));
        now = next;
    }
    changes
}

#[test]
fn a_working_week_has_its_hours() {
    let office = calendar(json!({
        "zone": "Europe/Moscow",
        "week": {"fri": ["09:00-13:00", "14:00-18:00"], "sat": ["22:00-02:00"]},
    }));
    // 2026-11-20 is a Friday.
    let rows = [
        ("2026-11-20T08:59:59+03:00", false),
        ("2026-11-20T09:00:00+03:00", true),
        ("2026-11-20T12:59:59+03:00", true),
        ("2026-11-20T13:00:00+03:00", false),
        ("2026-11-20T14:00:00+03:00", true),
        ("2026-11-20T18:00:00+03:00", false),
        ("2026-11-20T23:00:00+03:00", false),
        ("2026-11-21T01:00:00+03:00", false),
        ("2026-11-21T22:00:00+03:00", true),
        ("2026-11-22T01:59:59+03:00", true),
        ("2026-11-22T02:00:00+03:00", false),
        ("2026-11-22T22:30:00+03:00", false),
    ];
    for (moment, open) in rows {
        assert_eq!(office.is_open(at(moment)), open, "{moment}");
    }
    assert_eq!(
        changes(&office, "2026-11-20T08:00:00+03:00", 7),
        [
            "11-20 09:00+03:00 open",
            "11-20 13:00+03:00 closed",
            "11-20 14:00+03:00 open",
            "11-20 18:00+03:00 closed",
            "11-21 22:00+03:00 open",
            "11-22 02:00+03:00 closed",
            "11-27 09:00+03:00 open",
        ]
    );
}

#[test]
fn a_special_day_has_its_own_hours_and_nothing_of_the_day_before() {
    let bar = calendar(json!({
        "zone": "Europe/Moscow",
        "week": {"wed": ["20:00-04:00"], "thu": ["20:00-04:00"], "fri": ["20:00-04:00"], "sat": ["20:00-04:00"]},
        "special": [
            {"date": "01-01", "name": "New Year"},
            {"date": "2026-12-31", "hours": ["10:00-16:00", "23:00-03:00"]},
            {"date": "2027-01-01", "hours": ["12:00-14:00"]},
        ],
    }));
    // 2026-12-30 is a Wednesday. The year's own 1 January goes before the yearly one.
    assert_eq!(
        changes(&bar, "2026-12-30T12:00:00+03:00", 9),
        [
            "12-30 20:00+03:00 open",
            "12-31 00:00+03:00 closed",
            "12-31 10:00+03:00 open",
            "12-31 16:00+03:00 closed",
            "12-31 23:00+03:00 open",
            "01-01 00:00+03:00 closed",
            "01-01 12:00+03:00 open",
            "01-01 14:00+03:00 closed",
            "01-02 20:00+03:00 open",
        ]
    );
    assert_eq!(bar.special_day(at("2028-01-01T12:00:00+03:00")).unwrap().name, "New Year");
    assert!(bar.special_day(at("2028-01-02T00:00:00+03:00")).is_none());
}

#[test]
fn an_hour_that_is_skipped_never_comes() {
    // Berlin, 2026-03-29 (a Sunday): after 01:59 the clock shows 03:00.
    let night = calendar(json!({"zone": "Europe/Berlin", "week": {"sun": ["02:00-02:45", "02:50-05:00"]}}));
    assert_eq!(changes(&night, "2026-03-29T00:00:00+01:00", 2), ["03-29 03:00+02:00 open", "03-29 05:00+02:00 closed"]);
    assert!(!night.is_open(at("2026-03-29T01:59:59+01:00")));
    assert!(night.is_open(at("2026-03-29T03:00:00+02:00")));
    // Nothing but the skipped hour: that Sunday it does not open at all.
    let short = calendar(json!({"zone": "Europe/Berlin", "week": {"sun": ["02:00-03:00"]}}));
    assert_eq!(changes(&short, "2026-03-28T12:00:00+01:00", 1), ["04-05 02:00+02:00 open"]);
    // Beirut skips midnight itself: 2026-03-29 begins at 01:00.
    let midnight = calendar(json!({"zone": "Asia/Beirut", "week": {"sun": ["00:00-00:30", "00:45-03:00"]}}));
    assert_eq!(changes(&midnight, "2026-03-28T12:00:00+02:00", 2), ["03-29 01:00+03:00 open", "03-29 03:00+03:00 closed"]);
}

#[test]
fn an_hour_that_comes_twice_has_one_answer() {
    // New York, 2026-11-01 (a Sunday): after 01:59 the clock shows 01:00 again.
    let night = calendar(json!({"zone": "America/New_York", "week": {"sun": ["01:30-05:00"]}}));
    for (moment, open) in [
        ("2026-11-01T01:29:59-04:00", false),
        ("2026-11-01T01:30:00-04:00", true),
        ("2026-11-01T01:29:59-05:00", false),
        ("2026-11-01T01:30:00-05:00", true),
    ] {
        assert_eq!(night.is_open(at(moment)), open, "{moment}");
    }
    assert_eq!(
        changes(&night, "2026-11-01T00:00:00-04:00", 4),
        ["11-01 01:30-04:00 open", "11-01 01:00-05:00 closed", "11-01 01:30-05:00 open", "11-01 05:00-05:00 closed"]
    );
    // Hours over midnight that end within it, and a day that is open throughout.
    let late = calendar(json!({"zone": "America/New_York", "week": {"sat": ["22:00-01:30"]}}));
    assert_eq!(
        changes(&late, "2026-10-31T12:00:00-04:00", 4),
        ["10-31 22:00-04:00 open", "11-01 01:30-04:00 closed", "11-01 01:00-05:00 open", "11-01 01:30-05:00 closed"]
    );
    let through = calendar(json!({"zone": "America/New_York", "week": {"sun": ["00:00-24:00"]}}));
    assert_eq!(changes(&through, "2026-10-31T12:00:00-04:00", 2), ["11-01 00:00-04:00 open", "11-02 00:00-05:00 closed"]);
    // Lord Howe puts its clocks back by half an hour.
    let island = calendar(json!({"zone": "Australia/Lord_Howe", "week": {"sun": ["01:45-03:00"]}}));
    assert_eq!(
        changes(&island, "2026-04-05T00:00:00+11:00", 4),
        ["04-05 01:45+11:00 open", "04-05 01:30+10:30 closed", "04-05 01:45+10:30 open", "04-05 03:00+10:30 closed"]
    );
}

#[test]
fn a_change_is_found_where_a_look_at_each_minute_finds_it() {
    // The long way, minute by minute over a week with a clock change, for hours around it.
    let zones = ["Europe/Berlin", "America/New_York", "Asia/Beirut", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca", "UTC"];
    let weeks = ["2026-03-25T12:07:00Z", "2026-10-22T11:11:00Z", "2026-10-29T11:11:00Z", "2026-04-02T12:00:00Z", "2026-02-12T12:00:00Z"];
    for zone in zones {
        let spans = json!(["00:00-00:20", "00:40-01:15", "01:45-02:10", "02:30-03:05", "23:10-00:10"]);
        let nights = calendar(json!({"zone": zone, "week": {"sat": spans, "sun": spans}}));
        for week in weeks {
            let start = at(week);
            let mut expected = start;
            for minute in 1..7 * 24 * 60 {
                let now = WallTime(start.0 + minute * 60_000);
                if nights.is_open(now) != nights.is_open(expected) {
                    assert_eq!(nights.next_change(expected), Some(now), "{zone} {week}");
                    expected = now;
                }
            }
            assert_ne!(expected, start, "{zone} {week}: something changed");
        }
    }
}

#[test]
fn what_never_changes_has_no_next_change() {
    let zone: Zone = "Europe/Moscow".parse().unwrap();
    let always = Calendar::always(zone);
    let never = calendar(json!({"zone": "Europe/Moscow"}));
    for moment in [WallTime(0), at("2026-11-22T00:00:00Z")] {
        assert!(always.is_open(moment) && !never.is_open(moment));
        assert_eq!(always.next_change(moment), None);
        assert_eq!(never.next_change(moment), None);
    }
    for end in [WallTime(i64::MIN), WallTime(i64::MAX), WallTime(8_210_266_876_799_999), WallTime(-8_334_601_228_800_000)] {
        let (_, next) = (always.is_open(end), always.next_change(end));
        assert!(next.is_none_or(|next| next > end), "the ends of time are no reason to fall over");
    }
}

#[test]
fn what_is_written_is_read_again_and_what_is_wrong_says_so() {
    let text = json!({
        "zone": "Asia/Tokyo",
        "week": {"mon": ["00:00-24:00"], "tue": ["22:00-06:30"]},
        "special": [{"date": "02-29", "name": "", "hours": []}, {"date": "2026-05-03", "name": "x", "hours": ["10:00-00:00"]}],
    });
    let parsed = calendar(text.clone());
    assert_eq!(serde_json::to_value(&parsed).unwrap().get("week"), text.get("week"));
    assert_eq!(calendar(serde_json::to_value(&parsed).unwrap()), parsed);
    assert_eq!(parsed.validate(), []);

    for (wrong, error) in [
        ("9:00-18:00", ParseCalendarError::Span),
        ("09:00", ParseCalendarError::Span),
        ("09:60-10:00", ParseCalendarError::Span),
        ("24:00-01:00", ParseCalendarError::Span),
        ("00:00-24:01", ParseCalendarError::Span),
        ("+9:00-18:00", ParseCalendarError::Span),
        ("09:00-09:00", ParseCalendarError::Empty),
    ] {
        assert_eq!(wrong.parse::<Span>(), Err(error), "{wrong}");
    }
    for wrong in ["2026-02-29", "13-01", "2026-1-01", "", "02-30", "+026-01-01", "20260101xx"] {
        assert_eq!(wrong.parse::<SpecialDate>(), Err(ParseCalendarError::Date), "{wrong}");
    }
    assert_eq!("Moscow".parse::<Zone>(), Err(ParseCalendarError::Zone));
    let unknown = serde_json::from_value::<Calendar>(json!({"zone": "UTC", "weeks": {}})).unwrap_err();
    assert!(unknown.to_string().contains("weeks"), "{unknown}");

    let twice = calendar(json!({
        "zone": "UTC",
        "week": {"mon": ["14:00-18:00", "09:00-14:30"], "tue": ["22:00-06:00", "07:00-08:00"], "wed": ["20:00-02:00", "23:00-24:00"]},
        "special": [{"date": "01-01"}, {"date": "01-01"}, {"date": "2026-01-01", "name": "a\nb"}],
    }));
    let found: Vec<_> = twice.validate().iter().map(Problem::to_string).collect();
    assert_eq!(
        found,
        [
            "week.mon: 09:00-14:30 and 14:00-18:00 overlap",
            "week.wed: 20:00-02:00 and 23:00-24:00 overlap",
            "special[1].date: 01-01 stands twice",
            "special[2].name: has control characters",
        ]
    );
}
