//! Writes the moments of a page in the viewer's zone, with the browser's own
//! calendar. What it looks for is marked by [`crate::ui::time`].

use js_sys::{Date, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Element;

/// Writes the moments below `root` in the viewer's zone, and counts.
pub(super) fn localise(root: &Element) {
    each(root, "time[data-live]", |time| {
        if let Some(iso) = time.get_attribute("datetime") {
            time.set_text_content(Some(&local(&iso)));
        }
    });
    each(root, "[data-at]", |span| {
        if let Some(at) = span.get_attribute("data-at").and_then(|at| at.parse().ok()) {
            span.set_text_content(Some(&relative_to_now(at)));
        }
    });
}

/// Does something with each element below `root` that fits.
pub(super) fn each(root: &Element, selector: &str, act: impl Fn(Element)) {
    let Ok(found) = root.query_selector_all(selector) else { return };
    for at in 0..found.length() {
        if let Some(element) = found.item(at).and_then(|n| n.dyn_into().ok()) {
            act(element);
        }
    }
}

/// `29 Nov 2026, 15:02` in the browser's zone.
fn local(iso: &str) -> String {
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
    Date::new(&JsValue::from_str(iso)).to_locale_string("en-GB", &options).into()
}

fn relative_to_now(at: i64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit for 200 million years")]
    let now = (Date::now() / 1000.0) as i64;
    crate::words::relative(at - now)
}
