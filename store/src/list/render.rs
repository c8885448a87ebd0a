//! A list as SQL for SQLite or PostgreSQL.
//!
//! All text of a statement is `&'static str`: from here or from a [`Resource`]. What somebody asked for is bound, without exception:
//! [`Sql`] has no other way in.

mod linked;
mod start;

use std::collections::BTreeSet;

use model::{Column, ColumnKind, ListKind, Owner, Resource, RowPart, UserId};
use serde_json::json;

use super::{
    Query,
    cursor::{Cursor, key_sql},
    filter::{Condition, Node, Operand, Order, Test},
    render::start::{By, Place, Start},
    search,
};
use crate::db::{Bind, Db};

/// Values that are bound one by one; more of them are bound as one JSON list, so that statements do not differ by their number.
const BOUND_APART_MAX: usize = 4;
/// A call's id holds its start in milliseconds from this bit on. It is never before the start; it is after it if the clock was set back.
pub(crate) const CALL_TIME_SHIFT: u32 = 22;
/// The last start that a call's id can hold.
pub(crate) const CALL_TIME_MAX: i64 = (1 << 41) - 1;
/// How far the clock may have been set back for a list by time to find all calls. The exact time is looked at as well.
pub(crate) const CLOCK_SET_BACK_MAX: i64 = 24 * 3_600_000;

/// Which database it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Lite,
    Pg,
}

impl From<&Db> for Engine {
    fn from(db: &Db) -> Self {
        match db {
            Db::Lite { .. } => Self::Lite,
            Db::Pg(_) => Self::Pg,
        }
    }
}

/// A statement and its values.
#[derive(Debug)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) binds: Vec<Bind<'static>>,
    engine: Engine,
    has_condition: bool,
}

impl Sql {
    fn new(engine: Engine) -> Self {
        Self { text: String::new(), binds: Vec::new(), engine, has_condition: false }
    }

    fn push(&mut self, part: &'static str) -> &mut Self {
        self.text.push_str(part);
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.text += &number.to_string();
        self
    }

    fn bind(&mut self, value: impl Into<Bind<'static>>) -> &mut Self {
        self.binds.push(value.into());
        self.text += &format!("${}", self.binds.len());
        self
    }

    fn operand(&mut self, value: &Operand) -> &mut Self {
        match value {
            Operand::Int(value) => self.bind(*value),
            Operand::Text(value) => self.bind(value.clone()),
        }
    }

    /// Before one more condition that all rows must meet.
    fn and(&mut self) -> &mut Self {
        let joint = if self.has_condition { " AND " } else { " WHERE " };
        self.has_condition = true;
        self.push(joint)
    }

    /// `expression IN (…)`; the expression comes in two texts, one after the other.
    fn is_one_of<'v>(
        &mut self,
        [owner, expression]: [&'static str; 2],
        values: impl ExactSizeIterator<Item = &'v Operand> + Clone,
    ) -> &mut Self {
        if values.len() == 0 {
            return self.push("1 = 0");
        }
        self.push(owner).push(expression);
        if values.len() <= BOUND_APART_MAX {
            self.push(" IN (");
            for (at, value) in values.enumerate() {
                self.push(if at > 0 { ", " } else { "" }).operand(value);
            }
            return self.push(")");
        }
        let is_number = values.clone().all(|value| matches!(value, Operand::Int(_)));
        let list = json!(values.map(Operand::json).collect::<Vec<_>>());
        // Each engine has its own function to read a JSON list.
        let (before, after) = match (self.engine, is_number) {
            (Engine::Lite, _) => (" IN (SELECT value FROM json_each(", "))"),
            (Engine::Pg, true) => (" IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(", " AS json)))"),
            (Engine::Pg, false) => (" IN (SELECT value FROM json_array_elements_text(CAST(", " AS json)))"),
        };
        self.push(before).bind(list.to_string()).push(after)
    }
}

/// A row rule as far as a resource can meet it. Parts that no row can meet are left out; without any part there is none at all.
#[derive(Debug)]
pub(crate) struct Reach<'a> {
    center: i64,
    resource: &'a Resource,
    /// Empty: every row of the centre.
    parts: Vec<Part>,
    /// Where a list begins; none: at all rows.
    start: Option<Start<'a>>,
}

