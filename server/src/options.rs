//! The command line.

use std::{
    env,
    fmt::Display,
    fs,
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use config::{Config, Judged, Warning};
use model::Number;
use rustix::fs::OFlags;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

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
    /// Check the configuration and show everything that is wrong with it. Whether ports are free and the data directory can be used is not
    /// looked at, nor whether a running server can take the changes without a restart.
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
    /// About the audit log.
    Audit {
        #[command(subcommand)]
        action: AuditAction,
    },
    /// About the routes of calls.
    Route {
        #[command(subcommand)]
        action: RouteAction,
    },
    /// About the database.
    Db {
        #[command(subcommand)]
        action: DbAction,
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
    /// Add a person to a server that has been started before. Works while it runs.
    Add(NewAccount),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditAction {
    /// See whether a row of the audit log was edited, taken out or put in. Works while the server runs.
    Verify(Place),
}

/// What to do about routes.
#[derive(Debug, Subcommand)]
pub(crate) enum RouteAction {
    /// Say where a call would go by the routes in the database, and why; every carrier is taken for one that answers. Fails if the call would
    /// be refused. Works while the server runs.
    Explain(CallToExplain),
}

/// A call.
#[derive(Debug, Args)]
pub(crate) struct CallToExplain {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The calling number. Without one it is that of the slot, or it is withheld.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) from: Option<Number>,
    /// The called number, as it is dialled or sent.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) to: Number,
    /// The number of the slot that calls.
    #[arg(long, value_name = "NUMBER", conflicts_with = "carrier")]
    pub(crate) slot: Option<Number>,
    /// The carrier that the call comes by: its name or its id.
    #[arg(long, value_name = "NAME")]
    pub(crate) carrier: Option<String>,
    /// When: 2026-11-22T10:00 on the clock of the centre, or with Z or an offset such as +03:00 behind it. Without it, now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// The centre whose call it is, by its code or its id. Without it, that of the slot or of the called number, else the first one.
    #[arg(long, value_name = "CENTER")]
    pub(crate) center: Option<String>,
}

/// What to do about the database.
#[derive(Debug, Subcommand)]
pub(crate) enum DbAction {
    /// Copy a database into an empty one: from SQLite to PostgreSQL, or back. Stop the server first. Both sides are compared afterwards.
    Copy(CopyOptions),
}

/// What to copy.
#[derive(Debug, Args)]
pub(crate) struct CopyOptions {
    /// The database to copy: sqlite:FILE or postgres://USER@HOST/NAME. It stays as it is. A password can also stand in PGPASSWORD.
    #[arg(long, value_name = "URL")]
    pub(crate) from: String,
    /// The database to copy to, of either kind: an empty one, or a SQLite file that is not there yet.
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// Take a target that an unfinished copy has left behind. One with data in it is never taken.
    #[arg(long)]
    pub(crate) start_over: bool,
}

/// Where the configuration and the data are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The configuration file. Without one, defaults and CORDBOARD__SECTION__KEY variables hold.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The directory that everything is kept in. `serve` makes it if it is missing, `user add` wants the server's, `check` does not look at it.
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
    /// The code of the person's role: admin, supervisor, operator, seller, listener and so on.
    #[arg(long)]
    pub(crate) role: String,
    /// Read the password from the first line of standard input.
    #[arg(long, required = true)]
    pub(crate) password_stdin: bool,
}

/// Reads the configuration of a place; what is wrong with it goes to standard error, all of it, and what is odd beside it.
pub(crate) fn load(place: &Place) -> anyhow::Result<(Config, Vec<Warning>)> {
    let (errors, warnings) = match read(place) {
        Ok(judged) => {
            let warnings = judged.warnings().to_vec();
            match settle(place, judged) {
                Ok(settled) => return Ok(settled),
                Err(errors) => (errors, warnings),
            }
        }
        Err(error) => (vec![error], Vec::new()),
    };
    let mut to = io::stderr().lock();
    for error in &errors {
        let _ = writeln!(to, "error: {error}");
    }
    for warning in &warnings {
        let _ = writeln!(to, "warning: {warning}");
    }
    bail!("the configuration has {} error{}", errors.len(), if errors.len() == 1 { "" } else { "s" })
}

/// Reads the configuration of a place and judges it whole: the start, `cordboard check` and a reload do so alike.
/// A file that cannot be read is told alone, for nothing else can be judged without it.
pub(crate) fn read(place: &Place) -> Result<Judged, String> {
    let unread = |file: &Path, failure| format!("cannot read the configuration file {}: {failure}", file.display());
    let text = place.config.as_deref().map(|file| read_file(file).map_err(|failure| unread(file, failure))).transpose()?;
    // A variable that is no Unicode is somebody else's, or its value is shown as wrong.
    let variables = env::vars_os().map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    Ok(Config::judge(text.as_deref(), variables, meanings))
}

/// A configuration that can be worked with, and what is odd about it; else all that is wrong, as text.
pub(crate) fn settle(place: &Place, judged: Judged) -> Result<(Config, Vec<Warning>), Vec<String>> {
    match judged.outcome() {
        Ok((config, mut warnings)) => {
            warnings.extend(ports_warning(&config));
            Ok((config, warnings))
        }
        Err(errors) => Err(errors.iter().map(|error| named(place, error.place().as_ref(), error)).collect()),
    }
}

