//! The folder of a run that several ranks train: rank 0 has it.

use super::RunFolder;
use crate::config::RunConfig;
use crate::error::Error;
use crate::ranks::Ranks;
use crate::settings;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

impl RunFolder {
    /// Whether the folder holds a run, as rank 0 sees it.
    ///
    /// # Errors
    /// [`Error::Model`] if another rank is gone.
    pub fn holds_run_among(ranks: &Ranks, path: &Path) -> Result<bool, Error> {
        ranks.any(ranks.is_first() && Self::holds_run(path))
    }

    /// As [`create`](Self::create), by rank 0.
    ///
    /// # Errors
    /// Those of [`create`](Self::create), and [`Error::Model`] if another rank is gone.
    pub(crate) fn create_among(
        ranks: &Ranks,
        out: Option<&Path>,
        name: &str,
        config: &RunConfig,
    ) -> Result<Self, Error> {
        let own = ranks.is_first().then(|| Self::create(out, name, config)).transpose()?;
        Self::shared(ranks, own)
    }

    /// As [`open`](Self::open), by rank 0; all ranks have its configuration.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and [`Error::Model`] if another rank is gone.
    pub fn open_among(ranks: &Ranks, path: &Path) -> Result<(Self, RunConfig), Error> {
        let (own, config) = ranks.is_first().then(|| Self::open(path)).transpose()?.unzip();
        let text = ranks.bytes(|| {
            let text = config
                .as_ref()
                .map(|config| serde_json::to_vec(config).expect("a configuration is plain data"));
            Ok(text)
        })?;
        let config = match config {
            Some(config) => config,
            None => settings::read(&String::from_utf8_lossy(&text.unwrap_or_default()))?,
        };
        Ok((Self::shared(ranks, own)?, config))
    }

    /// The folder that rank 0 has, as this rank knows it.
    fn shared(ranks: &Ranks, own: Option<Self>) -> Result<Self, Error> {
        let path =
            ranks.bytes(|| Ok(own.as_ref().map(|own| own.path.as_os_str().as_encoded_bytes().to_vec())))?;
        Ok(own.unwrap_or_else(|| {
            let path = PathBuf::from(OsString::from_vec(path.unwrap_or_default()));
            Self { path, held: None, notice: None }
        }))
    }
}
