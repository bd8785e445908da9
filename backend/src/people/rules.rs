//! What may be typed into the fields of people. Pure; the sentences are the
//! page's.

use qlik::same_email;
use secrecy::{ExposeSecret, SecretString};

use crate::{Error, FieldError, text};

/// Characters that a password needs at least.
const PASSWORD_MIN: usize = 12;
/// Characters that it may have at most: enough for any phrase, and a bound.
const PASSWORD_MAX: usize = 256;
/// Characters of a name.
const NAME_MAX: usize = 100;
/// Bytes of an e-mail address (RFC 5321, 4.5.3.1.3 without the brackets).
pub(super) const EMAIL_MAX: usize = 254;

/// Collects what is wrong with a form, so that it is told at once.
#[derive(Default)]
pub(super) struct Wrongs(Vec<FieldError>);

impl Wrongs {
    pub(super) fn add(&mut self, field: &'static str, code: &'static str) {
        self.0.push(FieldError::new(field, code));
    }

    /// The name as it is kept (see [`text::name`]).
    pub(super) fn name(&mut self, field: &'static str, typed: &str) -> String {
        let name = text::name(typed);
        match &name {
            Err(code) => self.add(field, code),
            Ok(name) if name.is_empty() => self.add(field, "required"),
            Ok(name) if name.chars().count() > NAME_MAX => self.add(field, "too_long"),
            Ok(_) => {}
        }
        name.unwrap_or_default()
    }

    /// The address as it is kept: as it was typed, trimmed and composed.
    pub(super) fn email(&mut self, field: &'static str, typed: &str) -> String {
        let typed = typed.trim();
        if typed.is_empty() {
            self.add(field, "required");
        } else if typed.len() > EMAIL_MAX {
            self.add(field, "too_long");
        } else {
            match text::word(typed) {
                Ok(email) if is_email(&email) => return email,
                // What can't be seen is told as that, unless it is no address anyway.
                Err(code) if is_email(&typed.replace(char::is_control, "")) => self.add(field, code),
                _ => self.add(field, "not_an_email"),
            }
        }
        typed.to_owned()
    }

    /// The form of a new password for that person; whether it is worth a look how
    /// strong it is.
    pub(super) fn password(&mut self, field: &'static str, password: &SecretString, email: &str) -> bool {
        let password = password.expose_secret();
        let length = password.chars().count();
        let code = if length == 0 {
            "required"
        } else if length < PASSWORD_MIN {
            "too_short"
        } else if length > PASSWORD_MAX {
            "too_long"
        } else if same_email(password, email) {
            "same_as_email"
        } else {
            return true;
        };
        self.add(field, code);
        false
    }

    /// Whether anything was wrong so far.
    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Nothing was wrong.
    pub(super) fn none(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }
}

/// Whether this can be an address: one `@` with something on both sides, and
/// nothing that only a quoted form could hold. Whether it exists only a letter
/// could tell.
fn is_email(s: &str) -> bool {
    let Some((local, domain)) = s.split_once('@') else { return false };
    let dots = |part: &str| !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
    let plain = |c: char| !(c.is_whitespace() || c.is_control() || r#"@<>()[]\,;:""#.contains(c));
    !local.is_empty()
        && !domain.is_empty()
        && !domain.starts_with('-')
        && local.chars().chain(domain.chars()).all(plain)
        && dots(local)
        && dots(domain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codes(check: impl FnOnce(&mut Wrongs)) -> Vec<&'static str> {
        let mut wrongs = Wrongs::default();
        check(&mut wrongs);
        wrongs.0.iter().map(|e| e.code).collect()
    }

    fn password(typed: &str) -> Vec<&'static str> {
        codes(|w| {
            w.password("password", &SecretString::from(typed), "someone@acme.example");
        })
    }

    #[test]
    fn a_password_has_12_to_256_characters_whatever_they_are() {
        assert_eq!(password(""), ["required"]);
        assert_eq!(password("elevenchars"), ["too_short"]);
        assert_eq!(password("twelve chars"), [""; 0]);
        assert_eq!(password(&"é".repeat(12)), [""; 0]);
        assert_eq!(password(&"é".repeat(256)), [""; 0]);
        assert_eq!(password(&"x".repeat(257)), ["too_long"]);
    }

    #[test]
    fn a_password_is_not_the_e_mail_in_any_case() {
        assert_eq!(password("Someone@ACME.example"), ["same_as_email"]);
        assert_eq!(password("Someone@ACME.example1"), [""; 0]);
    }

    #[test]
    fn a_name_is_trimmed_and_has_1_to_100_characters() {
        let name = |s: &'static str| {
            codes(|w| {
                w.name("name", s);
            })
        };
        assert_eq!(name(" \t"), ["required"]);
        assert_eq!(name("a\nb"), ["control_characters"]);
        assert_eq!(name("Ada \u{202e}nimda"), ["control_characters"]);
        assert_eq!(name("Ada \u{e000}"), ["unknown_characters"]);
        let mut wrongs = Wrongs::default();
        assert_eq!(wrongs.name("name", "  Zoë "), "Zoë");
        wrongs.name("name", &"ë".repeat(100));
        assert!(wrongs.none().is_ok());
        assert_eq!(
            codes(|w| {
                w.name("name", &"x".repeat(101));
            }),
            ["too_long"]
        );
    }

    #[test]
    fn what_can_not_be_seen_is_no_part_of_an_e_mail() {
        for unseen in
            ["a\u{202e}da@acme.example", "\u{2066}ada@acme.example", "ada@ac\u{200b}me.example", "a\u{0}@b"]
        {
            let email = codes(|w| {
                w.email("email", unseen);
            });
            assert_eq!(email, ["control_characters"], "{unseen:?}");
        }
        assert_eq!(Wrongs::default().email("email", " ZOE\u{308}@acme.example "), "ZOË@acme.example");
    }

    #[test]
    fn an_e_mail_has_one_at_sign_and_nothing_odd() {
        for good in
            ["a@b", "a.b+c@acme.example", " padded@acme.example ", "zoë@münchen.example", "o'brien@x.example"]
        {
            assert_eq!(
                codes(|w| {
                    w.email("email", good);
                }),
                [""; 0],
                "{good}"
            );
        }
        for bad in [
            "a",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a@b c",
            "a@.b",
            "a@b.",
            "a@b..c",
            ".a@b",
            "a.@b",
            "<a@b>",
            "A <a@b>",
            "a@b,c@d",
            "\"a\"@b",
            "a@-b",
            "a\u{a0}b@c",
        ] {
            assert_eq!(
                codes(|w| {
                    w.email("email", bad);
                }),
                ["not_an_email"],
                "{bad}"
            );
        }
        assert_eq!(
            codes(|w| {
                w.email("email", "  ");
            }),
            ["required"]
        );
        let long = format!("{}@b", "a".repeat(252));
        assert_eq!(
            codes(|w| {
                w.email("email", &long);
            }),
            [""; 0]
        );
        assert_eq!(
            codes(|w| {
                w.email("email", &format!("a{long}"));
            }),
            ["too_long"]
        );
    }

    proptest! {
        #[test]
        fn an_accepted_e_mail_has_one_at_sign_and_no_white_space(s in "\\PC{0,12}@?\\PC{0,12}") {
            let mut wrongs = Wrongs::default();
            let email = wrongs.email("email", &s);
            if wrongs.none().is_ok() {
                prop_assert_eq!(email.matches('@').count(), 1);
                prop_assert!(!email.chars().any(|c| c.is_whitespace() || c.is_control()));
                prop_assert!(!email.starts_with('@') && !email.ends_with('@'));
            }
        }
    }
}
