//! What every page does by itself: moments in the viewer's zone, and no form
//! sent twice. One island for the whole page, because both are marks on plain
//! elements that the server writes by the dozen.

use leptos::prelude::*;

/// Stands once on each page.
#[island]
pub fn PageLife() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    browser::live();
    view! { <span hidden=true></span> }
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::time::Duration;

    use leptos::{ev, prelude::*};
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement};

    use super::super::moments::{each, localise};

    const SENT: &str = "data-sent";
    const IDLE: &str = "data-idle";

    pub(super) fn live() {
        let Some(root) = document().document_element() else { return };
        localise(&root);
        let page = root.clone();
        set_interval(move || localise(&page), Duration::from_mins(1));
        // All of this lives as long as the page, so nothing is ever taken off again.
        window_event_listener(ev::submit, |event| {
            let form = event.target().and_then(|t| t.dyn_into::<Element>().ok());
            // Who stopped the event sends the form by itself.
            let Some(form) = form.filter(|_| !event.default_prevented()) else { return };
            if form.has_attribute(SENT) {
                event.prevent_default();
                return;
            }
            set(&form, SENT, "");
            if let Some(button) = event.submitter() {
                under_way(&button);
            }
        });
        // A page that comes back out of the browser's memory can be used again.
        window_event_listener_untyped("pageshow", move |_| {
            each(&root, "[data-sent]", |form| remove(&form, SENT));
            each(&root, "[data-idle]", |button| idle(&button));
        });
    }

    /// The button says so and looks so. It keeps the focus, so it is not disabled.
    fn under_way(button: &HtmlElement) {
        let Some(busy) = button.get_attribute("data-busy") else { return };
        set(button, IDLE, &button.text_content().unwrap_or_default());
        set(button, "aria-disabled", "true");
        button.set_text_content(Some(&busy));
    }

    fn idle(button: &Element) {
        button.set_text_content(button.get_attribute(IDLE).as_deref());
        remove(button, IDLE);
        remove(button, "aria-disabled");
    }

    // Neither can fail: the names are plain ones.
    fn set(element: &Element, name: &str, value: &str) {
        let _ = element.set_attribute(name, value);
    }

    fn remove(element: &Element, name: &str) {
        let _ = element.remove_attribute(name);
    }
}
