//! A suite's files in one piece: what a coordinator keeps by its hash and hands to workers. Reading the folder is the
//! command line's business; here it is only checked, packed and hashed.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::digest::Digest;

/// The first bytes of a packed bundle: the kind and the version of the format.
const MAGIC: &[u8; 8] = b"MUSTERB1";
/// Files in a bundle. A scenario has about thirty, a suite about ten scenarios.
pub(crate) const FILES_MAX: usize = 4_096;
/// Bytes of one file: data sets of recorded outputs are the largest, at some 100 KB.
pub(crate) const FILE_BYTES_MAX: usize = 4 << 20;
/// Bytes of all files: what a worker may be asked to keep in memory and on disk for one suite.
pub(crate) const BUNDLE_BYTES_MAX: usize = 32 << 20;
/// Bytes of a path.
const PATH_BYTES_MAX: usize = 255;
/// Endings of files that belong to a suite. A README is for reviewers, and is no part of what runs.
const ENDINGS: [&str; 5] = [".toml", ".md", ".txt", ".json", ".csv"];

/// A suite's files by their path from the suite's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<String, Bytes>,
}

/// Why something is no bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// A path that could lead outside, or that another system would read differently.
    #[error(
        "`{0}` can't be a file of a suite: paths are relative, of plain names joined by `/`, at most 255 bytes"
    )]
    Path(String),
    /// One file is too large.
    #[error("{path} has {bytes} bytes; a file of a suite has at most {FILE_BYTES_MAX}")]
    FileTooLarge {
        /// Which.
        path: String,
        /// Its size.
        bytes: usize,
    },
    /// There are too many files.
    #[error("the suite has {0} files; at most {FILES_MAX} are allowed")]
    TooManyFiles(usize),
    /// All files together are too large.
    #[error("the suite's files have {0} bytes; at most {BUNDLE_BYTES_MAX} are allowed")]
    TooLarge(usize),
    /// What was received is not a packed bundle, or is damaged.
    #[error("this is not a packed suite: {0}")]
    Damaged(&'static str),
}

// === impl Bundle ===

impl Bundle {
    /// Takes files by their path from the suite's folder.
    ///
    /// # Errors
    /// A path that is not plain and relative, or more or larger files than the bounds allow.
    pub fn new(files: BTreeMap<String, Bytes>) -> Result<Self, BundleError> {
        if files.len() > FILES_MAX {
            return Err(BundleError::TooManyFiles(files.len()));
        }
        let mut total = 0_usize;
        for (path, content) in &files {
            check_path(path)?;
            if content.len() > FILE_BYTES_MAX {
                return Err(BundleError::FileTooLarge { path: path.clone(), bytes: content.len() });
            }
            total += content.len();
        }
        if total > BUNDLE_BYTES_MAX {
            return Err(BundleError::TooLarge(total));
        }
        Ok(Self { files })
    }

    /// Whether a file of the suite's folder belongs into the bundle: data and texts do, a README does not.
    #[must_use]
    pub fn takes(path: &str) -> bool {
        if !path.contains('/') {
            return path == "suite.toml";
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        !name.eq_ignore_ascii_case("README.md") && ENDINGS.iter().any(|ending| name.ends_with(ending))
    }

    /// The files, in order of their paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.files.iter().map(|(path, content)| (path.as_str(), content))
    }

    /// One file.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&Bytes> {
        self.files.get(path)
    }

    /// The bundle as bytes: the same files always give the same bytes.
    #[must_use]
    pub fn pack(&self) -> Vec<u8> {
        let mut packed = MAGIC.to_vec();
        put_length(&mut packed, self.files.len());
        for (path, content) in &self.files {
            put_length(&mut packed, path.len());
            packed.extend_from_slice(path.as_bytes());
            put_length(&mut packed, content.len());
            packed.extend_from_slice(content);
        }
        packed
    }

    /// Reads what [`Bundle::pack`] wrote.
    ///
    /// # Errors
    /// [`BundleError::Damaged`] if it is anything else; the other errors if it breaks a bound.
    pub fn unpack(packed: &[u8]) -> Result<Self, BundleError> {
        let mut rest = packed.strip_prefix(MAGIC).ok_or(BundleError::Damaged("it begins differently"))?;
        let count = take_length(&mut rest)?;
        let mut files = BTreeMap::new();
        for _ in 0..count {
            let path = take(&mut rest)?;
            let path = std::str::from_utf8(path).map_err(|_| BundleError::Damaged("a path is not UTF-8"))?;
            if files.last_key_value().is_some_and(|(last, _): (&String, _)| last.as_str() >= path) {
                return Err(BundleError::Damaged("its paths are out of order"));
            }
            files.insert(path.to_owned(), Bytes::copy_from_slice(take(&mut rest)?));
        }
        if !rest.is_empty() {
            return Err(BundleError::Damaged("something follows its last file"));
        }
        Self::new(files)
    }

    /// The hash by which the bundle is known: BLAKE3 of its packed form.
    #[must_use]
    pub fn hash(&self) -> Digest {
        *blake3::hash(&self.pack()).as_bytes()
    }
}

fn check_path(path: &str) -> Result<(), BundleError> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.contains(['\\', ':'])
            && !part.contains(char::is_control)
    };
    if path.len() > PATH_BYTES_MAX || !path.split('/').all(plain) {
        return Err(BundleError::Path(path.to_owned()));
    }
    Ok(())
}

fn put_length(packed: &mut Vec<u8>, length: usize) {
    // Every length is bounded by `Bundle::new`, far below 4 GiB.
    packed.extend_from_slice(&(length as u32).to_le_bytes());
}

fn take_length(rest: &mut &[u8]) -> Result<usize, BundleError> {
    let (length, after) = rest.split_first_chunk::<4>().ok_or(BundleError::Damaged("it is cut off"))?;
    *rest = after;
    Ok(u32::from_le_bytes(*length) as usize)
}

fn take<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], BundleError> {
    let length = take_length(rest)?;
    let (part, after) = rest.split_at_checked(length).ok_or(BundleError::Damaged("it is cut off"))?;
    *rest = after;
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(files: &[(&str, &str)]) -> Result<Bundle, BundleError> {
        let owned =
            |(path, text): &(&str, &str)| ((*path).to_owned(), Bytes::copy_from_slice(text.as_bytes()));
        Bundle::new(files.iter().map(owned).collect())
    }

    #[test]
    fn a_bundle_survives_packing() {
        let packed = bundle(&[("suite.toml", "x"), ("a/b.md", "")]).unwrap();
        assert_eq!(Bundle::unpack(&packed.pack()), Ok(packed));
    }

    #[test]
    fn a_path_that_climbs_out_is_refused() {
        for path in
            ["../x.toml", "/etc/x.toml", "a//b.toml", "a/./b.toml", "c:x.toml", "a\\b.toml", "", "a/\n.md"]
        {
            assert!(matches!(bundle(&[(path, "x")]), Err(BundleError::Path(_))), "{path}");
        }
    }

    #[test]
    fn a_bundle_cut_off_anywhere_is_refused() {
        let packed = bundle(&[("a.toml", "1234"), ("b.toml", "5678")]).unwrap().pack();
        for end in 0..packed.len() {
            assert!(Bundle::unpack(&packed[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_readme_is_no_part_of_what_runs() {
        assert!(Bundle::takes("tampering/documents/policy.md"));
        assert!(!Bundle::takes("tampering/README.md"));
        assert!(!Bundle::takes("tampering/.policy.md.swp"));
    }
}
