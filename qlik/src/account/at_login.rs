//! What to do with a page of a login host: the part of [`Walk`] that knows forms for
//! e-mail and password, and how such pages refuse.
//!
//! This module must not send anything.

use http::StatusCode;
use serde_json::Value;

use super::classic::{self, Settings};
use super::controls::{Form, Method, Payload};
use super::error::LoginStep;
use super::fields::{self, Fill};
use super::places::Place;
use super::refusal::{self, Refusal};
use super::walk::{Move, Seen, Walk};
use crate::host::TenantHost;

impl Walk<'_> {
    pub(super) fn at_login(&mut self, seen: &Seen<'_>, host: &TenantHost) -> Move {
        let json = serde_json::from_slice::<Value>(seen.answer.body.bytes()).ok();
        if let Some(json) = json.filter(Value::is_object) {
            let is_plain = is_plain_refusal(seen) && !refusal::is_about_the_request(&json);
            return match Self::meaning(seen).or_else(|| is_plain.then_some(Refusal::Wrong)) {
                Some(refusal) => self.refused(seen, refusal),
                None => self.unexpected(seen),
            };
        }
        if let Some(refusal) = refusal::of_path(seen.url) {
            return self.refused(seen, refusal);
        }
        if self.sent { self.after_password(seen) } else { self.before_password(seen, host) }
    }

    /// A page that comes once the password was sent: on the way back, or a refusal.
    fn after_password(&mut self, seen: &Seen<'_>) -> Move {
        let page = &seen.page;
        if let Some(refusal) = Self::meaning(seen) {
            return self.refused(seen, refusal);
        }
        if page.asks_for_second_factor() {
            return self.refused(seen, Refusal::Mfa);
        }
        let passing = fields::passing(page);
        // The classic page has no form: its settings tell that it is the login again.
        let is_classic = passing.is_none() && Settings::find(&page.scripts, seen.url).is_some();
        if fields::login(page).is_some() || is_classic {
            return if page.marks.captcha {
                self.refused(seen, Refusal::Captcha)
            } else if page.marks.one_time_code {
                self.refused(seen, Refusal::Mfa)
            } else if self.says_no(seen) {
                self.refused(seen, Refusal::Wrong)
            } else {
                // As it was before, as though nothing had been sent.
                self.unexpected(seen)
            };
        }
        let asks_for_a_code = |form: &Form| {
            let target = Self::target(seen, form);
            target.is_some_and(|target| refusal::of_path(&target) == Some(Refusal::Mfa))
        };
        if passing.is_none() && page.forms.iter().any(asks_for_a_code) {
            return self.refused(seen, Refusal::Mfa);
        }
        if page.marks.one_time_code {
            return self.refused(seen, Refusal::Mfa);
        }
        if fields::asks_for_a_new_password(page) {
            return self.refused(seen, Refusal::Expired);
        }
        if page.marks.captcha {
            return self.refused(seen, Refusal::Captcha);
        }
        if is_plain_refusal(seen) {
            return self.refused(seen, Refusal::Wrong);
        }
        if !seen.answer.status.is_success() {
            return self.unexpected(seen);
        }
        match passing {
            Some(form) => self.pass(seen, form),
            None => self.refreshed(seen),
        }
    }

    /// Whether a login page that came back says that something went wrong, in whatever
    /// language: by a mark, by its status or address, or by a text that was not there
    /// before.
    fn says_no(&self, seen: &Seen<'_>) -> bool {
        let page = &seen.page;
        let by_address = || {
            seen.url.query_pairs().any(|(name, _)| {
                let name = name.to_ascii_lowercase();
                name.starts_with("error") || ["err", "failed", "failure", "invalid"].contains(&name.as_str())
            })
        };
        page.marks.alert
            || seen.answer.status.is_client_error()
            || page.words.difference(&self.words).next().is_some()
            || by_address()
    }

    fn before_password(&mut self, seen: &Seen<'_>, host: &TenantHost) -> Move {
        let page = &seen.page;
        if !seen.answer.status.is_success() || super::walk::is_cut(seen.answer) {
            return match Self::meaning(seen) {
                Some(refusal) => self.refused(seen, refusal),
                None => self.unexpected(seen),
            };
        }
        if page.marks.captcha {
            return self.refused(seen, Refusal::Captcha);
        }
        let settings = Settings::find(&page.scripts, seen.url);
        let login = fields::login(page);
        if let Some((form, fill)) = &login {
            let is_whole = form.method() == Method::Post && (form.is_sent_somewhere() || settings.is_none());
            if is_whole {
                return self.send_form(seen, host, form, fill);
            }
        }
        if let Some(settings) = settings {
            return self.send_settings(seen, host, &settings);
        }
        if let Some((form, fill)) = fields::identifier_first(page)
            && login.is_none()
            && !self.identifier_sent
        {
            return self.send_form(seen, host, form, &fill);
        }
        if login.is_some() {
            // A form that would put the password into an address.
            return self.unexpected(seen);
        }
        match fields::handed_on(page) {
            Some(form) => self.pass(seen, form),
            None => self.refreshed(seen),
        }
    }

    /// Fills a form in and sends it, to the host that showed it and to no other.
    fn send_form(&mut self, seen: &Seen<'_>, host: &TenantHost, form: &Form, fill: &Fill) -> Move {
        let Some(mut target) = Self::target(seen, form) else { return self.unexpected(seen) };
        if self.places.of(&target) != Place::Login(host.clone()) {
            return self.leading_to(seen, &target);
        }
        if fill.password.is_none() {
            self.identifier_sent = true;
            let values = fill.with(self.email, "");
            let origin = Some(seen.url.origin().ascii_serialization());
            return match form.method() {
                Method::Post => {
                    let payload = form.payload(&values, &self.boundary);
                    self.visit(seen, target, Some(payload), origin)
                }
                Method::Get => {
                    target.set_query(Some(&form.query(&values)));
                    self.visit(seen, target, None, None)
                }
            };
        }
        let Some(password) = self.spend() else { return self.unexpected(seen) };
        let payload = form.payload(&fill.with(self.email, password.expose()), &self.boundary);
        self.submit(seen, host, target, payload)
    }

    /// Sends what the script of the classic page would send.
    fn send_settings(&mut self, seen: &Seen<'_>, host: &TenantHost, settings: &Settings) -> Move {
        let Ok(target) = seen.url.join(classic::PATH) else { return self.unexpected(seen) };
        if self.places.of(&target) != Place::Login(host.clone()) {
            return self.unexpected(seen);
        }
        let Some(password) = self.spend() else { return self.unexpected(seen) };
        match settings.payload(self.email, password.expose()) {
            Ok(payload) => self.submit(seen, host, target, payload),
            Err(_) => self.unexpected(seen),
        }
    }

    fn submit(&mut self, seen: &Seen<'_>, host: &TenantHost, target: url::Url, payload: Payload) -> Move {
        self.sent = true;
        self.words.clone_from(&seen.page.words);
        let origin = Some(seen.url.origin().ascii_serialization());
        self.ask(host.clone(), target, Some(payload), origin, true)
    }
}

/// Whether an answer to e-mail and password is the bare status for wrong ones
/// (<https://www.rfc-editor.org/rfc/rfc9110#status.401>). A 403 says less: it is for
/// all that is forbidden.
fn is_plain_refusal(seen: &Seen<'_>) -> bool {
    seen.step == LoginStep::Submission && seen.answer.status == StatusCode::UNAUTHORIZED
}
