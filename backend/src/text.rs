//! Free text that people enter and others read: what of it may be kept, and in
//! which form. Pure.
//!
//! The rules are those of the PRECIS framework where it has any
//! (<https://www.rfc-editor.org/rfc/rfc8266> for names): what can't be seen, turns
//! the direction of what follows, or has no agreed meaning is refused, white space
//! becomes one blank, and the rest is composed (NFC), so that one name is one row
//! of bytes. Letters that look alike stay what they are.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{CanonicalCombiningClass, DefaultIgnorableCodePoint, GeneralCategory, JoiningType},
};

/// Why a text can't be kept: it has what can't be seen.
pub(crate) const UNSEEN: &str = "control_characters";
/// It has characters that have no meaning, or one that only some program knows.
pub(crate) const UNKNOWN: &str = "unknown_characters";

const ZWNJ: char = '\u{200c}';
const ZWJ: char = '\u{200d}';
/// No white space by its category, and white all the same.
const BRAILLE_BLANK: char = '\u{2800}';

/// A name as it is kept: trimmed, composed, with single blanks.
///
/// # Errors
/// The code of what can't be kept.
pub(crate) fn name(typed: &str) -> Result<String, &'static str> {
    let composed = composed(typed.trim());
    let chars: Vec<char> = composed.chars().collect();
    let mut out = String::with_capacity(composed.len());
    for (at, &c) in chars.iter().enumerate() {
        if category(c) == GeneralCategory::SpaceSeparator {
            if !out.ends_with(' ') {
                out.push(' ');
            }
            continue;
        }
        if !joins(&chars, at) {
            seen(c)?;
        }
        out.push(c);
    }
    Ok(out)
}

/// A text of which nothing is white space, as it is kept.
///
/// # Errors
/// The code of what can't be kept.
pub(crate) fn word(typed: &str) -> Result<String, &'static str> {
    let composed = composed(typed.trim());
    composed.chars().try_for_each(seen)?;
    Ok(composed.into_owned())
}

/// What was kept before these rules, for the eye: what can't be seen is shown as
/// a replacement character, so that it can't turn or hide what stands beside it.
pub fn visible(kept: &str) -> Cow<'_, str> {
    if kept.is_ascii() && !kept.chars().any(|c| c.is_ascii_control()) {
        return Cow::Borrowed(kept);
    }
    let chars: Vec<char> = kept.chars().collect();
    let shown = |at: usize| joins(&chars, at) || seen(chars[at]).is_ok();
    if (0..chars.len()).all(shown) {
        return Cow::Borrowed(kept);
    }
    (0..chars.len()).map(|at| if shown(at) { chars[at] } else { char::REPLACEMENT_CHARACTER }).collect()
}

fn composed(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

fn seen(c: char) -> Result<(), &'static str> {
    use GeneralCategory as G;
    match category(c) {
        G::Control | G::Format | G::LineSeparator | G::ParagraphSeparator | G::Surrogate => Err(UNSEEN),
        _ if c == BRAILLE_BLANK => Err(UNSEEN),
        _ if CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c) => Err(UNSEEN),
        G::Unassigned | G::PrivateUse => Err(UNKNOWN),
        _ => Ok(()),
    }
}

/// Whether this is a joiner that the script around it needs, as in Persian and
/// Hindi names (<https://www.rfc-editor.org/rfc/rfc5892#appendix-A.1>).
fn joins(chars: &[char], at: usize) -> bool {
    let c = chars[at];
    if c != ZWNJ && c != ZWJ {
        return false;
    }
    let (before, after) = (&chars[..at], &chars[at + 1..]);
    let virama = |c: &char| {
        CodePointMapData::<CanonicalCombiningClass>::new().get(*c) == CanonicalCombiningClass::Virama
    };
    if before.last().is_some_and(virama) {
        return true;
    }
    let joining = |c: &char| CodePointMapData::<JoiningType>::new().get(*c);
    let solid = |t: &JoiningType| *t != JoiningType::Transparent;
    let left = before.iter().rev().map(joining).find(solid);
    let right = after.iter().map(joining).find(solid);
    c == ZWNJ
        && matches!(left, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(right, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_can_not_be_seen_or_turns_the_line_is_no_part_of_a_name() {
        for unseen in [
            "a\nb",
            "a\tb",
            "a\u{0}b",
            "a\u{85}b",
            "a\u{2028}b",
            "a\u{202e}b",
            "a\u{2066}b",
            "a\u{200b}b",
            "a\u{200e}b",
            "a\u{feff}b",
            "a\u{ad}b",
            "a\u{3164}b",
            "a\u{115f}b",
            "a\u{fe0f}b",
            "a\u{2800}b",
            "a\u{e0041}b",
            "a\u{200d}b",
            "a\u{200c}b",
            "\u{200c}",
            "\u{2060}",
            "\u{180e}a",
        ] {
            assert_eq!(name(unseen), Err(UNSEEN), "{unseen:?}");
            assert_eq!(word(unseen), Err(UNSEEN), "{unseen:?}");
        }
        for unknown in ["a\u{378}", "\u{e000}", "\u{10ffff}", "\u{fdd0}"] {
            assert_eq!(name(unknown), Err(UNKNOWN), "{unknown:?}");
        }
    }

    #[test]
    fn names_of_all_scripts_are_kept() {
        for kept in [
            "Ada Lovelace",
            "Zoë",
            "O’Brien-Smith, Jr.",
            "Σίσυφος",
            "李小龍",
            "עדה לאבלייס",
            "عادل إمام",
            // Persian with its non-joiner, Hindi with a joiner after a virama.
            "علی\u{200c}رضا",
            "क\u{94d}\u{200d}ष",
            "Acme & Söhne GmbH №1",
            "★",
        ] {
            assert_eq!(name(kept).as_deref(), Ok(kept));
            assert_eq!(visible(kept), kept);
        }
    }

    #[test]
    fn one_name_is_one_row_of_bytes() {
        assert_eq!(name("Zoe\u{308}").as_deref(), Ok("Zoë"));
        assert_eq!(name("  Ada \u{a0}\u{3000} Lovelace\t").as_deref(), Ok("Ada Lovelace"));
        assert_eq!(name(" \u{3000} ").as_deref(), Ok(""));
    }

    #[test]
    fn what_was_kept_before_is_shown_and_turns_nothing() {
        assert_eq!(visible("Ada \u{202e}nimda"), "Ada \u{fffd}nimda");
        assert_eq!(visible("a\u{0}b"), "a\u{fffd}b");
        assert_eq!(visible("Ada"), "Ada");
    }

    proptest! {
        #[test]
        fn what_is_kept_is_kept_the_same_again_and_can_be_seen(typed in any::<String>()) {
            if let Ok(kept) = name(&typed) {
                prop_assert_eq!(name(&kept), Ok(kept.clone()));
                prop_assert_eq!(visible(&kept).into_owned(), kept);
            }
            let shown = visible(&typed).into_owned();
            prop_assert_eq!(visible(&shown).into_owned(), shown);
        }
    }
}
