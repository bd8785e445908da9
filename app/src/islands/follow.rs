//! Keeps a part of a page right while it is open: follows a stream of the
//! server's events and puts in what they bring. Pulls in `EventSource` and
//! nothing else; what is shown is rendered by the server.

use js_sys::JSON;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{EventSource, MessageEvent};

use super::swap::{swap, text_of};

/// What is followed, and where it goes.
pub(super) struct Followed {
    /// The element whose `data-mark` says what the page shows already.
    pub(super) panel: &'static str,
    /// The elements that each event fills.
    pub(super) parts: &'static [&'static str],
    /// Elements that an event may fill; one in which the person is at work is left alone.
    pub(super) more: &'static [&'static str],
}

/// The stream lives as long as the page, and so do the closures.
pub(super) fn follow(stream: &str, what: &'static Followed, said: RwSignal<&'static str>) {
    let Ok(source) = EventSource::new(stream) else { return };
    let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        said.set("Live");
        if let Some(data) = event.data().as_string() {
            show(what, &data);
        }
    });
    source.set_onmessage(Some(heard.as_ref().unchecked_ref()));
    let lost = Closure::<dyn Fn()>::new(move || said.set("Not live at the moment"));
    source.set_onerror(Some(lost.as_ref().unchecked_ref()));
    heard.forget();
    lost.forget();
}

/// Puts in what an event brings, unless the page shows it already.
fn show(what: &Followed, data: &str) {
    let Ok(event) = JSON::parse(data) else { return };
    let (Some(panel), Some(mark), Some(html)) =
        (document().get_element_by_id(what.panel), text_of(&event, "mark"), text_of(&event, "html"))
    else {
        return;
    };
    if panel.get_attribute("data-mark").as_deref() == Some(mark.as_str()) {
        return;
    }
    swap(&html, what.parts);
    for id in what.more.iter().filter(|id| !is_at_work_in(id)) {
        // What an event does not bring stays as it is: that is all right.
        swap(&html, &[id]);
    }
    // Can't fail: the name is a plain one.
    let _ = panel.set_attribute("data-mark", &mark);
}

/// The focus is in a field there: what was typed would be lost.
fn is_at_work_in(id: &str) -> bool {
    let (Some(place), Some(focus)) = (document().get_element_by_id(id), document().active_element()) else {
        return false;
    };
    place.contains(Some(&focus)) && matches!(focus.tag_name().as_str(), "INPUT" | "SELECT")
}
