//! Small drawings of where to click, of our own making: enough to recognise the
//! place, no copy of Qlik's screens. Each says in words what it shows. Colours
//! come from the style sheet, so that they fit light and dark.

use backend::connection::AuthOption;
use leptos::prelude::*;

/// Everything is this wide, in the drawing's own units.
const WIDTH: usize = 320;

/// The address bar of a browser, the host in it marked.
pub(super) fn address_bar() -> AnyView {
    drawing(
        "A browser’s address bar; the part acme.eu.qlikcloud.com of the address is marked.",
        96,
        view! {
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
        },
    )
}

/// A page with an entry at its side to choose and a button at its top to press.
pub(super) fn page(entry: &'static str, button: &'static str) -> AnyView {
    drawing(
        &format!(
            "A page of Qlik: the entry {entry} at the side and the button {button} at the top are marked."
        ),
        96,
        view! {
            <rect class="s-panel" x="1" y="1" width="318" height="94" rx="8"/>
            <path class="s-line" d="M116 1v94"/>
            <rect class="s-dim" x="14" y="14" width="64" height="7" rx="3.5"/>
            <rect class="s-mark" x="8" y="30" width="100" height="20" rx="5"/>
            <text class="s-text" x="16" y="44">{entry}</text>
            <rect class="s-dim" x="14" y="60" width="78" height="7" rx="3.5"/>
            <rect class="s-dim" x="14" y="76" width="54" height="7" rx="3.5"/>
            <rect class="s-dim" x="128" y="18" width="60" height="8" rx="4"/>
            <rect class="s-mark" x="206" y="10" width="104" height="22" rx="5"/>
            <text class="s-text" x="258" y="25" text-anchor="middle">{button}</text>
            <path class="s-line" d="M128 46h182M128 64h182M128 82h182"/>
        },
    )
}

/// The menu under the avatar, an entry of it marked.
pub(super) fn avatar_menu(entry: &'static str) -> AnyView {
    drawing(
        &format!(
            "The upper right corner of Qlik: the avatar, and in the menu under it the entry {entry}, are marked."
        ),
        96,
        view! {
            <rect class="s-panel" x="1" y="1" width="318" height="94" rx="8"/>
            <path class="s-line" d="M1 30h318"/>
            <rect class="s-dim" x="14" y="12" width="70" height="8" rx="4"/>
            <circle class="s-mark" cx="302" cy="16" r="10"/>
            <text class="s-text" x="302" y="20" text-anchor="middle">"AL"</text>
            <rect class="s-field" x="190" y="34" width="122" height="56" rx="6"/>
            <rect class="s-mark" x="194" y="38" width="114" height="20" rx="4"/>
            <text class="s-text" x="202" y="52">{entry}</text>
            <rect class="s-dim" x="202" y="66" width="70" height="6" rx="3"/>
            <rect class="s-dim" x="202" y="78" width="50" height="6" rx="3"/>
        },
    )
}

/// A form: its title, each field with what goes in, and the button to press.
pub(super) fn form(
    title: &'static str,
    fields: &'static [(&'static str, &'static str)],
    button: &'static str,
) -> AnyView {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let height = 68 + 24 * fields.len();
    let rows = fields
        .iter()
        .enumerate()
        .map(|(n, (name, value))| {
            let y = 30 + 24 * n;
            view! {
                <text class="s-faint" x="16" y=(y + 14).to_string()>{*name}</text>
                <rect class="s-field" x="112" y=y.to_string() width="192" height="19" rx="4"/>
                <text class="s-text" x="120" y=(y + 13).to_string()>{*value}</text>
            }
        })
        .collect_view();
    let below = height - 32;
    drawing(
        &format!("The form {title} with the fields {}; the button {button} is marked.", names.join(", ")),
        height,
        view! {
            <rect class="s-panel" x="1" y="1" width="318" height=(height - 2).to_string() rx="8"/>
            <text class="s-text" x="16" y="20">{title}</text>
            {rows}
            <rect class="s-mark" x="214" y=below.to_string() width="90" height="22" rx="5"/>
            <text class="s-text" x="259" y=(below + 15).to_string() text-anchor="middle">{button}</text>
        },
    )
}

/// A value with the button that copies it.
pub(super) fn copied(label: &'static str, value: &'static str) -> AnyView {
    drawing(
        &format!("The value {label}; the button Copy beside it is marked."),
        60,
        view! {
            <rect class="s-panel" x="1" y="1" width="318" height="58" rx="8"/>
            <text class="s-faint" x="14" y="20">{label}</text>
            <rect class="s-field" x="14" y="28" width="222" height="22" rx="5"/>
            <text class="s-text" x="22" y="43">{value}</text>
            <rect class="s-mark" x="244" y="28" width="62" height="22" rx="5"/>
            <text class="s-text" x="275" y="43" text-anchor="middle">"Copy"</text>
        },
    )
}

/// A permission, and what it is to be set to.
pub(super) fn permission(name: &'static str, set_to: &'static str) -> AnyView {
    drawing(
        &format!("The list of permissions; {name} is set to {set_to}."),
        88,
        view! {
            <rect class="s-panel" x="1" y="1" width="318" height="86" rx="8"/>
            <rect class="s-dim" x="14" y="16" width="90" height="7" rx="3.5"/>
            <rect class="s-dim" x="236" y="16" width="46" height="7" rx="3.5"/>
            <path class="s-line" d="M1 32h318M1 58h318"/>
            <text class="s-text" x="14" y="49">{name}</text>
            <rect class="s-mark" x="226" y="35" width="84" height="20" rx="5"/>
            <text class="s-text" x="268" y="49" text-anchor="middle">{set_to}</text>
            <rect class="s-dim" x="14" y="70" width="110" height="7" rx="3.5"/>
            <rect class="s-dim" x="236" y="70" width="46" height="7" rx="3.5"/>
        },
    )
}

/// The options in their order, one of them chosen.
pub(super) fn options(chosen: AuthOption) -> AnyView {
    let names = AuthOption::ALL.map(AuthOption::label);
    let row = |at: usize| 28 + 26 * at;
    let at = AuthOption::ALL.iter().position(|o| *o == chosen).unwrap_or_default();
    let rows = names.iter().enumerate().map(|(at, name)| {
        view! {
            <circle class="s-ring" cx="24" cy=row(at).to_string() r="6"/>
            <text class="s-text" x="38" y=(row(at) + 4).to_string()>{*name}</text>
        }
    });
    let height = row(names.len()) - 4;
    drawing(
        &format!("The options {}; {} is chosen.", names.join(", "), chosen.label()),
        height,
        view! {
            <rect class="s-panel" x="1" y="1" width="318" height=(height - 2).to_string() rx="8"/>
            <rect class="s-mark" x="10" y=(row(at) - 13).to_string() width="220" height="26" rx="5"/>
            {rows.collect_view()}
            <circle class="s-dot" cx="24" cy=row(at).to_string() r="3"/>
        },
    )
}

fn drawing(says: &str, height: usize, inner: impl IntoView + 'static) -> AnyView {
    view! {
        <svg
            class="sketch"
            viewBox=format!("0 0 {WIDTH} {height}")
            role="img"
            aria-label=format!("Drawing. {says}")
            focusable="false"
        >
            {inner}
        </svg>
    }
    .into_any()
}
