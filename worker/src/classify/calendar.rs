//! Dates as providers write them, and the midnight at which one of them gives its days' quotas anew. Only what is needed
//! of a calendar: days since 1970 in the proleptic Gregorian one.

use std::time::{Duration, SystemTime};

const DAY_S: i64 = 86_400;
const HOUR_S: i64 = 3_600;

/// Seconds since 1970 in UTC; negative before.
pub(super) fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    }
}

/// How long from `now` until `then_s`, in seconds since 1970; nothing if that has passed.
pub(super) fn until(then_s: i64, now: SystemTime) -> Duration {
    Duration::from_secs(u64::try_from(then_s.saturating_sub(seconds(now))).unwrap_or(0))
}

/// A date and time of RFC 3339 (`2026-11-23T08:00:05Z`, `...+08:00`), or the same with a blank for the `T` and no zone,
/// which is then `zone_s` east of UTC. In seconds since 1970; a fraction is rounded up.
pub(super) fn date_time(text: &str, zone_s: i64) -> Option<i64> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = (rest.get(..8)?, rest.get(8..)?);
    let (rest, ceiled) = match rest.strip_prefix('.') {
        Some(fraction) => (fraction.trim_start_matches(|c: char| c.is_ascii_digit()), 1),
        None => (rest, 0),
    };
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    let real = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    let local = days(year, month, day) * DAY_S + hour * HOUR_S + minute * 60 + second + ceiled;
    real.then(|| local - zone(rest).unwrap_or(zone_s))
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        if digits { part.parse().ok() } else { None }
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

/// A zone's seconds east of UTC; none if the text does not begin with one.
fn zone(text: &str) -> Option<i64> {
    if text.starts_with(['Z', 'z']) {
        return Some(0);
    }
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let hours: i64 = text.get(1..3)?.parse().ok()?;
    let minutes: i64 = text.get(4..6)?.parse().ok()?;
    Some(sign * (hours * HOUR_S + minutes * 60))
}

/// The time until it is 00:00 in California, where Google's days begin.
pub(super) fn until_pacific_midnight(now: SystemTime) -> Duration {
    let now_s = seconds(now);
    let local = now_s + pacific_zone_s(now_s);
    let midnight = (local.div_euclid(DAY_S) + 1) * DAY_S;
    // The zone may change in between: that night's midnight is an hour off.
    let begins = midnight - pacific_zone_s(midnight - pacific_zone_s(now_s));
    until(begins, now)
}

/// Summer time holds from the second Sunday of March, 2:00, to the first of November, 2:00.
fn pacific_zone_s(now_s: i64) -> i64 {
    let (winter, summer) = (-8 * HOUR_S, -7 * HOUR_S);
    let year = year(now_s.div_euclid(DAY_S));
    let begins = sunday(year, 3, 2) * DAY_S + 10 * HOUR_S;
    let ends = sunday(year, 11, 1) * DAY_S + 9 * HOUR_S;
    if (begins..ends).contains(&now_s) { summer } else { winter }
}

/// The day of a month's `nth` Sunday.
fn sunday(year: i64, month: i64, nth: i64) -> i64 {
    let first = days(year, month, 1);
    // 1970 began on a Thursday; Sunday is 0.
    let weekday = (first + 4).rem_euclid(7);
    first + (7 - weekday) % 7 + 7 * (nth - 1)
}

fn year(day: i64) -> i64 {
    let guess = 1970 + day.div_euclid(366);
    (guess..).find(|year| days(year + 1, 1, 1) > day).unwrap_or(guess)
}

/// Days from 1970-01-01 to a date. Years are counted from March, so that the day of a leap year is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let before = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    before + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SystemTime {
        let s = date_time(text, 0).expect("a date");
        SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(s).expect("after 1970"))
    }

    #[test]
    fn dates_are_read_as_the_http_ones_are() {
        for (text, http) in [
            ("1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("2024-02-29T12:30:01Z", "Thu, 29 Feb 2024 12:30:01 GMT"),
            ("2026-11-23T08:00:05Z", "Mon, 23 Nov 2026 08:00:05 GMT"),
            ("2026-11-23T16:00:05+08:00", "Mon, 23 Nov 2026 08:00:05 GMT"),
            ("2026-11-23 01:00:05-07:00", "Mon, 23 Nov 2026 08:00:05 GMT"),
            ("2026-11-23T08:00:04.5Z", "Mon, 23 Nov 2026 08:00:05 GMT"),
            ("2100-03-01T00:00:00Z", "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(at(text), httpdate::parse_http_date(http).expect("a date"), "{text}");
        }
        assert_eq!(date_time("2026-11-23 16:00:05", 8 * HOUR_S), date_time("2026-11-23T08:00:05Z", 0));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in
            ["", "2026", "2026-13-01T00:00:00Z", "2026-11-23", "2026-11-23T8:0:0Z", "äöü-11-23T08:00:05Z"]
        {
            assert_eq!(date_time(text, 0), None, "{text}");
        }
    }

    #[test]
    fn googles_day_ends_at_midnight_in_california_in_summer_and_in_winter() {
        for (now, midnight) in [
            ("2026-11-23T08:00:01Z", "2026-11-24T08:00:00Z"),
            ("2026-11-23T07:59:59Z", "2026-11-23T08:00:00Z"),
            ("2026-07-01T12:00:00Z", "2026-07-02T07:00:00Z"),
            // The nights after which the clocks are changed.
            ("2026-03-08T08:30:00Z", "2026-03-09T07:00:00Z"),
            ("2026-11-01T07:30:00Z", "2026-11-02T08:00:00Z"),
        ] {
            let wait = at(midnight).duration_since(at(now)).expect("later");
            assert_eq!(until_pacific_midnight(at(now)), wait, "{now}");
        }
    }
}
