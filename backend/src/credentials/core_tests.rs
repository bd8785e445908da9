use super::*;

const NOW: i64 = 1_800_000_000;

fn works() -> Row {
    Row { state: State::Works, stored: true, tried_at: Some(NOW - 3600), ..Row::NONE }
}

fn trying(before: Option<State>, stored: bool, tried_at: i64) -> Row {
    Row { state: State::Trying, before, in_flight: true, stored, tried_at: Some(tried_at), ..Row::NONE }
}

fn begins(row: &Row, around: &Around, want: Want) -> Option<Begun> {
    match decide(NOW, row, around, want) {
        Decision::Try(begun) => Some(begun),
        _ => None,
    }
}

fn waits(row: &Row, around: &Around, want: Want) -> Option<(i64, Why)> {
    match decide(NOW, row, around, want) {
        Decision::Wait { until, why } => Some((until - NOW, why)),
        _ => None,
    }
}

#[test]
fn each_want_is_taken_in_the_states_that_allow_it_and_in_no_other() {
    let around = Around::default();
    for state in State::ALL {
        for stored in [true, false] {
            let row = Row { state, stored, ..works() };
            let may = |want| begins(&row, &around, want).is_some();
            assert!(may(Want::Typed), "{state:?}");
            assert_eq!(may(Want::Door), state == State::Works && stored, "{state:?} {stored}");
            let idle = [State::Works, State::NotRegistered, State::Unused];
            // A try that began an hour ago is unclear by now.
            assert_eq!(may(Want::Again), !idle.contains(&state) && stored, "{state:?} {stored}");
        }
    }
}

#[test]
fn a_try_holds_others_up_for_its_time_and_not_under_a_clock_that_was_put_back() {
    for (age, busy) in [(0, true), (119, true), (120, false), (-119, true), (-120, true), (-121, false)] {
        let row = trying(None, true, NOW - age);
        for want in [Want::Typed, Want::Again, Want::Door] {
            let waits = waits(&row, &Around::default(), want);
            assert_eq!(waits.is_some_and(|(_, why)| why == Why::Busy), busy, "{age} {want:?}");
        }
    }
}

#[test]
fn a_try_that_was_given_up_is_still_under_way_at_qlik() {
    for state in [State::NotRegistered, State::Unused] {
        let row = Row { state, ..trying(None, false, NOW - 5) };
        assert_eq!(standing(NOW, &row).state, state);
        assert_eq!(waits(&row, &Around::default(), Want::Typed), Some((TRYING - 5, Why::Busy)));
    }
}

#[test]
fn an_overdue_try_is_judged_by_what_was_tried() {
    let stands = |before, stored| standing(NOW, &trying(before, stored, NOW - TRYING)).state;
    assert_eq!(stands(None, true), State::Unclear, "the stored one");
    assert_eq!(stands(Some(State::Unclear), false), State::Unclear, "the stored one, taken out");
    assert_eq!(stands(Some(State::NotRegistered), false), State::Unclear, "a typed one over nothing");
    assert_eq!(stands(Some(State::Works), true), State::Works, "a typed one beside one that works");
    assert_eq!(stands(Some(State::Unexpected), true), State::Unexpected);
}

#[test]
fn what_was_registered_for_another_account_or_tenant_is_unused() {
    let row = Row { belongs: false, ..works() };
    let stands = standing(NOW, &row);
    assert_eq!((stands.state, stands.stored), (State::Unused, false));
    assert_eq!(decide(NOW, &row, &Around::default(), Want::Door), Decision::Not(State::Unused));
    let begun = begins(&row, &Around::default(), Want::Typed).unwrap();
    assert!(!begun.stored && !begun.keeps_password());
    let busy = Row { belongs: false, ..trying(None, true, NOW) };
    assert!(waits(&busy, &Around::default(), Want::Typed).is_some(), "never two at once");
}