#[derive(Debug)]
struct Part {
    users: Option<BTreeSet<UserId>>,
    lists: Vec<List>,
}

/// What a row's ids are ids of, their SQL, and the ids of which the row must have one.
type List = (ListKind, Vec<&'static str>, Vec<Operand>);

#[derive(Debug, Clone, Copy)]
struct Link {
    table: &'static str,
    row: &'static str,
    user: &'static str,
}

impl<'a> Reach<'a> {
    /// None if no row can be reached.
    pub(crate) fn of(query: &Query<'a>) -> Option<Self> {
        let Query { resource, rows, .. } = *query;
        let list_sql = |wanted: ListKind| -> Vec<&'static str> {
            resource.lists.iter().filter(|(kind, sql)| *kind == wanted && !sql.is_empty()).map(|(_, sql)| *sql).collect()
        };
        let ids_of = |ids: &BTreeSet<String>| ids.iter().cloned().map(Operand::Text).collect();
        // What is anybody's is everybody's own; those of nobody have no row all the same.
        let users_of = |users: &BTreeSet<UserId>| resource.owner != Owner::Anybody || users.is_empty();
        let part_of = |part: &RowPart| Part {
            users: part.users.clone().filter(users_of),
            lists: part.lists.iter().map(|(kind, ids)| (*kind, list_sql(*kind), ids_of(ids))).collect(),
        };
        let can_be_met = |part: &Part| {
            let is_of_somebody = part.users.as_ref().is_none_or(|users| resource.owner != Owner::Nobody && !users.is_empty());
            is_of_somebody && part.lists.iter().all(|(_, sql, ids)| !sql.is_empty() && !ids.is_empty())
        };
        let mut parts: Vec<Part> = rows.any_of.iter().map(part_of).filter(can_be_met).collect();
        if parts.is_empty() {
            return None;
        }
        if parts.iter().any(|part| part.users.is_none() && part.lists.is_empty()) {
            parts.clear();
        }
        let start = Start::of(query, &parts);
        Some(Self { center: rows.center.0, resource, parts, start })
    }

    /// By the one value under which all rows stand, if there is one.
    fn by(&self) -> By<'_> {
        match &self.start {
            Some(Start { place, values, .. }) if values.len() == 1 => values.first().map_or(By::Row, |only| By::One(*place, only)),
            _ => By::Row,
        }
    }

    /// The SQL of a row's key: two texts, one after the other.
    fn key(&self, by: By<'_>) -> [&'static str; 2] {
        match by.place() {
            Some(Place::Owner(link)) => ["o.", link.row],
            Some(Place::Linked(links, _)) => ["l.", links.row],
            Some(Place::Split(_)) | None => ["", key_sql(self.resource)],
        }
    }

    /// ` FROM …` that knows the rows of a value, and conditions for the value: their keys alone, or what their columns are read from as well.
    fn begin(&self, by: By<'_>, has_columns: bool, sql: &mut Sql) {
        // SQLite takes the tables of a CROSS JOIN in the order in which they stand.
        let joined = |sql: &mut Sql| {
            if has_columns {
                sql.push(" CROSS JOIN ").push(self.resource.from);
            }
        };
        sql.push(" FROM ");
        match by.place() {
            None => {
                sql.push(self.resource.from);
                return self.center(sql);
            }
            Some(Place::Owner(link)) => {
                joined(sql.push(link.table).push(" o"));
                sql.and().push("o.").push(link.user);
            }
            Some(Place::Linked(links, _)) => {
                joined(sql.push(links.table).push(" l"));
                if !links.center.is_empty() {
                    sql.and().push("l.").push(links.center).push(" = ").bind(self.center);
                }
                sql.and().push("l.").push(links.value);
            }
            Some(Place::Split(expression)) => {
                sql.push(self.resource.from);
                self.center(sql);
                sql.and().push(expression);
            }
        }
        sql.push(" = ");
        match by {
            By::One(_, value) => sql.operand(value),
            By::Each(place) if place.is_text() => sql.push("u.id"),
            By::Each(_) | By::Row => sql.push("CAST(u.id AS BIGINT)"),
        };
    }

    /// ` FROM …`, and conditions for the centre and whose rows it is about.
    fn from(&self, by: By<'_>, sql: &mut Sql) {
        self.begin(by, true, sql);
        if let Some(Place::Owner(_) | Place::Linked(..)) = by.place() {
            let [owner, row] = self.key(by);
            sql.and().push(key_sql(self.resource)).push(" = ").push(owner).push(row);
            self.center(sql);
        }
        if let Some(Place::Linked(links, rule)) = by.place() {
            linked::reached(links, rule, sql);
        }
        if self.start.as_ref().is_some_and(|start| start.values.is_empty()) {
            sql.and().push("1 = 0");
        }
        let has_user =
            |part: &&Part| by.owner().flatten().is_none_or(|user| part.users.as_ref().is_some_and(|users| users.contains(&user)));
        for (at, part) in self.parts.iter().filter(has_user).enumerate() {
            if at == 0 {
                sql.and().push("(");
            } else {
                sql.push(" OR ");
            }
            self.part(part, by, sql);
        }
        sql.push(if self.parts.is_empty() { "" } else { ")" });
    }

    fn center(&self, sql: &mut Sql) {
        if !self.resource.center.is_empty() {
            sql.and().push(self.resource.center).push(" = ").bind(self.center);
        }
    }

    fn part(&self, Part { users, lists }: &Part, by: By<'_>, sql: &mut Sql) {
        sql.push("(1 = 1");
        if let Some(users) = users {
            let users: Vec<Operand> = users.iter().map(|user| Operand::Int(user.0)).collect();
            match (by.owner(), self.resource.owner) {
                (Some(Some(_)), _) => {}
                (Some(None), Owner::Link { user, .. }) => {
                    sql.push(" AND ").is_one_of(["o.", user], users.iter());
                }
                (_, Owner::Nobody | Owner::Anybody) => {
                    sql.push(" AND 1 = 0");
                }
                (_, Owner::User(owner)) => {
                    sql.push(" AND ").is_one_of(["", owner], users.iter());
                }
                (None, Owner::Link { table, row, user }) => {
                    sql.push(" AND EXISTS (SELECT 1 FROM ").push(table).push(" o WHERE o.").push(row).push(" = ");
                    sql.push(key_sql(self.resource)).push(" AND ").is_one_of(["o.", user], users.iter()).push(")");
                }
            }
        }
        for (_, of_row, ids) in lists {
            sql.push(" AND (");
            for (at, expression) in of_row.iter().enumerate() {
                sql.push(if at > 0 { " OR " } else { "" }).is_one_of(["", expression], ids.iter());
            }
            sql.push(")");
        }
        sql.push(")");
    }

    /// Conditions for what was asked for.
    fn asked(&self, query: &Query<'_>, by: By<'_>, sql: &mut Sql) {
        if let Node::All(nodes) = &query.filter.0 {
            let met = self.start.as_ref().and_then(|start| start.met.as_ref()).filter(|_| by.place().is_some());
            for node in nodes.iter().filter(|node| Some(*node) != met) {
                sql.and();
                filter(node, query, sql);
                self.key_bound(node, by, sql);
            }
        }
        if let Some(asked) = &query.search {
            for word in asked.words() {
                sql.and();
                if self.resource.search.is_empty() {
                    sql.push("1 = 0");
                } else {
                    contains(self.resource.search, word, sql);
                }
            }
        }
    }

    /// Calls are sorted by their ids, which hold their start: where a span of time is asked for, the ids are bounded too, so that the
    /// database need not look at all calls outside the span.
    fn key_bound(&self, node: &Node, by: By<'_>, sql: &mut Sql) {
        let Node::Test(Condition { column, test: Test::Order(order, bound) }) = node else { return };
        let is_call = self.resource.column(self.resource.key).is_some_and(|key| key.kind == ColumnKind::Call);
        if !is_call || column.kind != ColumnKind::Time || column.sort != key_sql(self.resource) {
            return;
        }
        let [owner, key] = self.key(by);
        match order {
            Order::Above | Order::AtLeast => {
                sql.and().push(owner).push(key).push(" >= ").bind((*bound).clamp(0, CALL_TIME_MAX) << CALL_TIME_SHIFT);
            }
            Order::Below | Order::AtMost => {
                let bound = bound.saturating_add(CLOCK_SET_BACK_MAX);
                if bound < CALL_TIME_MAX {
                    sql.and().push(owner).push(key).push(" < ").bind((bound.max(0) + 1) << CALL_TIME_SHIFT);
                }
            }
        }
    }
}

