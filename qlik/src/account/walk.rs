//! The way of a login from answer to answer, decided without doing anything.
//!
//! [`Walk::next`] takes an answer and says what to ask next, or how the login ended.
//! The password leaves the walk once: the reference to it is taken out by the one
//! place that uses it. This module must not send anything and must not know cookies.

use std::collections::BTreeSet;
use std::mem;

use http::{StatusCode, header};
use url::Url;

use super::AccountPassword;
use super::controls::{Form, Method, Payload};
use super::error::{LoginStep, PasswordLoginError};
use super::markup::Page;
use super::places::{Place, Places};
use super::refusal::{self, Refusal};
use super::shape::PageShape;
use crate::answer::{Answer, Body};
use crate::host::TenantHost;

/// So many requests make up one login at most.
const MAX_STEPS: usize = 20;
/// So many of them are kept for the way from the password to the tenant.
const WAY_BACK: usize = 4;

/// A request to make.
pub(super) struct Ask {
    pub(super) host: TenantHost,
    pub(super) url: Url,
    /// What is posted; without it, the request is a GET.
    pub(super) payload: Option<Payload>,
    /// The origin of the page that a form was on.
    pub(super) origin: Option<String>,
    pub(super) holds_password: bool,
}

/// What to do after an answer.
pub(super) enum Move {
    Ask(Ask),
    /// The tenant has taken what the login host gave, at one of these hosts, the last
    /// of which answered last. Its cookies tell whether there is a session.
    Arrived {
        hosts: Vec<TenantHost>,
        /// Of the answer that ended it, should there be none.
        shape: Box<PageShape>,
    },
    /// For a walk without a password: this is where it would be asked for.
    AtLogin(TenantHost),
    End(PasswordLoginError),
}

/// What the request before was for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Page,
    Password,
}

pub(super) struct Walk<'a> {
    pub(super) places: Places<'a>,
    pub(super) email: &'a str,
    /// Gone once it was sent. None from the start where only the way is asked for.
    password: Option<&'a AccountPassword>,
    pub(super) only_the_way: bool,
    /// Where the tenant sends the browser in the end. It is never asked.
    pub(super) return_to: Url,
    /// What separates the parts of a body that has parts.
    pub(super) boundary: String,
    pub(super) sent: bool,
    pub(super) identifier_sent: bool,
    pub(super) steps: usize,
    pub(super) purpose: Purpose,
    /// What was posted last, for redirects that ask for it again.
    pub(super) posted: Option<(Payload, Option<String>)>,
    /// What the login page said before the password was sent.
    pub(super) words: BTreeSet<u64>,
    /// The tenant's hosts that answered since, the latest last.
    pub(super) reached: Vec<TenantHost>,
    /// How many of its answers that were.
    pub(super) answers_back: usize,
}

/// An answer and where it came from.
pub(super) struct Seen<'s> {
    pub(super) url: &'s Url,
    pub(super) answer: &'s Answer,
    pub(super) place: Place,
    pub(super) page: Page,
    pub(super) step: LoginStep,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        places: Places<'a>,
        email: &'a str,
        password: Option<&'a AccountPassword>,
        return_to: Url,
        boundary: String,
    ) -> Self {
        Self {
            places,
            email,
            only_the_way: password.is_none(),
            password,
            return_to,
            boundary,
            sent: false,
            identifier_sent: false,
            steps: 0,
            purpose: Purpose::Page,
            posted: None,
            words: BTreeSet::new(),
            reached: Vec::new(),
            answers_back: 0,
        }
    }

    /// The password, once and where there is a way left to go after it.
    pub(super) fn spend(&mut self) -> Option<&'a AccountPassword> {
        if self.steps + WAY_BACK > MAX_STEPS { None } else { self.password.take() }
    }
}

