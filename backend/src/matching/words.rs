//! The verdicts in words: what they are called, what they mean, what to do.

use super::judge::{Rules, Verdict};

impl Verdict {
    /// In two or three words, for a table.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Several => "Several users",
            Self::OtherEmail => "Subject of another user",
            Self::WouldRewrite => "Subject would change",
            Self::WouldCreate => "Would be created",
            Self::NoUser => "No such user",
            Self::NoEmail => "No e-mail at Qlik",
            Self::PlusAddress => "Plus address",
            Self::Disabled => "Disabled at Qlik",
            Self::Invited => "Invited at Qlik",
            Self::OtherCase => "Matched, other case",
            Self::Matched => "Matched",
        }
    }

    /// What to do, in one sentence, under the rules that it was judged by.
    pub const fn advice(self, rules: Rules) -> &'static str {
        match self {
            Self::Several => {
                "Two or more active Qlik users have the e-mail; a Tenant Admin disables or deletes those that are not used."
            }
            Self::OtherEmail => {
                "Another Qlik user has this e-mail as subject; if it is the same person, use one e-mail here and in Qlik."
            }
            Self::WouldRewrite if rules.rewrite => {
                "Allowed: Qlik gives the user this portal's subject at the next sign-in."
            }
            Self::WouldRewrite => {
                "Refused: allow it under Who will match, or stop sending the e-mail as subject under Settings, as this key may read users."
            }
            Self::WouldCreate if rules.create => {
                "Allowed: Qlik makes the user at the first sign-in, which may use a licence."
            }
            Self::WouldCreate | Self::NoUser => {
                "Invite the user in Qlik, use the e-mail that Qlik has, or let Qlik create users under Who will match."
            }
            Self::NoEmail => {
                "A Qlik user with this subject or name has no e-mail; if it is the same person, add the e-mail at Qlik's identity provider."
            }
            Self::PlusAddress => {
                "Qlik has the same mailbox with another tag after the plus, so use one e-mail here and in Qlik."
            }
            Self::Disabled => "A Tenant Admin enables the user in Qlik.",
            Self::Invited => {
                "The user accepts the invitation that Qlik sent, or signs in to Qlik once; a Tenant Admin can invite again."
            }
            Self::OtherCase => "Nothing: the e-mails differ in upper and lower case alone.",
            Self::Matched => "Nothing: the user is signed in under the subject that Qlik has.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_has_a_label_of_its_own_and_one_sentence() {
        let labels: std::collections::HashSet<_> = Verdict::ALL.iter().map(|v| v.label()).collect();
        assert_eq!(labels.len(), Verdict::ALL.len());
        for rules in [Rules::default(), Rules { email_as_subject: true, create: true, rewrite: true }] {
            for verdict in Verdict::ALL {
                let advice = verdict.advice(rules);
                assert!(advice.ends_with('.') && !advice.contains('!'), "{advice}");
                assert_eq!(advice.matches(". ").count(), 0, "{advice}");
            }
        }
    }
}
