//! Points in time as a user writes them.

use anyhow::{Context, Result};
use ottla_base::Timestamp;

const MS_PER_SECOND: i64 = 1000;
const MS_PER_DAY: i64 = 86_400 * MS_PER_SECOND;

/// Reads RFC 3339 (`2026-11-24T10:00:00Z`, with `+01:00` for another zone, or a day alone) or a span before `now` (`90s`, `15m`, `2h`,
/// `7d`).
pub(super) fn parse(text: &str, now: Timestamp) -> Result<Timestamp> {
    if let Some(span_ms) = span_ms(text) {
        return Ok(Timestamp(now.0.saturating_sub(span_ms)));
    }
    let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00:00Z"));
    let ms = date_ms(date).zip(time_ms(time)).map(|(date, time)| date + time);
    ms.map(Timestamp).with_context(|| {
        format!("{text:?} is no time: write 2026-11-24T10:00:00Z, or how long ago, as in 90s, 15m, 2h or 7d")
    })
}

fn span_ms(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        's' => MS_PER_SECOND,
        'm' => 60 * MS_PER_SECOND,
        'h' => 3600 * MS_PER_SECOND,
        'd' => MS_PER_DAY,
        _ => return None,
    };
    text[..text.len() - 1].parse::<u32>().ok().map(|count| i64::from(count) * unit)
}

fn date_ms(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=days_of_month).contains(&day).then(|| days_since_epoch(year, month, day) * MS_PER_DAY)
}

/// Days from 1970-01-01 in the Gregorian calendar. Years are counted from March, so that the leap day is a year's last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// Hours, minutes and perhaps seconds, with a zone.
fn time_ms(text: &str) -> Option<i64> {
    let zone_at = text.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = text.split_at(zone_at);
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = seconds.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |second| number(second, 2))?;
    let ms = fraction_ms(fraction)?;
    let in_range = hour < 24 && minute < 60 && second <= 60;
    let seconds = hour * 3600 + minute * 60 + second;
    in_range.then_some(seconds * MS_PER_SECOND + ms - zone_ms(zone)?)
}

fn fraction_ms(digits: &str) -> Option<i64> {
    let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
    let digits: String = digits.chars().chain("000".chars()).take(3).collect();
    is_number.then(|| digits.parse().ok())?
}

fn zone_ms(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone[1..].split_once(':')?;
    Some(sign * (number(hours, 2)? * 60 + number(minutes, 2)?) * 60 * MS_PER_SECOND)
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    let is_number = text.len() == digits && text.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000_000);

    fn check(text: &str, ms: i64) {
        assert_eq!(parse(text, NOW).unwrap(), Timestamp(ms), "{text}");
    }

    #[test]
    fn rfc_3339_in_any_zone() {
        check("1970-01-01T00:00:00Z", 0);
        check("2001-09-09T01:46:40Z", 1_000_000_000_000);
        check("2001-09-09T03:46:40.25+02:00", 1_000_000_000_250);
        check("2001-09-08T20:16:40-05:30", 1_000_000_000_000);
        check("2000-02-29 12:00Z", 951_825_600_000);
        check("2024-12-31", 1_735_603_200_000);
    }

    #[test]
    fn how_long_ago() {
        check("90s", NOW.0 - 90_000);
        check("15m", NOW.0 - 900_000);
        check("2h", NOW.0 - 7_200_000);
        check("7d", NOW.0 - 604_800_000);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for wrong in [
            "",
            "yesterday",
            "12",
            "-5m",
            "2026-11-24T10:00:00",
            "2026-11-31",
            "2025-02-29",
            "2026-13-01",
            "2026-11-24T24:00:00Z",
            "2026-11-24T10:00:00.xZ",
            "2026-11-24T10:00:00+1",
            "ü",
        ] {
            assert!(parse(wrong, NOW).is_err(), "{wrong:?}");
        }
    }
}