fn filter(node: &Node, query: &Query<'_>, sql: &mut Sql) {
    match node {
        Node::All(nodes) if nodes.is_empty() => {
            sql.push("1 = 1");
        }
        Node::Any(nodes) if nodes.is_empty() => {
            sql.push("1 = 0");
        }
        Node::All(nodes) => joined(nodes, " AND ", query, sql),
        Node::Any(nodes) => joined(nodes, " OR ", query, sql),
        Node::Test(Condition { column, test }) => match column.links {
            Some(links) => linked::test(links, query.links.get(column.name), test, key_sql(query.resource), sql),
            None => tested(column, test, sql),
        },
    }
}

fn joined(nodes: &[Node], joint: &'static str, query: &Query<'_>, sql: &mut Sql) {
    sql.push("(");
    for (at, node) in nodes.iter().enumerate() {
        sql.push(if at > 0 { joint } else { "" });
        filter(node, query, sql);
    }
    sql.push(")");
}

fn tested(column: &Column, test: &Test, sql: &mut Sql) {
    let expression = column.sql;
    if expression.is_empty() {
        // It is no column of the database: no row is known to meet this.
        sql.push("1 = 0");
        return;
    }
    match test {
        Test::Is(value) => sql.push(expression).push(" = ").operand(value),
        Test::IsNot(value) => sql.push(expression).push(" IS DISTINCT FROM ").operand(value),
        Test::In(values) => sql.is_one_of(["", expression], values.iter()),
        // These are asked of links only.
        Test::NotIn(_) | Test::All(_) => sql.push("1 = 0"),
        Test::Order(order, bound) => sql.push(expression).push(order.sql()).bind(*bound),
        Test::IsNull(true) => sql.push(expression).push(" IS NULL"),
        Test::IsNull(false) => sql.push(expression).push(" IS NOT NULL"),
        Test::Contains(part) => match sql.engine {
            // LIKE of SQLite takes small for capital letters, of ASCII only.
            Engine::Lite => contains(expression, part, sql),
            // In PostgreSQL the collation C folds just so.
            Engine::Pg => sql
                .push("lower(")
                .push(expression)
                .push(" COLLATE \"C\") LIKE ")
                .bind(within(&part.to_ascii_lowercase()))
                .push(" ESCAPE '\\'"),
        },
        Test::Prefix(prefix) => match sql.engine {
            // LIKE would take small for capital letters. Texts are compared octet by octet, so those that begin alike stand together.
            Engine::Lite => {
                sql.push(expression).push(" >= ").bind(prefix.clone());
                match after_all_with(prefix) {
                    Some(end) => sql.push(" AND ").push(expression).push(" < ").bind(end),
                    None => sql,
                }
            }
            // The order of texts is that of the database's language, so a span would hold others as well.
            Engine::Pg => sql.push(expression).push(" LIKE ").bind(search::escaped(prefix) + "%").push(" ESCAPE '\\'"),
        },
    };
}

