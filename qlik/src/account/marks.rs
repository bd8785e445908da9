//! Signs on a page that mean the same in every language.
//!
//! This module must not read what a page says to people.

use html5gum::StartTag;

use super::markup::{attribute, text};

/// Longest code that is looked at, in characters.
const MAX_CODE: usize = 64;
/// So many codes are kept of one page.
const MAX_CODES: usize = 20;

/// What a page is marked with.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one sign, and any may be there with any other")]
pub(super) struct Marks {
    /// Asks to prove that a person is there.
    pub(super) captcha: bool,
    /// Asks for a code from a device.
    pub(super) one_time_code: bool,
    /// Has a message about something that went wrong.
    pub(super) alert: bool,
    /// Sends its form as soon as it is there.
    pub(super) sends_itself: bool,
    /// Codes of errors: of attributes that are made for them, and what messages about
    /// errors are called.
    pub(super) codes: Vec<String>,
}

/// The words of names: `ulp-input-error` has `ulp`, `input` and `error`.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_ascii_lowercase)
}

/// Whether an element says that nobody sees it.
pub(super) fn is_unseen(tag: &StartTag<()>) -> bool {
    let style = attribute(tag, "style").unwrap_or_default().to_ascii_lowercase();
    let style: String = style.split_whitespace().collect();
    tag.attributes.contains_key(b"hidden".as_slice())
        || style.contains("display:none")
        || style.contains("visibility:hidden")
        || attribute(tag, "aria-hidden").is_some_and(|value| value == "true")
}

fn is_hidden(tag: &StartTag<()>) -> bool {
    is_unseen(tag) || attribute(tag, "type").is_some_and(|kind| kind.trim().eq_ignore_ascii_case("hidden"))
}

/// `name`, `id` and `class` in one.
fn names(tag: &StartTag<()>) -> String {
    let of = |name| attribute(tag, name).unwrap_or_default();
    format!("{} {} {}", of("class"), of("id"), of("name"))
}

/// Takes a note of the marks of one element.
pub(super) fn note(marks: &mut Marks, element: &str, tag: &StartTag<()>) {
    marks.sends_itself |= attribute(tag, "onload").is_some_and(|script| script.contains("submit"));
    if ["script", "style", "link", "meta", "html", "body"].contains(&element) || is_hidden(tag) {
        return;
    }
    for (name, value) in &tag.attributes {
        let name = text(name).to_ascii_lowercase();
        let is_code =
            ["data-error-code", "data-error", "data-code", "data-error-type"].contains(&name.as_str());
        if is_code
            && !value.value.is_empty()
            && value.value.len() <= MAX_CODE
            && marks.codes.len() < MAX_CODES
        {
            marks.codes.push(text(&value.value));
        }
    }
    if is_alert(tag)
        && let Some(id) = attribute(tag, "id").filter(|id| id.len() <= MAX_CODE)
        && marks.codes.len() < MAX_CODES
    {
        marks.codes.push(id);
    }
    marks.captcha |= is_captcha(element, tag);
    marks.one_time_code |= element == "input" && is_one_time_code(tag);
    marks.alert |= attribute(tag, "aria-invalid").is_some_and(|value| value == "true");
}

fn is_captcha(element: &str, tag: &StartTag<()>) -> bool {
    let known = ["g-recaptcha", "h-captcha", "cf-turnstile", "frc-captcha"];
    let class = attribute(tag, "class").unwrap_or_default();
    let by_class = class.split_whitespace().any(|name| known.contains(&name));
    let by_data = tag
        .attributes
        .keys()
        .any(|name| name.starts_with(b"data-captcha") || name.starts_with(b"data-sitekey"));
    let source = attribute(tag, "src").unwrap_or_default().to_ascii_lowercase();
    let by_source = ["img", "iframe"].contains(&element)
        && ["captcha", "turnstile", "arkoselabs"].iter().any(|part| source.contains(part));
    let asks = ["input", "img", "iframe", "canvas"].contains(&element) && is_captchas_place(tag);
    by_class || by_data || by_source || asks
}

/// Whether an element is named after a captcha. It may be an empty place that a
/// script fills where one is needed.
pub(super) fn is_captchas_place(tag: &StartTag<()>) -> bool {
    !is_hidden(tag) && words(&names(tag)).any(|word| word.ends_with("captcha"))
}

fn is_one_time_code(tag: &StartTag<()>) -> bool {
    let autocomplete = attribute(tag, "autocomplete").unwrap_or_default().to_ascii_lowercase();
    if autocomplete.split_whitespace().any(|token| token == "one-time-code") {
        return true;
    }
    let known = ["otp", "totp", "mfa", "passcode", "otc", "onetimecode", "mfacode", "otpcode"];
    let names = [attribute(tag, "name"), attribute(tag, "id")].map(Option::unwrap_or_default).join(" ");
    // A code that is a short number: others are names of countries or vouchers.
    let short = attribute(tag, "maxlength").and_then(|n| n.trim().parse().ok()).is_some_and(|n: u8| n <= 8);
    let numeric = short
        || attribute(tag, "inputmode").is_some_and(|mode| mode.eq_ignore_ascii_case("numeric"))
        || attribute(tag, "pattern")
            .is_some_and(|pattern| pattern.contains("0-9") || pattern.contains("\\d"));
    words(&names).any(|word| known.contains(&word.as_str()) || (numeric && word == "code"))
}

/// Whether an element is made for messages about what went wrong.
pub(super) fn is_alert(tag: &StartTag<()>) -> bool {
    if is_hidden(tag) {
        return false;
    }
    let role = attribute(tag, "role").unwrap_or_default();
    role.eq_ignore_ascii_case("alert")
        || role.eq_ignore_ascii_case("alertdialog")
        || attribute(tag, "aria-live").is_some_and(|live| live.eq_ignore_ascii_case("assertive"))
        || words(&names(tag)).any(|word| {
            ["error", "errors", "alert", "danger", "invalid", "failure", "warning"].contains(&word.as_str())
        })
}
