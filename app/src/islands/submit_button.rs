//! A submit button that shows progress and can't be pressed twice. The form is
//! still posted by the browser itself.

#![expect(missing_docs, reason = "the macro writes a struct for an island's props that can't be given docs")]

use leptos::prelude::*;

/// The submit button of the form that it stands in.
#[island]
pub fn SubmitButton(
    /// What it says.
    label: String,
    /// What it says while the form is under way.
    busy: String,
    /// Its classes.
    class: String,
) -> impl IntoView {
    let sent = RwSignal::new(false);
    let button = NodeRef::<leptos::html::Button>::new();
    #[cfg(feature = "hydrate")]
    browser::guard(button, sent);
    let text = move || if sent.get() { busy.clone() } else { label.clone() };
    let disabled = move || sent.get().then_some("true");
    view! {
        <button type="submit" class=class node_ref=button aria-disabled=disabled>{text}</button>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::{ev, html::Button, prelude::*};
    use wasm_bindgen::JsCast;

    /// Lets the first submit of the button's form through and no second one,
    /// until the page is shown again out of the browser's memory.
    pub(super) fn guard(button: NodeRef<Button>, sent: RwSignal<bool>) {
        let on_submit = window_event_listener(ev::submit, move |event| {
            let form = button.get_untracked().and_then(|b| b.form());
            let target = event.target().and_then(|t| t.dyn_into().ok());
            if form.is_none() || form != target || event.default_prevented() {
                return;
            }
            if sent.get_untracked() {
                event.prevent_default();
            } else {
                sent.set(true);
            }
        });
        let on_show = window_event_listener_untyped("pageshow", move |_| sent.set(false));
        on_cleanup(move || {
            on_submit.remove();
            on_show.remove();
        });
    }
}
