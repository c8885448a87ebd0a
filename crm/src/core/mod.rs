//! What the modules decide, apart from where it is kept: no IO, no clock, no chance. The time is an argument; a test holds these files to it.

#[macro_use]
mod codes;
pub mod agree;
pub mod days;
pub mod heard;
pub mod import;
pub mod lead;
pub mod machine;
pub mod policy;
pub mod remind;
pub mod rows;
pub mod sample;
pub mod score;
pub mod tags;
pub mod task;
pub mod turns;

pub use codes::UnknownCode;
