//! The browser entry: makes the islands of [`app`] alive, and nothing else.
//!
//! Must not know pages, wire types or what an island does.

// The script finds an island by the function that `app` exports under its
// name. Without a use of the crate the linker drops all of them.
use app as _;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page's script once the wasm is loaded, before it hands the
/// islands over one by one.
#[wasm_bindgen]
pub fn hydrate() {
    // Text of panics and the code that formats it would travel to everybody.
    #[cfg(debug_assertions)]
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
