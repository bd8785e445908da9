//! Moments: the server writes them in UTC, and the page's one island for that
//! writes what is marked anew in the viewer's zone. Relative time stands only
//! beside an absolute one.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

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

/// A moment, marked to be rewritten in the viewer's zone; UTC stays in `title`.
#[component]
pub fn Time(
    /// When.
    #[prop(into)]
    at: Moment,
) -> impl IntoView {
    let title = at.utc.clone();
    view! { <time datetime=at.iso title=title data-live="">{at.utc}</time> }
}

/// How far a moment is from now, marked to be kept right each minute.
#[component]
pub fn Countdown(
    /// The moment, in unix seconds.
    at: i64,
    /// What the server counted; empty where the browser is to count.
    #[prop(into)]
    counted: String,
) -> impl IntoView {
    view! { <span class="relative" data-at=at.to_string()>{counted}</span> }
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
