//! The last look at a bundle: texts that came from outside may repeat a token
//! that was sent there. What looks like one is taken out.

use serde_json::Value;

/// What stands in a token's place.
const REMOVED: &str = "[removed]";
/// How tokens begin: each JWT is the base64 of a JSON object; webhook secrets
/// by the Standard Webhooks convention.
const BEGINNINGS: [&str; 2] = ["eyJ", "whsec_"];
/// What is shorter is a word.
const SHORTEST: usize = 20;

/// Cleans every text in `value`; names of fields are ours.
pub(super) fn value(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(cleaned) = cleaned(text) {
                *text = cleaned;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(self::value),
        Value::Object(fields) => fields.values_mut().for_each(self::value),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The text without what looks like a token; `None` where nothing does.
fn cleaned(text: &str) -> Option<String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = BEGINNINGS.iter().filter_map(|b| rest.find(b)).min() {
        let token = &rest[at..];
        let end = token.find(|c: char| !is_of_a_token(c)).unwrap_or(token.len());
        out.push_str(&rest[..at]);
        out.push_str(if end >= SHORTEST { REMOVED } else { &token[..end] });
        rest = &token[end..];
    }
    out.push_str(rest);
    (out != text).then_some(out)
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
        let mut it = serde_json::json!({
            "says": "Bearer eyJhbGciOiJFUzM4NCIsImtpZCI6.eyJqdGkiOiJr.c2ln, and whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw.",
            "list": ["eyJ is a beginning", "qlk0acme.eu.qlikcloud.com", 7],
        });
        value(&mut it);
        assert_eq!(
            it,
            serde_json::json!({
                "says": "Bearer [removed], and [removed]",
                "list": ["eyJ is a beginning", "qlk0acme.eu.qlikcloud.com", 7],
            })
        );
    }
}
