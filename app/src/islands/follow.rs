//! Keeps a part of a page right while it is open: follows a stream of the
//! server's events and puts in what they bring. Pulls in `EventSource` and
//! nothing else; what is shown is rendered by the server.

use js_sys::JSON;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{EventSource, MessageEvent};

use super::swap::{swap_known, text_of};

/// The stream lives as long as the page, and so do the closures.
/// `panel` is the element whose `data-mark` says what the page shows already.
pub(super) fn follow(stream: &str, panel: &'static str, said: RwSignal<&'static str>) {
    let Ok(source) = EventSource::new(stream) else { return };
    let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        said.set("Live");
        if let Some(data) = event.data().as_string() {
            show(panel, &data);
        }
    });
    source.set_onmessage(Some(heard.as_ref().unchecked_ref()));
    let lost = Closure::<dyn Fn()>::new(move || said.set("Not live at the moment"));
    source.set_onerror(Some(lost.as_ref().unchecked_ref()));
    heard.forget();
    lost.forget();
}

/// Puts in what an event brings, unless the page shows it already.
fn show(panel: &str, data: &str) {
    let Ok(event) = JSON::parse(data) else { return };
    let (Some(panel), Some(mark), Some(html)) =
        (document().get_element_by_id(panel), text_of(&event, "mark"), text_of(&event, "html"))
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
