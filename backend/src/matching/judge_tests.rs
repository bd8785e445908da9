use proptest::prelude::*;

use super::*;

fn seen(id: &str, email: Option<&str>, subject: &str, status: UserStatus) -> Seen {
    Seen {
        id: id.to_owned(),
        email: email.map(str::to_owned),
        subject: subject.to_owned(),
        name: "Somebody else".to_owned(),
        status,
    }
}

fn active(id: &str, email: &str) -> Seen {
    seen(id, Some(email), &format!("auth0|{id}"), UserStatus::Active)
}

const ADA: Person<'static> = Person { email: "ada@acme.example", name: "Ada Lovelace" };
const PLAIN: Rules = Rules { email_as_subject: false, create: false, rewrite: false };
const SUBJECT: Rules = Rules { email_as_subject: true, ..PLAIN };
const CREATE: Rules = Rules { create: true, ..PLAIN };
const REWRITE: Rules = Rules { rewrite: true, ..PLAIN };
const ALL: Rules = Rules { email_as_subject: true, create: true, rewrite: true };

/// Who is at Qlik, the rules, the verdict, and whether the user is let in.
#[test]
fn each_verdict_has_its_own_ground() {
    use UserStatus::{Active, Deleted, Disabled, Invited, Provisioned};
    use Verdict as V;
    let ada = || active("1", ADA.email);
    let with = |status| vec![seen("1", Some(ADA.email), "s", status)];
    let named = |name: &str, email| vec![Seen { name: name.to_owned(), ..seen("1", email, "s", Active) }];
    let own = || seen("1", Some(ADA.email), ADA.email, Active);
    let holder = |email| seen("2", email, "ADA@acme.example", Active);
    let table: Vec<(&str, Vec<Seen>, Rules, V, bool)> = vec![
        ("one active user", vec![ada()], PLAIN, V::Matched, true),
        (
            "one beside an unrelated one",
            vec![active("0", "bea@acme.example"), ada()],
            PLAIN,
            V::Matched,
            true,
        ),
        (
            "one active beside a disabled one",
            [with(Disabled), vec![active("2", ADA.email)]].concat(),
            PLAIN,
            V::Matched,
            true,
        ),
        ("another case", vec![active("1", "Ada@ACME.example")], PLAIN, V::OtherCase, true),
        ("two active users", vec![ada(), active("2", "ADA@acme.example")], ALL, V::Several, false),
        ("disabled", with(Disabled), ALL, V::Disabled, false),
        ("a status that nobody knows", with(UserStatus::Other("zq".into())), ALL, V::Disabled, false),
        ("invited", with(Invited), ALL, V::Invited, false),
        ("provisioned", with(Provisioned), ALL, V::Invited, false),
        ("deleted is nobody", with(Deleted), PLAIN, V::NoUser, false),
        ("nobody", vec![], PLAIN, V::NoUser, false),
        ("nobody, and rewriting is allowed", vec![], REWRITE, V::NoUser, false),
        ("nobody, the e-mail as subject", vec![], SUBJECT, V::WouldCreate, false),
        ("nobody, and it may be made", vec![], CREATE, V::WouldCreate, true),
        ("a plus address there", vec![active("1", "ada+qlik@acme.example")], CREATE, V::PlusAddress, false),
        ("of another domain", vec![active("1", "ada+qlik@globex.example")], PLAIN, V::NoUser, false),
        ("the name without an e-mail", named(" ada LOVELACE", None), CREATE, V::NoEmail, false),
        (
            "the name with another e-mail",
            named("Ada Lovelace", Some("x@acme.example")),
            PLAIN,
            V::NoUser,
            false,
        ),
        ("the subject without an e-mail", vec![holder(None)], CREATE, V::NoEmail, false),
        (
            "the subject with another e-mail",
            vec![holder(Some("x@acme.example"))],
            CREATE,
            V::OtherEmail,
            false,
        ),
        ("one of another subject, the e-mail as subject", vec![ada()], SUBJECT, V::WouldRewrite, false),
        ("the same, and it may be rewritten", vec![ada()], ALL, V::WouldRewrite, true),
        (
            "of another subject, which is sent, whatever may be rewritten",
            vec![ada()],
            REWRITE,
            V::Matched,
            true,
        ),
        ("of this portal's subject", vec![own()], ALL, V::Matched, true),
        ("no subject at all", vec![seen("1", Some(ADA.email), "", Active)], PLAIN, V::WouldRewrite, false),
        (
            "somebody else has the subject",
            vec![ada(), holder(Some("x@acme.example"))],
            ALL,
            V::OtherEmail,
            false,
        ),
        ("somebody else has it, and it is not sent", vec![ada(), holder(None)], PLAIN, V::Matched, true),
    ];
    for (what, users, rules, verdict, let_in) in table {
        let judged = judge(ADA, &users, rules);
        assert_eq!((judged.verdict, judged.sends.is_some()), (verdict, let_in), "{what}: {judged:?}");
        assert_eq!(verdict.is_let_in(rules), let_in, "{what}");
    }
}

#[test]
fn an_address_with_a_tag_here_is_found_without_one_there() {
    let ada = Person { email: "ada+portal@acme.example", name: "" };
    let there = [active("1", "ADA@acme.example")];
    let judged = judge(ada, &there, PLAIN);
    assert_eq!((judged.verdict, judged.about), (Verdict::PlusAddress, Some(&there[0])));
    // No name is the name of nobody.
    let nameless = [Seen { name: " ".into(), ..seen("1", None, "s", UserStatus::Active) }];
    assert_eq!(judge(ada, &nameless, PLAIN).verdict, Verdict::NoUser);
}

