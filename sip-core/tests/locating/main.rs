//! Where a request is to be sent: the walk, what is kept, what fails, and DNS that lies.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod failing;
mod keeping;
mod lying;
mod sharing;
mod walking;
mod zone;