fn contains<'s>(expression: &'static str, part: &str, sql: &'s mut Sql) -> &'s mut Sql {
    sql.push(expression).push(" LIKE ").bind(within(part)).push(" ESCAPE '\\'")
}

fn within(part: &str) -> String {
    format!("%{}%", search::escaped(part))
}

/// The first text, octet by octet, that is greater than all that begin with this one; none if there is no such text.
fn after_all_with(prefix: &str) -> Option<String> {
    let mut letters: Vec<char> = prefix.chars().collect();
    while let Some(last) = letters.pop() {
        // Between U+D7FF and U+E000 there are no letters.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { u32::from(last).checked_add(1).and_then(char::from_u32) };
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

/// What is read of each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Its columns, what it is sorted by and its key.
    Row,
    /// What it is sorted by and its key.
    Key,
}

/// A list that is being written.
struct Writer<'q> {
    query: &'q Query<'q>,
    reach: &'q Reach<'q>,
    sort: Option<&'static str>,
    sql: Sql,
}

impl<'q> Writer<'q> {
    fn new(query: &'q Query<'q>, reach: &'q Reach<'q>, engine: Engine) -> Self {
        Self { query, reach, sort: None, sql: Sql::new(engine) }
    }

    fn key(&mut self, by: By<'_>) -> &mut Sql {
        let [owner, key] = self.reach.key(by);
        self.sql.push(owner).push(key)
    }

