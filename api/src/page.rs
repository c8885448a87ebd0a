//! Pages of lists: `limit`, an opaque `cursor`, and the time span that lists of calls take.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use model::WallTime;
use store::{At, Listed, Page};
use utoipa::IntoParams;

use crate::{
    auth::Caller,
    params::Params,
    wire::{Count, List},
};

/// Rows on a page if nothing is said.
const LIMIT_DEFAULT: u32 = 50;
/// Rows on a page at most.
pub(crate) const LIMIT_MAX: u32 = 200;

/// The parameters of every list, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the schema of what Params reads")]
pub(crate) struct PageParams {
    /// Rows on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next` or `prev` of another page of the same list.
    cursor: Option<String>,
    /// `capped` (default): count up to 10,000. `none`: do not count.
    count: Option<String>,
}

/// The parameters of lists of calls, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the schema of what Params reads")]
pub(crate) struct SpanParams {
    /// Only calls that began at this time or later: milliseconds since 1970.
    from: Option<i64>,
    /// Only calls that began before this time.
    to: Option<i64>,
}

/// What a client asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) limit: u32,
    pub(crate) at: At,
    pub(crate) counted: bool,
}

impl Asked {
    /// Takes the parameters of every list.
    pub(crate) fn take(params: &mut Params) -> Self {
        let limit = match params.number("limit") {
            None => LIMIT_DEFAULT,
            Some(limit) if (1..=LIMIT_MAX).contains(&limit) => limit,
            Some(_) => {
                params.refuse("limit", format!("a limit is 1 to {LIMIT_MAX}"));
                LIMIT_DEFAULT
            }
        };
        let at = match params.take("cursor") {
            None => At::First,
            Some(text) => read_cursor(&text).unwrap_or_else(|| {
                params.refuse("cursor", "the cursor is not one of this list's");
                At::First
            }),
        };
        let counted = match params.take("count").as_deref() {
            None | Some("capped") => true,
            Some("none") => false,
            Some(_) => {
                params.refuse("count", "count is capped or none");
                true
            }
        };
        Self { limit, at, counted }
    }

    /// The same for the store: rows of the caller's centre, and only their own if their scope is narrow.
    pub(crate) fn page(&self, caller: &Caller) -> Page {
        Page { at: self.at, user: caller.rows_of(), ..Page::first(caller.center, self.limit) }
    }
}

/// Takes the span of a list of calls.
pub(crate) fn take_span(params: &mut Params, page: &mut Page) {
    page.from = params.number("from").map(WallTime);
    page.to = params.number("to").map(WallTime);
}

/// A page of the store's as the client gets it.
pub(crate) fn list<T, W: From<T>>(listed: Listed<T>, count: Option<store::Count>) -> List<W> {
    List {
        items: listed.items.into_iter().map(W::from).collect(),
        next: listed.next.map(|key| cursor(At::Older(key))),
        prev: listed.prev.map(|key| cursor(At::Newer(key))),
        count: count.map(Into::into),
    }
}

/// A page of rows that are all in memory, in ascending order of their keys.
pub(crate) fn list_of_all<T>(rows: Vec<T>, asked: &Asked, key: impl Fn(&T) -> i64) -> List<T> {
    let count = asked.counted.then_some(Count { value: u64::try_from(rows.len()).unwrap_or(u64::MAX), capped: false });
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    // "Older" is further down the list here, "newer" further up.
    let first = match asked.at {
        At::First => 0,
        At::Older(after) => rows.partition_point(|row| key(row) <= after),
        At::Newer(before) => rows.partition_point(|row| key(row) < before).saturating_sub(limit),
    };
    let last = match asked.at {
        At::Newer(before) => rows.partition_point(|row| key(row) < before),
        _ => first.saturating_add(limit).min(rows.len()),
    };
    let more = last < rows.len();
    let items: Vec<T> = rows.into_iter().skip(first).take(last.saturating_sub(first)).collect();
    let next = items.last().filter(|_| more).map(|row| cursor(At::Older(key(row))));
    let prev = items.first().filter(|_| first > 0).map(|row| cursor(At::Newer(key(row))));
    List { items, next, prev, count }
}

impl From<store::Count> for Count {
    fn from(store::Count { value, capped }: store::Count) -> Self {
        Self { value, capped }
    }
}

pub(crate) fn cursor(at: At) -> String {
    URL_SAFE_NO_PAD.encode(match at {
        At::First => String::new(),
        At::Older(key) => format!("o{key}"),
        At::Newer(key) => format!("n{key}"),
    })
}

fn read_cursor(text: &str) -> Option<At> {
    let octets = URL_SAFE_NO_PAD.decode(text).ok()?;
    let text = std::str::from_utf8(&octets).ok()?;
    if let Some(key) = text.strip_prefix('o') {
        return key.parse().ok().map(At::Older);
    }
    text.strip_prefix('n')?.parse().ok().map(At::Newer)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use expect_test::expect;

    use super::*;

    #[test]
    fn a_list_in_memory_is_walked_both_ways() {
        let rows: Vec<i64> = (1..=7).map(|id| id * 10).collect();
        let mut told = String::new();
        let mut at = At::First;
        let mut show = |at: At, list: &List<i64>| {
            let there = |cursor: &Option<String>| cursor.as_deref().map(|text| read_cursor(text).unwrap());
            told += &format!("{at:?}: {:?} next {:?} prev {:?}\n", list.items, there(&list.next), there(&list.prev));
        };
        let mut cursors = vec![];
        loop {
            let list = list_of_all(rows.clone(), &Asked { limit: 3, at, counted: true }, |row| *row);
            show(at, &list);
            let Some(next) = list.next else { break };
            at = read_cursor(&next).unwrap();
            cursors.push(at);
        }
        for at in [At::Newer(70), At::Newer(40), At::Newer(20), At::Newer(10), At::Older(70), At::Older(45)] {
            show(at, &list_of_all(rows.clone(), &Asked { limit: 3, at, counted: true }, |row| *row));
        }
        expect![[r#"
            First: [10, 20, 30] next Some(Older(30)) prev None
            Older(30): [40, 50, 60] next Some(Older(60)) prev Some(Newer(40))
            Older(60): [70] next None prev Some(Newer(70))
            Newer(70): [40, 50, 60] next Some(Older(60)) prev Some(Newer(40))
            Newer(40): [10, 20, 30] next Some(Older(30)) prev None
            Newer(20): [10] next Some(Older(10)) prev None
            Newer(10): [] next None prev None
            Older(70): [] next None prev None
            Older(45): [50, 60, 70] next None prev Some(Newer(50))
        "#]]
        .assert_eq(&told);
    }

    #[test]
    fn wrong_parameters_are_named_all_at_once() {
        let mut params = Params::of(Some("limit=0&cursor=xyz&count=exact&sort=%27%20OR%201=1--&limit=5"));
        Asked::take(&mut params);
        let told = format!("{:#?}", params.finish().unwrap_err());
        for field in ["limit", "cursor", "count", "sort"] {
            assert!(told.contains(&format!("field: {field:?}")), "{told}");
        }
        for limit in ["201", "-1", "1e3", "", "٣", "99999999999"] {
            let mut params = Params::of(Some(&format!("limit={limit}")));
            Asked::take(&mut params);
            assert!(params.finish().is_err(), "{limit}");
        }
    }
}
