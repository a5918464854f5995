//! How sweeps, jobs and coordinators are named on the command line.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use tonic::transport::Uri;

/// A sweep by its number, or the newest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SweepName {
    /// Its number, from 1.
    Number(u64),
    /// The one submitted last.
    Last,
}

/// A job: `SWEEP/LANE/ORDINAL`, as it is printed everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct JobAddress {
    /// The sweep's number, from 1.
    pub(crate) sweep: u64,
    /// The model's place in the sweep, from 0.
    pub(crate) lane: u32,
    /// The job's place in its lane, from 0.
    pub(crate) ordinal: u64,
}

/// A job as it is named beside its sweep: `LANE/ORDINAL`, or in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JobName {
    sweep: Option<u64>,
    lane: u32,
    ordinal: u64,
}

/// Where a coordinator is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CoordinatorUrl {
    /// A loopback TCP port.
    Http(Uri),
    /// A Unix socket.
    Unix(PathBuf),
}

// === impl SweepName ===

impl FromStr for SweepName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "last" => Ok(Self::Last),
            _ => match text.parse() {
                Ok(number) if number > 0 => Ok(Self::Number(number)),
                _ => Err("a sweep is named by its number (`muster status` lists them) or `last`".to_owned()),
            },
        }
    }
}

// === impl JobAddress ===

impl fmt::Display for JobAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.sweep, self.lane, self.ordinal)
    }
}

// === impl JobName ===

impl JobName {
    /// The job's address in `sweep`; none if it names another sweep.
    pub(crate) fn in_sweep(self, sweep: u64) -> Option<JobAddress> {
        let fits = self.sweep.is_none_or(|named| named == sweep);
        fits.then_some(JobAddress { sweep, lane: self.lane, ordinal: self.ordinal })
    }
}

impl FromStr for JobName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a job is named LANE/ORDINAL or SWEEP/LANE/ORDINAL, for example 1/0/17".to_owned();
        let numbers: Vec<u64> =
            text.split('/').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
        let (sweep, lane, ordinal) = match numbers[..] {
            [lane, ordinal] => (None, lane, ordinal),
            [sweep, lane, ordinal] => (Some(sweep), lane, ordinal),
            _ => return Err(wrong()),
        };
        Ok(Self { sweep, lane: u32::try_from(lane).map_err(|_| wrong())?, ordinal })
    }
}

// === impl CoordinatorUrl ===

impl FromStr for CoordinatorUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err("it names no socket".to_owned())
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: Uri = with_scheme.parse().map_err(|_| example())?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(example()) };
        match scheme {
            "http" => {}
            "https" => {
                return Err(
                    "there is no TLS yet: a coordinator is reached at http:// on this machine".to_owned()
                );
            }
            _ => return Err(example()),
        }
        if uri.port_u16().is_none() {
            return Err(format!("it names no port; {}", example()));
        }
        if !is_loopback(host) {
            return Err(format!(
                "{host} is not this machine, and there is no TLS yet, so nothing would protect what is sent: open a \
                 tunnel (for example ssh -L 7654:127.0.0.1:7654 {host}) and name its end, http://127.0.0.1:7654"
            ));
        }
        Ok(Self::Http(uri))
    }
}

impl fmt::Display for CoordinatorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(uri) => {
                write!(f, "http://{}", uri.authority().map_or("", |authority| authority.as_str()))
            }
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

fn example() -> String {
    "a coordinator's address is written http://127.0.0.1:PORT or unix:PATH".to_owned()
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_as_it_is_printed() {
        let address = JobAddress { sweep: 3, lane: 1, ordinal: 17 };
        let name: JobName = address.to_string().parse().expect("a job");
        assert_eq!(name.in_sweep(3), Some(address));
        assert_eq!(name.in_sweep(4), None);
        assert_eq!("1/17".parse::<JobName>().expect("a job").in_sweep(3), Some(address));
    }

    #[test]
    fn what_names_no_job_is_refused_in_words() {
        for text in ["", "1", "1/2/3/4", "a/b", "1/-2", "1//2", "1/99999999999/2"] {
            assert!(text.parse::<JobName>().expect_err(text).contains("SWEEP/LANE/ORDINAL"), "{text}");
        }
    }

    #[test]
    fn sweeps_are_numbered_from_one() {
        assert_eq!("7".parse(), Ok(SweepName::Number(7)));
        assert_eq!("last".parse(), Ok(SweepName::Last));
        for text in ["0", "-1", "x", ""] {
            assert!(text.parse::<SweepName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_coordinator_on_another_machine_is_refused_with_the_way_round() {
        for text in
            ["http://example.org:7654", "http://10.0.0.7:7654", "http://[2001:db8::1]:7654", "example.org:1"]
        {
            let refusal = text.parse::<CoordinatorUrl>().expect_err(text);
            assert!(refusal.contains("TLS") && refusal.contains("ssh -L"), "{refusal}");
        }
        assert!("https://127.0.0.1:7654".parse::<CoordinatorUrl>().expect_err("no TLS").contains("TLS"));
    }

    #[test]
    fn a_coordinator_on_this_machine_is_taken() {
        for text in ["http://127.0.0.1:7654", "127.0.0.1:7654", "http://localhost:1", "http://[::1]:7654/"] {
            assert!(matches!(text.parse(), Ok(CoordinatorUrl::Http(_))), "{text}");
        }
        assert_eq!("unix:/tmp/x.sock".parse(), Ok(CoordinatorUrl::Unix("/tmp/x.sock".into())));
        assert_eq!("unix:///tmp/x.sock".parse(), Ok(CoordinatorUrl::Unix("/tmp/x.sock".into())));
    }

    #[test]
    fn an_address_without_a_port_is_refused() {
        assert!("http://127.0.0.1".parse::<CoordinatorUrl>().expect_err("no port").contains("port"));
        assert!("ftp://127.0.0.1:1".parse::<CoordinatorUrl>().is_err());
    }
}