#[test]
fn verdicts_have_names_of_their_own_and_are_found_by_them() {
    for (place, verdict) in Verdict::ALL.into_iter().enumerate() {
        assert_eq!(Verdict::parse(verdict.as_str()), Some(verdict));
        assert_eq!(verdict as usize, place, "shown in the order of their declaration");
    }
    assert_eq!(Verdict::parse("zq"), None);
}

fn statuses() -> impl Strategy<Value = UserStatus> {
    prop_oneof![
        4 => Just(UserStatus::Active),
        1 => Just(UserStatus::Invited),
        1 => Just(UserStatus::Disabled),
        1 => Just(UserStatus::Deleted),
        1 => Just(UserStatus::Provisioned),
        1 => Just(UserStatus::Other("zq".into())),
    ]
}

fn related() -> impl Strategy<Value = Seen> {
    let emails = prop_oneof![
        Just(None),
        Just(Some("ada@acme.example")),
        Just(Some("Ada@Acme.Example")),
        Just(Some("ada+q@acme.example")),
        Just(Some("bea@acme.example")),
    ];
    let subjects = prop_oneof![Just("ada@acme.example"), Just("ADA@acme.example"), Just("auth0|x"), Just("")];
    let names = prop_oneof![Just("Ada Lovelace"), Just("ada lovelace "), Just("Bea"), Just("")];
    ("[a-f]{1,2}", emails, subjects, names, statuses()).prop_map(|(id, email, subject, name, status)| Seen {
        id,
        email: email.map(str::to_owned),
        subject: subject.to_owned(),
        name: name.to_owned(),
        status,
    })
}

/// Users of one tenant: no id twice.
fn tenants() -> impl Strategy<Value = Vec<Seen>> {
    prop::collection::vec(related(), 0..6).prop_map(|mut users| {
        users.sort_by(|a, b| a.id.cmp(&b.id));
        users.dedup_by(|a, b| a.id == b.id);
        users
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(email_as_subject, create, rewrite)| Rules {
        email_as_subject,
        create,
        rewrite,
    })
}

/// What the sandbox's Qlik does with a login: by subject, else by e-mail, else a new user.
#[derive(Debug, PartialEq)]
enum Qlik<'a> {
    SignsIn(&'a str),
    Rewrites(&'a str),
    Makes,
    Refuses,
}

fn qlik<'a>(users: &'a [Seen], subject: &str, email: &str) -> Qlik<'a> {
    let there = || users.iter().filter(|u| u.status != UserStatus::Deleted);
    if let Some(known) = there().find(|u| u.subject == subject) {
        return Qlik::SignsIn(&known.id);
    }
    let same: Vec<_> = there().filter(|u| u.has_email(email)).collect();
    let active: Vec<_> = same.iter().filter(|u| u.status == UserStatus::Active).collect();
    match (active.len(), same.first()) {
        (2.., _) => Qlik::Refuses,
        (1, _) => Qlik::Rewrites(&active[0].id),
        (0, Some(any)) => Qlik::Rewrites(&any.id),
        _ => Qlik::Makes,
    }
}

proptest! {
    #[test]
    fn a_login_does_at_qlik_what_the_verdict_says_and_nothing_that_was_not_allowed(
        users in tenants(), rules in rules()
    ) {
        // Qlik's subjects are unique but for case, and those that are empty are nobody's.
        let mut subjects: Vec<_> = users.iter().map(|u| &u.subject).filter(|s| *s != "auth0|x").collect();
        let before = subjects.len();
        subjects.sort();
        subjects.dedup();
        prop_assume!(subjects.len() == before);
        prop_assume!(users.iter().filter(|u| u.subject == "auth0|x").count() <= 1);
        let judged = judge(ADA, &users, rules);
        prop_assert_eq!(judged.sends.is_some(), judged.verdict.is_let_in(rules));
        match judged.sends {
            None => {}
            Some(Sends::Stored { id, subject }) => {
                prop_assert!(matches!(judged.verdict, Verdict::Matched | Verdict::OtherCase));
                prop_assert_eq!(qlik(&users, &subject, ADA.email), Qlik::SignsIn(&id));
                let whom = users.iter().find(|u| u.id == id).unwrap();
                prop_assert!(whom.has_email(ADA.email) && whom.status == UserStatus::Active);
            }
            Some(Sends::Email { id: Some(id) }) => {
                prop_assert!(rules.rewrite && judged.verdict == Verdict::WouldRewrite);
                prop_assert_eq!(qlik(&users, ADA.email, ADA.email), Qlik::Rewrites(&id));
            }
            Some(Sends::Email { id: None }) => {
                prop_assert!(rules.create && judged.verdict == Verdict::WouldCreate);
                prop_assert_eq!(qlik(&users, ADA.email, ADA.email), Qlik::Makes);
            }
        }
    }

    #[test]
    fn neither_order_nor_strangers_change_a_verdict(
        (users, shuffled) in tenants().prop_flat_map(|u| (Just(u.clone()), Just(u).prop_shuffle())),
        rules in rules(),
    ) {
        let mut more = shuffled;
        more.insert(more.len() / 2, active("zz", "stranger@globex.example"));
        prop_assert_eq!(judge(ADA, &users, rules), judge(ADA, &more, rules));
    }

    #[test]
    fn the_switches_take_nobody_s_own_subject_away(users in tenants()) {
        // Who is found under this portal's subject already is signed in by it under all rules.
        let plain = judge(ADA, &users, PLAIN);
        if plain.about.is_some_and(|a| a.subject == ADA.email) {
            prop_assert_eq!(judge(ADA, &users, ALL), plain);
        }
    }
}
