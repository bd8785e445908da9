//! Puts what the server rendered anew into the open page. The islands that do so
//! carry no code and no words for what they show.

use js_sys::Reflect;
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::Element;

use super::moments::{each, localise};

/// Fills the page's elements with the given ids from those in `html`. The
/// elements themselves stay, so that one that is read out keeps being so.
/// `false` where `html` lacks one.
pub(super) fn swap(html: &str, ids: &[&str]) -> bool {
    let Some(holder) = holder(html) else { return false };
    let mut all = true;
    for id in ids {
        match (holder.query_selector(&format!("#{id}")), document().get_element_by_id(id)) {
            (Ok(Some(new)), Some(place)) => fill(&place, &new),
            _ => all = false,
        }
    }
    all
}

/// The same with every part of `html` that the page has: which parts there are
/// is for the server to know. One in which the person is at work is left alone.
pub(super) fn swap_known(html: &str) {
    let Some(holder) = holder(html) else { return };
    each(&holder, ":scope > [id]", |new: Element| {
        if let Some(place) = document().get_element_by_id(&new.id()).filter(|place| !is_at_work_in(place)) {
            fill(&place, &new);
        }
    });
}

fn holder(html: &str) -> Option<Element> {
    let holder = document().create_element("div").ok()?;
    holder.set_inner_html(html);
    Some(holder)
}

fn fill(place: &Element, new: &Element) {
    keep_open(place, new);
    place.set_inner_html(&new.inner_html());
    localise(place);
}

/// What the person opened stays open.
fn keep_open(old: &Element, new: &Element) {
    each(old, "details[open][id]", |open| {
        if let Ok(Some(again)) = new.query_selector(&format!("#{}", open.id())) {
            // Can't fail: the name is a plain one.
            let _ = again.set_attribute("open", "");
        }
    });
}

/// A text of a JSON object.
pub(super) fn text_of(object: &JsValue, name: &str) -> Option<String> {
    Reflect::get(object, &name.into()).ok()?.as_string()
}

/// The focus is in a field there: what was typed would be lost.
fn is_at_work_in(place: &Element) -> bool {
    document().active_element().is_some_and(|focus| {
        place.contains(Some(&focus)) && matches!(focus.tag_name().as_str(), "INPUT" | "SELECT")
    })
}
