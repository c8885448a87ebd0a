//! The command line.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use config::{Config, Warning};
use tracing_subscriber::EnvFilter;

/// A call centre in one program: SIP registrar and switchboard, recorder, REST and live events.
#[derive(Debug, Parser)]
#[command(name = "cordboard", version, about, arg_required_else_help = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Run the server until SIGTERM or Ctrl-C.
    Serve(Place),
    /// Check the configuration and show everything that is wrong with it.
    Check(Place),
    /// About the configuration.
    Config {
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// About people's accounts.
    User {
        #[command(subcommand)]
        action: UserAction,
    },
}

/// What to do about the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Print a configuration file with every key, its documentation and its default.
    Print,
}

/// What to do about accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum UserAction {
    /// Add a person. Works while the server runs.
    Add(NewAccount),
}

/// Where the configuration and the data are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The configuration file. Without one, defaults and CORDBOARD__SECTION__KEY variables hold.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The directory that everything is kept in; made if it is missing.
    #[arg(long, value_name = "DIR", default_value = "./data")]
    pub(crate) data_dir: PathBuf,
}

/// A new person.
#[derive(Debug, Args)]
pub(crate) struct NewAccount {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The name to log in with.
    #[arg(long)]
    pub(crate) username: String,
    /// What the person may do: admin or operator.
    #[arg(long)]
    pub(crate) role: String,
    /// Read the password from the first line of standard input.
    #[arg(long, required = true)]
    pub(crate) password_stdin: bool,
}

/// Reads the configuration of a place; what is wrong with it goes to standard error, all of it.
pub(crate) fn load(place: &Place) -> anyhow::Result<(Config, Vec<Warning>)> {
    let text = place.config.as_deref().map(read).transpose()?;
    // A variable that is no Unicode is somebody else's, or its value is shown as wrong.
    let variables = env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    let errors: Vec<String> = match Config::load(text.as_deref(), variables) {
        Ok((config, warnings)) => match meanings(&config) {
            errors if errors.is_empty() => return Ok((config, warnings)),
            errors => errors,
        },
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    };
    let mut to = io::stderr().lock();
    for error in &errors {
        let _ = match &place.config {
            Some(file) => writeln!(to, "error: {}: {error}", file.display()),
            None => writeln!(to, "error: {error}"),
        };
    }
    bail!("the configuration has {} error{}", errors.len(), if errors.len() == 1 { "" } else { "s" })
}

/// What is well formed and still means nothing, which only other rooms know.
fn meanings(config: &Config) -> Vec<String> {
    let mut errors = Vec::new();
    if media::ToneSet::by_country(config.media.tones.country()).is_none() {
        let known: Vec<_> = media::ToneSet::countries().collect();
        errors.push(format!("`media.tones`: {:?} is none of {}", config.media.tones.country(), known.join(", ")));
    }
    if let Err(failure) = EnvFilter::try_new(&config.log.filter) {
        errors.push(format!("`log.filter`: {:?}: {failure}", config.log.filter));
    }
    errors
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read the configuration file {}", path.display()))
}

/// `cordboard check`: 0 if the server would start with this configuration.
pub(crate) fn check(place: &Place) -> ExitCode {
    match load(place) {
        Ok((config, warnings)) => {
            let mut to = io::stderr().lock();
            for warning in warnings.iter().chain(&ports_warning(&config)) {
                let _ = writeln!(to, "warning: {warning}");
            }
            let _ = writeln!(io::stdout(), "The configuration is good.");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            complain(&failure);
            ExitCode::FAILURE
        }
    }
}

/// The warning about media ports that other programs may sit on.
pub(crate) fn ports_warning(config: &Config) -> Option<Warning> {
    net::ephemeral_ports().and_then(|ephemeral| config.ephemeral_warning(ephemeral))
}

/// `cordboard config print`.
pub(crate) fn print_config() -> anyhow::Result<()> {
    io::stdout().write_all(Config::print_documented().as_bytes()).context("cannot write to standard output")
}

/// Tells why nothing came of it: the whole chain of causes in one line.
pub(crate) fn complain(failure: &anyhow::Error) {
    let _ = writeln!(io::stderr(), "cordboard: {failure:#}");
}
