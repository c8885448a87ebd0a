//! What rows a list shows: read from JSON, held against a row in memory, and written as SQL by `render`.
//!
//! An object's members must all hold. `{"status": "ended"}` is equality, `{"status": ["a", "b"]}` one of several,
//! `{"scenario": null}` absence, `{"started_at": {"gte": 1, "lt": 2}}` operators, `{"or": [{…}, {…}]}` one of several filters.
//!
//! - `eq`, `ne`, `in`, `is_null` go with every kind of column. A row without the value is not equal to any, so `ne` shows it.
//! - `gt`, `gte`, `lt`, `lte` go with numbers, times and ids, which grow with age. Not with texts: databases order those differently.
//! - `prefix` and `contains` go with texts. `prefix` tells small from capital letters; `contains` takes `a` to `z` for `A` to `Z`, and no
//!   more, since SQLite folds no more. For people's words there is the list's search, which looks through text folded by
//!   [`fold_search`](super::fold_search).
//! - A column of links has several values, and `eq`, `in`, `all`, `ne`, `not_in`, `is_null` are asked of those that the asker reaches: it has
//!   this one, one of these, all of these, not this one, none of these, none at all.

use std::{collections::BTreeSet, fmt::Write};

use model::{CallId, Column, ColumnKind};
use serde_json::{Map, Value};

use crate::db::storable;

/// The most text a filter may have.
pub const FILTER_OCTETS_MAX: usize = 8 * 1024;
/// The most conditions a filter may have.
pub const CONDITIONS_MAX: usize = 50;
/// The most values that `in` may have.
pub const VALUES_MAX: usize = 100;
/// How deep filters may stand in filters.
pub const DEPTH_MAX: usize = 4;
/// Faults past which nobody reads on.
const FAULTS_MAX: usize = 50;
/// So much of a name is repeated in a fault.
const NAME_MAX: usize = 64;

/// One thing that is wrong with what was asked of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Where it stands: `filter.status`, `filter.or[1].status`, `sort.name`.
    pub field: String,
    /// Whether it names what is not there. What may not be seen, or not be filtered or sorted by, is not there.
    pub is_unknown: bool,
    /// What is wrong, for a person.
    pub detail: String,
}

impl Wrong {
    /// A value that cannot be used.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), is_unknown: false, detail: detail.into() }
    }

    /// A name that is not there.
    pub fn unknown(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), is_unknown: true, detail: detail.into() }
    }
}

/// `place.name`, without repeating more of a stranger's text than is of use.
pub(crate) fn below(place: &str, name: &str) -> String {
    format!("{place}.{}", name.chars().take(NAME_MAX).collect::<String>())
}

/// Conditions that a row must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(pub(crate) Node);

/// A part of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// All of them hold; none: every row.
    All(Vec<Node>),
    /// At least one holds. Never empty.
    Any(Vec<Node>),
    /// A column's value.
    Test(Condition),
}

/// What one column's value must be.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) column: &'static Column,
    pub(crate) test: Test,
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.column.name == other.column.name && self.test == other.test
    }
}

impl Eq for Condition {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    /// It is this one.
    Is(Operand),
    /// It is another one, or there is none.
    IsNot(Operand),
    /// It is one of these; ascending, each once.
    In(Vec<Operand>),
    /// None of its values is one of these; of links.
    NotIn(Vec<Operand>),
    /// Each of these is one of its values; of links.
    All(Vec<Operand>),
    /// It is a number on this side of another one.
    Order(Order, i64),
    /// It begins so.
    Prefix(String),
    /// It has this in it, capital or small.
    Contains(String),
    /// There is none (or, if false, there is one).
    IsNull(bool),
}

/// A value of a condition, as the database holds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operand {
    Int(i64),
    Text(String),
}

impl Operand {
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Int(value) => (*value).into(),
            Self::Text(value) => value.as_str().into(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Order {
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Above => " > ",
            Self::AtLeast => " >= ",
            Self::Below => " < ",
            Self::AtMost => " <= ",
        }
    }

