//! Reading JSON whose shape Qlik does not promise.
//!
//! Qlik's services differ in small ways (a status that is a number here and a
//! string there), so a field that is only nice to have must not make a whole
//! answer unreadable. This module must not know which field it reads.

use jiff::{SignedDuration, Span, Timestamp};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A non-empty string; anything else is absent.
pub(crate) fn text<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::String(s) if !s.is_empty() => Some(s),
        _ => None,
    })
}

/// One string or a list of strings; other members are left out.
pub(crate) fn texts<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let string = |v: Value| match v {
        Value::String(s) => Some(s),
        _ => None,
    };
    Ok(match Value::deserialize(d)? {
        Value::Array(list) => list.into_iter().filter_map(string).collect(),
        one => string(one).into_iter().collect(),
    })
}

/// A boolean; anything else is absent.
pub(crate) fn flag<'de, D: Deserializer<'de>>(d: D) -> Result<Option<bool>, D::Error> {
    Ok(Value::deserialize(d)?.as_bool())
}

/// A whole number from 0; anything else is absent.
pub(crate) fn count<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u32>, D::Error> {
    Ok(Value::deserialize(d)?.as_u64().and_then(|n| u32::try_from(n).ok()))
}

/// An RFC 3339 date and time; anything else is absent.
pub(crate) fn timestamp<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Value::deserialize(d)?.as_str().and_then(|s| s.parse().ok()))
}

/// Seconds since 1970; anything else is absent.
pub(crate) fn unix_seconds<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Value::deserialize(d)?.as_i64().and_then(|s| Timestamp::from_second(s).ok()))
}

/// An ISO 8601 duration; anything else is absent.
pub(crate) fn duration<'de, D: Deserializer<'de>>(d: D) -> Result<Option<SignedDuration>, D::Error> {
    Ok(Value::deserialize(d)?.as_str().and_then(iso_duration))
}

/// A list, out of which members that can't be read are left.
pub(crate) fn list<'de, D, T>(d: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    Ok(match Value::deserialize(d)? {
        Value::Array(list) => list.into_iter().filter_map(|v| serde_json::from_value(v).ok()).collect(),
        _ => Vec::new(),
    })
}

/// An object that can be read; anything else is absent.
pub(crate) fn object<'de, D, T>(d: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    Ok(serde_json::from_value(Value::deserialize(d)?).ok())
}

/// Reads an ISO 8601 duration such as `P30D` or `PT24H`.
///
/// Days have 24 hours here. Months and years, whose length depends on the
/// calendar, are taken as 30 and 365 days.
pub(crate) fn iso_duration(text: &str) -> Option<SignedDuration> {
    let span: Span = text.parse().ok()?;
    let days = i64::from(span.get_years()) * 365
        + i64::from(span.get_months()) * 30
        + i64::from(span.get_weeks()) * 7
        + i64::from(span.get_days());
    let seconds = days
        .checked_mul(86_400)?
        .checked_add(i64::from(span.get_hours()).checked_mul(3600)?)?
        .checked_add(span.get_minutes().checked_mul(60)?)?
        .checked_add(span.get_seconds())?;
    let fraction = span
        .get_milliseconds()
        .checked_mul(1_000_000)?
        .checked_add(span.get_microseconds().checked_mul(1000)?)?
        .checked_add(span.get_nanoseconds())?;
    SignedDuration::from_secs(seconds).checked_add(SignedDuration::from_nanos(fraction))
}

/// Writes whole seconds as an ISO 8601 duration: days alone where they fit
/// (`P3D`), otherwise hours, minutes and seconds (`PT25H30M`).
pub(crate) fn write_iso_duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    if seconds != 0 && seconds % 86_400 == 0 {
        format!("P{}D", seconds / 86_400)
    } else {
        SignedDuration::from_secs(seconds).to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_durations_that_qlik_uses_are_read() {
        for (text, hours) in [
            ("PT24H", 24),
            ("P1D", 24),
            ("P7D", 168),
            ("P365D", 8760),
            ("P1Y", 8760),
            ("P1M", 720),
            ("P2W", 336),
            ("P1DT12H", 36),
            ("PT72H0M0S", 72),
        ] {
            assert_eq!(iso_duration(text), Some(SignedDuration::from_hours(hours)), "{text}");
        }
        for text in ["", "24", "P", "a day"] {
            assert_eq!(iso_duration(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_written_the_way_qlik_documents_them() {
        assert_eq!(write_iso_duration(SignedDuration::from_hours(72)), "P3D");
        assert_eq!(write_iso_duration(SignedDuration::from_mins(90)), "PT1H30M");
        assert_eq!(write_iso_duration(SignedDuration::from_millis(1_900)), "PT1S");
        assert_eq!(write_iso_duration(SignedDuration::ZERO), "PT0S");
    }

    proptest! {
        #[test]
        fn a_written_duration_reads_back_the_same(seconds in 0_i64..10_000_000_000) {
            let duration = SignedDuration::from_secs(seconds);
            prop_assert_eq!(iso_duration(&write_iso_duration(duration)), Some(duration));
        }

        #[test]
        fn reading_a_duration_never_panics(text in "-?P[0-9]{0,12}[YMWDT0-9]{0,9}[0-9]{0,19}[HMS.0-9]{0,9}") {
            let _ = iso_duration(&text);
        }
    }
}