#[test]
fn nothing_is_begun_before_a_hold_is_over_whoever_set_it() {
    let far = LONGEST + SKEW;
    for (left, holds) in [(1, true), (far, true), (far + 1, false), (0, false), (-5, false)] {
        let own = Row { hold_until: Some(NOW + left), ..works() };
        let host = Around { host_hold: Some(NOW + left), ..Around::default() };
        let unclear = Row { state: State::Unclear, ..own.clone() };
        let all = [
            waits(&own, &Around::default(), Want::Door),
            waits(&own, &Around::default(), Want::Typed),
            waits(&works(), &host, Want::Door),
            waits(&works(), &host, Want::Typed),
            waits(&unclear, &Around::default(), Want::Again),
        ];
        for waits in all {
            assert_eq!(waits, holds.then_some((left, Why::Held)));
        }
    }
    let both = Around { host_hold: Some(NOW + 9), ..Around::default() };
    let row = Row { hold_until: Some(NOW + 5), ..works() };
    assert_eq!(waits(&row, &both, Want::Door), Some((9, Why::Held)), "the longer one");
}

#[test]
fn the_door_signs_in_once_a_minute_and_the_user_may_sooner() {
    for (ago, waiting) in [(0, true), (59, true), (60, false), (-60, true), (-61, false)] {
        let row = Row { tried_at: Some(NOW - ago), ..works() };
        let waits = waits(&row, &Around::default(), Want::Door);
        assert_eq!(waits, waiting.then_some((60 - ago, Why::TooSoon)), "{ago}");
        assert!(begins(&row, &Around::default(), Want::Typed).is_some());
    }
}

#[test]
fn a_portal_begins_ten_in_a_minute_and_goes_on_when_the_oldest_is_out_of_it() {
    let around = |begun| Around { begun, oldest: Some(NOW - 20), ..Around::default() };
    for want in [Want::Door, Want::Typed] {
        assert!(begins(&works(), &around(PACE - 1), want).is_some());
        assert_eq!(waits(&works(), &around(PACE), want), Some((40, Why::Pace)));
    }
}

#[test]
fn before_a_try_it_counts_as_refused_and_the_third_begins_the_pause() {
    for (before, pauses) in [(0, false), (1, false), (2, true), (3, true)] {
        let row = Row { refusals: before, ..works() };
        let begun = begins(&row, &Around::default(), Want::Typed).unwrap();
        let (refusals, hold) = begun.as_refused(NOW);
        assert_eq!((refusals, hold), (before + 1, pauses.then_some(NOW + PAUSE)));
    }
}

#[test]
fn only_the_explicit_try_takes_the_password_out_and_only_the_door_tries_what_is_stored_there() {
    let unclear = Row { state: State::Unclear, ..works() };
    let again = begins(&unclear, &Around::default(), Want::Again).unwrap();
    assert!(!again.keeps_password() && again.state_before() == Some(State::Unclear));
    let typed = begins(&unclear, &Around::default(), Want::Typed).unwrap();
    assert!(typed.keeps_password() && typed.state_before() == Some(State::Unclear));
    for want in [Want::Door, Want::Retyped] {
        let begun = begins(&works(), &Around::default(), want).unwrap();
        assert!(begun.keeps_password() && begun.state_before().is_none(), "{want:?}");
    }
}

#[test]
fn what_is_typed_is_tried_as_the_stored_one_where_it_is_that() {
    let unclear = Row { state: State::Unclear, ..works() };
    for (row, same, other) in [
        (works(), Want::Retyped, Want::Typed),
        (unclear, Want::Again, Want::Typed),
        (trying(None, true, NOW - TRYING), Want::Again, Want::Typed),
        (Row { belongs: false, ..works() }, Want::Typed, Want::Typed),
        (Row::NONE, Want::Typed, Want::Typed),
    ] {
        let stands = standing(NOW, &row);
        assert_eq!((typed(stands, true), typed(stands, false)), (same, other), "{row:?}");
        assert!(begins(&row, &Around::default(), same).is_some(), "it may be tried: {row:?}");
    }
    let just_now = Row { tried_at: Some(NOW), ..works() };
    assert!(
        begins(&just_now, &Around::default(), Want::Retyped).is_some(),
        "a person need not wait a minute"
    );
}