    fn holds(self, value: i64, bound: i64) -> bool {
        match self {
            Self::Above => value > bound,
            Self::AtLeast => value >= bound,
            Self::Below => value < bound,
            Self::AtMost => value <= bound,
        }
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::everything()
    }
}

impl Filter {
    /// The filter that every row meets.
    #[must_use]
    pub fn everything() -> Self {
        Self(Node::All(Vec::new()))
    }

    /// Whether it is the filter that every row meets.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        matches!(&self.0, Node::All(nodes) if nodes.is_empty())
    }

    /// Reads a filter's text, as it stands in a query.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(text: &str, column: &dyn Fn(&str) -> Option<&'static Column>) -> Result<Self, Vec<Wrong>> {
        if text.len() > FILTER_OCTETS_MAX {
            return Err(vec![too_long()]);
        }
        let value = serde_json::from_str(text).map_err(|error| {
            vec![Wrong::invalid("filter", format!("the filter is not JSON: {error}; write it like {{\"status\":\"ended\"}}"))]
        })?;
        Self::parse(&value, column)
    }

    /// Reads a filter. `column` gives the columns that the asker may filter by; any other name is unknown, whether there is such a column
    /// or not.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(value: &Value, column: &dyn Fn(&str) -> Option<&'static Column>) -> Result<Self, Vec<Wrong>> {
        if value.to_string().len() > FILTER_OCTETS_MAX {
            return Err(vec![too_long()]);
        }
        let mut parser = Parser { column, conditions: 0, wrong: Vec::new() };
        let node = parser.object(value, "filter", 1);
        if parser.conditions > CONDITIONS_MAX {
            parser.wrong(Wrong::invalid(
                "filter",
                format!("the filter has more than {CONDITIONS_MAX} conditions: use `in` for values of one column"),
            ));
        }
        if parser.wrong.is_empty() { Ok(Self(node)) } else { Err(parser.wrong) }
    }

    /// The filter that rows meet which meet both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (Node::All(mut one), Node::All(other)) = (self.0, other.0) else { return Self(Node::Any(Vec::new())) };
        one.extend(other);
        Self(Node::All(one))
    }

    /// Whether a row as it is written on the wire meets the filter.
    #[must_use]
    pub fn holds(&self, row: &Map<String, Value>) -> bool {
        self.0.holds(row)
    }

    /// The names of the columns that it looks at.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> {
        let mut columns = Vec::new();
        self.0.columns(&mut columns);
        columns.into_iter()
    }

    /// The filter in one form, however it was written. For a cursor's hash.
    pub(crate) fn canonical(&self) -> String {
        let mut text = String::new();
        self.0.canonical(&mut text);
        text
    }
}

fn too_long() -> Wrong {
    Wrong::invalid("filter", format!("the filter is longer than {FILTER_OCTETS_MAX} octets"))
}

impl Node {
    fn holds(&self, row: &Map<String, Value>) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.holds(row)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(row)),
            Self::Test(condition) => condition.holds(row),
        }
    }

    fn columns(&self, columns: &mut Vec<&'static Column>) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.columns(columns)),
            Self::Test(condition) => columns.push(condition.column),
        }
    }

    fn canonical(&self, text: &mut String) {
        let (name, nodes) = match self {
            Self::All(nodes) => ("all", nodes),
            Self::Any(nodes) => ("any", nodes),
            Self::Test(Condition { column, test }) => {
                // Debug escapes what could end a text, so no two tests are written alike. Writing into a String cannot fail.
                let _ = write!(text, "{}={test:?};", column.name);
                return;
            }
        };
        let _ = write!(text, "{name}(");
        nodes.iter().for_each(|node| node.canonical(text));
        text.push(')');
    }
}

