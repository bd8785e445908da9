use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_000_000;

fn facts(stored: Stored) -> Facts {
    Facts { stored, renews: true, in_force: true, access_until: NOW + 1, began_at: None }
}

#[test]
fn each_state_is_read_as_it_is_written() {
    for stored in Stored::ALL {
        assert_eq!(Stored::parse(stored.as_str()), Some(stored));
    }
    assert_eq!(Stored::parse("ended"), None);
}

#[test]
fn a_connection_without_renewal_ends_with_its_token_and_one_with_it_does_not() {
    let without = |access_until| Facts { renews: false, access_until, ..facts(Stored::Connected) };
    assert_eq!(standing(without(NOW + 1), NOW), GrantState::Connected);
    assert_eq!(standing(without(NOW), NOW), GrantState::Ended);
    assert_eq!(standing(Facts { access_until: 0, ..facts(Stored::Connected) }, NOW), GrantState::Connected);
}

#[test]
fn a_renewal_that_took_its_time_is_lost_and_so_is_one_that_a_clock_put_back_began() {
    let began = |at| standing(Facts { began_at: at, ..facts(Stored::Refreshing) }, NOW);
    for under_way in [NOW, NOW - 120, NOW + 120] {
        assert_eq!(began(Some(under_way)), GrantState::Refreshing, "{under_way}");
    }
    for over in [Some(NOW - 121), Some(NOW + 121), None] {
        assert_eq!(began(over), GrantState::Lost, "{over:?}");
    }
}

#[test]
fn what_is_of_other_settings_is_unused_whatever_its_state() {
    for stored in Stored::ALL {
        assert_eq!(standing(Facts { in_force: false, ..facts(stored) }, NOW), GrantState::Unused);
    }
}

#[test]
fn each_state_that_needs_the_user_says_so_and_what_to_do() {
    use GrantState as S;
    for state in [S::NotConnected, S::Lost, S::Refused, S::Unused, S::Ended] {
        let said = said(state, true, true).unwrap();
        assert!(said.remedy.contains("Connect to Qlik"), "{said:?}");
    }
    assert_eq!(said(S::Connected, true, true), None);
    assert_eq!(said(S::Refreshing, true, true), None);
    assert!(said(S::Connected, false, true).unwrap().says.contains("ends"));
    assert!(!said(S::Unused, false, false).unwrap().remedy.contains("Connect"));
}

#[test]
fn only_a_refused_token_and_one_that_may_be_used_up_are_given_up() {
    use OAuthErrorKind as K;
    let table = [
        (K::InvalidGrant, Fate::Refused),
        (K::TokenOrClient, Fate::Refused),
        (K::ConsentNeeded, Fate::Refused),
        (K::ClientRefused, Fate::Kept),
        (K::UserRefused, Fate::Kept),
        (K::UnknownClient, Fate::Kept),
        (K::WrongSecret, Fate::Kept),
        (K::GrantNotAllowed, Fate::Kept),
        (K::ScopeNotAllowed, Fate::Kept),
        (K::UserUnknown, Fate::Kept),
        (K::UserDisabled, Fate::Kept),
        (K::TooManyTokens, Fate::Kept),
        (K::RateLimited, Fate::Kept),
        (K::Other, Fate::Kept),
    ];
    for (kind, expected) in table {
        assert_eq!(fate(kind, false), expected, "{kind:?}");
        let unclear = if expected == Fate::Refused { expected } else { Fate::Lost };
        assert_eq!(fate(kind, true), unclear, "{kind:?}");
    }
}

proptest! {
    /// Whatever is stored, nobody waits for longer than a renewal takes.
    #[test]
    fn no_stored_time_holds_a_connection_up(
        state in prop::sample::select(Stored::ALL.to_vec()),
        began_at in prop::option::of(-5_000_000_i64..5_000_000),
        renews: bool, access_until in 0_i64..2_000_000, later in 241_i64..1_000_000,
    ) {
        let facts = Facts { stored: state, renews, in_force: true, access_until, began_at };
        if standing(facts, NOW) == GrantState::Refreshing {
            prop_assert_eq!(standing(facts, NOW + later), GrantState::Lost);
        }
    }
}
