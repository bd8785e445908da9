//! Keeps the status on the settings page, and the ticks of the guide, right while
//! they are open: follows the server's events and puts in what they bring. Pulls in `EventSource` and
//! nothing else; the panel is rendered by the server.

use leptos::prelude::*;

/// The line that says whether the panel is live.
#[island]
pub fn StatusPanel() -> impl IntoView {
    let said = RwSignal::new("");
    #[cfg(feature = "hydrate")]
    browser::follow(said);
    view! { <span class="live">{said}</span> }
}

#[cfg(feature = "hydrate")]
mod browser {
    use js_sys::JSON;
    use leptos::prelude::*;
    use wasm_bindgen::{JsCast, prelude::Closure};
    use web_sys::{EventSource, MessageEvent};

    use super::super::swap::{swap_known, text_of};
    use crate::routes;

    /// The stream lives as long as the page, and so do the closures.
    pub(super) fn follow(said: RwSignal<&'static str>) {
        let Ok(source) = EventSource::new(routes::STATUS_STREAM) else { return };
        let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            said.set("Live");
            if let Some(data) = event.data().as_string() {
                show(&data);
            }
        });
        source.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        let lost = Closure::<dyn Fn()>::new(move || said.set("Not live at the moment"));
        source.set_onerror(Some(lost.as_ref().unchecked_ref()));
        heard.forget();
        lost.forget();
    }

    /// Puts in what an event brings, unless the page shows it already.
    fn show(data: &str) {
        let Ok(event) = JSON::parse(data) else { return };
        let (Some(panel), Some(mark), Some(html)) =
            (document().get_element_by_id("status"), text_of(&event, "mark"), text_of(&event, "html"))
        else {
            return;
        };
        if panel.get_attribute("data-mark").as_deref() == Some(mark.as_str()) {
            return;
        }
        swap_known(&html);
        // Can't fail: the name is a plain one.
        let _ = panel.set_attribute("data-mark", &mark);
    }
}
