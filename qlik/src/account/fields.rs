//! What a page asks a person for: which form is the login, and which field is what.
//!
//! Told by types, `autocomplete` and names, never by texts or places. This module
//! must not know where a form may be sent.

use super::controls::{Control, Form, Kind};
use super::markup::Page;

/// Whole names of the field for the name or e-mail address of a person.
const NAMES: [&str; 12] = [
    "email",
    "username",
    "identifier",
    "user",
    "login",
    "userid",
    "loginid",
    "emailaddress",
    "loginname",
    "useremail",
    "account",
    "mail",
];
/// Parts of such names.
const PARTS: [&str; 5] = ["mail", "user", "login", "identif", "account"];
/// Fields in which a login host hands on the outcome of a login: of OAuth,
/// WS-Federation and SAML.
const OUTCOMES: [&str; 4] = ["code", "idtoken", "wresult", "samlresponse"];
/// Fields in which SAML hands a person on, and back.
const SAML: [&str; 2] = ["samlrequest", "samlresponse"];

/// What forms are called that are not for signing in.
const OTHERS: [&str; 6] = ["signup", "register", "registration", "forgot", "resetpassword", "passwordreset"];
/// The same, less surely.
const OTHERS_MAYBE: [&str; 3] = ["create", "reset", "recover"];
/// What forms are called that are.
const LOGINS: [&str; 3] = ["login", "signin", "logon"];

/// The fields of a form to fill, by their place in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fill {
    pub(super) identifier: Option<usize>,
    pub(super) password: Option<usize>,
}

impl Fill {
    pub(super) fn with<'a>(&self, email: &'a str, password: &'a str) -> Vec<(usize, &'a str)> {
        let identifier = self.identifier.map(|at| (at, email));
        identifier.into_iter().chain(self.password.map(|at| (at, password))).collect()
    }
}

