//! What an unexpected page looked like, without what it said.
//!
//! A shape goes into logs and support bundles, so it holds nothing that a page may
//! have repeated of a person or of a secret: no values, no texts, no query. This
//! module must not know why a page was unexpected.

use std::fmt;

use http::{HeaderMap, StatusCode, header};
use url::Url;

use super::controls::{Control, Method};
use super::markup::Page;

/// Titles that say nothing about anybody.
const TITLES: [&str; 5] = ["Qlik", "Qlik Cloud", "Qlik Sense", "Qlik Account", "Auth0"];
const CONTENT_TYPES: [&str; 5] =
    ["text/html", "application/xhtml+xml", "application/json", "application/problem+json", "text/plain"];
/// Longest name of a control that is shown, in characters.
const MAX_NAME: usize = 40;
/// Longest part of a path that is shown: what is longer may be a token.
const MAX_SEGMENT: usize = 24;
/// So many forms, and controls of each, are shown.
const MAX_SHOWN: usize = 12;
/// What stands in place of what is not shown.
const LEFT_OUT: &str = "…";

/// An answer as far as it can be shown: where it came from and how its forms are
/// built, never a value or a text of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageShape {
    /// The host that answered.
    pub host: String,
    /// The path, without its query. Parts that may be tokens are `…`.
    pub path: String,
    /// The HTTP status.
    pub status: u16,
    /// One of the common content types, or `other`; none where there is none.
    pub content_type: Option<&'static str>,
    /// The title, where it is one of Qlik's own.
    pub title: Option<&'static str>,
    /// The page's forms.
    pub forms: Vec<FormShape>,
    /// The host that a redirect or form leads to, where that is what was not
    /// expected.
    pub leads_to: Option<String>,
}

/// How one form is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormShape {
    /// `get` or `post`; `none` for fields that are in no form.
    pub method: &'static str,
    /// Name and type of each field, in the page's order.
    pub fields: Vec<(String, &'static str)>,
}

impl PageShape {
    /// `person` is what must not be shown even where it is a field's name.
    pub(super) fn of(url: &Url, status: StatusCode, headers: &HeaderMap, page: &Page, person: &str) -> Self {
        let hide = Hide::new(person);
        let form = |form: &super::controls::Form| FormShape {
            method: if form.method() == Method::Post { "post" } else { "get" },
            fields: hide.fields(&form.controls),
        };
        let mut forms: Vec<FormShape> = page.forms.iter().take(MAX_SHOWN).map(form).collect();
        if !page.loose.is_empty() {
            forms.push(FormShape { method: "none", fields: hide.fields(&page.loose) });
        }
        let title = page.title.trim();
        Self {
            host: url.host_str().unwrap_or_default().to_owned(),
            path: hide.path(url.path()),
            status: status.as_u16(),
            content_type: content_type(headers),
            title: TITLES.into_iter().find(|known| *known == title),
            forms,
            leads_to: None,
        }
    }

    pub(super) fn leading_to(mut self, url: &Url) -> Self {
        self.leads_to = url.host_str().map(str::to_owned);
        self
    }
}

fn content_type(headers: &HeaderMap) -> Option<&'static str> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(CONTENT_TYPES.into_iter().find(|known| *known == essence).unwrap_or("other"))
}

/// Leaves out what may be about the person.
struct Hide {
    parts: Vec<String>,
}

impl Hide {
    fn new(person: &str) -> Self {
        let person = person.to_ascii_lowercase();
        let parts = person.split(['@', ' ']).filter(|part| part.len() >= 3).map(str::to_owned);
        Self { parts: parts.collect() }
    }

    fn is_plain(&self, text: &str, longest: usize) -> bool {
        let lower = text.to_ascii_lowercase();
        text.len() <= longest
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-[]:".contains(&b))
            && !self.parts.iter().any(|part| lower.contains(part.as_str()))
    }

    fn fields(&self, controls: &[Control]) -> Vec<(String, &'static str)> {
        let shown = |control: &Control| {
            let name = control.name.as_str();
            let name = if self.is_plain(name, MAX_NAME) { name } else { LEFT_OUT };
            (name.to_owned(), control.kind.word())
        };
        controls.iter().take(MAX_SHOWN).map(shown).collect()
    }

    fn path(&self, path: &str) -> String {
        let shown =
            |part: &str| if self.is_plain(part, MAX_SEGMENT) { part.to_owned() } else { LEFT_OUT.to_owned() };
        path.split('/').take(MAX_SHOWN).map(shown).collect::<Vec<_>>().join("/")
    }
}

/// One line for a log.
impl fmt::Display for PageShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} {}", self.host, self.path, self.status)?;
        if let Some(kind) = self.content_type {
            write!(f, " {kind}")?;
        }
        if let Some(title) = self.title {
            write!(f, " {title:?}")?;
        }
        for form in &self.forms {
            write!(f, " form {}(", form.method)?;
            for (at, (name, kind)) in form.fields.iter().enumerate() {
                let comma = if at > 0 { ", " } else { "" };
                write!(f, "{comma}{name}: {kind}")?;
            }
            f.write_str(")")?;
        }
        if let Some(host) = &self.leads_to {
            write!(f, " leads to {host}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_holds_names_and_types_and_nothing_that_a_page_may_repeat() {
        let page = Page::read(
            br#"<title>Hello ada@acme.example</title><base href="/ada">
            <form method=post action="/x?canary"><input name=state type=hidden value=canary>
            <input name="ada" type=text value=canary placeholder=canary><input name="a b" type=email>
            <textarea name=t>canary</textarea><button>canary</button></form><input type=password name=p value=canary>
            <p class=error>canary</p>"#,
        );
        let url =
            Url::parse("https://login.qlik.com/u/hKFo2SBCanaryCanaryCanaryCanary/ada?state=canary").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "text/html; charset=canary".parse().unwrap());
        let shape = PageShape::of(&url, StatusCode::OK, &headers, &page, "ada@acme.example");
        assert_eq!(
            shape.to_string(),
            "login.qlik.com/u/…/… 200 text/html form post(state: hidden, …: text, …: email, t: textarea, : submit) form none(p: password)"
        );
        let shown = format!("{shape} {shape:?}").to_lowercase();
        assert!(!shown.contains("canary") && !shown.contains("ada"), "{shown}");
    }
}
