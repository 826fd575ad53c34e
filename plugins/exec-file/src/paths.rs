//! From the path that a step writes to the one that the host takes.

use pintle_guest::error::{Error, Fault};
use pintle_guest::executor::Task;
use pintle_guest::files::{self, Kind, Metadata};

/// The host's root that stands for `/`.
const ROOT: &str = "fs";

/// The host's word for a file where a directory should stand.
pub(crate) const NOT_A_DIRECTORY: &str = "NotADirectory";

/// A path in both forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Absolute, for people and outputs.
    pub(crate) shown: String,
    /// For the host: `fs/tmp/a`.
    pub(crate) host: String,
}

impl Place {
    fn absolute(parts: &[&str]) -> Self {
        let joined = parts.join("/");
        let host = if joined.is_empty() { ROOT.to_owned() } else { format!("{ROOT}/{joined}") };
        Self { shown: format!("/{joined}"), host }
    }

    /// The path that `text` means in a task. `..` is taken away by the letter: links are not followed by it.
    pub(crate) fn of(task: &Task, text: &str) -> Result<Self, Error> {
        if text.is_empty() || text.contains('\0') {
            return Err(Error::invalid(format!("{text:?} is no path: name a file or a directory")));
        }
        let full = match (text.strip_prefix("~/"), text) {
            (None, "~") => home(task)?.to_owned(),
            (Some(rest), _) => format!("{}/{rest}", home(task)?),
            (None, path) if path.starts_with('/') => path.to_owned(),
            (None, path) => format!("{}/{path}", working_dir(task, path)?),
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in full.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                name => parts.push(name),
            }
        }
        Ok(Self::absolute(&parts))
    }

    /// The entry of this name in it.
    pub(crate) fn join(&self, name: &str) -> Self {
        let shown = format!("{}/{name}", self.shown.trim_end_matches('/'));
        Self { shown, host: format!("{}/{name}", self.host) }
    }

    /// Its own name; of the root none.
    pub(crate) fn name(&self) -> &str {
        self.shown.rsplit('/').next().unwrap_or_default()
    }

    /// A place of its own beside it, hidden.
    pub(crate) fn beside(&self, ending: &str) -> Self {
        let hidden = |path: &str| match path.rsplit_once('/') {
            Some((above, name)) => format!("{above}/.{name}{ending}"),
            None => format!(".{path}{ending}"),
        };
        Self { shown: hidden(&self.shown), host: hidden(&self.host) }
    }

    /// The directory that it stands in; none above the root.
    pub(crate) fn parent(&self) -> Option<Self> {
        let (above, _) = self.shown.rsplit_once('/')?;
        let (host, _) = self.host.rsplit_once('/')?;
        let shown = if above.is_empty() { "/" } else { above };
        Some(Self { shown: shown.to_owned(), host: host.to_owned() })
    }

    /// It is the other, or lies in it.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self == other || self.host.strip_prefix(&other.host).is_some_and(|rest| rest.starts_with('/'))
    }

    /// What stands there, if anything does. Below a file nothing does.
    pub(crate) fn look(&self) -> Result<Option<Metadata>, Error> {
        match files::inspect(&self.host) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.fault == Fault::NotFound || is(&error, NOT_A_DIRECTORY) => Ok(None),
            Err(error) => Err(self.blame(error)),
        }
    }

    /// What stands there.
    pub(crate) fn must_exist(&self) -> Result<Metadata, Error> {
        self.look()?.ok_or_else(|| Error::not_found(format!("`{}` does not exist", self.shown)))
    }

    /// Why nothing can be made there: often because of what stands above it, or does not.
    pub(crate) fn unmade(&self, error: Error) -> Error {
        let Some(parent) = self.parent().filter(|_| error.fault == Fault::NotFound || is(&error, NOT_A_DIRECTORY))
        else {
            return self.blame(error);
        };
        let mut above = Some(parent.clone());
        while let Some(directory) = above {
            match directory.look() {
                Ok(Some(metadata)) if metadata.kind == Kind::File => return directory.no_directory(),
                Ok(Some(_)) if directory != parent => {
                    let Self { shown, .. } = parent;
                    return Error::not_found(format!(
                        "the directory `{shown}` does not exist: set `create_dirs: true`"
                    ));
                }
                Ok(None) => above = directory.parent(),
                Ok(Some(_)) | Err(_) => break,
            }
        }
        self.blame(error)
    }

    /// It is a file, and something was to be below it.
    pub(crate) fn no_directory(&self) -> Error {
        Error::conflict(format!("`{}` is a file, not a directory", self.shown))
    }

    /// The host's error, told by the path that people know.
    pub(crate) fn blame(&self, mut error: Error) -> Error {
        error.message = error.message.replace(&self.host, &self.shown);
        if error.message.contains(&self.shown) { error } else { error.context(format_args!("`{}`", self.shown)) }
    }
}

/// Whether the host says that an error is of this kind.
pub(crate) fn is(error: &Error, code: &str) -> bool {
    error.code.as_deref() == Some(code)
}

fn home(task: &Task) -> Result<&str, Error> {
    task.env_var("HOME")
        .filter(|home| home.starts_with('/'))
        .ok_or_else(|| Error::invalid("`~` has no meaning here: HOME is not set in the step's environment"))
}

fn working_dir<'a>(task: &'a Task, path: &str) -> Result<&'a str, Error> {
    task.working_dir.as_deref().ok_or_else(|| {
        Error::invalid(format!("`{path}` is relative, and the step has no directory: write it from `/`"))
    })
}

/// This task was begun before and lost: what it was to do may be done.
pub(crate) fn was_lost(task: &Task) -> bool {
    task.env_var("PINTLE_LOSSES").and_then(|count| count.parse::<u32>().ok()).is_some_and(|count| count > 0)
}
