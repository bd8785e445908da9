//! Whom a portal's user is at Qlik, and what a sign-in would do there. Pure: the
//! comparison and the door ask the same function, so what is shown is what
//! happens.
//!
//! Qlik knows a user by the subject of the login
//! (<https://community.qlik.com/t5/Official-Support-Articles/How-to-match-users-between-Qlik-Sense-Client-Managed-and-Qlik/ta-p/2029668>).
//! A login with a subject that Qlik does not know, but an e-mail that it knows,
//! gives that user the new subject (the event `com.qlik.user-identity.reassigned`
//! tells of it); with neither known it makes a user.

use qlik::{User, UserStatus, same_email, untagged};

/// A user of the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person<'a> {
    /// Their e-mail, as it was typed.
    pub email: &'a str,
    /// Their name.
    pub name: &'a str,
}

/// What of a Qlik user the judgement rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Qlik's id.
    pub id: String,
    /// The e-mail, where Qlik has one.
    pub email: Option<String>,
    /// The name by which identity providers know the user.
    pub subject: String,
    /// The name that people see.
    pub name: String,
    /// Whether the user can sign in.
    pub status: UserStatus,
}

impl From<&User> for Seen {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.clone(),
            email: user.email.clone().filter(|e| !e.is_empty()),
            subject: user.subject.clone(),
            name: user.name.clone(),
            status: user.status.clone(),
        }
    }
}

/// What an administrator chose for the Qlik tenant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// The e-mail is sent as subject.
    pub email_as_subject: bool,
    /// Qlik may make users that it lacks.
    pub create: bool,
    /// Where the e-mail is sent as subject, Qlik may give it to an existing user.
    pub rewrite: bool,
}

impl Rules {
    /// A login may carry another subject than the one that Qlik has stored.
    pub fn may_send_email(self) -> bool {
        self.email_as_subject || self.create || self.rewrite
    }
}

/// What became of a user of the portal. In the order in which it is shown: what
/// needs a person comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Two or more active Qlik users have the e-mail.
    Several,
    /// The e-mail is the subject of another Qlik user.
    OtherEmail,
    /// The Qlik user with the e-mail would be given this portal's subject.
    WouldRewrite,
    /// Qlik would make a user.
    WouldCreate,
    /// Qlik has no such user.
    NoUser,
    /// Qlik has a user of this subject or name, but no e-mail for them.
    NoEmail,
    /// Qlik has the same mailbox under another tag: `ada+qlik@` for `ada@`.
    PlusAddress,
    /// The Qlik user with the e-mail is disabled.
    Disabled,
    /// The Qlik user with the e-mail was invited or prepared, and never came in.
    Invited,
    /// Matched; the two e-mails differ in upper and lower case.
    OtherCase,
    /// Matched.
    Matched,
}

impl Verdict {
    /// All, in their order.
    pub const ALL: [Self; 11] = [
        Self::Several,
        Self::OtherEmail,
        Self::WouldRewrite,
        Self::WouldCreate,
        Self::NoUser,
        Self::NoEmail,
        Self::PlusAddress,
        Self::Disabled,
        Self::Invited,
        Self::OtherCase,
        Self::Matched,
    ];

    /// Its name in the store, in addresses and in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Several => "several",
            Self::OtherEmail => "other_email",
            Self::WouldRewrite => "would_rewrite",
            Self::WouldCreate => "would_create",
            Self::NoUser => "no_user",
            Self::NoEmail => "no_email",
            Self::PlusAddress => "plus_address",
            Self::Disabled => "disabled",
            Self::Invited => "invited",
            Self::OtherCase => "other_case",
            Self::Matched => "matched",
        }
    }

    /// The verdict of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == name)
    }

    /// Whether a user with this verdict is let in under these rules.
    pub const fn is_let_in(self, rules: Rules) -> bool {
        match self {
            Self::Matched | Self::OtherCase => true,
            Self::WouldCreate => rules.create,
            Self::WouldRewrite => rules.rewrite,
            _ => false,
        }
    }
}

/// What a login may carry as subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sends {
    /// The subject that Qlik has stored for this user.
    Stored {
        /// Qlik's id of the user.
        id: String,
        /// The subject.
        subject: String,
    },
    /// The e-mail, by which Qlik changes the user of this id, or makes one.
    Email {
        /// Qlik's id of the user who is given the subject; none is made anew.
        id: Option<String>,
    },
}

/// A verdict and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// The Qlik user that it is about, where there is one.
    pub about: Option<&'a Seen>,
    /// How many active Qlik users have the e-mail.
    pub count: usize,
    /// What a login may carry; none is refused.
    pub sends: Option<Sends>,
}

