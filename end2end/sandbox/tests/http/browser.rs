//! A browser as far as logins need one: cookies by host and path, redirects one by
//! one, and forms read out of HTML however they are written.

use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde_json::Value;

pub(crate) struct Browser {
    http: reqwest::Client,
    /// (host, path, name) to value.
    pub(crate) jar: BTreeMap<(String, String, String), String>,
}

pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) retry_after: Option<String>,
    pub(crate) limit_left: Option<String>,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    pub(crate) fn shows(&self, words: &str) -> bool {
        self.text.contains(words)
    }
}

impl Browser {
    pub(crate) fn new(http: &reqwest::Client) -> Self {
        Self { http: http.clone(), jar: BTreeMap::new() }
    }

    /// The cookies for a URL.
    pub(crate) fn cookies(&self, url: &Url) -> String {
        let host = url.host_str().unwrap();
        let pairs =
            self.jar.iter().filter(|((h, path, _), _)| h == host && url.path().starts_with(path.as_str()));
        pairs.map(|((_, _, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    async fn send(&mut self, url: Url, request: RequestBuilder) -> Page {
        let response = request.header("cookie", self.cookies(&url)).send().await.unwrap();
        for line in response.headers().get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            let path = line.split("; ").find_map(|part| part.strip_prefix("Path=")).unwrap_or("/");
            let key = (url.host_str().unwrap().to_owned(), path.to_owned(), name.to_owned());
            if value.is_empty() {
                self.jar.remove(&key);
            } else {
                self.jar.insert(key, value.to_owned());
            }
        }
        let header = |name| response.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
        let (status, location, retry_after) = (response.status(), header("location"), header("retry-after"));
        let limit_left = header("x-ratelimit-remaining");
        Page { url, status, location, retry_after, limit_left, text: response.text().await.unwrap() }
    }

    pub(crate) async fn get(&mut self, url: &str) -> Page {
        let url: Url = url.parse().unwrap();
        let request = self.http.request(Method::GET, url.clone());
        self.send(url, request).await
    }

    pub(crate) async fn post(&mut self, url: &str, fields: &[(String, String)]) -> Page {
        let url: Url = url.parse().unwrap();
        let request = self.http.post(url.clone()).form(fields);
        self.send(url, request).await
    }

    pub(crate) async fn post_json(&mut self, url: &str, body: &Value) -> Page {
        let url: Url = url.parse().unwrap();
        let request = self.http.post(url.clone()).json(body);
        self.send(url, request).await
    }

    /// Follows redirects until there is a page, or until they lead to a host that
    /// is not the sandbox's.
    pub(crate) async fn follow(&mut self, mut page: Page) -> Page {
        while let Some(location) = &page.location {
            let next = page.url.join(location).unwrap();
            let host = next.host_str().unwrap();
            if !host.ends_with(".qlikcloud.com") && !["login.qlik.com", "sso.corp.example"].contains(&host) {
                return page;
            }
            page = self.get(next.as_str()).await;
        }
        page
    }

    /// Sends the form that holds a field of this name, with values of one's own.
    pub(crate) async fn submit(&mut self, page: &Page, with: &str, own: &[(&str, &str)]) -> Page {
        let form = form_with(&page.text, with).unwrap_or_else(|| panic!("no form has {with}: {}", page.text));
        let mut fields = form.fields;
        for (name, value) in own {
            fields.retain(|(n, _)| n != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let action = page.url.join(form.action.as_deref().unwrap_or(page.url.as_str())).unwrap();
        self.post(action.as_str(), &fields).await
    }
}

pub(crate) struct Form {
    pub(crate) action: Option<String>,
    pub(crate) fields: Vec<(String, String)>,
}

fn unescape(text: &str) -> String {
    let text =
        text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#38;", "&").replace("&quot;", "\"");
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A tag's attributes: quoted either way, or not at all.
fn attributes(tag: &str) -> BTreeMap<String, String> {
    let mut rest = tag.trim_end_matches('/').trim();
    let mut found = BTreeMap::new();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let Some(after) = rest.strip_prefix('=') else {
            found.insert(name, String::new());
            continue;
        };
        let quote = after.chars().next().filter(|c| "'\"".contains(*c));
        let (value, left) = match quote {
            Some(quote) => after[1..].split_once(quote).unwrap(),
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        found.insert(name, unescape(value));
        rest = left.trim_start();
    }
    found
}

/// The first form that has a field of this name. Disabled fields and buttons are
/// not sent.
pub(crate) fn form_with(html: &str, with: &str) -> Option<Form> {
    let lower = html.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower[from..].find("<form") {
        let start = from + at + 5;
        let end = lower[start..].find("</form").map_or(html.len(), |n| start + n);
        let (tag, body) = html[start..end].split_once('>').unwrap();
        let mut fields = Vec::new();
        for input in split_tags(body, "<input") {
            let attributes = attributes(input);
            let skipped =
                attributes.get("type").is_some_and(|t| t == "submit") || attributes.contains_key("disabled");
            if let Some(name) = attributes.get("name").filter(|_| !skipped) {
                fields.push((name.clone(), attributes.get("value").cloned().unwrap_or_default()));
            }
        }
        if fields.iter().any(|(name, _)| name == with) {
            return Some(Form { action: attributes(tag).remove("action"), fields });
        }
        from = end;
    }
    None
}

/// The insides of all tags of one kind; a `>` within quotes belongs to them.
fn split_tags<'a>(html: &'a str, open: &str) -> Vec<&'a str> {
    let lower = html.to_ascii_lowercase();
    let mut tags = Vec::new();
    let mut from = 0;
    while let Some(at) = lower[from..].find(open) {
        let start = from + at + open.len();
        let mut quote = None;
        let end = html[start..].find(|c| match quote {
            Some(q) => {
                if c == q {
                    quote = None;
                }
                false
            }
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                false
            }
            None => c == '>',
        });
        let end = start + end.unwrap();
        tags.push(&html[start..end]);
        from = end;
    }
    tags
}
