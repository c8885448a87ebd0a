//! Sums of tags: what is told of them is what happened, and of nobody's group but one's own.

use std::collections::{BTreeMap, BTreeSet};

use model::{UserId, WallTime};
use office::CenterChange;
use serde_json::json;

use super::*;
use crate::{
    core::{
        days::{Day, Period},
        tags::TagsBy,
    },
    tags::{TagStatistics, TagSums},
    testing::{HOME, list},
};

statements! {
    ALL_EVENTS: both "SELECT at, COALESCE(actor_id, 0), tag_id, scenario, action FROM tag_events ORDER BY id";
    ALL_DAYS: both "SELECT day, user_id, tag_id, scenario, set_n, unset_n FROM tag_days";
}

/// Day, person, tag, scenario.
type Place = (i64, i64, i64, String);

impl Desk {
    /// The sums as they follow from what happened.
    async fn rebuilt(&self, zone: chrono_tz::Tz) -> BTreeMap<Place, (i64, i64)> {
        let events: Vec<(i64, i64, i64, String, String)> = self.house.crm.store().db().all(ALL_EVENTS, &[]).await.unwrap();
        let mut sums: BTreeMap<Place, (i64, i64)> = BTreeMap::new();
        for (at, user, tag, scenario, action) in events {
            let sum = sums.entry((Day::of(WallTime(at), zone).number(), user, tag, scenario)).or_default();
            *(if action == "set" { &mut sum.0 } else { &mut sum.1 }) += 1;
        }
        sums
    }

    async fn told(&self, who: &Principal, by: &[TagsBy]) -> TagStatistics {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let period = Period::new(day("2026-11-01"), day("2026-12-31")).unwrap();
        let by: BTreeSet<TagsBy> = by.iter().copied().collect();
        self.house.crm.tag_statistics(&leave(who, can::TAG_STATISTICS_READ), period, by).await.unwrap()
    }
}

/// The lines as the sums stand in the database.
fn places(told: &TagStatistics) -> BTreeMap<Place, (i64, i64)> {
    let number = |user: Option<UserId>| user.map_or(0, |user| user.0);
    let lines = told.lines.iter().map(|line| {
        let place = (line.day.unwrap().number(), number(line.user), line.tag.unwrap().0, line.scenario.clone().unwrap_or_default());
        (place, (line.sums.set, line.sums.unset))
    });
    lines.collect()
}

const ALL: &[TagsBy] = &[TagsBy::Day, TagsBy::User, TagsBy::Tag, TagsBy::Scenario];

#[tokio::test]
async fn sums_of_days_are_those_of_what_happened() {
    on_both(async |house| {
        let zone = chrono_tz::America::New_York;
        let desk = Desk::new(house).await;
        let (crm, office) = (&desk.house.crm, &desk.house.office);
        let elsewhere = CenterChange { tz: Some(zone.name().to_owned()), ..CenterChange::default() };
        office.update_center(&leave(&desk.root, office::can::CENTERS_UPDATE), HOME, 1, &elsewhere, NOW).await.unwrap();
        // The person is looked at anew where their centre has changed.
        let boris = desk.house.with_role("boris", "operator").await;
        let own = desk.house.call(3_000, "", Some(boris.user())).await;
        // Seven hours further each time: past midnight here and there at different steps.
        let mut seed = 7_u64;
        let mut draw = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((seed >> 33) % most).unwrap()
        };
        for step in 0..60 {
            let now = WallTime(NOW.0 + step * 7 * 3_600_000);
            let (who, call) = [(&desk.root, desk.foreign), (&desk.vera, desk.call), (&desk.petr, desk.call), (&boris, own)][draw(4)];
            let tag = [desk.target, desk.missed, desk.one_room][draw(3)];
            let how = Tagging::default();
            let done = match who.permit(can::TAGS_UNSET).filter(|_| draw(3) == 0) {
                Some(may) => crm.unset_tag(&may, call, tag, how, now).await,
                None => crm.set_tag(&leave(who, can::TAGS_SET), call, tag, how, now).await,
            };
            assert!(matches!(done, Ok(_) | Err(OfficeError::NotFound(_) | OfficeError::Conflict(Conflict::State(_)))), "{done:?}");
        }
        let rebuilt = desk.rebuilt(zone).await;
        assert!(rebuilt.len() > 20, "{rebuilt:?}");
        assert_ne!(rebuilt, desk.rebuilt(chrono_tz::UTC).await, "it makes a difference where");
        let rows: Vec<(i64, i64, i64, String, i64, i64)> = crm.store().db().all(ALL_DAYS, &[]).await.unwrap();
        let stored: BTreeMap<Place, (i64, i64)> =
            rows.into_iter().map(|(day, user, tag, scenario, set, unset)| ((day, user, tag, scenario), (set, unset))).collect();
        assert_eq!(stored, rebuilt);

        let all = desk.told(&desk.root, ALL).await;
        assert_eq!(places(&all), rebuilt);
        let sum = |of: &BTreeMap<Place, (i64, i64)>| TagSums {
            set: of.values().map(|sum| sum.0).sum(),
            unset: of.values().map(|sum| sum.1).sum(),
        };
        assert_eq!(all.totals, sum(&rebuilt));
        // Told by less they add up to the same, each line by itself.
        for by in [&[][..], &[TagsBy::Day], &[TagsBy::User], &[TagsBy::Tag], &[TagsBy::Scenario], &[TagsBy::User, TagsBy::Tag]] {
            let told = desk.told(&desk.root, by).await;
            assert_eq!(told.totals, all.totals, "{by:?}");
            let keys: BTreeSet<String> =
                told.lines.iter().map(|line| format!("{:?} {:?} {:?} {:?}", line.day, line.user, line.tag, line.scenario)).collect();
            assert_eq!(keys.len(), told.lines.len(), "{by:?}");
        }
        // A listener's own lines, and no others.
        let hers: BTreeMap<_, _> =
            rebuilt.iter().filter(|((_, user, ..), _)| *user == desk.vera.user().0).map(|(place, sum)| (place.clone(), *sum)).collect();
        assert!(!hers.is_empty() && hers.len() < rebuilt.len());
        assert_eq!(places(&desk.told(&desk.vera, ALL).await), hers);
        // Outside of the days asked for there is nothing.
        let day: Day = "2026-10-01".parse().unwrap();
        let before =
            crm.tag_statistics(&leave(&desk.root, can::TAG_STATISTICS_READ), Period::new(day, day).unwrap(), [TagsBy::Day].into()).await;
        assert_eq!((before.as_ref().unwrap().lines.len(), before.unwrap().totals), (0, TagSums::default()));
    })
    .await;
}

