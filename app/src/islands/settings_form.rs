//! The settings form's button. It sends the form by itself, shows what comes back
//! in place, and goes on where it was stored; the page stays, with what was
//! opened in it. Without a script the browser posts the same form to the same
//! address. Pulls in `fetch`; what is shown is rendered by the server.

use leptos::prelude::*;

/// Saves the form that it stands in.
#[island]
pub fn SaveSettingsButton() -> impl IntoView {
    let busy = RwSignal::new(false);
    let unreachable = RwSignal::new(false);
    let button = NodeRef::<leptos::html::Button>::new();
    #[cfg(feature = "hydrate")]
    browser::take_over(button, busy, unreachable);
    let text = move || if busy.get() { "Testing…" } else { "Save" };
    let said = move || if busy.get() { "Testing the connection" } else { "" };
    let trouble = move || {
        if unreachable.get() {
            "The portal can’t be reached. Check your connection and try again."
        } else {
            ""
        }
    };
    view! {
        <button
            type="submit"
            class="button primary save"
            node_ref=button
            aria-disabled=move || busy.get().then_some("true")
        >
            {text}
        </button>
        <span class="visually-hidden" role="status">{said}</span>
        <span class="field-error" role="alert">{trouble}</span>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::{ev, html::Button, prelude::*};
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::{JsFuture, spawn_local};
    use web_sys::{
        FormData, HtmlElement, HtmlFormElement, HtmlInputElement, RequestInit, Response, UrlSearchParams,
    };

    use super::super::swap::{swap, text_of};
    use crate::tidy::host_in;

    const PARTS: &[&str] = &["settings-summary", "settings-fields", "settings-draft", "settings-checks"];

    pub(super) fn take_over(button: NodeRef<Button>, busy: RwSignal<bool>, unreachable: RwSignal<bool>) {
        let form = move || button.get_untracked().and_then(|b| b.form());
        let on_submit = window_event_listener(ev::submit, move |event| {
            let Some(form) = form() else { return };
            if event.target().and_then(|t| t.dyn_into().ok()).as_ref() != Some(&form) {
                return;
            }
            event.prevent_default();
            if busy.get_untracked() {
                return;
            }
            busy.set(true);
            unreachable.set(false);
            still(true);
            spawn_local(async move {
                // Where it goes on to another page, the button stays as it is until that is there.
                match post(&form).await {
                    Ok(answer) if go_on(&answer) => return,
                    Ok(answer) if show(&answer) => {}
                    // Not our answer: the browser asks again by itself and shows what comes.
                    Ok(_) => return form.submit().unwrap_or_default(),
                    Err(_) => unreachable.set(true),
                }
                still(false);
                busy.set(false);
            });
        });
        // A pasted address becomes its host, and one sees it.
        let on_change = window_event_listener_untyped("change", move |event| {
            let input = event.target().and_then(|t| t.dyn_into::<HtmlInputElement>().ok());
            if let Some(input) = input.filter(|i| i.name() == "tenant_host" && i.form() == form()) {
                input.set_value(&host_in(&input.value()));
            }
        });
        let on_show = window_event_listener_untyped("pageshow", move |_| {
            busy.set(false);
            still(false);
        });
        on_cleanup(move || {
            on_submit.remove();
            on_change.remove();
            on_show.remove();
        });
    }

    /// What is being tested can't be changed meanwhile: the answer replaces it.
    fn still(yes: bool) {
        if let Some(fields) = document().get_element_by_id("settings-fields") {
            // Can't fail: the name is a plain one.
            let _ = fields.toggle_attribute_with_force("inert", yes);
        }
    }

    /// Sends the form as the browser would, but asks for data.
    async fn post(form: &HtmlFormElement) -> Result<JsValue, JsValue> {
        let fields = FormData::new_with_form(form)?;
        let body = UrlSearchParams::new_with_str_sequence_sequence(&fields)?;
        let request = RequestInit::new();
        request.set_method("POST");
        request.set_body(&body);
        let headers = js_sys::Object::new();
        js_sys::Reflect::set(&headers, &"accept".into(), &"application/json".into())?;
        request.set_headers(&headers);
        let sent = window().fetch_with_str_and_init(&form.action(), &request);
        let response: Response = JsFuture::from(sent).await?.dyn_into()?;
        // Something that is no JSON is no lost connection.
        Ok(JsFuture::from(response.json()?).await.unwrap_or_default())
    }

    fn go_on(answer: &JsValue) -> bool {
        text_of(answer, "next").is_some_and(|next| window().location().assign(&next).is_ok())
    }

    /// What a visit of the page would change beside its parts: the notice of
    /// something earlier is gone, and the title says that something is wrong.
    fn as_after_a_visit() {
        if let Some(notice) = document().get_element_by_id("notice") {
            notice.remove();
        }
        let title = document().title();
        if !title.starts_with("Error: ") {
            document().set_title(&format!("Error: {title}"));
        }
    }

    fn show(answer: &JsValue) -> bool {
        let shown = text_of(answer, "html").is_some_and(|html| swap(&html, PARTS));
        if shown {
            as_after_a_visit();
        }
        let summary = document().get_element_by_id("settings-errors").and_then(|e| e.dyn_into().ok());
        if let Some(summary) = summary.filter(|_| shown) {
            let summary: HtmlElement = summary;
            // An element that can't take the focus still shows the errors.
            let _ = summary.focus();
        }
        shown
    }
}
