//! Copies a value to the clipboard. Where the browser has no clipboard for us
//! (a page not served over https), it selects the text beside it instead.

#![expect(missing_docs, reason = "the macro writes a struct for an island's props that can't be given docs")]

use leptos::prelude::*;

/// A button that copies `value`; put it right after the text that shows it.
#[island]
pub fn CopyButton(
    /// What is copied.
    value: String,
    /// What the value is, for those who don't see what stands beside the button.
    what: String,
) -> impl IntoView {
    // Whether the last press copied, for as long as the button says so.
    let copied = RwSignal::new(None::<bool>);
    let button = NodeRef::<leptos::html::Button>::new();
    let text = move || match copied.get() {
        None => "Copy",
        Some(true) => "Copied",
        Some(false) => "Selected",
    };
    let announced = move || match copied.get() {
        None => "",
        Some(true) => "Copied",
        Some(false) => "Selected. Copy it with your keyboard or menu.",
    };
    let on_click = move |_| {
        #[cfg(feature = "hydrate")]
        browser::copy(value.clone(), button, move |done| {
            copied.set(Some(done));
            set_timeout(move || copied.set(None), std::time::Duration::from_secs(2));
        });
        #[cfg(not(feature = "hydrate"))]
        let _ = (&value, button);
    };
    view! {
        <button type="button" class="button copy needs-js" node_ref=button on:click=on_click>
            {text}
            <span class="visually-hidden">" " {what}</span>
        </button>
        <span class="visually-hidden" role="status">{announced}</span>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::{html::Button, prelude::*, web_sys::HtmlInputElement};
    use wasm_bindgen::JsCast;
    use wasm_bindgen_futures::{JsFuture, spawn_local};

    /// Tells `then` whether the clipboard took it; if not, the text is selected.
    pub(super) fn copy(value: String, button: NodeRef<Button>, then: impl Fn(bool) + 'static) {
        spawn_local(async move {
            let window = window();
            let copied = window.is_secure_context()
                && JsFuture::from(window.navigator().clipboard().write_text(&value)).await.is_ok();
            if !copied {
                select_beside(button);
            }
            then(copied);
        });
    }

    /// Selects the text in front of the island that the button is in.
    fn select_beside(button: NodeRef<Button>) {
        let island = button.get_untracked().and_then(|b| b.parent_element());
        let Some(shown) = island.and_then(|i| i.previous_element_sibling()) else { return };
        if let Some(input) = shown.dyn_ref::<HtmlInputElement>() {
            input.select();
        } else if let Ok(Some(selection)) = window().get_selection() {
            // Nothing more can be done for a browser that can't select either.
            let _ = selection.select_all_children(&shown);
        }
    }
}
