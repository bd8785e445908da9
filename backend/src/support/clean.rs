//! The last look at a bundle: texts that came from outside may repeat a token
//! that was sent there. What looks like one is taken out.

/// What stands in a token's place.
const REMOVED: &str = "[removed]";
/// How tokens begin: each JWT is the base64 of a JSON object; webhook secrets
/// by the convention of <https://www.standardwebhooks.com/>.
const BEGINNINGS: [&str; 2] = ["eyJ", "whsec_"];
/// What is shorter is a word.
const SHORTEST: usize = 20;

/// `text` without what looks like a token.
pub(super) fn cleaned(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = BEGINNINGS.iter().filter_map(|b| rest.find(b)).min() {
        let token = &rest[at..];
        let end = token.find(|c| !is_of_a_token(c)).unwrap_or(token.len());
        out.push_str(&rest[..at]);
        out.push_str(if end >= SHORTEST { REMOVED } else { &token[..end] });
        rest = &token[end..];
    }
    out.push_str(rest);
    out
}

/// base64 of both kinds, the dots of a JWT, and percent signs of either.
fn is_of_a_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.~+/=%".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_a_text_is_taken_out_and_the_rest_stays() {
        for (text, wanted) in [
            (
                r#"{"says": "Bearer eyJhbGciOiJFUzM4NCIsImtpZCI6.eyJqdGkiOiJr.c2ln, refused"}"#,
                r#"{"says": "Bearer [removed], refused"}"#,
            ),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw eyJhbGciOiJFUzM4NCIsImtpZCI6", "[removed] [removed]"),
            (
                "eyJ is a beginning, qlk0acme.eu.qlikcloud.com",
                "eyJ is a beginning, qlk0acme.eu.qlikcloud.com",
            ),
            ("", ""),
        ] {
            assert_eq!(cleaned(text), wanted);
        }
    }
}