impl Condition {
    fn holds(&self, row: &Map<String, Value>) -> bool {
        if let Some(links) = self.column.links {
            // A row has those values that are reached; if it has no list of them, nothing is known of it.
            let Some(Value::Array(values)) = row.get(self.column.name) else { return false };
            return self.holds_of(&values.iter().filter_map(|value| operand(links.kind, value)).collect());
        }
        let value = row.get(self.column.name).and_then(|value| operand(self.column.kind, value));
        let text = match &value {
            Some(Operand::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        match &self.test {
            Test::Is(wanted) => value.as_ref() == Some(wanted),
            Test::IsNot(unwanted) => value.as_ref() != Some(unwanted),
            Test::In(wanted) => value.is_some_and(|value| wanted.binary_search(&value).is_ok()),
            Test::Order(order, bound) => matches!(value, Some(Operand::Int(value)) if order.holds(value, *bound)),
            Test::Prefix(prefix) => text.is_some_and(|text| text.starts_with(prefix)),
            Test::Contains(part) => text.is_some_and(|text| text.to_ascii_lowercase().contains(&part.to_ascii_lowercase())),
            Test::IsNull(wanted) => value.is_none() == *wanted,
            Test::NotIn(_) | Test::All(_) => false,
        }
    }

    /// Whether it holds of several values.
    fn holds_of(&self, values: &BTreeSet<Operand>) -> bool {
        match &self.test {
            Test::Is(wanted) => values.contains(wanted),
            Test::IsNot(unwanted) => !values.contains(unwanted),
            Test::In(wanted) => wanted.iter().any(|wanted| values.contains(wanted)),
            Test::NotIn(unwanted) => !unwanted.iter().any(|unwanted| values.contains(unwanted)),
            Test::All(wanted) => wanted.iter().all(|wanted| values.contains(wanted)),
            Test::IsNull(wanted) => values.is_empty() == *wanted,
            Test::Order(..) | Test::Prefix(_) | Test::Contains(_) => false,
        }
    }
}

/// A value on the wire as the database holds it; none for null, and for what is of another kind.
///
/// It does not look whether a code is a known one: rows may have codes that a newer program wrote.
pub(crate) fn operand(kind: ColumnKind, value: &Value) -> Option<Operand> {
    match (kind, value) {
        (ColumnKind::Id, Value::String(text)) => text.parse().ok().map(Operand::Int),
        (ColumnKind::Call, Value::String(text)) => text.parse::<CallId>().ok().map(|call| Operand::Int(call.0)),
        (ColumnKind::Id | ColumnKind::Int | ColumnKind::Time, Value::Number(number)) => number.as_i64().map(Operand::Int),
        (ColumnKind::Bool, Value::Bool(value)) => Some(Operand::Int(i64::from(*value))),
        (ColumnKind::Text | ColumnKind::Code(_), Value::String(text)) => Some(Operand::Text(storable(text).into_owned())),
        _ => None,
    }
}

struct Parser<'a> {
    column: &'a dyn Fn(&str) -> Option<&'static Column>,
    conditions: usize,
    wrong: Vec<Wrong>,
}

impl Parser<'_> {
    fn wrong(&mut self, wrong: Wrong) {
        if self.wrong.len() < FAULTS_MAX {
            self.wrong.push(wrong);
        }
    }

    fn object(&mut self, value: &Value, place: &str, depth: usize) -> Node {
        let mut all = Vec::new();
        let Value::Object(members) = value else {
            self.wrong(Wrong::invalid(place, "a filter is an object, like {\"status\":\"ended\"}"));
            return Node::All(all);
        };
        for (name, value) in members {
            let place = below(place, name);
            if name == "or" {
                all.push(self.any(value, &place, depth));
            } else if let Some(column) = (self.column)(name) {
                self.column(column, value, &place, &mut all);
            } else {
                self.conditions += 1;
                self.wrong(Wrong::unknown(place, "there is no column of this name to filter by"));
            }
        }
        Node::All(all)
    }

    fn any(&mut self, value: &Value, place: &str, depth: usize) -> Node {
        let filters = match value {
            Value::Array(filters) if !filters.is_empty() => filters,
            _ => {
                self.wrong(Wrong::invalid(place, "`or` takes a list of at least one filter"));
                return Node::Any(Vec::new());
            }
        };
        if depth >= DEPTH_MAX {
            self.wrong(Wrong::invalid(place, format!("filters may stand {DEPTH_MAX} deep in each other, not deeper")));
            return Node::Any(Vec::new());
        }
        if filters.len() > CONDITIONS_MAX {
            self.wrong(Wrong::invalid(place, format!("`or` takes at most {CONDITIONS_MAX} filters")));
            return Node::Any(Vec::new());
        }
        Node::Any(filters.iter().enumerate().map(|(at, filter)| self.object(filter, &format!("{place}[{at}]"), depth + 1)).collect())
    }

