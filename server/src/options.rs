//! The command line.

use std::{
    env, fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use config::{Config, Warning};
use tracing_subscriber::EnvFilter;

/// The longest configuration file, in octets: the documented one has 8 KiB.
const CONFIG_MAX: u64 = 1 << 20;

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
    /// Run the server until SIGTERM or Ctrl-C. SIGHUP reads the configuration again.
    Serve(ServeOptions),
    /// Check the configuration and show everything that is wrong with it.
    Check(Place),
    /// Play a tape of inputs that `serve --record-inputs` has made, and say whether the outputs are those of then.
    Replay(ReplayOptions),
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

/// How to run the server.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeOptions {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Record everything that signalling hears into a new file, up to 256 MiB, for `cordboard replay`.
    /// The file holds secrets: what phones log in with, and all that they say.
    #[arg(long, value_name = "FILE")]
    pub(crate) record_inputs: Option<PathBuf>,
}

/// What to play.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReplayOptions {
    /// The tape.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print all inputs and outputs, secrets among them, and not only the summary.
    #[arg(long)]
    pub(crate) outputs: bool,
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
    let errors = match read(place) {
        Ok(read) => return Ok(read),
        Err(errors) => errors,
    };
    let mut to = io::stderr().lock();
    for error in &errors {
        let _ = writeln!(to, "error: {error}");
    }
    bail!("the configuration has {} error{}", errors.len(), if errors.len() == 1 { "" } else { "s" })
}

/// Reads the configuration of a place and checks it whole: the start, `cordboard check` and a reload judge alike. All that is wrong, as text.
pub(crate) fn read(place: &Place) -> Result<(Config, Vec<Warning>), Vec<String>> {
    let text = match &place.config {
        Some(file) => {
            let text = read_file(file);
            Some(text.map_err(|failure| vec![format!("cannot read the configuration file {}: {failure}", file.display())])?)
        }
        None => None,
    };
    // A variable that is no Unicode is somebody else's, or its value is shown as wrong.
    let variables = env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    let errors: Vec<String> = match Config::load(text.as_deref(), variables) {
        Ok((config, mut warnings)) => match meanings(&config) {
            errors if errors.is_empty() => {
                warnings.extend(ports_warning(&config));
                return Ok((config, warnings));
            }
            errors => errors,
        },
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    };
    let named = |error| match &place.config {
        Some(file) => format!("{}: {error}", file.display()),
        None => error,
    };
    Err(errors.into_iter().map(named).collect())
}

/// The text of a configuration file. A pipe or a device might never come to its end, and a running server would wait for it at each reload.
fn read_file(file: &Path) -> io::Result<String> {
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if !fs::metadata(file)?.is_file() {
        return refuse("it is not a regular file");
    }
    let mut text = String::new();
    if fs::File::open(file)?.take(CONFIG_MAX + 1).read_to_string(&mut text)? > usize::try_from(CONFIG_MAX).unwrap_or(usize::MAX) {
        return refuse("it is longer than 1 MiB");
    }
    Ok(text)
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

/// `cordboard check`: 0 if the server would start with this configuration.
pub(crate) fn check(place: &Place) -> ExitCode {
    match load(place) {
        Ok((_, warnings)) => {
            let mut to = io::stderr().lock();
            for warning in &warnings {
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
fn ports_warning(config: &Config) -> Option<Warning> {
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn only_a_file_of_reasonable_length_is_a_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let (pipe, long, right) = (dir.path().join("pipe"), dir.path().join("long"), dir.path().join("right"));
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        fs::File::create(&long).unwrap().set_len(CONFIG_MAX + 1).unwrap();
        fs::write(&right, "[calls]\nmax = 7\n").unwrap();
        let read = |config: &Path| read(&Place { config: Some(config.to_owned()), data_dir: PathBuf::from("data") });
        for (file, why) in [(&pipe, "not a regular file"), (&long, "longer than 1 MiB"), (&dir.path().join("none"), "No such file")] {
            let errors = read(file).unwrap_err();
            assert!(errors.iter().all(|error| error.contains(why) && error.contains(&file.display().to_string())), "{errors:?}");
        }
        assert_eq!(read(&right).unwrap().0.calls.max, 7);
    }
}