fn squeezed(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

fn passwords(form: &Form) -> impl Iterator<Item = (usize, &Control)> {
    form.controls
        .iter()
        .enumerate()
        .filter(|(_, c)| c.kind == Kind::Password && !c.disabled && !c.unseen && !c.name.is_empty())
}

fn is_for_a_new_one(control: &Control) -> bool {
    control.autocomplete.split_whitespace().any(|token| token == "new-password")
}

/// How much a field looks like the one for name or e-mail address; 0 where not.
fn likeness(control: &Control) -> u8 {
    let tokens = || control.autocomplete.split_whitespace();
    let names = [squeezed(&control.name), squeezed(&control.id)];
    if tokens().any(|token| token == "one-time-code") {
        0
    } else if tokens().any(|token| token == "username" || token == "email") {
        4
    } else if control.kind == Kind::Email {
        3
    } else if names.iter().any(|name| NAMES.contains(&name.as_str())) {
        2
    } else {
        u8::from(names.iter().any(|name| PARTS.iter().any(|part| name.contains(part))))
    }
}

/// The field for name or e-mail address, where it is to be filled.
fn identifier(form: &Form, or_any_before: Option<usize>) -> Option<usize> {
    let writable = || {
        let fields = form.controls.iter().enumerate();
        fields.filter(|(_, c)| {
            matches!(c.kind, Kind::Text | Kind::Email) && !c.disabled && !c.unseen && !c.name.is_empty()
        })
    };
    let best = writable().map(|(_, c)| likeness(c)).max().unwrap_or(0);
    let found = match or_any_before {
        _ if best > 0 => writable().find(|(_, c)| likeness(c) == best),
        Some(password) => writable().rfind(|(at, _)| *at < password),
        None => None,
    };
    match found {
        // From the step before.
        Some((_, control)) if control.readonly && !control.value.is_empty() => None,
        Some((at, _)) => Some(at),
        // Copied by a script from what is shown.
        None if or_any_before.is_some() => form.controls.iter().position(|c| {
            (c.kind == Kind::Hidden || c.unseen)
                && c.value.is_empty()
                && NAMES.contains(&squeezed(&c.name).as_str())
        }),
        None => None,
    }
}

/// The form that asks for a password that the person has already.
pub(super) fn login(page: &Page) -> Option<(&Form, Fill)> {
    let candidates = page.forms.iter().filter(|form| !is_for_something_else(form)).filter_map(|form| {
        let mut found = passwords(form);
        let (at, control) = found.next()?;
        let is_login = found.next().is_none() && !is_for_a_new_one(control);
        let says_so = control.autocomplete.split_whitespace().any(|token| token == "current-password");
        is_login.then_some((form, at, 8 * i32::from(says_so) + signs(form)))
    });
    // Of equals the first.
    let (form, at, _) = candidates.rev().max_by_key(|(_, _, weight)| *weight)?;
    Some((form, Fill { identifier: identifier(form, Some(at)), password: Some(at) }))
}

/// Whether a form calls itself one for signing up, or for a forgotten password: then
/// what is sent there is no sign-in, and lost as a try.
fn is_for_something_else(form: &Form) -> bool {
    let called = squeezed(&form.called);
    let has = |words: &[&str]| words.iter().any(|word| called.contains(word));
    has(&OTHERS) && !has(&LOGINS)
}

/// How many signs there are, beside its fields, that a form is the one that the page
/// is about.
fn signs(form: &Form) -> i32 {
    let called = squeezed(&form.called);
    let is_token = |c: &Control| {
        let name = squeezed(&c.name);
        c.kind == Kind::Hidden && (name == "state" || name.contains("csrf") || name.contains("xsrf"))
    };
    let has_token = form.controls.iter().any(is_token);
    let is_other = OTHERS_MAYBE.iter().any(|word| called.contains(word));
    2 * i32::from(has_token) + i32::from(!form.says_where()) - 4 * i32::from(is_other)
}

/// The form that asks for the name or e-mail address alone, before the password.
pub(super) fn identifier_first(page: &Page) -> Option<(&Form, Fill)> {
    let forms = page.forms.iter().filter(|form| passwords(form).next().is_none());
    let weigh = |form: &Form, at: usize| i32::from(likeness(&form.controls[at])) + signs(form);
    forms
        .filter(|form| !is_for_something_else(form))
        .filter_map(|form| identifier(form, None).map(|at| (form, weigh(form, at), at)))
        .rev()
        .max_by_key(|(_, weight, _)| *weight)
        .map(|(form, _, at)| (form, Fill { identifier: Some(at), password: None }))
}

/// Whether the page asks for a new password.
pub(super) fn asks_for_a_new_password(page: &Page) -> bool {
    page.forms.iter().any(|form| {
        passwords(form).count() > 1 || passwords(form).any(|(_, control)| is_for_a_new_one(control))
    })
}

/// The form that a page sends on by itself: nothing in it is for a person.
pub(super) fn passing(page: &Page) -> Option<&Form> {
    let is_passing = |form: &&Form| {
        let has = |kind| form.controls.iter().any(|c| c.kind == kind);
        let is_for_nobody =
            |c: &Control| c.unseen || matches!(c.kind, Kind::Hidden | Kind::Submit | Kind::Inert);
        form.controls.iter().all(is_for_nobody) && has(Kind::Hidden) && form.answers() <= 1
    };
    let found: Vec<&Form> = page.forms.iter().filter(is_passing).collect();
    if let [one] = found[..] {
        return Some(one);
    }
    // Of several, the one that brings the outcome of a login; else only a script knows.
    let brings = |form: &&Form| form.controls.iter().any(|c| OUTCOMES.contains(&squeezed(&c.name).as_str()));
    let mut bringing = found.into_iter().filter(brings);
    bringing.next().filter(|_| bringing.next().is_none())
}

/// The form that a login host hands the browser on with before it asks for anything: it
/// sends itself, or brings what another host is to judge, and nothing on the page is for
/// a person. A form behind a button, such as one for a social account, is none.
pub(super) fn handed_on(page: &Page) -> Option<&Form> {
    let is_for_a_person =
        |c: &Control| !c.unseen && !matches!(c.kind, Kind::Hidden | Kind::Submit | Kind::Inert);
    let all = page.forms.iter().flat_map(|form| &form.controls).chain(&page.loose);
    if all.into_iter().any(is_for_a_person) {
        return None;
    }
    let is_saml = |form: &Form| form.controls.iter().any(|c| SAML.contains(&squeezed(&c.name).as_str()));
    passing(page).filter(|form| sends_itself(page) || is_saml(form))
}

/// Whether something on the page sends its form on.
pub(super) fn sends_itself(page: &Page) -> bool {
    page.marks.sends_itself || page.scripts.iter().any(|script| script.contains("submit("))
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
