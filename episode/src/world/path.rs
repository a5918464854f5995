//! Paths as a model writes them: keys of a map, which never leave it.

use super::tool::shown;

/// Bytes of a path.
const PATH_BYTES_MAX: usize = 255;

/// A path as a world knows it: models like to write it from the root.
pub(super) fn plain(path: &str) -> &str {
    path.trim_start_matches("./").trim_start_matches('/')
}

/// Whether a new file may have this path. The error is for the model.
pub(super) fn check_path(path: &str) -> Result<(), String> {
    let climbs = path.split('/').any(|part| part.is_empty() || part == "." || part == "..");
    if climbs || path.len() > PATH_BYTES_MAX || path.contains(char::is_control) {
        return Err(format!("`{}` can't be a file's path", shown(path)));
    }
    Ok(())
}
