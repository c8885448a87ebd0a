//! The tests of this room. Each speaks to the core through [`story::Story`] only.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on shall stop")]

pub(crate) mod chance;
mod leases;
mod matrix;
mod story;
mod walk;
