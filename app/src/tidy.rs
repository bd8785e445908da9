//! Small repairs of what was typed that everybody may watch: the same in the
//! browser, at once, and on the server, for those without a script. What a value
//! means is decided elsewhere.

/// The host in `typed` where it is a pasted address; else `typed` without the
/// spaces around it.
pub fn host_in(typed: &str) -> String {
    let typed = typed.trim();
    let rest = match typed.split_once("://") {
        Some((scheme, rest)) if ["https", "http"].iter().any(|s| s.eq_ignore_ascii_case(scheme)) => rest,
        // Another scheme is a mistake to be shown as it was typed.
        Some(_) => return typed.to_owned(),
        None => typed,
    };
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    match rest.get(..end) {
        Some(host) if !host.is_empty() && !host.contains('@') => host.to_ascii_lowercase(),
        _ => typed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_address_becomes_its_host() {
        for (typed, host) in [
            ("acme.eu.qlikcloud.com", "acme.eu.qlikcloud.com"),
            ("  https://ACME.eu.qlikcloud.com/hub/?x=1 ", "acme.eu.qlikcloud.com"),
            ("HTTP://acme.eu.qlikcloud.com", "acme.eu.qlikcloud.com"),
            ("acme.eu.qlikcloud.com/console/web", "acme.eu.qlikcloud.com"),
            ("https://acme.eu.qlikcloud.com:8443/", "acme.eu.qlikcloud.com:8443"),
        ] {
            assert_eq!(host_in(typed), host, "{typed}");
        }
    }

    #[test]
    fn what_holds_no_host_stays_as_it_was_typed() {
        for typed in ["", "https://", "/", "ftp://acme.example/", "https://me@acme.example/"] {
            assert_eq!(host_in(typed), typed);
        }
    }
}
