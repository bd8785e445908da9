//! Cursor paging in Qlik's two dialects
//! (<https://qlik.dev/apis/rest/pagination-sorting-filtering/>).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::extract::{Params, Site};
use crate::envelope::{Answer, Flavour, Refusal};

/// Which parameters carry the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `startingAfter` and `endingBefore`.
    StartingAfter,
    /// `next` and `prev`, opaque.
    NextPrev,
}

impl Dialect {
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::StartingAfter => ("startingAfter", "endingBefore"),
            Self::NextPrev => ("next", "prev"),
        }
    }

    fn encode(self, id: &str) -> String {
        match self {
            Self::StartingAfter => id.to_owned(),
            Self::NextPrev => URL_SAFE_NO_PAD.encode(format!("at:{id}")),
        }
    }

    fn decode(self, cursor: &str) -> Option<String> {
        match self {
            Self::StartingAfter => Some(cursor.to_owned()),
            Self::NextPrev => {
                let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
                text.strip_prefix("at:").map(str::to_owned)
            }
        }
    }
}

/// How an endpoint pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging {
    pub(crate) dialect: Dialect,
    pub(crate) default_limit: usize,
    pub(crate) flavour: Flavour,
    pub(crate) code: &'static str,
    /// Says "no more" by a null link instead of none: both exist at Qlik.
    pub(crate) null_links: bool,
}

/// The largest page that may be asked for.
const MAX_LIMIT: usize = 100;

impl Paging {
    /// The page of `all` (sorted) that `params` asks for, with its links.
    pub(crate) fn page<T>(
        self,
        site: &Site,
        path: &str,
        params: &Params,
        all: &[T],
        id: impl Fn(&T) -> &str,
        render: impl Fn(&T) -> Value,
    ) -> Answer<Value> {
        let (after_name, before_name) = self.dialect.names();
        let limit = match params.get("limit") {
            None => self.default_limit,
            Some(text) => match text.parse() {
                Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => limit,
                _ => return Err(self.bad("limit must be from 1 to 100")),
            },
        };
        let position = |cursor: &str| {
            let wanted = self.dialect.decode(cursor).ok_or_else(|| self.bad("The cursor is invalid"))?;
            all.iter().position(|item| id(item) == wanted).ok_or_else(|| self.bad("The cursor is invalid"))
        };
        let (from, to) = match (params.get(after_name), params.get(before_name)) {
            (Some(_), Some(_)) => {
                return Err(self.bad(&format!("{after_name} and {before_name} exclude each other")));
            }
            (Some(after), None) => {
                let from = position(after)? + 1;
                (from, (from + limit).min(all.len()))
            }
            (None, Some(before)) => {
                let to = position(before)?;
                (to.saturating_sub(limit), to)
            }
            (None, None) => (0, limit.min(all.len())),
        };
        let shown = &all[from..to];
        let link = |cursor: Option<(&str, &str)>| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            let mut rest: Vec<_> =
                params.0.iter().filter(|(name, _)| *name != after_name && *name != before_name).collect();
            rest.sort();
            query.extend_pairs(rest);
            if let Some((name, id)) = cursor {
                query.append_pair(name, &self.dialect.encode(id));
            }
            let query = query.finish();
            let separator = if query.is_empty() { "" } else { "?" };
            json!({ "href": site.url(&format!("{path}{separator}{query}")) })
        };
        let own = match (params.get(after_name), params.get(before_name)) {
            (Some(cursor), _) => self.dialect.decode(cursor).map(|id| (after_name, id)),
            (_, Some(cursor)) => self.dialect.decode(cursor).map(|id| (before_name, id)),
            _ => None,
        };
        let mut links = json!({ "self": link(own.as_ref().map(|(name, id)| (*name, id.as_str()))) });
        let next = shown.last().filter(|_| to < all.len()).map(|last| link(Some((after_name, id(last)))));
        let prev = shown.first().filter(|_| from > 0).map(|first| link(Some((before_name, id(first)))));
        for (name, found) in [("next", next), ("prev", prev)] {
            if let Some(found) = found {
                links[name] = found;
            } else if self.null_links {
                links[name] = json!({ "href": null });
            }
        }
        let data: Vec<Value> = shown.iter().map(render).collect();
        Ok(json!({ "data": data, "links": links }))
    }

    fn bad(self, title: &str) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, self.code, title).flavour(self.flavour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGING: Paging = Paging {
        dialect: Dialect::NextPrev,
        default_limit: 2,
        flavour: Flavour::COMMON,
        code: "X",
        null_links: false,
    };

    fn ask(query: &str) -> Answer<Value> {
        let site = Site { tenant: "t".into(), authority: "acme.eu.qlikcloud.com".into() };
        let params = Params(form_urlencoded::parse(query.as_bytes()).into_owned().collect());
        let all = ["a", "b", "c", "d", "e"];
        PAGING.page(&site, "/p", &params, &all, |s| s, |s| json!(s))
    }

    fn query_of(link: &Value) -> String {
        link["href"].as_str().unwrap().split_once('?').unwrap().1.to_owned()
    }

    #[test]
    fn following_next_visits_everything_once_and_prev_leads_back() {
        let first = ask("sort=x").unwrap();
        assert_eq!(first["data"], json!(["a", "b"]));
        assert_eq!(first["links"].get("prev"), None);
        assert!(query_of(&first["links"]["next"]).starts_with("sort=x&next="));
        let second = ask(&query_of(&first["links"]["next"])).unwrap();
        assert_eq!(second["data"], json!(["c", "d"]));
        let third = ask(&query_of(&second["links"]["next"])).unwrap();
        assert_eq!(third["data"], json!(["e"]));
        assert_eq!(third["links"].get("next"), None);
        let back = ask(&query_of(&third["links"]["prev"])).unwrap();
        assert_eq!(back["data"], json!(["c", "d"]));
    }

    #[test]
    fn bad_limits_and_cursors_are_refused() {
        for query in ["limit=0", "limit=101", "limit=x", "next=a", "next=YXQ6YQ&prev=YXQ6YQ", "next=YXQ6eg"] {
            assert_eq!(ask(query).unwrap_err().status, StatusCode::BAD_REQUEST, "{query}");
        }
    }
}
