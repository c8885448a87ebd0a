//! How many tags were set and taken off: by whom, when, which, and on calls of which scenario (S000-17, S000-18).
//!
//! Only sums of days are read, never the events themselves: those of a year are as quick as those of a day.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use chrono_tz::Tz;
use model::{ColumnKind, ListKind, Mode, Narrow, TagGroupId, TagId, UserId};
use office::{
    CALLS, Fault, OfficeError, Permit,
    export::{header, workbook},
};
use serde_json::{Value, json};
use sqlx::FromRow;
use store::{binds, list::LinkRule, sql::list, statements};

use super::{TAG_GROUPS, TAGS};
use crate::{
    Crm, can,
    core::{
        days::{Day, Period},
        tags::TagsBy,
    },
};

/// Lines of one answer; more are refused.
pub const LINES_MAX: i64 = 20_000;
/// What the file and its headings are called by.
const NAME: &str = "tag_statistics";

statements! {
    // What is not asked for is the same in every line: 0, or the empty text.
    SUMS: each "SELECT CASE WHEN $4 = 1 THEN d.day ELSE 0 END AS day, CASE WHEN $5 = 1 THEN d.user_id ELSE 0 END AS user_id,
        CASE WHEN $6 = 1 THEN d.tag_id ELSE 0 END AS tag_id, CASE WHEN $7 = 1 THEN d.scenario ELSE '' END AS scenario,
        CAST(sum(d.set_n) AS BIGINT) AS set_n, CAST(sum(d.unset_n) AS BIGINT) AS unset_n
        FROM tag_days d JOIN tags t ON t.id = d.tag_id
        WHERE d.center_id = $1 AND d.day >= $2 AND d.day <= $3
        AND ($8 = 1 OR d.user_id IN (SELECT value FROM json_each($9))) AND ($10 = 1 OR t.group_id IN (SELECT value FROM json_each($11)))
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT $12",
        "SELECT CASE WHEN $4 = 1 THEN d.day ELSE 0 END AS day, CASE WHEN $5 = 1 THEN d.user_id ELSE 0 END AS user_id,
        CASE WHEN $6 = 1 THEN d.tag_id ELSE 0 END AS tag_id, CASE WHEN $7 = 1 THEN d.scenario ELSE '' END AS scenario,
        CAST(sum(d.set_n) AS BIGINT) AS set_n, CAST(sum(d.unset_n) AS BIGINT) AS unset_n
        FROM tag_days d JOIN tags t ON t.id = d.tag_id
        WHERE d.center_id = $1 AND d.day >= $2 AND d.day <= $3
        AND ($8 = 1 OR d.user_id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($9 AS json))))
        AND ($10 = 1 OR t.group_id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($11 AS json))))
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT $12";
    WORDS: both "SELECT t.id, t.group_id, t.name, t.colour, g.name AS group_name FROM tags t JOIN tag_groups g ON g.id = t.group_id
        WHERE t.center_id = $1";
    NAMES: each "SELECT id, display_name FROM users WHERE id IN (SELECT value FROM json_each($1))",
        "SELECT id, display_name FROM users WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS json)))";
}

/// How many tags were set and taken off in a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagStatistics {
    /// What the lines are told by.
    pub by: BTreeSet<TagsBy>,
    /// The lines, by day, person, tag and scenario.
    pub lines: Vec<TagLine>,
    /// Of all lines.
    pub totals: TagSums,
}

/// How many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TagSums {
    /// Set.
    pub set: i64,
    /// Taken off, or replaced by another one of an exclusive group.
    pub unset: i64,
}

/// One line of the statistics. What they are not told by is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagLine {
    /// The day, of the centre's zone.
    pub day: Option<Day>,
    /// Whoever set or took off the tags; none: the program.
    pub user: Option<UserId>,
    /// Their name, as others see it.
    pub user_name: Option<String>,
    /// The tag.
    pub tag: Option<TagId>,
    /// Its name and its colour; none if they are hidden from the person.
    pub tag_name: Option<String>,
    /// See there.
    pub colour: Option<String>,
    /// Its group.
    pub group: Option<TagGroupId>,
    /// The group's name; none if it is hidden.
    pub group_name: Option<String>,
    /// The scenario of the calls; none: they had none.
    pub scenario: Option<String>,
    /// How many.
    pub sums: TagSums,
}

