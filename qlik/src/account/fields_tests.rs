use super::*;

fn names(html: &str, find: fn(&Page) -> Option<(&Form, Fill)>) -> Option<(String, String)> {
    let page = Page::read(html.as_bytes());
    let (form, fill) = find(&page)?;
    let name = |at: Option<usize>| at.map_or(String::new(), |at| form.controls[at].name.clone());
    Some((name(fill.identifier), name(fill.password)))
}

#[test]
fn the_field_for_the_name_is_told_by_autocomplete_then_type_then_name_then_place() {
    let p = "<input type=password name=p>";
    for (html, wanted) in [
        (format!("<form><input name=a type=email><input name=b autocomplete=username>{p}"), "b"),
        (format!("<form><input name=username><input name=b type=email>{p}"), "b"),
        (format!("<form><input name=a><input name=UserName>{p}"), "UserName"),
        (format!("<form><input name=a><input name=my_login_field>{p}"), "my_login_field"),
        (format!("<form><input name=a><input name=b>{p}<input name=c>"), "b"),
        (format!("<form>{p}<input name=c>"), ""),
        (format!("<form><input type=hidden name=username value=''>{p}"), "username"),
        (format!("<form><input type=hidden name=username value='ada'>{p}"), ""),
        (format!("<form><input name=username readonly value='ada'>{p}"), ""),
        (format!("<form><input name=email disabled><input name=x>{p}"), "x"),
    ] {
        assert_eq!(names(&html, login), Some((wanted.to_owned(), "p".to_owned())), "{html}");
    }
}

#[test]
fn the_login_is_told_from_other_forms_with_passwords() {
    let sign_up = "<form><input name=email><input type=password name=n autocomplete=new-password></form>";
    let change = "<form><input type=password name=a><input type=password name=b></form>";
    let log_in = "<form><input name=email><input type=password name=p></form>";
    for html in [format!("{sign_up}{log_in}"), format!("{change}{log_in}{sign_up}")] {
        assert_eq!(names(&html, login).unwrap().1, "p", "{html}");
    }
    let says_so = log_in.replace("name=p", "name=q autocomplete='section-x current-password'");
    assert_eq!(names(&format!("{log_in}{says_so}"), login).unwrap().1, "q");
    for html in [sign_up, change, "<form><input type=password></form>", "<input type=password name=loose>"] {
        assert_eq!(names(html, login), None, "{html}");
    }
    for html in [sign_up, change] {
        assert!(asks_for_a_new_password(&Page::read(html.as_bytes())), "{html}");
    }
}

#[test]
fn the_form_for_the_name_alone_is_the_likeliest() {
    let html =
        "<form><input name=q></form><form><input name=my_mail></form><form><input type=email name=e></form>";
    assert_eq!(names(html, identifier_first), Some(("e".to_owned(), String::new())));
    assert_eq!(names("<form><input name=q></form>", identifier_first), None);
    assert_eq!(names("<form><input name=otp autocomplete=one-time-code></form>", identifier_first), None);
}

#[test]
fn what_nobody_sees_is_not_filled_in() {
    // Auth0's page for the name alone has such a field, for password managers.
    let step = "<form><input name=username><input type=password name=p class=hide aria-hidden=true tabindex=-1></form>";
    assert_eq!(names(step, login), None);
    assert_eq!(names(step, identifier_first), Some(("username".to_owned(), String::new())));
    let trap =
        "<form><input name=email style='display: none'><input name=mail><input type=password name=p></form>";
    assert_eq!(names(trap, login), Some(("mail".to_owned(), "p".to_owned())));
}

#[test]
fn a_form_is_passed_on_only_where_nothing_in_it_is_for_a_person() {
    let passes = |html: &str| passing(&Page::read(html.as_bytes())).is_some();
    assert!(passes("<form><input type=hidden name=a></form>"));
    assert!(passes(
        "<form><input type=hidden name=a><input type=submit value=Go></form><form><input name=q></form>"
    ));
    assert!(!passes("<form><input type=hidden name=a><input name=q></form>"));
    assert!(!passes("<form><button>Go</button></form>"));
    assert!(
        !passes("<form><input type=hidden name=a></form><form><input type=hidden name=b></form>"),
        "which?"
    );
    let consent = "<form><input type=hidden name=a><button name=x value=yes></button><button name=x value=no></button></form>";
    assert!(!passes(consent));
}
