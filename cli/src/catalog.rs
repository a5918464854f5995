//! The catalog as a command sees it: the built-in one, with the user's own files laid over it; and what day it is, which
//! decides what of it has ended.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use muster_episode::{Catalog, Date};

use crate::failure::Failure;

/// Names a catalog file of the user's own for every command.
pub(crate) const VARIABLE: &str = "MUSTER_CATALOG";

/// A catalog file is read up to this size, in bytes: ten thousand models of four hundred bytes each.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The built-in catalog, the variable's file over it, and `files` over that, the last one on top.
pub(crate) fn layered(files: &[PathBuf]) -> Result<Catalog, Failure> {
    let of_variable = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    let mut catalog = Catalog::built_in();
    for file in of_variable.iter().chain(files) {
        catalog.lay(read(file)?);
    }
    Ok(catalog)
}

/// Today, in UTC.
pub(crate) fn today() -> Date {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    day(seconds / 86_400)
}

fn read(path: &Path) -> Result<Catalog, Failure> {
    let length = std::fs::metadata(path).map_err(Failure::read(path))?.len();
    if length > FILE_BYTES_MAX {
        let problem = format!("it has {length} bytes; a catalog has at most {FILE_BYTES_MAX}");
        return Err(Failure::read(path)(std::io::Error::new(std::io::ErrorKind::InvalidData, problem)));
    }
    let text = std::fs::read_to_string(path).map_err(Failure::read(path))?;
    let name = path.display().to_string();
    Catalog::parse(&name, &text).map_err(|mistakes| Failure::mistakes(&mistakes, str::to_owned))
}

/// The date of a day since 1970-01-01, by the rules of the Gregorian calendar.
fn day(since_epoch: u64) -> Date {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    // Years are counted from March of the year 0, so that a leap day is a year's last.
    let days = since_epoch + 719_468;
    let (era, of_era) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    // The forms of a date hold until the year 9999; a clock beyond it means nothing has ended yet.
    Date::parse(&format!("{year:04}-{month:02}-{day:02}")).unwrap_or_else(first_day)
}

fn first_day() -> Date {
    day(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_over_leap_years_and_centuries() {
        let shown = |days| day(days).as_str().to_owned();
        assert_eq!(shown(0), "1970-01-01");
        assert_eq!(shown(11_016), "2000-02-29");
        assert_eq!(shown(11_017), "2000-03-01");
        assert_eq!(shown(20_781), "2026-11-24");
        assert_eq!(shown(u64::MAX / 86_400), "1970-01-01");
    }

    #[test]
    fn a_mistake_in_a_users_catalog_names_its_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("own.toml");
        std::fs::write(&path, "format = 1\n[models.\"a/b\"]\nprize = 1\n").expect("a file");
        let Err(Failure::Mistakes(found)) = layered(std::slice::from_ref(&path)) else {
            panic!("no mistake")
        };
        assert!(found[0].to_string().starts_with(&format!("{}:3:1: ", path.display())), "{}", found[0]);
        assert!(layered(&[dir.path().join("none.toml")]).is_err());
    }
}