/// Judges a user of the portal by those Qlik users that may be the same person.
/// Others among `seen` change nothing, nor does their order.
pub fn judge<'a>(who: Person<'_>, seen: &'a [Seen], rules: Rules) -> Judged<'a> {
    // What is left of a deleted user is nobody.
    let there = || seen.iter().filter(|s| s.status != UserStatus::Deleted);
    let same = || there().filter(|s| s.has_email(who.email));
    let active = || same().filter(|s| s.status == UserStatus::Active);
    // Whom Qlik would sign in by the e-mail as subject, whatever their own e-mail is.
    let holder = |but: Option<&Seen>| {
        let held = there().filter(|s| same_email(&s.subject, who.email));
        let held = held.filter(|s| but.is_none_or(|but| but.id != s.id));
        held.min_by_key(|s| (s.email.is_none(), s.id.as_str()))
    };
    let count = active().count();
    let told = |verdict, about| Judged { verdict, about, count, sends: None };
    match count {
        0 => none_active(who, first(same()), holder(None), there, rules),
        1 => match first(active()) {
            Some(one) => the_one(who, one, holder(Some(one)), rules),
            None => told(Verdict::NoUser, None),
        },
        _ => told(Verdict::Several, first(active())),
    }
}

fn the_one<'a>(who: Person<'_>, one: &'a Seen, holder: Option<&'a Seen>, rules: Rules) -> Judged<'a> {
    let told = |verdict, about, sends| Judged { verdict, about: Some(about), count: 1, sends };
    // The stored subject is sent, unless the administrator chose the e-mail.
    let keeps = !rules.email_as_subject || same_email(&one.subject, who.email);
    if keeps && !one.subject.is_empty() {
        let exact = one.email.as_deref() == Some(who.email);
        let verdict = if exact { Verdict::Matched } else { Verdict::OtherCase };
        let sends = Sends::Stored { id: one.id.clone(), subject: one.subject.clone() };
        return told(verdict, one, Some(sends));
    }
    // By the subject Qlik would find this one first.
    if let Some(other) = holder {
        return told(Verdict::OtherEmail, other, None);
    }
    let sends = rules.rewrite.then(|| Sends::Email { id: Some(one.id.clone()) });
    told(Verdict::WouldRewrite, one, sends)
}

fn none_active<'a, I: Iterator<Item = &'a Seen>>(
    who: Person<'_>,
    same: Option<&'a Seen>,
    holder: Option<&'a Seen>,
    there: impl Fn() -> I,
    rules: Rules,
) -> Judged<'a> {
    let told = |verdict, about| Judged { verdict, about, count: 0, sends: None };
    if let Some(user) = same {
        let verdict = match user.status {
            UserStatus::Invited | UserStatus::Provisioned => Verdict::Invited,
            _ => Verdict::Disabled,
        };
        return told(verdict, Some(user));
    }
    if let Some(user) = holder {
        let verdict = if user.email.is_some() { Verdict::OtherEmail } else { Verdict::NoEmail };
        return told(verdict, Some(user));
    }
    let mailbox = untagged(who.email);
    let tagged = there().filter(|s| s.email.as_deref().is_some_and(|e| untagged(e) == mailbox));
    if let Some(user) = first(tagged) {
        return told(Verdict::PlusAddress, Some(user));
    }
    let key = name_key(who.name);
    let named = there().filter(|s| s.email.is_none() && key.is_some() && name_key(&s.name) == key);
    if let Some(user) = first(named) {
        return told(Verdict::NoEmail, Some(user));
    }
    if rules.email_as_subject || rules.create {
        let sends = rules.create.then_some(Sends::Email { id: None });
        return Judged { sends, ..told(Verdict::WouldCreate, None) };
    }
    told(Verdict::NoUser, None)
}

/// One of several, whatever their order.
fn first<'a>(of: impl Iterator<Item = &'a Seen>) -> Option<&'a Seen> {
    // A disabled one tells more than one who never came in.
    let waits = |s: &Seen| matches!(s.status, UserStatus::Invited | UserStatus::Provisioned);
    of.min_by(|a, b| (waits(a), &a.id).cmp(&(waits(b), &b.id)))
}

impl Seen {
    fn has_email(&self, email: &str) -> bool {
        self.email.as_deref().is_some_and(|e| same_email(e, email))
    }
}

/// The same for names that differ in case and white space around them alone;
/// none for one that is empty.
pub(super) fn name_key(name: &str) -> Option<String> {
    let key = name.trim().to_lowercase();
    (!key.is_empty()).then_some(key)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
