//! The table of checks is sound.

use std::collections::HashSet;

use super::table::CHECKS;

#[test]
fn each_check_stands_once_and_needs_only_what_comes_before_it() {
    let mut before = HashSet::new();
    for check in CHECKS {
        for need in check.needs {
            assert!(before.contains(need), "{} needs {need}, which comes later or never", check.id);
        }
        assert!(before.insert(check.id), "{} stands twice", check.id);
    }
}

#[test]
fn titles_are_told_apart() {
    let titles: HashSet<_> = CHECKS.iter().map(|c| c.proves).collect();
    assert_eq!(titles.len(), CHECKS.len());
}
