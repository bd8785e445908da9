//! HTML as the login host writes it: never twice the same way.

/// Text within HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

/// A whole page.
pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{}</title></head>\n<body>\n{body}\n</body></html>\n",
        escape(title)
    )
}

/// What went wrong, if anything.
pub(super) fn alert(error: Option<&str>) -> String {
    error
        .map(|text| format!("<div class=\"alert\" role=\"alert\" id=\"error\">{}</div>\n", escape(text)))
        .unwrap_or_default()
}

/// A form with hidden fields that sends itself to another place.
pub(super) fn sends_itself(action: &str, fields: &[(&str, &str)]) -> String {
    use std::fmt::Write as _;
    let mut hidden = String::new();
    for (name, value) in fields {
        // Writing to a String cannot fail.
        let _ = writeln!(hidden, "    <input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value));
    }
    format!(
        "<form method=\"post\" name=\"hiddenform\" action=\"{}\">\n{hidden}    <noscript>\n        \
         <p>Script is disabled. Click Submit to continue.</p><input type=\"submit\" value=\"Submit\">\n    \
         </noscript>\n</form>\n<script language=\"javascript\" type=\"text/javascript\">\n \
         window.setTimeout(function() {{document.forms[0].submit();}}, 0);\n</script>",
        escape(action)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_can_not_leave_their_attributes() {
        let form = sends_itself("https://a/?b&c", &[("n", "\"><script>'")]);
        assert!(form.contains("action=\"https://a/?b&amp;c\""));
        assert!(form.contains("value=\"&#34;&gt;&lt;script&gt;&#39;\""));
    }
}
