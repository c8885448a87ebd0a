//! Who is to listen to which calls, and what they find of them. Each file is an area.

pub(super) mod evaluations;
pub(super) mod plans;
pub(super) mod scorecards;
pub(super) mod tasks;
