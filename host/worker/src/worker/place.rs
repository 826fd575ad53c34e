//! Where the worker itself writes for a step: the files of `stdout:` and `stderr:`, and artifacts.
//!
//! The danger: no guest and no grant stands between a document that names such a file and the file. The rule: a worker
//! that is confined writes in the run's own directory alone. Paths are judged by their text; what could make links there
//! needs grants that a confined worker's steps do not have.

use std::path::{Component, Path, PathBuf};

use pintle_plane::worker::Assignment;

/// The first of the places that a document names outside of `own`, with the field that names it.
pub(super) fn outside(assignment: &Assignment, own: &Path) -> Option<(&'static str, PathBuf)> {
    let dir = &assignment.working_dir;
    let places = [
        ("stdout", assignment.stdout_file.as_ref().map(|file| dir.join(file))),
        ("stderr", assignment.stderr_file.as_ref().map(|file| dir.join(file))),
        ("artifacts", assignment.artifacts_dir.clone()),
    ];
    places.into_iter().find_map(|(field, place)| Some((field, place.filter(|place| !is_beneath(place, own))?)))
}

/// Whether a path lies below a directory whatever links there are: without `..`.
pub(super) fn is_beneath(path: &Path, dir: &Path) -> bool {
    path.starts_with(dir) && !path.components().any(|part| matches!(part, Component::ParentDir))
}