    /// Adds what is said of one column.
    fn column(&mut self, column: &'static Column, value: &Value, place: &str, all: &mut Vec<Node>) {
        let single;
        let tests: &mut dyn Iterator<Item = (&str, &Value)> = match value {
            Value::Object(operators) if operators.is_empty() => {
                self.wrong(Wrong::invalid(place, format!("no operator is given; there are {}", operators_of(column))));
                return;
            }
            Value::Object(operators) => &mut operators.iter().map(|(operator, value)| (operator.as_str(), value)),
            Value::Array(_) => {
                single = ("in", value);
                &mut std::iter::once(single)
            }
            _ => {
                single = ("eq", value);
                &mut std::iter::once(single)
            }
        };
        for (operator, value) in tests {
            self.conditions += 1;
            match test(column, operator, value) {
                Ok(test) => all.push(Node::Test(Condition { column, test })),
                Err(detail) => self.wrong(Wrong::invalid(place, detail)),
            }
        }
    }
}

fn test(column: &'static Column, operator: &str, value: &Value) -> Result<Test, String> {
    let kind = column.kind;
    let no_operator = || {
        let operator: String = operator.chars().take(NAME_MAX).collect();
        format!("{operator:?} is no operator of this column; there are {}", operators_of(column))
    };
    if let Some(links) = column.links {
        return match operator {
            "eq" if value.is_null() => Ok(Test::IsNull(true)),
            "ne" if value.is_null() => Ok(Test::IsNull(false)),
            "eq" => read(links.kind, value).map(Test::Is),
            "ne" => read(links.kind, value).map(Test::IsNot),
            "in" => several(links.kind, operator, value).map(Test::In),
            "not_in" => several(links.kind, operator, value).map(Test::NotIn),
            "all" => several(links.kind, operator, value).map(Test::All),
            "is_null" => is_null(value),
            _ => Err(no_operator()),
        };
    }
    if kind == ColumnKind::Json {
        return Err("this column cannot be filtered by".to_owned());
    }
    let is_ordered = matches!(kind, ColumnKind::Id | ColumnKind::Call | ColumnKind::Int | ColumnKind::Time);
    let order = |order| match read(kind, value)? {
        Operand::Int(bound) if is_ordered => Ok(Test::Order(order, bound)),
        _ => Err(no_operator()),
    };
    let text = || match (kind, read(kind, value)?) {
        (ColumnKind::Text, Operand::Text(text)) => Ok(text),
        _ => Err(no_operator()),
    };
    match operator {
        "eq" if value.is_null() => Ok(Test::IsNull(true)),
        "ne" if value.is_null() => Ok(Test::IsNull(false)),
        "eq" => read(kind, value).map(Test::Is),
        "ne" => read(kind, value).map(Test::IsNot),
        "in" => several(kind, operator, value).map(Test::In),
        "is_null" => is_null(value),
        "gt" if is_ordered => order(Order::Above),
        "gte" if is_ordered => order(Order::AtLeast),
        "lt" if is_ordered => order(Order::Below),
        "lte" if is_ordered => order(Order::AtMost),
        "prefix" if kind == ColumnKind::Text => text().map(Test::Prefix),
        "contains" if kind == ColumnKind::Text => text().map(Test::Contains),
        _ => Err(no_operator()),
    }
}

/// A list of values that somebody wrote for a column of this kind: ascending, each once.
fn several(kind: ColumnKind, operator: &str, value: &Value) -> Result<Vec<Operand>, String> {
    match value {
        Value::Array(values) if values.len() > VALUES_MAX => Err(format!("at most {VALUES_MAX} values can be listed")),
        Value::Array(values) => {
            let mut values = values.iter().map(|value| read(kind, value)).collect::<Result<Vec<_>, _>>()?;
            values.sort_unstable();
            values.dedup();
            Ok(values)
        }
        _ => Err(format!("`{operator}` takes a list of values")),
    }
}

