//! The roof: reads the configuration, wires the rooms, runs the loops, shuts down. Decides nothing.

mod accounts;
mod app;
mod control;
mod inbox;
mod journaling;
mod meter;
mod options;
mod recorder;
mod recordings;
mod secrets;
mod shutdown;
mod signalling;
mod start;

use std::process::ExitCode;

use clap::Parser;

use crate::options::{Action, ConfigAction, Options, UserAction};

fn main() -> ExitCode {
    let options = Options::parse();
    let outcome = match options.action {
        Action::Serve(place) => app::serve(&place),
        Action::Check(place) => return options::check(&place),
        Action::Config { action: ConfigAction::Print } => options::print_config(),
        Action::User { action: UserAction::Add(new) } => accounts::add(new),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            options::complain(&failure);
            ExitCode::FAILURE
        }
    }
}
