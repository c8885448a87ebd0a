//! The roof: reads the configuration, wires the rooms, runs the loops, shuts down. Decides nothing.

mod accounts;
mod app;
mod asking;
mod capture;
mod control;
mod copying;
mod desk;
mod door;
mod explaining;
mod inbox;
mod journaling;
mod logging;
mod meter;
mod options;
mod pace;
mod phones;
mod recorder;
mod recordings;
mod reload;
mod resolving;
mod secrets;
mod shutdown;
mod signalling;
mod start;
mod tape;
mod traffic;
mod vitals;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use crate::options::{Action, AuditAction, ConfigAction, DbAction, Options, RouteAction, UserAction};

/// Gives back to the system what a flood took (FT-12): glibc's allocator kept its peak for ever.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let options = Options::parse();
    let outcome = match options.action {
        Action::Serve(options) => app::serve(&options),
        Action::Check(place) => return options::check(&place),
        Action::Replay(options) => match tape::replay(&options) {
            Ok(code) => return code,
            Err(failure) => Err(failure),
        },
        Action::Config { action: ConfigAction::Print } => options::print_config(),
        Action::User { action: UserAction::Add(new) } => accounts::add(new),
        Action::Audit { action: AuditAction::Verify(place) } => match accounts::verify_audit(&place) {
            Ok(code) => return code,
            Err(failure) => Err(failure),
        },
        Action::Route { action: RouteAction::Explain(call) } => match explaining::explain(call) {
            Ok(code) => return code,
            Err(failure) => Err(failure),
        },
        Action::Db { action: DbAction::Copy(options) } => copying::copy(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            options::complain(&failure);
            ExitCode::FAILURE
        }
    }
}
