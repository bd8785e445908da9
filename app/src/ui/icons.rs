//! Icons of our own drawing: one sprite a page, used by name. Always beside a
//! word, never alone on a control, and unseen by screen readers.

use leptos::prelude::*;

/// Draws the icon `name` of the sprite.
#[component]
pub fn Icon(
    /// One of the sprite's names.
    name: &'static str,
) -> impl IntoView {
    view! {
        <svg class="icon" aria-hidden="true" focusable="false" viewBox="0 0 16 16">
            <use_ href=format!("#i-{name}")/>
        </svg>
    }
}

/// All icons, 16 by 16, drawn with the text's colour.
pub const SPRITE: &str = include_str!("icons.svg");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sprite_has_every_icon_that_is_used() {
        for name in [
            "check", "warning", "cross", "dash", "info", "mark", "menu", "apps", "person", "settings",
            "people", "audit", "bell", "out", "external",
        ] {
            assert!(SPRITE.contains(&format!("id=\"i-{name}\"")), "{name}");
        }
    }
}
