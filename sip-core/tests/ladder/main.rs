//! What the endpoint does, written down as ladders: named by what goes wrong.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod addresses;
mod asking;
mod called;
mod calling;
mod calling_updates;
mod forking;
mod hostile;
mod ladders;
mod late_offers;
mod logins;
mod network;
mod offers;
mod oversize;
mod prack;
mod refusals;
mod reliable;
mod replacing;
mod script;
mod strangers;
mod streams;
mod subscribing;
mod texts;
mod timers;
mod transfers;
mod updates;
mod within;