impl Walk<'_> {
    /// The first request.
    pub(super) fn start(&mut self, url: Url) -> Move {
        self.ask(self.places.tenant.clone(), url, None, None, false)
    }

    /// Decides what follows from an answer.
    pub(super) fn next(&mut self, url: &Url, answer: &Answer) -> Move {
        let place = self.places.of(url);
        let purpose = mem::replace(&mut self.purpose, Purpose::Page);
        let step = match (&place, self.sent) {
            (Place::Login(_), false) => LoginStep::LoginPage,
            (_, false) => LoginStep::SignIn,
            _ if purpose == Purpose::Password => LoginStep::Submission,
            (Place::Tenant(_), true) => LoginStep::Tenant,
            _ => LoginStep::Return,
        };
        if let (Place::Tenant(host), true) = (&place, self.sent) {
            self.reached.retain(|reached| reached != host);
            self.reached.push(host.clone());
            self.answers_back += 1;
        }
        let location = answer.headers.get(header::LOCATION).filter(|_| answer.status.is_redirection());
        let page = if location.is_some() { Page::default() } else { Page::read(answer.body.bytes()) };
        let seen = Seen { url, answer, place, page, step };
        if let Some(location) = location {
            return self.redirected(&seen, location.to_str().unwrap_or_default(), purpose);
        }
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            // Whatever else it says: a password that was not looked at was not wrong.
            let blocked = Self::meaning(&seen).filter(|refusal| *refusal == Refusal::Blocked);
            return self.refused(&seen, blocked.unwrap_or(Refusal::TooMany));
        }
        if answer.status.is_server_error() {
            return self.broken(&seen);
        }
        match seen.place.clone() {
            Place::Tenant(_) => self.at_tenant(&seen),
            Place::Login(host) => self.at_login(&seen, &host),
            Place::Elsewhere => self.unexpected(&seen),
        }
    }

    fn redirected(&mut self, seen: &Seen<'_>, location: &str, purpose: Purpose) -> Move {
        let location = location.trim();
        let target = seen.url.join(location).ok().filter(|_| !location.is_empty());
        let Some(mut target) = target else { return self.unexpected(seen) };
        target.set_fragment(None);
        if let Some(elsewhere) = self.learn(seen, &target) {
            return self.leading_to(seen, &elsewhere);
        }
        let to_login = matches!(self.places.of(&target), Place::Login(_));
        let by_path = || refusal::of_path(&target).filter(|_| to_login);
        if let Some(refusal) = refusal::of_address(&target, to_login).or_else(by_path) {
            return self.refused(seen, refusal);
        }
        let again = matches!(seen.answer.status.as_u16(), 307 | 308);
        let posted = self.posted.take().filter(|_| again);
        if again && purpose == Purpose::Password {
            // To follow would be to send the password once more.
            return self.leading_to(seen, &target);
        }
        let (payload, origin) = posted.map_or((None, None), |(payload, origin)| (Some(payload), origin));
        self.visit(seen, target, payload, origin)
    }

    /// Goes on at an address, where that is allowed.
    pub(super) fn visit(
        &mut self,
        seen: &Seen<'_>,
        target: Url,
        payload: Option<Payload>,
        origin: Option<String>,
    ) -> Move {
        let place = self.places.of(&target);
        let returns = target.origin() == self.return_to.origin()
            && (place == Place::Elsewhere || target.path() == self.return_to.path());
        match place {
            _ if returns && self.sent => self.arrived(seen),
            _ if returns => self.leading_to(seen, &target),
            Place::Login(host) if self.only_the_way => Move::AtLogin(host),
            Place::Tenant(_) | Place::Login(_) if self.steps >= MAX_STEPS => self.leading_to(seen, &target),
            Place::Tenant(host) | Place::Login(host) => self.ask(host, target, payload, origin, false),
            Place::Elsewhere => {
                match target.host_str().filter(|name| !self.sent && self.places.is_foreign(name)) {
                    Some(name) => Move::End(PasswordLoginError::CorporateProvider { host: name.to_owned() }),
                    None => self.leading_to(seen, &target),
                }
            }
        }
    }

    pub(super) fn ask(
        &mut self,
        host: TenantHost,
        url: Url,
        payload: Option<Payload>,
        origin: Option<String>,
        holds_password: bool,
    ) -> Move {
        self.steps += 1;
        self.posted = payload.clone().filter(|_| !holds_password).map(|payload| (payload, origin.clone()));
        if holds_password {
            self.purpose = Purpose::Password;
        }
        Move::Ask(Ask { host, url, payload, origin, holds_password })
    }

    /// Sends a form on that has nothing in it for a person.
    pub(super) fn pass(&mut self, seen: &Seen<'_>, form: &Form) -> Move {
        let Some(mut target) = Self::target(seen, form) else { return self.unexpected(seen) };
        let to_login = matches!(self.places.of(&target), Place::Login(_));
        if let Some(refusal) = refusal::of_address(&target, to_login) {
            return self.refused(seen, refusal);
        }
        match form.method() {
            Method::Post => {
                let payload = form.payload(&[], &self.boundary);
                self.visit(seen, target, Some(payload), Some(seen.url.origin().ascii_serialization()))
            }
            Method::Get => {
                target.set_query(Some(&form.query(&[])));
                self.visit(seen, target, None, None)
            }
        }
    }

    /// Where a form of a page is sent.
    pub(super) fn target(seen: &Seen<'_>, form: &Form) -> Option<Url> {
        let base = match seen.page.base.as_deref() {
            Some(base) if form.says_where() => seen.url.join(base.trim()).ok()?,
            // To the page's own address, whatever the base.
            _ => seen.url.clone(),
        };
        form.target(&base)
    }

    pub(super) fn refreshed(&mut self, seen: &Seen<'_>) -> Move {
        match seen.page.refresh.as_deref().and_then(|address| seen.url.join(address).ok()) {
            Some(target) => self.visit(seen, target, None, None),
            None => self.unexpected(seen),
        }
    }
}

/// Whether there is more of an answer than was read.
pub(super) fn is_cut(answer: &Answer) -> bool {
    matches!(answer.body, Body::TooLarge)
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
