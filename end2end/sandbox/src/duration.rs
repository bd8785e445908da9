//! ISO 8601 durations as Qlik's API-key endpoints use them (`P7D`, `PT24H`).

use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};

/// Reads an ISO 8601 duration as a length of time from `now`.
///
/// Months and years are counted on the UTC calendar from `now`, since their
/// length depends on it. Negative, zero and unreadable values are `None`.
pub(crate) fn parse(text: &str, now: Timestamp) -> Option<SignedDuration> {
    // The format is the ISO one alone: jiff would also read "3 days".
    if !text.starts_with(['P', 'p']) {
        return None;
    }
    let span: Span = text.parse().ok()?;
    let from = now.to_zoned_datetime(TimeZone::UTC);
    let until = from.checked_add(span).ok()?;
    let length = until.timestamp().duration_since(now);
    length.is_positive().then_some(length)
}

/// Writes a length of time: whole days as `P3D`, all else in hours and less.
pub(crate) fn format(length: SignedDuration) -> String {
    let secs = length.as_secs();
    if secs > 0 && secs % 86_400 == 0 && secs != 86_400 {
        return format!("P{}D", secs / 86_400);
    }
    let (hours, minutes, seconds) = (secs / 3_600, secs / 60 % 60, secs % 60);
    let mut out = String::from("PT");
    for (count, unit) in [(hours, 'H'), (minutes, 'M'), (seconds, 'S')] {
        if count != 0 {
            out.push_str(&count.to_string());
            out.push(unit);
        }
    }
    if out == "PT" { "PT0S".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(text: &str) -> Option<i64> {
        parse(text, "2026-11-24T12:00:00Z".parse().unwrap()).map(|d| d.as_secs())
    }

    #[test]
    fn reads_what_the_documentation_shows() {
        assert_eq!(secs("P7D"), Some(7 * 86_400));
        assert_eq!(secs("PT24H"), Some(86_400));
        assert_eq!(secs("P365D"), Some(365 * 86_400));
        assert_eq!(secs("P1DT12H"), Some(129_600));
        assert_eq!(secs("P2W"), Some(14 * 86_400));
        assert_eq!(secs("P1M"), Some(30 * 86_400));
    }

    #[test]
    fn refuses_what_is_no_positive_iso_duration() {
        for text in ["", "P", "PT", "3 days", "72h", "259200", "-P1D", "PT0S", "2026-11-27T00:00:00Z"] {
            assert_eq!(secs(text), None, "{text}");
        }
    }

    #[test]
    fn writes_days_and_hours_the_way_qlik_s_defaults_look() {
        assert_eq!(format(SignedDuration::from_hours(24)), "PT24H");
        assert_eq!(format(SignedDuration::from_hours(24 * 30)), "P30D");
        assert_eq!(format(SignedDuration::from_secs(5_400)), "PT1H30M");
        assert_eq!(format(SignedDuration::ZERO), "PT0S");
    }
}
