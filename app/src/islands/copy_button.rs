//! Copies the value beside it to the clipboard. Where the browser has no
//! clipboard for us (a page not served over https), it selects the value instead.

use leptos::prelude::*;

/// A button that copies what stands right before it: a field's value or an
/// element's text. Both stand in a group that says what the value is.
#[island]
pub fn CopyButton() -> impl IntoView {
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
        browser::copy(button, move |done| {
            copied.set(Some(done));
            set_timeout(move || copied.set(None), std::time::Duration::from_secs(2));
        });
    };
    view! {
        <button type="button" class="button copy needs-js" node_ref=button on:click=on_click>
            {text}
        </button>
        <span class="visually-hidden" role="status">{announced}</span>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::{html::Button, prelude::*};
    use wasm_bindgen::JsCast;
    use wasm_bindgen_futures::{JsFuture, spawn_local};
    use web_sys::{Element, HtmlInputElement};

    /// Tells `then` whether the clipboard took it; if not, the value is selected.
    pub(super) fn copy(button: NodeRef<Button>, then: impl Fn(bool) + 'static) {
        let island = button.get_untracked().and_then(|b| b.parent_element());
        let Some(shown) = island.and_then(|i| i.previous_element_sibling()) else { return };
        let value = match shown.dyn_ref::<HtmlInputElement>() {
            Some(input) => input.value(),
            None => shown.text_content().unwrap_or_default(),
        };
        spawn_local(async move {
            let window = window();
            let copied = window.is_secure_context()
                && JsFuture::from(window.navigator().clipboard().write_text(&value)).await.is_ok();
            if !copied {
                select(&shown);
            }
            then(copied);
        });
    }

    fn select(shown: &Element) {
        if let Some(input) = shown.dyn_ref::<HtmlInputElement>() {
            input.select();
        } else if let Ok(Some(selection)) = window().get_selection() {
            // Nothing more can be done for a browser that can't select either.
            let _ = selection.select_all_children(shown);
        }
    }
}
