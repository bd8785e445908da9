//! When two e-mail addresses are one. Written once, for whoever compares them.

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;

/// What an address is compared by: without white space around it, in
/// compatibility composition (NFKC), and case-folded by Unicode's full rules.
/// `ZOE\u{308}@acme.example`, `zoË@acme.example` and `zoë@acme.example` have one
/// key. For comparing alone; an address is shown and sent as it was entered.
///
/// ```
/// assert_eq!(qlik::email_key(" ZoË@Acme.example "), qlik::email_key("zoe\u{308}@acme.example"));
/// assert_ne!(qlik::email_key("zoe@acme.example"), qlik::email_key("zoë@acme.example"));
/// ```
pub fn email_key(email: &str) -> String {
    let email = email.trim();
    if email.is_ascii() {
        return email.to_ascii_lowercase();
    }
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    // Folding may take a letter apart, and composing may make one that folds: the second
    // round ends it (Unicode 3.13, D146).
    let once = nfkc.normalize(&CaseMapper::new().fold_string(&nfkc.normalize(email))).into_owned();
    // Composing may give a blank at an end, such as of a sign that stands alone.
    nfkc.normalize(&CaseMapper::new().fold_string(&once)).trim().to_owned()
}

/// Whether two addresses are one, by [`email_key`].
pub fn same_email(a: &str, b: &str) -> bool {
    email_key(a) == email_key(b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_composition_and_width_make_no_other_address() {
        for (a, b) in [
            ("Ada@ACME.example", "ada@acme.example"),
            (" ada@acme.example\t", "ada@acme.example"),
            ("zoë@acme.example", "zoË@acme.example"),
            ("zoë@acme.example", "zoe\u{308}@acme.example"),
            ("ZOE\u{308}@acme.example", "zoë@ACME.example"),
            ("straße@acme.example", "STRASSE@acme.example"),
            ("ΣΊΣΥΦΟΣ@acme.example", "σίσυφος@acme.example"),
            ("\u{ff41}da@acme.example", "ada@acme.example"),
            // The sign for Kelvin is a K.
            ("\u{212a}im@acme.example", "kim@acme.example"),
        ] {
            assert!(same_email(a, b), "{a} {b}");
        }
    }

    #[test]
    fn other_letters_make_another_address() {
        for (a, b) in [
            ("zoe@acme.example", "zoë@acme.example"),
            ("a.da@acme.example", "ada@acme.example"),
            ("ada+qlik@acme.example", "ada@acme.example"),
            // A dotless i is no i: folding is not the business of one language.
            ("kım@acme.example", "kim@acme.example"),
            // Cyrillic.
            ("\u{430}da@acme.example", "ada@acme.example"),
        ] {
            assert!(!same_email(a, b), "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(email in "\\PC{0,16}") {
            let key = email_key(&email);
            prop_assert_eq!(email_key(&key), key);
        }
    }
}
