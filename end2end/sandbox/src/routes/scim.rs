//! The filter language of the users endpoint: a subset of RFC 7644, section 3.4.2.2.
//!
//! Comparisons ignore case. Only the pairs of field and operator that Qlik
//! documents are read; anything else is an error.

/// An operator that Qlik's users endpoint knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// Equal.
    Eq,
    /// Contains.
    Co,
}

/// A parsed filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Compare { field: String, operator: Operator, value: String },
}

const EQ_FIELDS: [&str; 11] = [
    "id",
    "subject",
    "name",
    "email",
    "status",
    "clientId",
    "assignedRoles.id",
    "assignedRoles.name",
    "assignedGroups.id",
    "assignedGroupsAssignedRoles.name",
    "assignedScopes",
];
const CO_FIELDS: [&str; 3] = ["name", "email", "subject"];
/// Deep enough for any real filter, shallow enough for the stack.
const MAX_DEPTH: usize = 32;

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    ///
    /// What is wrong, in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0 };
        let filter = parser.or(0)?;
        match parser.peek() {
            None => Ok(filter),
            Some(token) => Err(format!("unexpected {token:?}")),
        }
    }

    /// Whether it holds; `values` gives the values of a field.
    pub(crate) fn holds<'a>(&self, values: &impl Fn(&str) -> Vec<&'a str>) -> bool {
        match self {
            Self::And(a, b) => a.holds(values) && b.holds(values),
            Self::Or(a, b) => a.holds(values) || b.holds(values),
            Self::Compare { field, operator, value } => {
                let wanted = value.to_lowercase();
                values(field).iter().any(|have| match operator {
                    Operator::Eq => have.to_lowercase() == wanted,
                    Operator::Co => have.to_lowercase().contains(&wanted),
                })
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Word(String),
    Text(String),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some(&(start, c)) = chars.peek() {
        match c {
            _ if c.is_whitespace() => drop(chars.next()),
            '(' | ')' => {
                chars.next();
                found.push(if c == '(' { Token::Open } else { Token::Close });
            }
            // Values are JSON strings, with JSON's escapes.
            '"' => {
                let mut stream = serde_json::Deserializer::from_str(&text[start..]).into_iter::<String>();
                let value = stream
                    .next()
                    .and_then(Result::ok)
                    .ok_or_else(|| "a value is not a quoted string".to_owned())?;
                let end = start + stream.byte_offset();
                while chars.peek().is_some_and(|(at, _)| *at < end) {
                    chars.next();
                }
                found.push(Token::Text(value));
            }
            _ => {
                let mut word = String::new();
                while let Some((_, c)) = chars.next_if(|(_, c)| !c.is_whitespace() && !"()\"".contains(*c)) {
                    word.push(c);
                }
                found.push(Token::Word(word));
            }
        }
    }
    Ok(found)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let hit = matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(hit);
        hit
    }

    fn or(&mut self, depth: usize) -> Result<Filter, String> {
        let mut left = self.and(depth)?;
        while self.keyword("or") {
            left = Filter::Or(Box::new(left), Box::new(self.and(depth)?));
        }
        Ok(left)
    }

    fn and(&mut self, depth: usize) -> Result<Filter, String> {
        let mut left = self.term(depth)?;
        while self.keyword("and") {
            left = Filter::And(Box::new(left), Box::new(self.term(depth)?));
        }
        Ok(left)
    }

    fn term(&mut self, depth: usize) -> Result<Filter, String> {
        if depth > MAX_DEPTH {
            return Err("too deeply nested".to_owned());
        }
        match self.next() {
            Some(Token::Open) => {
                let inner = self.or(depth + 1)?;
                match self.next() {
                    Some(Token::Close) => Ok(inner),
                    _ => Err("a parenthesis is not closed".to_owned()),
                }
            }
            Some(Token::Word(field)) => self.compare(&field),
            _ => Err("a comparison is missing".to_owned()),
        }
    }

    fn compare(&mut self, field: &str) -> Result<Filter, String> {
        let operator = match self.next() {
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("eq") => Operator::Eq,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("co") => Operator::Co,
            _ => return Err(format!("the operator after {field:?} must be eq or co")),
        };
        let fields: &[&str] = match operator {
            Operator::Eq => &EQ_FIELDS,
            Operator::Co => &CO_FIELDS,
        };
        let field = fields
            .iter()
            .find(|known| known.eq_ignore_ascii_case(field))
            .ok_or_else(|| format!("the field {field:?} can't be filtered by this operator"))?;
        match self.next() {
            Some(Token::Text(value)) => Ok(Filter::Compare { field: (*field).to_owned(), operator, value }),
            _ => Err(format!("the value after {field:?} must be a quoted string")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(filter: &str) -> bool {
        let values = |field: &str| match field {
            "email" => vec!["Ada@Acme.example"],
            "name" => vec![r#"Ada "the" L\ovelace"#],
            "status" => vec!["active"],
            "assignedRoles.name" => vec!["TenantAdmin", "Steward"],
            _ => vec![],
        };
        Filter::parse(filter).unwrap().holds(&values)
    }

    #[test]
    fn comparisons_ignore_case_and_know_many_valued_fields() {
        assert!(holds(r#"email eq "ada@acme.example""#));
        assert!(holds(r#"EMAIL EQ "ADA@ACME.EXAMPLE""#));
        assert!(holds(r#"email co "acme""#));
        assert!(!holds(r#"email eq "acme""#));
        assert!(holds(r#"assignedRoles.name eq "steward""#));
    }

    #[test]
    fn quotes_and_backslashes_are_escaped_as_in_json() {
        assert!(holds(r#"name eq "Ada \"the\" L\\ovelace""#));
        assert!(!holds(r#"name eq "x" and (name eq "\" or name eq \"")"#));
    }

    #[test]
    fn and_binds_tighter_than_or_and_parentheses_bind_tightest() {
        assert!(holds(r#"email co "acme" or email co "x" and status eq "disabled""#));
        assert!(!holds(r#"(email co "acme" or email co "x") and status eq "disabled""#));
    }

    #[test]
    fn what_qlik_does_not_document_is_an_error() {
        for filter in [
            "",
            "email",
            "email eq ada",
            r#"email sw "a""#,
            r#"status co "act""#,
            r#"shoeSize eq "9""#,
            r#"(email eq "a""#,
            r#"email eq "a" email eq "b""#,
            r#"email eq "a"#,
        ] {
            assert!(Filter::parse(filter).is_err(), "{filter}");
        }
        assert!(Filter::parse(&"(".repeat(10_000)).is_err());
    }
}
