//! Small drawings of where to click, of our own making: enough to recognise the
//! place, no copy of Qlik's screens. The steps beside them say the same in words,
//! so they are unseen by screen readers.

use leptos::prelude::*;

/// The address bar of a browser, the host in it marked.
pub(super) fn address_bar() -> AnyView {
    drawing(view! {
        <rect class="s-panel" x="1" y="1" width="318" height="94" rx="8"/>
        <circle class="s-dim" cx="16" cy="18" r="4"/>
        <circle class="s-dim" cx="30" cy="18" r="4"/>
        <rect class="s-field" x="46" y="8" width="262" height="20" rx="10"/>
        <rect class="s-mark" x="94" y="10" width="132" height="16" rx="8"/>
        <text class="s-faint" x="56" y="22">"https://"</text>
        <text class="s-text" x="100" y="22">"acme.eu.qlikcloud.com"</text>
        <text class="s-faint" x="230" y="22">"/analytics"</text>
        <rect class="s-dim" x="16" y="44" width="120" height="8" rx="4"/>
        <rect class="s-dim" x="16" y="60" width="180" height="8" rx="4"/>
        <rect class="s-dim" x="16" y="76" width="150" height="8" rx="4"/>
    })
}

/// A page with an entry at its side to choose and a button at its top to press.
pub(super) fn page(entry: &'static str, button: &'static str) -> AnyView {
    drawing(view! {
        <rect class="s-panel" x="1" y="1" width="318" height="94" rx="8"/>
        <path class="s-line" d="M112 1v94"/>
        <rect class="s-dim" x="14" y="14" width="64" height="7" rx="3.5"/>
        <rect class="s-mark" x="8" y="30" width="96" height="20" rx="5"/>
        <text class="s-text" x="16" y="44">{entry}</text>
        <rect class="s-dim" x="14" y="60" width="78" height="7" rx="3.5"/>
        <rect class="s-dim" x="14" y="76" width="54" height="7" rx="3.5"/>
        <rect class="s-dim" x="126" y="18" width="60" height="8" rx="4"/>
        <rect class="s-mark" x="206" y="10" width="104" height="22" rx="5"/>
        <text class="s-text" x="258" y="25" text-anchor="middle">{button}</text>
        <path class="s-line" d="M126 46h184M126 64h184M126 82h184"/>
    })
}

fn drawing(inner: impl IntoView + 'static) -> AnyView {
    view! {
        <svg class="sketch" viewBox="0 0 320 96" aria-hidden="true" focusable="false">{inner}</svg>
    }
    .into_any()
}
