use doorward_crypto::jose::{JsonError, Number, Object, Value, WrongType, b64};
use proptest::prelude::*;

fn object(text: &str) -> Result<Object, JsonError> {
    Object::parse(text.as_bytes(), 4096)
}

#[test]
fn r014_base64url_has_one_spelling() {
    assert_eq!(b64::decode("Zm9v").unwrap(), b"foo");
    assert_eq!(b64::decode("").unwrap(), b"");
    for bad in [
        "Zm8=", "Zm9v=", "Zm9", "Zm9v\n", " Zm9v", "Zm 9v", "Zm+v", "Zm/v", "Z", "Zh", "Zm9vé",
    ] {
        assert!(b64::decode(bad).is_err(), "{bad:?}");
    }
    assert_eq!(b64::decode("Zg").unwrap(), b"f");
}

#[test]
fn r015_duplicate_names_are_refused_at_every_level() {
    for bad in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"o":{"a":1,"b":2,"a":3}}"#,
        r#"{"o":[{"x":[{"a":1,"a":2}]}]}"#,
    ] {
        assert_eq!(object(bad).err(), Some(JsonError::DuplicateMember), "{bad}");
    }
    assert!(object(r#"{"a":{"a":{"a":1}},"A":2}"#).is_ok());
}

#[test]
fn r016_depth_and_size_are_bounded() {
    let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(object(&nested(31)).is_ok());
    assert_eq!(object(&nested(32)).err(), Some(JsonError::TooDeep));
    assert_eq!(
        Object::parse(nested(5000).as_bytes(), 1 << 20).err(),
        Some(JsonError::TooDeep)
    );
    assert_eq!(
        Object::parse(b"{\"a\":1}", 6).err(),
        Some(JsonError::TooLarge)
    );
}

#[test]
fn only_json_is_json() {
    for bad in [
        "",
        "{",
        "{}x",
        "{} {}",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":1e400}",
        "{\"a\":-1e400}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\n\"}",
        "\u{feff}{}",
        "// x\n{}",
    ] {
        assert_eq!(object(bad).err(), Some(JsonError::Syntax), "{bad:?}");
    }
    assert_eq!(
        Object::parse(b"{\"a\":\"\xff\"}", 99).err(),
        Some(JsonError::Syntax)
    );
    for other in ["[]", "1", "null", "\"{}\"", "[{}]"] {
        assert_eq!(object(other).err(), Some(JsonError::NotAnObject), "{other}");
    }
}

#[test]
fn g18_wrong_type_is_not_absent() {
    let o = object(
        r#"{"n":null,"s":"x","i":18446744073709551615,"f":1.5,"l":["a","b"],"m":["a",1],"o":{}}"#,
    )
    .unwrap();
    assert_eq!(o.string("absent"), Ok(None));
    assert_eq!(o.string("s"), Ok(Some("x")));
    for name in ["n", "i", "l", "o"] {
        assert_eq!(o.string(name), Err(WrongType(name.to_owned())));
    }
    assert_eq!(o.number("i"), Ok(Some(Number::Integer(u64::MAX.into()))));
    assert_eq!(o.number("f"), Ok(Some(Number::Float(1.5))));
    assert!(o.number("s").is_err() && o.number("n").is_err());
    assert_eq!(o.string_or_array("s"), Ok(Some(vec!["x"])));
    assert_eq!(o.string_or_array("l"), Ok(Some(vec!["a", "b"])));
    assert!(o.string_or_array("m").is_err() && o.string_or_array("n").is_err());
    assert!(o.boolean("s").is_err() && o.object("l").is_err() && o.array("o").is_err());
}

proptest! {
    #[test]
    fn r014_decoding_is_the_inverse_of_encoding(bytes: Vec<u8>) {
        prop_assert_eq!(b64::decode(b64::encode(&bytes)).unwrap(), bytes);
    }

    #[test]
    fn r014_what_decodes_encodes_back_to_itself(text in "[A-Za-z0-9_=\\- ]{0,24}") {
        if let Ok(bytes) = b64::decode(&text) {
            prop_assert_eq!(b64::encode(bytes), text);
        }
    }

    #[test]
    fn parsing_never_panics(bytes: Vec<u8>) {
        let _ = Value::parse(&bytes, 1024);
    }

    #[test]
    fn r015_what_parses_prints_and_parses_the_same(text in "\\{(\"[ab]\":(1|\"x\"|\\[1,2\\]|null),?){0,3}\\}") {
        if let Ok(value) = Value::parse(text.as_bytes(), 1024) {
            let printed = serde_json::to_vec(&value).unwrap();
            prop_assert_eq!(Value::parse(&printed, 1024).unwrap(), value);
        }
    }
}