fn is_null(value: &Value) -> Result<Test, String> {
    value.as_bool().map(Test::IsNull).ok_or_else(|| "`is_null` takes true or false".to_owned())
}

/// A value that somebody wrote for a column of this kind.
fn read(kind: ColumnKind, value: &Value) -> Result<Operand, String> {
    if let ColumnKind::Code(codes) = kind
        && !value.as_str().is_some_and(|code| codes.contains(&code))
    {
        return Err(format!("the value is not one of {}", codes.join(", ")));
    }
    let wanted = match kind {
        ColumnKind::Id => "an id: a whole number, as a string",
        ColumnKind::Call => "a call's id: c_ and 13 letters and digits",
        ColumnKind::Int => "a whole number",
        ColumnKind::Time => "a time: whole milliseconds since 1970",
        ColumnKind::Bool => "true or false",
        ColumnKind::Text | ColumnKind::Code(_) | ColumnKind::Json => "a text",
    };
    operand(kind, value).ok_or_else(|| format!("the value is not {wanted}"))
}

fn operators_of(column: &Column) -> &'static str {
    match column.kind {
        _ if column.links.is_some() => "eq, ne, in, not_in, all, is_null",
        ColumnKind::Id | ColumnKind::Call | ColumnKind::Int | ColumnKind::Time => "eq, ne, in, gt, gte, lt, lte, is_null",
        ColumnKind::Text => "eq, ne, in, prefix, contains, is_null",
        ColumnKind::Bool | ColumnKind::Code(_) => "eq, ne, in, is_null",
        ColumnKind::Json => "none",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] = &[
        Column::new("id", "t.id", ColumnKind::Id, ""),
        Column::new("call", "t.call", ColumnKind::Call, ""),
        Column::new("size", "t.size", ColumnKind::Int, ""),
        Column::new("at", "t.at", ColumnKind::Time, ""),
        Column::new("on", "t.on", ColumnKind::Bool, ""),
        Column::new("name", "t.name", ColumnKind::Text, ""),
        Column::new("state", "t.state", ColumnKind::Code(&["new", "done"]), ""),
        Column::new("data", "t.data", ColumnKind::Json, ""),
        Column::new("tags", "", ColumnKind::Json, "").linked(&TAGS),
    ];

    static TAGS: model::Links = model::Links {
        table: "taggings",
        row: "row_id",
        value: "tag_id",
        kind: ColumnKind::Id,
        center: "",
        has_index: false,
        read: None,
        narrow: model::Narrow::None,
        only: "",
        like: &[],
    };

    fn known(name: &str) -> Option<&'static Column> {
        COLUMNS.iter().find(|column| column.name == name)
    }

    #[test]
    fn what_is_wrong_is_named() {
        let unknown = "there is no column of this name to filter by";
        let cases = [
            ("", "filter", "the filter is not JSON"),
            ("{", "filter", "the filter is not JSON"),
            ("{} {}", "filter", "the filter is not JSON"),
            ("null", "filter", "a filter is an object"),
            ("[]", "filter", "a filter is an object"),
            (r#""status""#, "filter", "a filter is an object"),
            (r#"{"secret":1}"#, "filter.secret", unknown),
            (r#"{"secret":{"no":[1]}}"#, "filter.secret", unknown),
            (r#"{"ID":1}"#, "filter.ID", unknown),
            (r#"{"t.id":1}"#, "filter.t.id", unknown),
            (r#"{"":1}"#, "filter.", unknown),
            (r#"{"or":[{"name":"a"},{"secret":1}]}"#, "filter.or[1].secret", unknown),
            (r#"{"or":{}}"#, "filter.or", "`or` takes a list of at least one filter"),
            (r#"{"or":[]}"#, "filter.or", "`or` takes a list of at least one filter"),
            (r#"{"or":[1]}"#, "filter.or[0]", "a filter is an object"),
            (r#"{"and":[]}"#, "filter.and", unknown),
            (r#"{"id":"x"}"#, "filter.id", "the value is not an id"),
            (r#"{"id":1.5}"#, "filter.id", "the value is not an id"),
            (r#"{"id":true}"#, "filter.id", "the value is not an id"),
            (r#"{"id":9223372036854775808}"#, "filter.id", "the value is not an id"),
            (r#"{"id":{"prefix":"1"}}"#, "filter.id", r#""prefix" is no operator of this column; there are eq, ne, in, gt"#),
            (r#"{"id":[1,[2]]}"#, "filter.id", "the value is not an id"),
            (r#"{"call":"7"}"#, "filter.call", "the value is not a call's id"),
            (r#"{"call":7}"#, "filter.call", "the value is not a call's id"),
            (r#"{"size":"7"}"#, "filter.size", "the value is not a whole number"),
            (r#"{"size":1e3}"#, "filter.size", "the value is not a whole number"),
            (r#"{"at":{"gte":"2026-01-01"}}"#, "filter.at", "the value is not a time"),
            (r#"{"at":{"gte":null}}"#, "filter.at", "the value is not a time"),
            (r#"{"at":{}}"#, "filter.at", "no operator is given; there are eq"),
            (r#"{"at":{"between":[1,2]}}"#, "filter.at", r#""between" is no operator"#),
            (r#"{"at":{"is_null":1}}"#, "filter.at", "`is_null` takes true or false"),
            (r#"{"on":1}"#, "filter.on", "the value is not true or false"),
            (r#"{"on":{"gt":true}}"#, "filter.on", r#""gt" is no operator"#),
            (r#"{"name":7}"#, "filter.name", "the value is not a text"),
            (r#"{"name":{"gt":"a"}}"#, "filter.name", r#""gt" is no operator"#),
            (r#"{"name":{"in":"a"}}"#, "filter.name", "`in` takes a list of values"),
            (r#"{"name":[null]}"#, "filter.name", "the value is not a text"),
            (r#"{"state":"gone"}"#, "filter.state", "the value is not one of new, done"),
            (r#"{"state":{"contains":"n"}}"#, "filter.state", r#""contains" is no operator"#),
            (r#"{"data":{"is_null":true}}"#, "filter.data", "this column cannot be filtered by"),
            (r#"{"tags":"x"}"#, "filter.tags", "the value is not an id"),
            (r#"{"tags":{"all":"7"}}"#, "filter.tags", "`all` takes a list of values"),
            (r#"{"tags":{"not_in":7}}"#, "filter.tags", "`not_in` takes a list of values"),
            (r#"{"tags":{"all":[7,null]}}"#, "filter.tags", "the value is not an id"),
            (r#"{"tags":{"is_null":0}}"#, "filter.tags", "`is_null` takes true or false"),
            (r#"{"tags":{"gt":7}}"#, "filter.tags", r#""gt" is no operator of this column; there are eq, ne, in, not_in, all, is_null"#),
            (r#"{"tags":{}}"#, "filter.tags", "no operator is given; there are eq, ne, in, not_in, all"),
            (r#"{"size":{"all":[7]}}"#, "filter.size", r#""all" is no operator"#),
            (r#"{"name":{"not_in":["a"]}}"#, "filter.name", r#""not_in" is no operator"#),
        ];
        for (text, field, detail) in cases {
            let wrong = Filter::read(text, &known).unwrap_err();
            let [only] = wrong.as_slice() else { unreachable!("{text}: {wrong:?}") };
            assert_eq!(only.field, field, "{text}");
            assert!(only.detail.starts_with(detail), "{text}: {}", only.detail);
            assert_eq!(only.is_unknown, detail == unknown, "{text}");
        }
        let several = Filter::read(r#"{"a":1,"b":2,"id":"x","or":[{"c":3},{"name":{"gt":1,"lt":2}}]}"#, &known).unwrap_err();
        let fields: Vec<&str> = several.iter().map(|wrong| wrong.field.as_str()).collect();
        assert_eq!(fields, ["filter.a", "filter.b", "filter.id", "filter.or[0].c", "filter.or[1].name", "filter.or[1].name"]);
    }

    #[test]
    fn a_filter_has_limits() {
        let parse = |value: Value| Filter::parse(&value, &known);
        let many = |count: usize| json!({"or": (0..count).map(|size| json!({"size": size})).collect::<Vec<_>>()});
        parse(many(CONDITIONS_MAX)).unwrap();
        parse(many(CONDITIONS_MAX + 1)).unwrap_err();
        // However they are spread.
        let spread = json!({"or": [many(CONDITIONS_MAX - 1), {"size": {"gt": 1, "lt": 2}}]});
        assert!(parse(spread).unwrap_err()[0].detail.contains("more than 50 conditions"));
        let values = |count: usize| json!({"size": (0..count).collect::<Vec<_>>()});
        parse(values(VALUES_MAX)).unwrap();
        assert!(parse(values(VALUES_MAX + 1)).unwrap_err()[0].detail.contains("at most 100 values"));
        for operator in ["in", "not_in", "all"] {
            let tags = |count: usize| json!({"tags": {operator: (0..count).collect::<Vec<_>>()}});
            parse(tags(VALUES_MAX)).unwrap();
            assert!(parse(tags(VALUES_MAX + 1)).unwrap_err()[0].detail.contains("at most 100 values"));
        }
        let deep = |depth: usize| (1..depth).fold(json!({"size": 1}), |inner, _| json!({"or": [inner]}));
        parse(deep(DEPTH_MAX)).unwrap();
        assert!(parse(deep(DEPTH_MAX + 1)).unwrap_err()[0].detail.contains("4 deep"));
        let long = |octets: usize| json!({"name": "x".repeat(octets)}).to_string();
        Filter::read(&long(FILTER_OCTETS_MAX - 11), &known).unwrap();
        assert!(Filter::read(&long(FILTER_OCTETS_MAX - 10), &known).unwrap_err()[0].detail.contains("longer than 8192"));
        assert!(Filter::read(&(" ".repeat(FILTER_OCTETS_MAX) + "{}"), &known).is_err());
        // No more is said of a long list of faults, and no more of a long name.
        let strange: Map<String, Value> = (0..500).map(|at| (format!("c{at}"), json!(1))).collect();
        assert_eq!(parse(Value::Object(strange)).unwrap_err().len(), FAULTS_MAX);
        assert!(parse(json!({"x".repeat(5_000): 1})).unwrap_err()[0].field.len() < 100);
        assert!(Filter::read(&("[".repeat(4_000)), &known).is_err());
    }

    #[test]
    fn a_row_in_memory_is_held_against_a_filter() {
        let row = json!({"id": "7", "call": "c_0000000000005", "size": 3, "at": null, "on": true, "name": "Ёлка 100%", "state": "new",
            "tags": ["1", "2"]});
        let cases = [
            (json!({}), true),
            (json!({"id": "7"}), true),
            (json!({"id": 7}), true),
            (json!({"id": {"gt": "6", "lte": 7}}), true),
            (json!({"id": ["1", 7]}), true),
            (json!({"id": []}), false),
            (json!({"call": {"lt": "c_0000000000006"}}), true),
            (json!({"size": {"gte": 3, "lt": 3}}), false),
            (json!({"at": null}), true),
            (json!({"at": {"ne": null}}), false),
            (json!({"at": {"is_null": true}}), true),
            (json!({"at": {"ne": 5}}), true),
            (json!({"at": {"lt": i64::MAX}}), false),
            (json!({"on": {"ne": false}}), true),
            (json!({"name": {"prefix": "Ёл"}}), true),
            (json!({"name": {"prefix": "ёл"}}), false),
            (json!({"name": {"contains": "0%"}}), true),
            (json!({"name": {"contains": "%0"}}), false),
            (json!({"name": {"contains": ""}}), true),
            (json!({"state": ["done"]}), false),
            (json!({"or": [{"state": "done"}, {"size": 3, "on": false}]}), false),
            (json!({"or": [{"state": "done"}, {"size": 3, "on": true}], "id": "7"}), true),
            (json!({"or": [{}]}), true),
            (json!({"tags": "2"}), true),
            (json!({"tags": 3}), false),
            (json!({"tags": ["3", "1"]}), true),
            (json!({"tags": []}), false),
            (json!({"tags": {"all": [1, 2, "2"]}}), true),
            (json!({"tags": {"all": [1, 3]}}), false),
            (json!({"tags": {"all": []}}), true),
            (json!({"tags": {"ne": 3}}), true),
            (json!({"tags": {"ne": 1}}), false),
            (json!({"tags": {"not_in": [3, 4]}}), true),
            (json!({"tags": {"not_in": [3, 2]}}), false),
            (json!({"tags": null}), false),
            (json!({"tags": {"is_null": false}}), true),
        ];
        for (filter, wanted) in cases {
            assert_eq!(Filter::parse(&filter, &known).unwrap().holds(row.as_object().unwrap()), wanted, "{filter}");
        }
        let mut bare = row.as_object().unwrap().clone();
        bare.insert("tags".to_owned(), json!([]));
        let holds = |filter: Value, row: &Map<String, Value>| Filter::parse(&filter, &known).unwrap().holds(row);
        assert!(holds(json!({"tags": {"is_null": true, "ne": 1}}), &bare));
        // Of a row without a list of them nothing is known.
        bare.remove("tags");
        assert!(!holds(json!({"tags": null}), &bare) && !holds(json!({"tags": {"ne": 1}}), &bare));
        let both = |one: Value, other: Value| Filter::parse(&one, &known).unwrap().and(Filter::parse(&other, &known).unwrap());
        assert!(both(json!({"id": 7}), json!({"size": 3})).holds(row.as_object().unwrap()));
        assert!(!both(json!({"id": 7}), json!({"id": 8})).holds(row.as_object().unwrap()));
        assert!(Filter::everything().is_everything() && !both(json!({}), json!({"id": 8})).is_everything());
        let named = Filter::parse(&json!({"id": 1, "or": [{"name": "a"}]}), &known).unwrap();
        assert_eq!(named.columns().map(|column| column.name).collect::<Vec<_>>(), ["id", "name"]);
    }

    #[test]
    fn filters_that_differ_are_written_differently() {
        let filters = [
            json!({}),
            json!({"name": "a"}),
            json!({"name": "b"}),
            json!({"name": "\");any("}),
            json!({"name": ["a", "b"]}),
            json!({"name": ["a\", \"b"]}),
            json!({"name": {"ne": "a"}}),
            json!({"name": {"prefix": "a"}}),
            json!({"name": {"contains": "a"}}),
            json!({"name": {"is_null": true}}),
            json!({"name": {"is_null": false}}),
            json!({"or": [{"name": "a"}]}),
            json!({"or": [{"name": "a"}, {"name": "b"}]}),
            json!({"or": [{"name": "a", "size": 1}]}),
            json!({"or": [{"name": "a"}], "size": 1}),
            json!({"size": {"lt": 1}}),
            json!({"size": {"lte": 1}}),
            json!({"at": {"lte": 1}}),
            json!({"tags": 1}),
            json!({"tags": [1]}),
            json!({"tags": {"all": [1]}}),
            json!({"tags": {"not_in": [1]}}),
            json!({"tags": {"ne": 1}}),
        ];
        let written: std::collections::BTreeSet<String> =
            filters.iter().map(|filter| Filter::parse(filter, &known).unwrap().canonical()).collect();
        assert_eq!(written.len(), filters.len());
        for (one, other) in [
            (json!({"name": ["b", "a", "b"]}), json!({"name": {"in": ["a", "b"]}})),
            (json!({"id": "7"}), json!({"id": {"eq": 7}})),
            (json!({"name": null}), json!({"name": {"is_null": true}})),
        ] {
            assert_eq!(Filter::parse(&one, &known).unwrap(), Filter::parse(&other, &known).unwrap());
        }
    }
}
