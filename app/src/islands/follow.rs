//! Keeps a part of a page right while it is open: follows a stream of the
//! server's events and puts in what they bring. Pulls in `EventSource` and
//! nothing else; what is shown is rendered by the server.

use js_sys::JSON;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{Element, EventSource, MessageEvent};

use super::swap::{swap_known, text_of};

/// The stream lives as long as the page, and so do the closures.
pub(super) fn follow(said: RwSignal<&'static str>) {
    // Can't fail: the selector is a plain one.
    let panel = document().query_selector("[data-stream]").unwrap_or_default();
    let stream = panel.as_ref().and_then(|p| p.get_attribute("data-stream"));
    let (Some(panel), Some(stream)) = (panel, stream) else { return };
    let Ok(source) = EventSource::new(&stream) else { return };
    let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        said.set("Live");
        if let Some(data) = event.data().as_string() {
            show(&panel, &data);
        }
    });
    source.set_onmessage(Some(heard.as_ref().unchecked_ref()));
    let lost = Closure::<dyn Fn()>::new(move || said.set("Not live at the moment"));
    source.set_onerror(Some(lost.as_ref().unchecked_ref()));
    heard.forget();
    lost.forget();
}

/// Puts in what an event brings, unless the page shows it already.
fn show(panel: &Element, data: &str) {
    let Ok(event) = JSON::parse(data) else { return };
    let (Some(mark), Some(html)) = (text_of(&event, "mark"), text_of(&event, "html")) else {
        return;
    };
    if panel.get_attribute("data-mark").as_deref() == Some(mark.as_str()) {
        return;
    }
    swap_known(&html);
    // Can't fail: the name is a plain one.
    let _ = panel.set_attribute("data-mark", &mark);
}
