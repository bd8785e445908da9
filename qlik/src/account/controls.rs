//! Forms and their controls, and how a form is sent
//! (<https://html.spec.whatwg.org/multipage/form-control-infrastructure.html>).
//!
//! This module must not know what a field is for, nor where a form may be sent.

use bytes::Bytes;
use html5gum::StartTag;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::marks;
use super::markup::attribute;

/// What a control is, as far as that matters for sending it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Hidden,
    Password,
    Email,
    /// What a person may write a name into: `text`, `tel` and unknown types.
    Text,
    Choice,
    Submit,
    Select,
    TextArea,
    /// Sends nothing, or nothing that is supported.
    Inert,
}

impl Kind {
    /// The word of the HTML standard.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::Password => "password",
            Self::Email => "email",
            Self::Text => "text",
            Self::Choice => "checkbox",
            Self::Submit => "submit",
            Self::Select => "select",
            Self::TextArea => "textarea",
            Self::Inert => "other",
        }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "attributes of HTML, any with any other")]
pub(super) struct Control {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) id: String,
    pub(super) value: Zeroizing<String>,
    pub(super) autocomplete: String,
    /// For a choice whether it is made, for a list whether an option is.
    pub(super) checked: bool,
    pub(super) disabled: bool,
    pub(super) readonly: bool,
    /// Not for people to see, though of a kind that is: a trap for programs, or a
    /// copy for password managers.
    pub(super) unseen: bool,
    /// Where this button sends the form, if not where the form says.
    action: Option<String>,
    method: Option<String>,
}

impl Control {
    pub(super) fn of(element: &str, tag: &StartTag<()>) -> Self {
        let lower = |name: &str| attribute(tag, name).unwrap_or_default().trim().to_ascii_lowercase();
        let has = |name: &str| tag.attributes.contains_key(name.as_bytes());
        let kind = match (element, lower("type").as_str()) {
            ("input", "hidden") => Kind::Hidden,
            ("input", "password") => Kind::Password,
            ("input", "email") => Kind::Email,
            ("input", "checkbox" | "radio") => Kind::Choice,
            ("input", "submit" | "image") | ("button", "" | "submit") => Kind::Submit,
            ("input", "button" | "reset" | "file" | "color" | "range") | ("button", _) => Kind::Inert,
            ("select", _) => Kind::Select,
            ("textarea", _) => Kind::TextArea,
            _ => Kind::Text,
        };
        let value = attribute(tag, "value");
        let value =
            value.unwrap_or_else(|| if kind == Kind::Choice { "on".to_owned() } else { String::new() });
        Self {
            kind,
            name: attribute(tag, "name").unwrap_or_default(),
            id: attribute(tag, "id").unwrap_or_default(),
            value: Zeroizing::new(value),
            autocomplete: lower("autocomplete"),
            checked: has("checked"),
            disabled: has("disabled"),
            readonly: has("readonly"),
            unseen: marks::is_unseen(tag),
            action: attribute(tag, "formaction"),
            method: attribute(tag, "formmethod"),
        }
    }

    /// Whether the control's own value is sent, buttons aside.
    fn is_sent(&self) -> bool {
        !self.name.is_empty()
            && !self.disabled
            && match self.kind {
                Kind::Submit | Kind::Inert => false,
                Kind::Choice => self.checked,
                _ => true,
            }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Url,
    Multipart,
    Plain,
}

pub(super) struct Form {
    pub(super) id: String,
    /// Name, id and class, and the path that it is sent to: what its makers call it.
    pub(super) called: String,
    action: Option<String>,
    method: Method,
    encoding: Encoding,
    pub(super) controls: Vec<Control>,
}

/// What goes over the line for a form. The bytes are wiped when the last handle on
/// them is dropped.
#[derive(Clone)]
pub(super) struct Payload {
    pub(super) content_type: String,
    pub(super) bytes: Bytes,
}

impl Form {
    pub(super) fn of(tag: &StartTag<()>) -> Self {
        let lower = |name: &str| attribute(tag, name).unwrap_or_default().trim().to_ascii_lowercase();
        Self {
            called: called(tag),
            id: attribute(tag, "id").unwrap_or_default(),
            action: attribute(tag, "action"),
            method: if lower("method") == "post" { Method::Post } else { Method::Get },
            encoding: match lower("enctype").as_str() {
                "multipart/form-data" => Encoding::Multipart,
                "text/plain" => Encoding::Plain,
                _ => Encoding::Url,
            },
            controls: Vec::new(),
        }
    }

    /// The button that sends what is written: the first one after the last field for
    /// it, where that does not send the form elsewhere. Buttons before the fields may be
    /// for other ways to sign in. Where there is none, the button that the Enter key
    /// presses: the first one.
    fn button(&self) -> Option<&Control> {
        let is_button = |c: &&Control| c.kind == Kind::Submit && !c.disabled;
        let is_field = |kind: Kind| self.controls.iter().rposition(|c| c.kind == kind && !c.unseen);
        let field = is_field(Kind::Password).or_else(|| is_field(Kind::Email).max(is_field(Kind::Text)));
        let after = field.and_then(|at| {
            self.controls.iter().skip(at + 1).filter(is_button).find(|button| button.action.is_none())
        });
        after.or_else(|| self.controls.iter().find(is_button))
    }