    fn select(&mut self, wanted: Wanted, by: By<'_>) {
        self.sql.push("SELECT ");
        if wanted == Wanted::Row {
            for column in self.query.columns.iter().filter(|column| !column.sql.is_empty()) {
                self.sql.push(column.sql).push(", ");
            }
        }
        if let Some(sort) = self.sort {
            self.sql.push(sort).push(", ");
        }
        self.key(by);
    }

    /// From where, and which rows.
    fn rows(&mut self, by: By<'_>) {
        self.reach.from(by, &mut self.sql);
        self.reach.asked(self.query, by, &mut self.sql);
    }

    /// Those on the cursor's side, in order, as many as the page has and one more.
    fn place(&mut self, by: By<'_>) {
        if let Some(Cursor { value, key, .. }) = &self.query.at {
            let side = if self.is_descending() { " < " } else { " > " };
            self.sql.and();
            if let (Some(sort), Some(value)) = (self.sort, value) {
                self.sql.push("(").push(sort).push(", ");
                self.key(by).push(")").push(side).push("(").operand(value).push(", ").bind(*key).push(")");
            } else {
                self.key(by).push(side).bind(*key);
            }
        }
        self.order(by);
    }

    fn order(&mut self, by: By<'_>) {
        let direction = if self.is_descending() { " DESC" } else { "" };
        self.sql.push(" ORDER BY ");
        if let Some(sort) = self.sort {
            self.sql.push(sort).push(direction).push(", ");
        }
        let most = u64::from(self.query.limit()) + 1;
        self.key(by).push(direction).push(" LIMIT ").number(most);
    }

    fn is_descending(&self) -> bool {
        self.query.sort.descending != self.query.at.as_ref().is_some_and(|cursor| cursor.back)
    }

    /// The keys of each branch's part of the page.
    fn parts_of_page(&mut self, start: &Start<'_>) {
        if self.sql.engine == Engine::Pg {
            let values = json!(start.values.iter().map(Operand::json).collect::<Vec<_>>());
            self.sql.push("SELECT b.k FROM json_array_elements_text(CAST(").bind(values.to_string());
            self.sql.push(" AS json)) AS u(id) CROSS JOIN LATERAL (");
            self.branch(By::Each(start.place), |writer, by| writer.place(by));
            self.sql.push(") AS b");
            return;
        }
        // SQLite cannot carry out a query for each row of another one, so there is one for each value.
        for (at, by) in start.branches().into_iter().flatten().enumerate() {
            self.sql.push(if at > 0 { " UNION ALL " } else { "" }).push("SELECT k FROM (");
            self.branch(by, |writer, by| writer.place(by));
            self.sql.push(") AS b");
        }
    }

    fn branch(&mut self, by: By<'_>, end: impl Fn(&mut Self, By<'_>)) {
        self.sql.push("SELECT ");
        self.key(by).push(" AS k");
        self.sql.has_condition = false;
        self.rows(by);
        end(self, by);
    }
}

/// One page and the first row of the next.
pub(crate) fn page(query: &Query<'_>, reach: &Reach<'_>, engine: Engine) -> Sql {
    let mut writer = Writer { sort: query.sort.sql(query.resource), ..Writer::new(query, reach, engine) };
    let by = reach.by();
    writer.select(Wanted::Row, by);
    if let Some(start) = reach.start.as_ref().filter(|start| start.branches().is_some()) {
        writer.sql.push(" FROM ").push(reach.resource.from).push(" WHERE ");
        writer.key(by).push(" IN (");
        writer.parts_of_page(start);
        writer.sql.push(")");
        writer.order(by);
    } else {
        writer.rows(by);
        writer.place(by);
    }
    writer.sql
}

