use doorward_core::request::RequestFault;

use super::{PathTemplate, Segment, TemplateFault};

fn canonical(text: &str) -> String {
    PathTemplate::parse(text).unwrap().to_string()
}

fn fault(text: &str) -> (usize, TemplateFault) {
    let error = PathTemplate::parse(text).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("path `{text}`, character {}: ", error.character))
    );
    (error.character, error.fault)
}

#[test]
fn templates_have_literals_parameters_and_a_catch_all() {
    let template = PathTemplate::parse("/orders/{id}/items/{*rest}").unwrap();
    assert_eq!(
        template.segments(),
        [
            Segment::Literal("orders".into()),
            Segment::Parameter("id".into()),
            Segment::Literal("items".into()),
            Segment::CatchAll("rest".into()),
        ]
    );
    assert!(!template.has_trailing_slash());
    assert!(PathTemplate::parse("/a/").unwrap().has_trailing_slash());
    assert_eq!(PathTemplate::parse("/").unwrap().segments(), []);
    assert!(!PathTemplate::parse("/").unwrap().has_trailing_slash());
}

#[test]
fn r098_templates_are_canonicalised_like_requests() {
    for (written, expected) in [
        ("/", "/"),
        ("/a/", "/a/"),
        ("/%61b", "/ab"),
        ("/café", "/caf%C3%A9"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/a b", "/a%20b"),
        ("/a\"<>^`|b", "/a%22%3C%3E%5E%60%7Cb"),
        ("/%7bid%7D", "/%7Bid%7D"),
        ("/x:y@z/{*path}", "/x:y@z/{*path}"),
    ] {
        assert_eq!(canonical(written), expected, "{written}");
        assert_eq!(canonical(expected), expected);
    }
}

#[test]
fn g01_templates_that_no_canonical_path_matches_are_refused() {
    use RequestFault as R;
    for (text, request_fault) in [
        ("/a/../b", R::DotSegment),
        ("/a/%2e%2E/b", R::DotSegment),
        ("/a%2fb", R::EncodedDelimiter),
        ("/a%5c", R::EncodedDelimiter),
        ("/a%00", R::EncodedDelimiter),
        ("/a%252e", R::EncodedDelimiter),
        ("/a;b", R::RawDelimiter),
        ("/a\\b", R::RawDelimiter),
        ("/a%", R::BrokenEncoding),
        ("/a%zz", R::BrokenEncoding),
        ("/a%ff", R::BrokenEncoding),
        ("/a.", R::TrailingDot),
        ("/a /b", R::TrailingDot),
    ] {
        let (_, found) = fault(text);
        assert_eq!(found, TemplateFault::NeverMatches(request_fault), "{text}");
    }
    assert!(matches!(fault("/a\tb").1, TemplateFault::NeverMatches(_)));
}

#[test]
fn g04_errors_say_where_and_what() {
    use TemplateFault as F;
    for (text, character, expected) in [
        ("", 1, F::NoLeadingSlash),
        ("a/b", 1, F::NoLeadingSlash),
        ("//", 2, F::EmptySegment),
        ("/é//b", 4, F::EmptySegment),
        ("/a//", 4, F::EmptySegment),
        ("/é/{id", 4, F::Unclosed),
        ("/a/id}", 6, F::StrayBrace),
        ("/a/v{id}", 5, F::PartOfSegment),
        ("/a/{id}.json", 4, F::PartOfSegment),
        ("/a/{x}{y}", 4, F::PartOfSegment),
        ("/a/:id", 4, F::OtherSyntax(":id".to_owned())),
        ("/a/*", 4, F::OtherSyntax("*".to_owned())),
        ("/a/{}", 5, F::Name(String::new())),
        ("/a/{*}", 5, F::Name(String::new())),
        ("/a/{**x}", 5, F::Name("*x".to_owned())),
        ("/{a b}", 3, F::Name("a b".to_owned())),
        ("/{a}/{a}", 6, F::NameTwice("a".to_owned())),
        ("/{*a}/b", 7, F::AfterCatchAll),
        ("/{*a}/", 7, F::AfterCatchAll),
        ("/a?x=1", 3, F::Query),
        ("/a#x", 3, F::Query),
    ] {
        assert_eq!(fault(text), (character, expected), "{text}");
    }
}

#[test]
fn templates_are_bounded() {
    assert!(PathTemplate::parse(&"/a".repeat(32)).is_ok());
    assert_eq!(fault(&"/a".repeat(33)).1, TemplateFault::TooManySegments);
    assert_eq!(
        fault(&format!("/{}", "a".repeat(2048))).1,
        TemplateFault::TooLong
    );
}
