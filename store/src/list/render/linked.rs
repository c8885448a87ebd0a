//! What is asked of a table of links, as SQL. In it the table is `l`.

use std::slice;

use model::{Links, Narrow};

use super::Sql;
use crate::list::{
    LinkRule,
    filter::{Operand, Test},
};

/// The condition that the row with this key has such values. Without a rule nothing is known of any row, so none meets it.
pub(super) fn test(links: &Links, rule: Option<&LinkRule>, test: &Test, key: &'static str, sql: &mut Sql) {
    let Some(rule) = rule else {
        sql.push("1 = 0");
        return;
    };
    let (is_absent, values) = match test {
        Test::Is(value) => (false, Some(slice::from_ref(value))),
        Test::In(values) => (false, Some(values.as_slice())),
        Test::IsNot(value) => (true, Some(slice::from_ref(value))),
        Test::NotIn(values) => (true, Some(values.as_slice())),
        Test::IsNull(is_absent) => (*is_absent, None),
        Test::All(values) => {
            sql.push("(SELECT count(DISTINCT l.").push(links.value).push(")");
            of_row(links, rule, Some(values), key, sql);
            // So few values that they can be counted.
            sql.push(") = ").number(u64::try_from(values.len()).unwrap_or(u64::MAX));
            return;
        }
        // No such thing can be asked of links.
        Test::Order(..) | Test::Prefix(_) | Test::Contains(_) => {
            sql.push("1 = 0");
            return;
        }
    };
    sql.push(if is_absent { "NOT EXISTS (SELECT 1" } else { "EXISTS (SELECT 1" });
    of_row(links, rule, values, key, sql);
    sql.push(")");
}

/// Those of its values that are reached, or of these among them.
fn of_row(links: &Links, rule: &LinkRule, values: Option<&[Operand]>, key: &'static str, sql: &mut Sql) {
    sql.push(" FROM ").push(links.table).push(" l WHERE l.").push(links.row).push(" = ").push(key);
    if let Some(values) = values {
        sql.push(" AND ").is_one_of(["l.", links.value], values.iter());
    }
    reached(links, rule, sql);
}

/// What rows of the table must meet to be reached: conditions behind others.
pub(super) fn reached(links: &Links, LinkRule { lists, users }: &LinkRule, sql: &mut Sql) {
    if !links.only.is_empty() {
        sql.push(" AND (").push(links.only).push(")");
    }
    match (links.narrow, lists, users) {
        (_, None, None) => {}
        (Narrow::List(_, column), Some(ids), None) if !ids.is_empty() => {
            // Lists hold texts, whatever their ids are in the database.
            let ids: Vec<Operand> = ids.iter().cloned().map(Operand::Text).collect();
            sql.push(" AND CAST(l.").push(column).is_one_of([" AS ", "TEXT)"], ids.iter());
        }
        (Narrow::Owner(column), None, Some(users)) if !users.is_empty() => {
            let users: Vec<Operand> = users.iter().map(|user| Operand::Int(user.0)).collect();
            sql.push(" AND ").is_one_of(["l.", column], users.iter());
        }
        // Nothing is reached, or the rule is of another table.
        _ => drop(sql.push(" AND 1 = 0")),
    }
}
