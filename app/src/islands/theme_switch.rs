//! Light, dark, or as the system has it. The choice is kept in the browser; a
//! line of script in the page's head applies it before anything is drawn.

use leptos::prelude::*;

/// The choice of theme.
#[island]
pub fn ThemeSwitch() -> impl IntoView {
    let select = NodeRef::<leptos::html::Select>::new();
    #[cfg(feature = "hydrate")]
    Effect::new(move || {
        if let Some(select) = select.get() {
            select.set_value(&browser::chosen());
        }
    });
    let on_change = move |_| {
        #[cfg(feature = "hydrate")]
        if let Some(select) = select.get_untracked() {
            browser::choose(&select.value());
        }
    };
    view! {
        <label class="theme needs-js">
            <span>"Theme"</span>
            <select class="input select" node_ref=select on:change=on_change>
                <option value="auto">"System"</option>
                <option value="light">"Light"</option>
                <option value="dark">"Dark"</option>
            </select>
        </label>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::prelude::*;

    const KEY: &str = "theme";
    const AUTO: &str = "auto";

    pub(super) fn chosen() -> String {
        root().and_then(|r| r.get_attribute("data-theme")).unwrap_or_else(|| AUTO.to_owned())
    }

    /// A browser that keeps nothing for us still shows the choice on this page,
    /// so the results are left unread.
    pub(super) fn choose(theme: &str) {
        let storage = window().local_storage().ok().flatten();
        let Some(root) = root() else { return };
        if theme == AUTO {
            let _ = root.remove_attribute("data-theme");
            let _ = storage.map(|s| s.remove_item(KEY));
        } else {
            let _ = root.set_attribute("data-theme", theme);
            let _ = storage.map(|s| s.set_item(KEY, theme));
        }
    }

    fn root() -> Option<web_sys::Element> {
        document().document_element()
    }
}
