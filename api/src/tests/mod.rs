//! The API seen from outside: requests in, answers out.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod budgets;
mod changes;
mod desk;
mod document;
mod folk;
mod hearing;
mod https;
mod keys;
mod leads;
mod leaks;
mod listening;
mod lists;
mod phones;
mod pops;
mod recordings;
mod registrations;
mod reports;
mod requests;
mod rights;
mod routing;
mod rows;
mod rung;
mod scenarios;
mod security;
mod serving;
mod sessions;
mod sockets;
mod tags;

use expect_test::Expect;

use crate::testing::World;

/// Sends requests one after another; each is shown with its answer.
async fn check(world: &World, requests: &[&str], expect: Expect) {
    let mut told = String::new();
    for request in requests {
        let lines: Vec<&str> = request.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        told += &format!("> {}\n{}\n", lines.join(" | "), world.ask(request).await);
    }
    expect.assert_eq(&told);
}

/// A text as a value in a query.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
