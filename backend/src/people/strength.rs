//! Whether a password would be guessed before long. Pure.
//!
//! The lists of common and leaked passwords, and what is known of patterns, are
//! those of zxcvbn (<https://github.com/dropbox/zxcvbn>); what it does not know is
//! whose password this is, and what this product is called.

use std::borrow::Cow;

/// Guesses, as a power of ten, that a password must be worth: what zxcvbn calls
/// very unguessable, for who has the hashes.
const ENOUGH: f64 = 10.0;
/// Letters that must be left of a password without the names that everybody here
/// knows.
const LEFT: usize = 8;
/// Shorter words of a name say nothing.
const WORD: usize = 3;
/// Letters of a word that a year makes no better.
const WORD_AND_YEAR: usize = 14;
/// What anybody would try here first.
const HOUSE: [&str; 9] =
    ["qonduit", "qlik", "qliksense", "sense", "cloud", "portal", "reporting", "reports", "admin"];

/// On a list of common or leaked passwords, or close to one.
pub(super) const COMMON: &str = "common";
/// Little more than the names of person, portal and product.
pub(super) const PERSONAL: &str = "personal";
/// A pattern: a word and a year, a run of keys, a repetition.
pub(super) const GUESSABLE: &str = "guessable";

/// Whose password it is to be.
#[derive(Debug, Clone)]
pub(super) struct Whose {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) portal: String,
}

impl Whose {
    /// The words of it, folded, the longest first.
    fn words(&self) -> Vec<String> {
        let all = [&self.email, &self.name, &self.portal];
        let folded: Vec<String> = all.into_iter().map(|text| qlik::email_key(text)).collect();
        let parts = folded.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
        let house = HOUSE.iter().copied();
        let whole = folded.iter().map(String::as_str);
        let mut words: Vec<String> = parts
            .chain(house)
            .chain(whole)
            .filter(|w| w.chars().count() >= WORD)
            .map(str::to_owned)
            .collect();
        words.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        words.dedup();
        words
    }
}

/// Why this password is too weak, as a code.
pub(super) fn weakness(password: &str, whose: &Whose) -> Option<&'static str> {
    let words = whose.words();
    let folded = qlik::email_key(password);
    if is_personal(&folded, &words) {
        return Some(PERSONAL);
    }
    let known: Vec<&str> = words.iter().map(String::as_str).collect();
    let judged = zxcvbn::zxcvbn(password, &known);
    if judged.guesses_log10() < ENOUGH {
        use zxcvbn::feedback::Warning as W;
        let listed = judged.feedback().and_then(zxcvbn::feedback::Feedback::warning).is_some_and(|w| {
            matches!(
                w,
                W::ThisIsACommonPassword
                    | W::ThisIsATop10Password
                    | W::ThisIsATop100Password
                    | W::ThisIsSimilarToACommonlyUsedPassword
            )
        });
        return Some(if listed { COMMON } else { GUESSABLE });
    }
    is_word_and_year(&folded).then_some(GUESSABLE)
}

/// Without the words that everybody knows, hardly a letter is left.
fn is_personal(folded: &str, words: &[String]) -> bool {
    let mut left = Cow::Borrowed(folded);
    for word in words {
        if left.contains(word.as_str()) {
            left = Cow::Owned(left.replace(word.as_str(), " "));
        }
    }
    matches!(left, Cow::Owned(_)) && left.chars().filter(|c| c.is_alphabetic()).count() < LEFT
}

/// `Willkommen2026!`: the lists know the words of few languages.
fn is_word_and_year(folded: &str) -> bool {
    let core = folded.trim_matches(|c: char| !c.is_alphanumeric());
    let letters = core.chars().take_while(|c| c.is_alphabetic()).count();
    let rest: String = core.chars().skip(letters).collect();
    let year = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
    (1..=WORD_AND_YEAR).contains(&letters)
        && year.len() == 4
        && (year.starts_with("19") || year.starts_with("20"))
        && year.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(password: &str) -> Option<&'static str> {
        let whose = Whose {
            email: "ada.lovelace@acme.example".to_owned(),
            name: "Ada Lovelace".to_owned(),
            portal: "Acme Reports".to_owned(),
        };
        weakness(password, &whose)
    }

    #[test]
    fn what_stands_on_the_lists_is_refused() {
        for listed in
            ["password1234", "Password123!", "P@ssw0rd2026!", "1q2w3e4r5t6y", "iloveyou1234", "Passwort1234"]
        {
            assert_eq!(judged(listed), Some(COMMON), "{listed}");
        }
    }

    #[test]
    fn what_follows_a_pattern_is_refused() {
        for pattern in [
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "123456789012",
            "passwordpassword",
            "Summer2026!!!",
            "Willkommen2026!",
            "Sommer-2026.",
            "twelve chars",
        ] {
            assert_eq!(judged(pattern), Some(GUESSABLE), "{pattern}");
        }
    }

    #[test]
    fn what_everybody_here_knows_is_refused_in_any_case_and_order() {
        for personal in [
            "Ada.Lovelace@ACME.example1",
            "acmereports1",
            "ACME reports 2026!",
            "LovelaceAda1843",
            "Qlik2026!Qlik2026!",
            "QlikCloud2026!",
            "Qlik Sense 2026",
            "Qonduit2026!!",
            "Acme-Admin-2026",
            "adaAcme12345!",
        ] {
            assert_eq!(judged(personal), Some(PERSONAL), "{personal}");
        }
    }

    #[test]
    fn a_few_words_or_enough_chance_are_taken() {
        for good in [
            "correct horse battery",
            "staple under the moon",
            "a third one, long enough",
            "k3&Vz!9pQw2x",
            "violet harbour lantern 41",
            "in canada we count moose",
            "zwölf kühe grasen 7",
        ] {
            assert_eq!(judged(good), None, "{good}");
        }
    }

    #[test]
    fn a_short_name_forbids_nothing() {
        let whose = Whose { email: "a@b.c".into(), name: "É".into(), portal: "X".into() };
        assert_eq!(weakness("correct horse battery", &whose), None);
    }
}