#[derive(FromRow)]
struct SumRow {
    day: i64,
    user_id: i64,
    tag_id: i64,
    scenario: String,
    set_n: i64,
    unset_n: i64,
}

#[derive(FromRow)]
struct WordRow {
    id: i64,
    group_id: i64,
    name: String,
    colour: String,
    group_name: String,
}

impl Crm {
    /// How many tags were set and taken off, by leave to see that or to export it: those of one's own, if the right reaches no more, and of the
    /// groups that the person sees.
    ///
    /// # Errors
    /// [`OfficeError::Invalid`] if that is more than [`LINES_MAX`] lines, and for scenarios if those of calls are hidden from the person.
    pub async fn tag_statistics(&self, permit: &Permit, period: Period, by: BTreeSet<TagsBy>) -> Result<TagStatistics, OfficeError> {
        if permit.action() != can::TAG_STATISTICS_EXPORT {
            permit.must_be(can::TAG_STATISTICS_READ)?;
        }
        let calls = permit.principal().permit(office::can::CALLS_READ);
        if by.contains(&TagsBy::Scenario) && calls.is_none_or(|calls| calls.view(&CALLS).mode("scenario") != Mode::Show) {
            return Err(OfficeError::Invalid(vec![Fault::unknown("by", "you do not see the scenarios of calls")]));
        }
        let reader = permit.principal().permit(can::TAGS_READ);
        let groups = reader
            .as_ref()
            .map_or_else(LinkRule::nothing, |reader| LinkRule::of(Narrow::List(ListKind::TagGroup, "group_id"), reader.rows()));
        let people = LinkRule::of(Narrow::Owner("user_id"), permit.rows());
        // What is no number is the id of no group.
        let groups: Option<Vec<i64>> = groups.lists.map(|ids| ids.iter().filter_map(|id| id.parse().ok()).collect());
        let people: Option<Vec<i64>> = people.users.map(|users| users.into_iter().map(|user| user.0).collect());
        let is_by = |what: TagsBy| i64::from(by.contains(&what));
        let center = permit.rows().center;
        let db = self.store().db();
        let binds = binds![
            center,
            period.first().number(),
            period.last().number(),
            is_by(TagsBy::Day),
            is_by(TagsBy::User),
            is_by(TagsBy::Tag),
            is_by(TagsBy::Scenario),
            i64::from(people.is_none()),
            list(people.into_iter().flatten()),
            i64::from(groups.is_none()),
            list(groups.into_iter().flatten()),
            LINES_MAX + 1,
        ];
        let rows: Vec<SumRow> = db.all(SUMS, binds).await?;
        if i64::try_from(rows.len()).is_ok_and(|lines| lines > LINES_MAX) {
            let detail = format!("these are more than {LINES_MAX} lines: ask for fewer days, or tell them by less");
            return Err(OfficeError::Invalid(vec![Fault::invalid("by", detail)]));
        }
        let words = match &reader {
            Some(reader) if by.contains(&TagsBy::Tag) => self.words(reader).await?,
            _ => BTreeMap::new(),
        };
        let users: BTreeSet<i64> = rows.iter().map(|row| row.user_id).filter(|user| *user != 0).collect();
        let names: Vec<(i64, String)> = if users.is_empty() { Vec::new() } else { db.all(NAMES, binds![list(users.into_iter())]).await? };
        let names: BTreeMap<i64, String> = names.into_iter().collect();
        let mut totals = TagSums::default();
        let line = |SumRow { day, user_id, tag_id, scenario, set_n, unset_n }: SumRow| {
            totals.set += set_n;
            totals.unset += unset_n;
            TagLine {
                day: Day::from_number(day).ok(),
                user: Some(UserId(user_id)).filter(|user| user.0 != 0),
                user_name: names.get(&user_id).cloned(),
                scenario: Some(scenario).filter(|scenario| !scenario.is_empty()),
                sums: TagSums { set: set_n, unset: unset_n },
                tag: Some(TagId(tag_id)).filter(|tag| tag.0 != 0),
                ..words.get(&tag_id).cloned().unwrap_or_default()
            }
        };
        let lines = rows.into_iter().map(line).collect();
        Ok(TagStatistics { by, lines, totals })
    }

