//! Search as you type: fetches the page that the form would lead to and puts its
//! results in. Without a script the form leads there by itself. Pulls in `fetch`;
//! the results are rendered by the server.

use leptos::prelude::*;

/// The search form's button.
#[island]
pub fn AppSearch() -> impl IntoView {
    let button = NodeRef::<leptos::html::Button>::new();
    #[cfg(feature = "hydrate")]
    browser::listen(button);
    view! { <button type="submit" class="button" node_ref=button>"Search"</button> }
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::{cell::Cell, rc::Rc, time::Duration};

    use leptos::{html::Button, prelude::*};
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::{JsFuture, spawn_local};
    use web_sys::{HtmlInputElement, Response};

    use super::super::swap::swap;
    use crate::routes;

    const PARTS: &[&str] = &["apps-count", "apps-results"];
    /// So long is waited for the next letter.
    const PAUSE: Duration = Duration::from_millis(250);

    pub(super) fn listen(button: NodeRef<Button>) {
        // Counts the letters: only the answer to the last one is shown.
        let latest = Rc::new(Cell::new(0_u32));
        let on_input = window_event_listener_untyped("input", move |event| {
            let input = event.target().and_then(|t| t.dyn_into::<HtmlInputElement>().ok());
            let form = button.get_untracked().and_then(|b| b.form());
            let Some(input) = input.filter(|i| form.is_some() && i.form() == form) else { return };
            let (latest, turn) = (latest.clone(), latest.get().wrapping_add(1));
            latest.set(turn);
            set_timeout(
                move || {
                    if latest.get() == turn {
                        spawn_local(async move { search(&input.value(), || latest.get() == turn).await });
                    }
                },
                PAUSE,
            );
        });
        on_cleanup(move || on_input.remove());
    }

    async fn search(text: &str, is_latest: impl Fn() -> bool) {
        let text = text.trim();
        let address = if text.is_empty() {
            routes::APPS.to_owned()
        } else {
            format!("{}?q={}", routes::APPS, routes::encode(text))
        };
        busy(true);
        let page = fetch(&address).await;
        if !is_latest() {
            return;
        }
        busy(false);
        match page {
            Ok(page) if swap(&page, PARTS) => {
                // Where the address can't be changed the results are right all the same.
                let _ = window()
                    .history()
                    .and_then(|h| h.replace_state_with_url(&JsValue::NULL, "", Some(&address)));
            }
            // Another page came, such as the sign-in: go there.
            Ok(_) => {
                let _ = window().location().assign(&address);
            }
            Err(_) => {
                if let Some(count) = document().get_element_by_id("apps-count") {
                    count.set_text_content(Some(
                        "The portal can’t be reached. Check your connection and try again.",
                    ));
                }
            }
        }
    }

    fn busy(yes: bool) {
        if let Some(results) = document().get_element_by_id("apps-results") {
            let _ = results.set_attribute("aria-busy", if yes { "true" } else { "false" });
        }
    }

    async fn fetch(address: &str) -> Result<String, JsValue> {
        let response: Response = JsFuture::from(window().fetch_with_str(address)).await?.dyn_into()?;
        Ok(JsFuture::from(response.text()?).await?.as_string().unwrap_or_default())
    }
}
