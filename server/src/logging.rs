//! The log: where it goes, and its filter, which can change while the server runs.

use std::sync::Arc;

use anyhow::Context;
use config::{Config, LogFormat};
use tracing_subscriber::{EnvFilter, util::SubscriberInitExt};

/// Puts another filter into force. It was checked before; what goes wrong all the same is told.
pub(crate) type SetFilter = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// Begins to log to standard error.
pub(crate) fn begin(config: &Config) -> anyhow::Result<SetFilter> {
    let filter = EnvFilter::try_new(&config.log.filter).context("log.filter cannot be read")?;
    let lines = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    // The handle's type knows the format, so each format has its own.
    match config.log.format {
        LogFormat::Text => {
            let lines = lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).with_filter_reloading();
            let handle = lines.reload_handle();
            lines.finish().try_init()?;
            Ok(Arc::new(move |filter| handle.reload(parse(filter)?).map_err(|failure| failure.to_string())))
        }
        LogFormat::Json => {
            let lines = lines.json().with_filter_reloading();
            let handle = lines.reload_handle();
            lines.finish().try_init()?;
            Ok(Arc::new(move |filter| handle.reload(parse(filter)?).map_err(|failure| failure.to_string())))
        }
    }
}

fn parse(filter: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(filter).map_err(|failure| failure.to_string())
}