    /// Buttons that send something of their own: more than one is a question to a
    /// person.
    pub(super) fn answers(&self) -> usize {
        self.controls.iter().filter(|c| c.kind == Kind::Submit && !c.name.is_empty()).count()
    }

    fn given_action(&self) -> Option<&str> {
        self.button().and_then(|b| b.action.as_deref()).or(self.action.as_deref()).map(str::trim)
    }

    /// True where the page itself says where the form is sent.
    pub(super) fn says_where(&self) -> bool {
        self.given_action().is_some_and(|action| !action.is_empty())
    }

    /// True where that is an address: `#` and `javascript:` are written where a script
    /// sends what was typed.
    pub(super) fn is_sent_somewhere(&self) -> bool {
        let is_script = |action: &str| {
            action.starts_with('#') || action.get(..11).is_some_and(|s| s.eq_ignore_ascii_case("javascript:"))
        };
        self.given_action().is_some_and(|action| !action.is_empty() && !is_script(action))
    }

    pub(super) fn method(&self) -> Method {
        match self.button().and_then(|b| b.method.as_deref()) {
            Some(method) if method.trim().eq_ignore_ascii_case("post") => Method::Post,
            Some(_) => Method::Get,
            None => self.method,
        }
    }

    /// Where the form is sent; none where that is no address.
    pub(super) fn target(&self, base: &Url) -> Option<Url> {
        let mut url = base.join(self.given_action().unwrap_or_default()).ok()?;
        url.set_fragment(None);
        Some(url)
    }

    /// Names and values in the page's order, with `fill` instead of the value of
    /// the controls that it names by their place.
    fn entries<'a>(&'a self, fill: &[(usize, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let button = self.button().map(std::ptr::from_ref);
        let entry = |(at, control): (usize, &'a Control)| {
            let filled = fill.iter().find(|(place, _)| *place == at).map(|(_, value)| *value);
            let pressed = button == Some(std::ptr::from_ref(control)) && !control.name.is_empty();
            let sent = pressed || control.is_sent();
            sent.then(|| (control.name.as_str(), filled.unwrap_or(control.value.as_str())))
        };
        self.controls.iter().enumerate().filter_map(entry).collect()
    }

    /// The body of a form that is posted.
    pub(super) fn payload(&self, fill: &[(usize, &str)], boundary: &str) -> Payload {
        let entries = self.entries(fill);
        let (content_type, bytes) = match self.encoding {
            Encoding::Url => ("application/x-www-form-urlencoded".to_owned(), url_encoded(&entries)),
            Encoding::Multipart => {
                (format!("multipart/form-data; boundary={boundary}"), multipart(&entries, boundary))
            }
            Encoding::Plain => ("text/plain".to_owned(), plain(&entries)),
        };
        Payload { content_type, bytes: Bytes::from_owner(bytes) }
    }

    /// The query of a form that is asked for with GET.
    pub(super) fn query(&self, fill: &[(usize, &str)]) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(self.entries(fill)).finish()
    }
}

fn called(tag: &StartTag<()>) -> String {
    let of = |name| attribute(tag, name).unwrap_or_default();
    let action = of("action");
    let path = action.split(['?', '#']).next().unwrap_or_default();
    format!("{} {} {} {path}", of("name"), of("id"), of("class"))
}

/// Room for the whole at once: growing would leave copies of a password behind.
fn room(entries: &[(&str, &str)], each: usize) -> Zeroizing<Vec<u8>> {
    let longest = entries.iter().map(|(name, value)| 3 * (name.len() + value.len()) + each).sum();
    Zeroizing::new(Vec::with_capacity(longest))
}

fn url_encoded(entries: &[(&str, &str)]) -> Zeroizing<Vec<u8>> {
    let mut out = room(entries, 2);
    for (name, value) in entries {
        if !out.is_empty() {
            out.push(b'&');
        }
        push(&mut out, name);
        out.push(b'=');
        push(&mut out, value);
    }
    out
}

fn push(out: &mut Vec<u8>, text: &str) {
    for piece in form_urlencoded::byte_serialize(text.as_bytes()) {
        out.extend_from_slice(piece.as_bytes());
    }
}

fn multipart(entries: &[(&str, &str)], boundary: &str) -> Zeroizing<Vec<u8>> {
    let mut out = room(entries, boundary.len() + 80);
    for (name, value) in entries {
        let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}

fn plain(entries: &[(&str, &str)]) -> Zeroizing<Vec<u8>> {
    let mut out = room(entries, 4);
    for (name, value) in entries {
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out
}