/// The rows with keys after one and up to another, by key.
pub(crate) fn span(query: &Query<'_>, reach: &Reach<'_>, wanted: Wanted, after: i64, upto: i64, engine: Engine) -> Sql {
    let by = reach.by();
    let mut writer = Writer::new(query, reach, engine);
    writer.select(wanted, by);
    writer.rows(by);
    writer.sql.and();
    writer.key(by).push(" > ").bind(after).and();
    writer.key(by).push(" <= ").bind(upto).push(" ORDER BY ");
    writer.key(by).push(" LIMIT ").number(u64::from(query.limit()));
    writer.sql
}

/// The key that so many rows on stands, whether those rows meet the filter or not.
pub(crate) fn far_key(query: &Query<'_>, reach: &Reach<'_>, after: i64, upto: i64, rows: u64, engine: Engine) -> Sql {
    let by = reach.by();
    let mut writer = Writer::new(query, reach, engine);
    writer.sql.push("SELECT ");
    writer.key(by);
    reach.begin(by, false, &mut writer.sql);
    writer.sql.and();
    writer.key(by).push(" > ").bind(after).and();
    writer.key(by).push(" <= ").bind(upto).push(" ORDER BY ");
    writer.key(by).push(" LIMIT 1 OFFSET ").number(rows);
    writer.sql
}

/// The greatest key there is in the centre.
pub(crate) fn last_key(reach: &Reach<'_>, engine: Engine) -> Sql {
    let mut sql = Sql::new(engine);
    let key = key_sql(reach.resource);
    sql.push("SELECT ").push(key).push(" FROM ").push(reach.resource.from);
    reach.center(&mut sql);
    sql.push(" ORDER BY ").push(key).push(" DESC LIMIT 1");
    sql
}

/// The row with this key, if it is reached.
pub(crate) fn row(query: &Query<'_>, reach: &Reach<'_>, place: i64, engine: Engine) -> Sql {
    let by = reach.by();
    let mut writer = Writer::new(query, reach, engine);
    writer.select(Wanted::Row, by);
    reach.from(by, &mut writer.sql);
    writer.sql.and();
    writer.key(by).push(" = ").bind(place);
    writer.sql
}

/// How many rows there are, counting no further than `most`.
pub(crate) fn count(query: &Query<'_>, reach: &Reach<'_>, most: Option<u64>, engine: Engine) -> Sql {
    let mut writer = Writer::new(query, reach, engine);
    writer.sql.push("SELECT count(*) FROM (");
    let branches = reach.start.as_ref().filter(|_| engine == Engine::Lite).and_then(|start| Some((start, start.branches()?)));
    if let Some((start, branches)) = branches {
        // PostgreSQL weighs by itself whether to begin with the branches or with the rows.
        writer.sql.push(if start.overlaps() { "SELECT DISTINCT k FROM (" } else { "SELECT k FROM (" });
        for (at, by) in branches.enumerate() {
            writer.sql.push(if at > 0 { " UNION ALL " } else { "" });
            writer.branch(by, |_, _| ());
        }
        writer.sql.push(") AS b");
    } else {
        writer.sql.push("SELECT 1");
        writer.rows(reach.by());
    }
    if let Some(most) = most {
        writer.sql.push(" LIMIT ").number(most);
    }
    writer.sql.push(") AS counted");
    writer.sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_after_a_prefix_is_after_all_that_begin_so_and_before_all_else() {
        let cases = [
            ("", None),
            ("a", Some("b")),
            ("az", Some("a{")),
            ("a\u{7f}", Some("a\u{80}")),
            ("я", Some("ѐ")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}\u{10ffff}", None),
        ];
        for (prefix, wanted) in cases {
            let end = after_all_with(prefix);
            assert_eq!(end.as_deref(), wanted, "{prefix:?}");
            for tail in ["", "\0", "a", "\u{10ffff}\u{10ffff}"] {
                assert!(end.as_deref().is_none_or(|end| format!("{prefix}{tail}").as_str() < end), "{prefix:?} {tail:?}");
            }
        }
    }
}