    /// What the tags of the centre are called, as lines that have nothing else, by their ids.
    async fn words(&self, reader: &Permit) -> Result<BTreeMap<i64, TagLine>, OfficeError> {
        let (tags, groups) = (reader.view(&TAGS), reader.view(&TAG_GROUPS));
        let rows: Vec<WordRow> = self.store().db().all(WORDS, binds![reader.rows().center]).await?;
        let word = |WordRow { id, group_id, name, colour, group_name }: WordRow| {
            let line = TagLine {
                tag_name: Some(name).filter(|_| tags.mode("name") == Mode::Show),
                colour: Some(colour).filter(|_| tags.mode("colour") == Mode::Show),
                group: Some(TagGroupId(group_id)),
                group_name: Some(group_name).filter(|_| groups.mode("name") == Mode::Show),
                ..TagLine::default()
            };
            (id, line)
        };
        Ok(rows.into_iter().map(word).collect())
    }
}

impl TagStatistics {
    /// The statistics as a workbook, in `en` or `ru`, its last row the totals. It takes a moment: not for a thread that others wait for.
    ///
    /// # Errors
    /// As those of the file's writer.
    pub fn workbook(&self, locale: &str) -> io::Result<Vec<u8>> {
        let (columns, rows) = self.table(locale);
        workbook(NAME, &columns, &rows, Tz::UTC)
    }

    /// The columns and rows of the file.
    pub(super) fn table(&self, locale: &str) -> (Vec<(&'static str, ColumnKind)>, Vec<Vec<Value>>) {
        let names = self.by.iter().flat_map(|by| match by {
            TagsBy::Day => &["day"][..],
            TagsBy::User => &["user"],
            TagsBy::Tag => &["group", "tag"],
            TagsBy::Scenario => &["scenario"],
        });
        let texts = names.map(|name| (header(NAME, name, locale), ColumnKind::Text));
        let sums = ["set", "unset"].map(|name| (header(NAME, name, locale), ColumnKind::Int));
        let columns: Vec<(&str, ColumnKind)> = texts.chain(sums).collect();
        let mut rows: Vec<Vec<Value>> = self.lines.iter().map(|line| self.row(line)).collect();
        let mut last = vec![Value::Null; columns.len().saturating_sub(2)];
        if let Some(first) = last.first_mut() {
            *first = header(NAME, "total", locale).into();
        }
        last.extend([self.totals.set.into(), self.totals.unset.into()]);
        rows.push(last);
        (columns, rows)
    }

    fn row(&self, line: &TagLine) -> Vec<Value> {
        let number = |id: Option<String>| id.map(|id| format!("#{id}"));
        let of = |by: &TagsBy| match by {
            TagsBy::Day => vec![json!(line.day)],
            TagsBy::User => vec![json!(line.user_name.clone().or_else(|| number(line.user.map(|user| user.to_string()))))],
            TagsBy::Tag => vec![
                json!(line.group_name.clone().or_else(|| number(line.group.map(|group| group.to_string())))),
                json!(line.tag_name.clone().or_else(|| number(line.tag.map(|tag| tag.to_string())))),
            ],
            TagsBy::Scenario => vec![json!(line.scenario)],
        };
        let texts = self.by.iter().flat_map(of);
        texts.chain([line.sums.set.into(), line.sums.unset.into()]).collect()
    }
}
