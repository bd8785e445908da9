//! A web page, as far as a program that fills in forms sees it.
//!
//! The text is read by a real HTML tokenizer; what is made of its tokens here is the
//! small part of the HTML standard that forms need
//! (<https://html.spec.whatwg.org/multipage/forms.html>). This module must not know
//! which page it reads, nor what any of its fields is for.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use html5gum::{StartTag, State, Token, Tokenizer};
use zeroize::Zeroizing;

use super::controls::{Control, Form, Kind};
use super::marks::{self, Marks};

/// More forms and fields than any login page has; what comes after is left out.
const MAX_FORMS: usize = 50;
const MAX_CONTROLS: usize = 500;
/// More scripts than any login page has.
const MAX_SCRIPTS: usize = 60;

/// What was found on a page.
#[derive(Default)]
pub(super) struct Page {
    /// What relative addresses are relative to, where the page says so.
    pub(super) base: Option<String>,
    pub(super) forms: Vec<Form>,
    /// Controls that belong to no form.
    pub(super) loose: Vec<Control>,
    /// The text of scripts, and of attributes that hold data for them.
    pub(super) scripts: Vec<Zeroizing<String>>,
    /// Where the page sends the browser by itself.
    pub(super) refresh: Option<String>,
    pub(super) title: String,
    pub(super) marks: Marks,
    /// What the page says to people, as numbers: enough to tell whether another
    /// page says something else.
    pub(super) words: BTreeSet<u64>,
}

impl Page {
    /// Reads a page; whatever the bytes are, it is some page.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut reader = Reader::default();
        let mut tokens = Tokenizer::new(bytes);
        while let Some(Ok(token)) = tokens.next() {
            match token {
                Token::StartTag(tag) => {
                    let name = text(&tag.name);
                    if let Some(state) = content(&name) {
                        tokens.set_state(state);
                    }
                    reader.start(&name, &tag);
                }
                Token::EndTag(tag) => reader.end(&text(&tag.name)),
                Token::String(string) => reader.text(&String::from_utf8_lossy(&string.value)),
                Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
            }
        }
        reader.finish()
    }
}

impl Page {
    /// Whether a script of the page asks for a second factor: Auth0's classic page for
    /// it has no form
    /// (<https://auth0.com/docs/secure/multi-factor-authentication/customize-mfa/mfa-widget-theme-options>).
    pub(super) fn asks_for_second_factor(&self) -> bool {
        let names = ["Auth0MFAWidget", "mfaServerUrl"];
        self.scripts.iter().any(|script| names.iter().any(|name| script.contains(name)))
    }
}

/// Elements whose content is text whatever it looks like. No script runs here, so
/// what is meant for browsers without scripts is part of the page.
fn content(name: &str) -> Option<State> {
    match name {
        "textarea" | "title" => Some(State::RcData),
        "script" => Some(State::ScriptData),
        "style" | "iframe" | "xmp" | "noembed" | "noframes" => Some(State::RawText),
        "plaintext" => Some(State::PlainText),
        _ => None,
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An attribute of a tag.
pub(super) fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    tag.attributes.get(name.as_bytes()).map(|value| text(&value.value))
}

#[derive(Default)]
struct Reader {
    page: Page,
    /// The form that is open: a form inside another is none.
    form: Option<usize>,
    /// Elements of which the content is being read.
    within: Within,
    /// Controls that name their form, and those names.
    elsewhere: Vec<(String, Control)>,
    controls: usize,
}

/// Where in the page the reader is, beside a form.
#[derive(Default)]
struct Within {
    raw: Raw,
    select: bool,
    /// Depth: what is in a template is not part of the page.
    template: usize,
    noscript: usize,
    /// The element that may hold a message about something that went wrong.
    alert: Option<String>,
    /// The element that is there for a captcha.
    captcha: Option<String>,
}

/// Elements whose text is not said to people.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Raw {
    #[default]
    None,
    Script,
    Style,
    Title,
    TextArea,
}

impl Reader {
    fn start(&mut self, name: &str, tag: &StartTag<()>) {
        match name {
            "template" => self.within.template += 1,
            _ if self.within.template > 0 => return,
            "script" => {
                self.within.raw = Raw::Script;
                if self.page.scripts.len() < MAX_SCRIPTS {
                    self.page.scripts.push(Zeroizing::default());
                }
            }
            "style" | "iframe" | "xmp" | "noembed" | "noframes" => self.within.raw = Raw::Style,
            "title" => self.within.raw = Raw::Title,
            "noscript" => self.within.noscript += 1,
            "base" if self.page.base.is_none() => self.page.base = attribute(tag, "href"),
            "meta" if self.within.noscript == 0 => self.meta(tag),
            "form" if self.form.is_none() && self.page.forms.len() < MAX_FORMS => {
                self.page.forms.push(Form::of(tag));
                self.form = Some(self.page.forms.len() - 1);
            }
            "input" | "button" | "select" | "textarea" => self.control(name, tag),
            "option" => self.option(tag),
            _ => {}
        }
        marks::note(&mut self.page.marks, name, tag);
        if marks::is_alert(tag) && self.within.alert.is_none() {
            self.within.alert = Some(name.to_owned());
        }
        if self.within.captcha.is_some() {
            let asks =
                matches!(name, "img" | "iframe" | "canvas") || (name == "input" && !marks::is_unseen(tag));
            self.page.marks.captcha |= asks;
        } else if marks::is_captchas_place(tag)
            && !matches!(name, "script" | "link" | "body" | "html" | "form")
        {
            self.within.captcha = Some(name.to_owned());
        }
        let data = tag.attributes.iter().filter(|(name, _)| name.starts_with(b"data-"));
        for (_, value) in data {
            if value.value.len() > 40 && self.page.scripts.len() < MAX_SCRIPTS {
                self.page.scripts.push(Zeroizing::new(text(&value.value)));
            }
        }
    }