#[tokio::test]
async fn statistics_tell_of_the_groups_that_one_sees() {
    on_both(async |house| {
        let desk = Desk::new(house).await;
        for (who, tag) in [(&desk.vera, desk.target), (&desk.vera, desk.one_room), (&desk.petr, desk.missed), (&desk.root, desk.one_room)] {
            desk.set(who, desk.call, tag).await.unwrap();
        }
        desk.house.role(&desk.root, "counter", &["tag_statistics.read@center", "tags.read@list"]).await;
        desk.house.role(&desk.root, "blind", &["tag_statistics.read@center"]).await;
        let counter = |name: &str, groups: &[&str]| NewUser {
            username: name.to_owned(),
            roles: vec!["counter".to_owned()],
            lists: vec![list("tags", ListKind::TagGroup, &groups.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>())],
            ..NewUser::default()
        };
        let (one, two) = (desk.house.person(counter("one", &["1"])).await, desk.house.person(counter("two", &["1", "2"])).await);
        let blind = desk.house.with_role("blind", "blind").await;
        let sums = async |who: &Principal, by: &[TagsBy]| {
            let told = desk.told(who, by).await;
            let word = |line: &crate::tags::TagLine| {
                let words = [line.user_name.as_deref(), line.group_name.as_deref(), line.tag_name.as_deref(), line.colour.as_deref()];
                format!("{} {}/{}", words.into_iter().flatten().collect::<Vec<_>>().join(" "), line.sums.set, line.sums.unset)
            };
            (told.lines.iter().map(word).collect::<Vec<_>>(), (told.totals.set, told.totals.unset))
        };
        let by_tag = &[TagsBy::Tag][..];
        let rooms = "Rooms 1 room grey 1/0".to_owned();
        let mut all = vec!["Result target grey 1/1".to_owned(), "Result missed grey 1/0".to_owned()];
        assert_eq!(sums(&one, by_tag).await, (all.clone(), (2, 1)));
        all.push(rooms.clone());
        assert_eq!(sums(&two, by_tag).await, (all, (3, 1)));
        // Neither by another way to tell them, nor in the totals.
        assert_eq!(sums(&one, &[TagsBy::User]).await, (vec![" vera 1/0".trim().to_owned(), "petr 1/1".to_owned()], (2, 1)));
        assert_eq!(sums(&one, &[]).await, (vec![" 2/1".to_owned()], (2, 1)));
        assert_eq!(sums(&blind, &[TagsBy::Day]).await, (vec![], (0, 0)), "without the right to see tags there are none");
        assert_eq!(sums(&desk.vera, by_tag).await, (vec!["Result target grey 1/0".to_owned(), rooms], (2, 0)), "what petr took off is his");
        assert_eq!(sums(&desk.petr, by_tag).await.1, (1, 1));
        assert!(desk.house.with_role("sam", "seller").await.permit(can::TAG_STATISTICS_READ).is_none());

        // The file: the same lines, and the totals behind them.
        let (columns, rows) = desk.told(&one, &[TagsBy::Day, TagsBy::User, TagsBy::Tag]).await.table("ru");
        assert_eq!(
            columns.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["День", "Кто", "Группа тегов", "Тег", "Поставлено", "Снято"]
        );
        assert_eq!(
            json!(rows),
            json!([
                ["2026-11-18", "vera", "Result", "target", 1, 0],
                ["2026-11-18", "petr", "Result", "target", 0, 1],
                ["2026-11-18", "petr", "Result", "missed", 1, 0],
                ["Итого", null, null, null, 2, 1],
            ])
        );
    })
    .await;
}

#[tokio::test]
async fn who_does_not_see_the_scenarios_of_calls_cannot_tell_tags_by_them() {
    on_both(async |house| {
        let desk = Desk::new(house).await;
        desk.set(&desk.vera, desk.call, desk.target).await.unwrap();
        let hidden = ColumnPolicy { resource: "calls".to_owned(), column: "scenario".to_owned(), mode: Mode::Hide };
        let new = NewUser { username: "olga".to_owned(), roles: vec!["admin".to_owned()], columns: vec![hidden], ..NewUser::default() };
        let olga = desk.house.person(new).await;
        let day = "2026-11-18".parse::<Day>().unwrap();
        let ask = async |who: &Principal, by: &[TagsBy]| {
            let (period, by) = (Period::new(day, day).unwrap(), by.iter().copied().collect());
            desk.house.crm.tag_statistics(&leave(who, can::TAG_STATISTICS_READ), period, by).await
        };
        assert_eq!(faults(ask(&olga, ALL).await.map(|told| told.lines.len())), ["by"]);
        assert_eq!(ask(&olga, &[TagsBy::Tag]).await.unwrap().totals.set, 1);
        assert_eq!(ask(&desk.root, ALL).await.unwrap().lines.len(), 1);
    })
    .await;
}
