use super::*;

#[test]
fn waits_double_up_to_a_day_and_end_after_two_to_three_days() {
    assert_eq!(wait(1, 0.0), FIRST_WAIT);
    assert_eq!(wait(2, 0.0), 2 * FIRST_WAIT);
    assert_eq!(wait(30, 1.0), LONGEST_WAIT + LONGEST_WAIT / 5);
    let all: i64 = (1..MOST_TRIES).map(|t| wait(t, 0.5)).sum();
    assert!((2 * 24..3 * 24).contains(&(all / 3_600)), "{} h", all / 3_600);
}

#[test]
fn a_token_is_tried_until_it_is_gone_the_client_is_refused_or_the_tries_are_over() {
    use OAuthErrorKind as K;
    for (end, tries, expected) in [
        (Ok(()), MOST_TRIES, Next::Done),
        (Err(K::InvalidGrant), 1, Next::Done),
        (Err(K::UnknownClient), 1, Next::GivenUp),
        (Err(K::TokenOrClient), 1, Next::Again),
        (Err(K::Other), 1, Next::Again),
        (Err(K::RateLimited), MOST_TRIES - 1, Next::Again),
        (Err(K::Other), MOST_TRIES, Next::GivenUp),
    ] {
        for named in [true, false] {
            assert_eq!(next(end, tries, named), expected, "{end:?} after {tries}");
        }
    }
    for refused in [K::WrongSecret, K::ClientRefused] {
        assert_eq!(next(Err(refused), 1, true), Next::Again, "its secret may be replaced");
        assert_eq!(next(Err(refused), MOST_TRIES, true), Next::GivenUp);
        assert_eq!(next(Err(refused), 1, false), Next::GivenUp);
    }
}
