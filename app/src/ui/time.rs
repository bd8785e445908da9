//! Moments: the server writes them in UTC, and an island then in the viewer's
//! zone. Relative time stands only beside an absolute one.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::islands::LocalTime;

/// A moment as it is written on a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// RFC 3339, UTC: `2026-11-29T14:02:00Z`.
    pub iso: String,
    /// For people: `29 Nov 2026, 14:02 UTC`.
    pub utc: String,
}

#[cfg(feature = "ssr")]
impl From<jiff::Timestamp> for Moment {
    fn from(at: jiff::Timestamp) -> Self {
        Self {
            iso: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            utc: at.strftime("%-d %b %Y, %H:%M UTC").to_string(),
        }
    }
}

/// A moment on a page.
#[component]
pub fn Time(
    /// When.
    #[prop(into)]
    at: Moment,
) -> impl IntoView {
    view! { <LocalTime iso=at.iso utc=at.utc/> }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn the_server_writes_a_moment_in_utc() {
        let at: jiff::Timestamp = "2026-11-09T04:02:59.5+01:00".parse().unwrap();
        let moment = Moment::from(at);
        assert_eq!(moment.iso, "2026-11-09T03:02:59Z");
        assert_eq!(moment.utc, "9 Nov 2026, 03:02 UTC");
    }
}
