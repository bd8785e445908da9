//! Moments in the viewer's time zone. The server writes UTC; the browser knows
//! the zone and writes it anew, with the browser's own calendar.

#![expect(missing_docs, reason = "the macro writes a struct for an island's props that can't be given docs")]

use leptos::prelude::*;

/// A moment: UTC until the browser has rewritten it, UTC in the `title` for good.
#[island]
pub fn LocalTime(
    /// RFC 3339.
    iso: String,
    /// The moment in UTC, for people.
    utc: String,
) -> impl IntoView {
    let text = RwSignal::new(utc.clone());
    #[cfg(feature = "hydrate")]
    {
        let iso = iso.clone();
        Effect::new(move || text.set(browser::local(&iso)));
    }
    view! { <time datetime=iso title=utc>{text}</time> }
}

/// How far a moment is from now: `in 4 d 3 h`, kept right each minute.
#[island]
pub fn Countdown(
    /// The moment, in unix seconds.
    at: i64,
    /// What the server counted.
    counted: String,
) -> impl IntoView {
    let text = RwSignal::new(counted);
    #[cfg(feature = "hydrate")]
    Effect::new(move || browser::each_minute(move || text.set(browser::relative_to_now(at))));
    #[cfg(not(feature = "hydrate"))]
    let _ = at;
    view! { <span class="relative">{text}</span> }
}

#[cfg(feature = "hydrate")]
pub(super) mod browser {
    use std::time::Duration;

    use js_sys::{Date, Object, Reflect};
    use leptos::prelude::*;
    use wasm_bindgen::JsValue;

    /// `29 Nov 2026, 15:02` in the browser's zone.
    pub(in crate::islands) fn local(iso: &str) -> String {
        let options = Object::new();
        for (key, value) in [
            ("day", "numeric"),
            ("month", "short"),
            ("year", "numeric"),
            ("hour", "2-digit"),
            ("minute", "2-digit"),
        ] {
            // Can't fail on a plain new object; a missing option would only look different.
            let _ = Reflect::set(&options, &key.into(), &value.into());
        }
        let date = Date::new(&JsValue::from_str(iso));
        date.to_locale_string("en-GB", &options).into()
    }

    pub(in crate::islands) fn relative_to_now(at: i64) -> String {
        #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit for 200 million years")]
        let now = (Date::now() / 1000.0) as i64;
        crate::words::relative(at - now)
    }

    pub(in crate::islands) fn each_minute(tick: impl Fn() + 'static) {
        tick();
        set_interval(tick, Duration::from_secs(60));
    }
}
