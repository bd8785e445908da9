//! Enough of an HTML reader to ask what a page holds: elements in order, their
//! attributes and the text in them. Our pages close what they open.

use std::collections::BTreeMap;

/// One element.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    pub(crate) tag: String,
    pub(crate) attrs: BTreeMap<String, String>,
    /// All text in it, entities and all.
    pub(crate) text: String,
    /// Where it is in the page's list of its parent, by index.
    pub(crate) parent: Option<usize>,
}

impl Element {
    pub(crate) fn attr(&self, name: &str) -> Option<&str> {
        self.attrs.get(name).map(String::as_str)
    }
}

/// All elements of a page in their order.
#[derive(Debug)]
pub(crate) struct Page(pub(crate) Vec<Element>);

const VOID: &[&str] = &["meta", "link", "input", "br", "hr", "img"];

impl Page {
    pub(crate) fn parse(html: &str) -> Self {
        let mut elements: Vec<Element> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut rest = html;
        while let Some(at) = rest.find('<') {
            for i in &open {
                elements[*i].text.push_str(&rest[..at]);
            }
            rest = &rest[at..];
            if let Some(comment) = rest.strip_prefix("<!") {
                let end = if comment.starts_with("--") { "-->" } else { ">" };
                rest = &rest[rest.find(end).unwrap() + end.len()..];
                continue;
            }
            if let Some(tag) = rest.strip_prefix("</") {
                let name = &tag[..tag.find('>').unwrap()];
                let top = open.pop().unwrap_or_else(|| panic!("</{name}> closes nothing"));
                assert_eq!(elements[top].tag, name, "closed in the wrong order");
                rest = &tag[name.len() + 1..];
                continue;
            }
            let (tag, attrs, closed, after) = start_tag(&rest[1..]);
            elements.push(Element {
                tag: tag.clone(),
                attrs,
                text: String::new(),
                parent: open.last().copied(),
            });
            rest = after;
            if tag == "script" || tag == "style" {
                rest = &rest[rest.find(&format!("</{tag}")).unwrap()..];
            }
            if !closed && !VOID.contains(&tag.as_str()) {
                open.push(elements.len() - 1);
            }
        }
        assert!(
            open.is_empty(),
            "never closed: {:?}",
            open.iter().map(|i| &elements[*i].tag).collect::<Vec<_>>()
        );
        Self(elements)
    }

    pub(crate) fn all<'a>(&'a self, tag: &str) -> impl Iterator<Item = &'a Element> + use<'a> {
        let tag = tag.to_owned();
        self.0.iter().filter(move |e| e.tag == tag)
    }

    pub(crate) fn one(&self, tag: &str) -> &Element {
        let found: Vec<_> = self.all(tag).collect();
        assert_eq!(found.len(), 1, "<{tag}>: {found:?}");
        found[0]
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Element> {
        self.0.iter().find(|e| e.attr("id") == Some(id))
    }

    /// The control with the label `text`.
    pub(crate) fn labelled(&self, text: &str) -> &Element {
        let label = self.all("label").find(|l| l.text.trim() == text);
        let label = label.unwrap_or_else(|| panic!("no label {text}"));
        self.by_id(label.attr("for").unwrap()).unwrap_or_else(|| panic!("the label {text} leads nowhere"))
    }

    /// The texts of all elements of that role.
    pub(crate) fn role(&self, role: &str) -> Vec<&str> {
        self.0.iter().filter(|e| e.attr("role") == Some(role)).map(|e| e.text.trim()).collect()
    }

    /// The element itself, if it stands in that other one.
    pub(crate) fn inside_of<'a>(&self, element: &'a Element, outer: &Element) -> Option<&'a Element> {
        let mut at = element.parent;
        while let Some(i) = at {
            if std::ptr::eq(&raw const self.0[i], outer) {
                return Some(element);
            }
            at = self.0[i].parent;
        }
        None
    }

    /// Whether an element stands in one with that tag.
    pub(crate) fn inside(&self, element: &Element, tag: &str) -> Option<&Element> {
        let mut at = element.parent;
        while let Some(i) = at {
            if self.0[i].tag == tag {
                return Some(&self.0[i]);
            }
            at = self.0[i].parent;
        }
        None
    }
}

fn start_tag(text: &str) -> (String, BTreeMap<String, String>, bool, &str) {
    let name_end = text.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap();
    let (name, mut rest) = text.split_at(name_end);
    let mut attrs = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("/>") {
            return (name.to_owned(), attrs, true, after);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (name.to_owned(), attrs, false, after);
        }
        let end = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c)).unwrap();
        let (key, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix("=\"") {
            Some(quoted) => quoted.split_at(quoted.find('"').unwrap()),
            None => ("", after),
        };
        rest = after.strip_prefix('"').unwrap_or(after);
        assert!(attrs.insert(key.to_owned(), value.to_owned()).is_none(), "{key} twice on <{name}>");
    }
}
