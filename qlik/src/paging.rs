//! Lists that come in pages.
//!
//! Qlik's cursors can't be computed, only followed
//! (<https://qlik.dev/apis/rest/pagination-sorting-filtering/>), and the
//! services differ in what they call them. This module must not know what is
//! listed.

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::form_urlencoded;

use crate::client::Tenant;
use crate::error::{Error, ErrorKind};
use crate::transport::Request;

/// So many pages of one list are read before it is given up.
const MAX_PAGES: usize = 50;
/// Largest page that Qlik gives.
pub(crate) const PAGE: u32 = 100;
/// Longest cursor that is sent back, in characters.
const MAX_CURSOR: usize = 4096;
/// What the services call their cursors.
const CURSORS: [&str; 4] = ["next", "prev", "startingAfter", "endingBefore"];

/// One page of a list.
///
/// `next` and `prev` are opaque: hand them back as the cursor of the same call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries, in Qlik's order.
    pub data: Vec<T>,
    /// The cursor of the page after this one; none on the last page.
    pub next: Option<String>,
    /// The cursor of the page before this one; none on the first page.
    pub prev: Option<String>,
}

impl<T> Page<T> {
    pub(crate) fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(f).collect(), next: self.next, prev: self.prev }
    }
}

#[derive(Deserialize)]
struct RawPage<T> {
    data: Vec<T>,
    #[serde(default)]
    links: Value,
}

/// Names and values of a query.
pub(crate) type Query<'a> = Vec<(&'a str, String)>;

impl Tenant {
    /// One page of a list. The query's own values win over the cursor's.
    pub(crate) async fn page<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        query: &Query<'_>,
        cursor: Option<&str>,
    ) -> Result<Page<T>, Error> {
        let query = match cursor {
            None => encode(query.iter().map(|(k, v)| (*k, v.as_str()))),
            Some(cursor) => {
                continued(query, cursor).ok_or_else(|| bad_request(operation, "this is not a cursor"))?
            }
        };
        let full = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let raw: RawPage<T> = self.call(Request::get(operation, full)).await?.json()?;
        let link = |name| self.cursor(operation, path, &raw.links, name);
        let (next, prev) = (link("next")?, link("prev")?);
        Ok(Page { data: raw.data, next, prev })
    }

    /// A whole list, page after page.
    pub(crate) async fn all_pages<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        query: &Query<'_>,
    ) -> Result<Vec<T>, Error> {
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let page = self.page(operation, path, query, cursor.as_deref()).await?;
            all.extend(page.data);
            let Some(next) = page.next else { return Ok(all) };
            if !seen.insert(next.clone()) {
                return Err(Error::new(ErrorKind::BadBody, operation).with_title("the pages go in a circle"));
            }
            cursor = Some(next);
        }
        Err(Error::new(ErrorKind::BadBody, operation).with_title("the list has too many pages"))
    }

    /// The query of a link to another page. Its host is checked; its path is
    /// not used, because the list is at a path that is known.
    fn cursor(
        &self,
        operation: &'static str,
        path: &str,
        links: &Value,
        name: &str,
    ) -> Result<Option<String>, Error> {
        let link = links.get(name);
        let href = link.and_then(|l| l.get("href")).or(link).and_then(Value::as_str);
        let Some(href) = href.filter(|h| !h.is_empty()) else { return Ok(None) };
        let Some(there) = self.transport.aliases.on_tenant(&self.host, path, href) else {
            return Err(Error::new(ErrorKind::LinkLeavesTenant, operation));
        };
        let query = there.split_once('?').map(|(_, query)| query.to_owned());
        // A link without a cursor would give the first page again, for ever.
        match query.filter(|q| has_cursor(q)) {
            Some(query) => Ok(Some(query)),
            None => {
                Err(Error::new(ErrorKind::BadBody, operation).with_title("a link to a page has no cursor"))
            }
        }
    }
}

fn has_cursor(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes())
        .any(|(name, value)| CURSORS.contains(&&*name) && !value.is_empty())
}

/// The query, and what of the cursor it does not say itself.
fn continued(query: &Query<'_>, cursor: &str) -> Option<String> {
    if cursor.len() > MAX_CURSOR || !has_cursor(cursor) {
        return None;
    }
    let theirs: Vec<_> = form_urlencoded::parse(cursor.as_bytes())
        .filter(|(name, _)| !query.iter().any(|(own, _)| own == name))
        .collect();
    let own = query.iter().map(|(k, v)| (*k, v.as_str()));
    Some(encode(own.chain(theirs.iter().map(|(k, v)| (&**k, &**v)))))
}

/// Percent-encodes a query; spaces as `%20`, which every service understands.
pub(crate) fn encode<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().replace('+', "%20")
}

/// One segment of a path, percent-encoded.
///
/// # Errors
///
/// [`ErrorKind::BadRequest`] for an id that is empty or would climb to another
/// path, without sending anything.
pub(crate) fn segment(operation: &'static str, id: &str) -> Result<String, Error> {
    if id.is_empty() || id == "." || id == ".." || id.len() > 512 {
        return Err(bad_request(operation, "this is not an id"));
    }
    Ok(form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>().replace('+', "%20"))
}

pub(crate) fn bad_request(operation: &'static str, title: &str) -> Error {
    Error::new(ErrorKind::BadRequest, operation).with_title(title).unsent()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_query_is_encoded_so_that_every_service_reads_it() {
        let pairs = [("filter", r#"email eq "a+b@c.d""#), ("sort", "-updatedAt")];
        assert_eq!(encode(pairs.into_iter()), "filter=email%20eq%20%22a%2Bb%40c.d%22&sort=-updatedAt");
    }

    #[test]
    fn a_cursor_continues_the_query_but_does_not_override_it() {
        let query = vec![("resourceType", "app".to_owned()), ("limit", "20".to_owned())];
        assert_eq!(
            continued(&query, "resourceType=secret&limit=100&next=a%26b&query=x").as_deref(),
            Some("resourceType=app&limit=20&next=a%26b&query=x")
        );
        assert_eq!(continued(&query, "resourceType=secret"), None);
        assert_eq!(continued(&query, "next="), None);
        assert_eq!(continued(&query, &format!("next={}", "x".repeat(5000))), None);
    }

    #[test]
    fn ids_stay_one_segment() {
        assert_eq!(segment("X", "a/b?c=d e#").unwrap(), "a%2Fb%3Fc%3Dd%20e%23");
        for bad in ["", ".", ".."] {
            let error = segment("X", bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadRequest);
            assert!(!error.may_have_happened());
        }
    }

    proptest! {
        #[test]
        fn no_id_changes_the_path_it_is_put_into(id in ".{1,30}") {
            if let Ok(one) = segment("X", &id) {
                let url = url::Url::parse(&format!("https://h.example/api/v1/api-keys/{one}")).unwrap();
                let segments: Vec<_> = url.path_segments().unwrap().collect();
                prop_assert_eq!(segments.len(), 4);
                prop_assert_eq!(&segments[..3], ["api", "v1", "api-keys"]);
                prop_assert!(url.query().is_none() && url.fragment().is_none());
            }
        }
    }
}