    fn meta(&mut self, tag: &StartTag<()>) {
        let is_refresh =
            attribute(tag, "http-equiv").is_some_and(|value| value.trim().eq_ignore_ascii_case("refresh"));
        if is_refresh && self.page.refresh.is_none() {
            self.page.refresh = attribute(tag, "content").as_deref().and_then(refresh_address);
        }
    }

    fn control(&mut self, name: &str, tag: &StartTag<()>) {
        if self.controls >= MAX_CONTROLS {
            return;
        }
        self.controls += 1;
        let control = Control::of(name, tag);
        self.within.raw = if name == "textarea" { Raw::TextArea } else { Raw::None };
        self.within.select = name == "select";
        if let Some(owner) = attribute(tag, "form") {
            self.within.select = false;
            if name == "textarea" {
                self.within.raw = Raw::Style;
            }
            self.elsewhere.push((owner, control));
        } else {
            self.open_controls().push(control);
        }
    }

    /// The first option of a list is chosen where no other is.
    fn option(&mut self, tag: &StartTag<()>) {
        if !self.within.select {
            return;
        }
        let value = attribute(tag, "value").unwrap_or_default();
        let selected = tag.attributes.contains_key(b"selected".as_slice());
        if let Some(select) = self.open_controls().last_mut().filter(|c| c.kind == Kind::Select)
            && (selected || !select.checked)
        {
            select.value = Zeroizing::new(value);
            select.checked = true;
        }
    }

    fn open_controls(&mut self) -> &mut Vec<Control> {
        match self.form.and_then(|at| self.page.forms.get_mut(at)) {
            Some(form) => &mut form.controls,
            None => &mut self.page.loose,
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "template" => self.within.template = self.within.template.saturating_sub(1),
            _ if self.within.template > 0 => return,
            "form" => self.form = None,
            "script" | "style" | "iframe" | "xmp" | "noembed" | "noframes" | "title" | "textarea" => {
                self.within.raw = Raw::None;
            }
            "noscript" => self.within.noscript = self.within.noscript.saturating_sub(1),
            "select" => self.within.select = false,
            _ => {}
        }
        if self.within.alert.as_deref() == Some(name) {
            self.within.alert = None;
        }
        if self.within.captcha.as_deref() == Some(name) {
            self.within.captcha = None;
        }
    }

    fn text(&mut self, text: &str) {
        if self.within.template > 0 {
            return;
        }
        match self.within.raw {
            Raw::None => {}
            Raw::Style => return,
            Raw::Script => {
                if let Some(script) = self.page.scripts.last_mut() {
                    script.push_str(text);
                }
                return;
            }
            Raw::Title => {
                self.page.title.push_str(text);
                return;
            }
            Raw::TextArea => {
                if let Some(area) = self.open_controls().last_mut() {
                    area.value.push_str(text);
                }
                return;
            }
        }
        let said = text.trim();
        if said.is_empty() {
            return;
        }
        self.page.marks.alert |= self.within.alert.is_some();
        self.page.marks.captcha |= self.within.captcha.is_some();
        let mut hasher = DefaultHasher::new();
        said.hash(&mut hasher);
        self.page.words.insert(hasher.finish());
    }

    fn finish(mut self) -> Page {
        for (owner, control) in self.elsewhere {
            let form = self.page.forms.iter_mut().find(|form| form.id == owner);
            match form {
                Some(form) => form.controls.push(control),
                None => self.page.loose.push(control),
            }
        }
        self.page
    }
}

/// The address in `5; url='/next'`.
fn refresh_address(content: &str) -> Option<String> {
    let (_, rest) = content.split_once([';', ','])?;
    let rest = rest.trim_start();
    let address = match rest.get(..3).filter(|start| start.eq_ignore_ascii_case("url")) {
        Some(_) => rest.get(3..)?.trim_start().strip_prefix('=')?.trim_start(),
        None => rest,
    };
    let address = address.trim_matches(['"', '\'', ' ']);
    (!address.is_empty()).then(|| address.to_owned())
}

#[cfg(test)]
#[path = "markup_tests.rs"]
mod tests;