/// What is told of the configuration, with the name of the file unless it is about a variable.
pub(crate) fn named(place: &Place, written: Option<&config::Place>, told: &impl Display) -> String {
    match (&place.config, written) {
        (Some(file), None | Some(config::Place::File { .. })) => format!("{}: {told}", file.display()),
        (None, _) | (_, Some(config::Place::Variable(_))) => told.to_string(),
    }
}

/// The text of a configuration file. A pipe or a device might never come to its end, and a running server would wait for it at each reload.
fn read_file(file: &Path) -> io::Result<String> {
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    // What is opened is what is judged. Files of /proc that wait for something to read say that there is nothing instead.
    let nonblock = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = fs::File::options().read(true).custom_flags(nonblock).open(file)?;
    if !file.metadata()?.is_file() {
        return refuse("it is not a regular file");
    }
    let mut text = String::new();
    if file.take(CONFIG_MAX + 1).read_to_string(&mut text)? > usize::try_from(CONFIG_MAX).unwrap_or(usize::MAX) {
        return refuse("it is longer than 1 MiB");
    }
    Ok(text)
}

/// What is well formed and still means nothing, which only other rooms know: the key, and why.
fn meanings(config: &Config) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    if media::ToneSet::by_country(config.media.tones.country()).is_none() {
        let known: Vec<_> = media::ToneSet::countries().collect();
        wrong.push(("media.tones", format!("{:?} is none of {}", config.media.tones.country(), known.join(", "))));
    }
    if let Err(failure) = EnvFilter::try_new(&config.log.filter) {
        wrong.push(("log.filter", format!("{:?}: {failure}", config.log.filter)));
    } else if let Some(part) = odd_part(&config.log.filter) {
        let levels = "off, error, warn, info, debug or trace";
        let told =
            format!("{part:?} is no level ({levels}) and no part of the program with one, such as calls=debug; spaces do not belong here");
        wrong.push(("log.filter", told));
    }
    wrong
}

/// What the library would take for a part of the program that does not exist: everything else would be silent. A misspelt level, or one with a
/// space beside it.
fn odd_part(filter: &str) -> Option<&str> {
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    let mut parts = filter.split(',').filter(|part| !part.is_empty());
    parts.find(|part| {
        // Values of fields may hold anything.
        let head = part.split(['[', '{']).next().unwrap_or_default();
        let is_misspelt = part.chars().all(is_name) && part.parse::<LevelFilter>().is_err();
        is_misspelt || head.contains(char::is_whitespace) || part.ends_with(['=', ' '])
    })
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
            let error = read(file).unwrap_err();
            assert!(error.contains(why) && error.contains(&file.display().to_string()), "{error}");
        }
        assert_eq!(read(&right).unwrap().outcome().unwrap().0.calls.max, 7);
    }

    #[test]
    fn a_variable_is_not_said_to_stand_in_the_file() {
        let place = Place { config: Some(PathBuf::from("a.toml")), data_dir: PathBuf::from("data") };
        let env = [("CORDBOARD__NO__SUCH".to_owned(), "1".to_owned())];
        let errors = settle(&place, Config::judge(Some("x = 1"), env.into_iter(), meanings)).unwrap_err();
        assert_eq!(errors, ["a.toml: line 1, column 1: unknown key `x`", "CORDBOARD__NO__SUCH: unknown environment variable"]);
    }

    #[test]
    fn a_misspelt_level_does_not_silence_the_log() {
        for (filter, odd) in [
            ("verbose", "verbose"),
            ("info,calls=debug,wran", "wran"),
            ("net", "net"),
            ("tower-http", "tower-http"),
            ("calls=debug, info", " info"),
            ("info ", "info "),
            ("info debug", "info debug"),
            ("info calls=debug", "info calls=debug"),
            ("info=", "info="),
        ] {
            assert_eq!(odd_part(filter), Some(odd));
        }
        for filter in
            ["info", "WARN", "off", "3", "info,calls=debug,", "net=trace", "api::live", "[{user}]=debug", "[request{id=1 2}]=debug"]
        {
            assert_eq!(odd_part(filter), None, "{filter}");
            assert!(EnvFilter::try_new(filter).is_ok(), "{filter}");
        }
        let place = Place { config: None, data_dir: PathBuf::from("data") };
        let errors = settle(&place, Config::judge(Some("[log]\nfilter = \"verbose\""), std::iter::empty(), meanings)).unwrap_err();
        assert!(errors.len() == 1 && errors.concat().contains("\"verbose\" is no level"), "{errors:?}");
    }

    #[test]
    fn everything_that_is_wrong_is_told_where_it_stands() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "[http]\nlisen = \"127.0.0.1:1\"\n[media]\ntones = \"xx\"\n[sip]\nexpires_min = 500\nexpires_default = 30\n[log]\nfilter = \"blah=foo\"\n";
        fs::write(file.path(), text).unwrap();
        let place = Place { config: Some(file.path().to_owned()), data_dir: PathBuf::from("data") };
        let errors = settle(&place, read(&place).unwrap()).unwrap_err();
        let wanted = [
            "line 2, column 1: unknown key",
            "line 4, column 1: `media.tones`",
            "line 6, column 1: `sip.expires_min`",
            "line 9, column 1: `log.filter`",
        ];
        assert_eq!(errors.len(), wanted.len(), "{errors:?}");
        for (error, wanted) in errors.iter().zip(wanted) {
            assert!(error.starts_with(&format!("{}: {wanted}", file.path().display())), "{error}");
        }
    }
}
