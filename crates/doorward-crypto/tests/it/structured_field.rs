//! RFC 9651 with the vectors of its authors.

use doorward_crypto::message_signature::structured_field::{
    BareItem, Dictionary, InnerList, Item, List, Member, Parameters, Twice,
};
use serde_json::Value;

use crate::vectors::load;

const FILES: [&str; 17] = [
    "binary",
    "boolean",
    "date",
    "dictionary",
    "display-string",
    "examples",
    "item",
    "key-generated",
    "large-generated",
    "list",
    "listlist",
    "number-generated",
    "number",
    "param-dict",
    "param-list",
    "param-listlist",
    "string-generated",
];
const MORE: [&str; 3] = ["string", "token-generated", "token"];

/// Every text that must fail fails; every other one is read as it should be, and written back in
/// its one spelling.
#[test]
fn r028_structured_fields_are_read_as_their_authors_say() {
    let mut run = 0;
    for name in FILES.iter().chain(&MORE) {
        let Some(file) = load(&format!("structured-fields/{name}.json")) else {
            return;
        };
        for test in file.as_array().unwrap() {
            run += 1;
            judge(name, test);
        }
    }
    assert!(run > 1500, "{run}");
}

fn judge(file: &str, test: &Value) {
    let at = format!("{file}: {}", test["name"]);
    let raw: Vec<&str> = texts(&test["raw"]);
    let joined = raw.join(", ");
    let wanted = &test["expected"];
    let (read, written) = match test["header_type"].as_str().unwrap() {
        "item" => match Item::parse(joined.as_bytes(), Twice::LastCounts) {
            Ok(item) => (Ok(item_json(&item)), item.to_string()),
            Err(error) => (Err(error), String::new()),
        },
        "list" => match List::parse(joined.as_bytes(), Twice::LastCounts) {
            Ok(list) => {
                let members = list.0.iter().map(member_json).collect();
                (Ok(Value::Array(members)), list.to_string())
            }
            Err(error) => (Err(error), String::new()),
        },
        _ => match Dictionary::parse(joined.as_bytes(), Twice::LastCounts) {
            Ok(found) => {
                let pair = |(key, member)| Value::from(vec![Value::from(key), member_json(member)]);
                (Ok(found.iter().map(pair).collect()), found.to_string())
            }
            Err(error) => (Err(error), String::new()),
        },
    };
    if test["must_fail"] == true {
        assert!(read.is_err(), "{at} {read:?}");
        return;
    }
    // Base64 without padding, or with bits left over: we refuse what the standard lets one refuse.
    if test["can_fail"] == true && read.is_err() {
        return;
    }
    assert_eq!(read.as_ref().unwrap(), wanted, "{at}");
    let canonical = match test.get("canonical") {
        Some(canonical) => texts(canonical).join(", "),
        None => joined,
    };
    assert_eq!(written, canonical, "{at}");
}

fn texts(value: &Value) -> Vec<&str> {
    let texts = value.as_array().unwrap().iter();
    texts.map(|text| text.as_str().unwrap()).collect()
}

fn member_json(member: &Member) -> Value {
    match member {
        Member::Item(item) => item_json(item),
        Member::InnerList(InnerList { items, parameters }) => {
            let items: Vec<Value> = items.iter().map(item_json).collect();
            Value::from(vec![Value::from(items), parameters_json(parameters)])
        }
    }
}

fn item_json(item: &Item) -> Value {
    Value::from(vec![
        bare_json(&item.value),
        parameters_json(&item.parameters),
    ])
}

fn parameters_json(parameters: &Parameters) -> Value {
    let pair = |(key, value)| Value::from(vec![Value::from(key), bare_json(value)]);
    parameters.iter().map(pair).collect()
}

fn bare_json(value: &BareItem) -> Value {
    let typed = |kind: &str, value: Value| serde_json::json!({ "__type": kind, "value": value });
    match value {
        BareItem::Integer(number) => Value::from(*number),
        BareItem::Decimal(thousandths) => Value::from(*thousandths as f64 / 1000.0),
        BareItem::String(text) => Value::from(text.as_str()),
        BareItem::Token(text) => typed("token", text.as_str().into()),
        BareItem::Bytes(bytes) => typed("binary", base32(bytes).into()),
        BareItem::Boolean(value) => Value::from(*value),
        BareItem::Date(seconds) => typed("date", (*seconds).into()),
        BareItem::DisplayString(text) => typed("displaystring", text.as_str().into()),
    }
}

fn base32(bytes: &[u8]) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let mut group = [0_u8; 8];
        group[3..3 + chunk.len()].copy_from_slice(chunk);
        let number = u64::from_be_bytes(group);
        let used = (chunk.len() * 8).div_ceil(5);
        for n in 0..8 {
            let five = (number >> (35 - 5 * n)) & 31;
            out.push(if n < used {
                char::from(letters[five as usize])
            } else {
                '='
            });
        }
    }
    out
}

/// The tests for writing. Our types can hold what no field can; whoever makes one of what others
/// chose reads it back, and what must not be written does not come back as what it was.
#[test]
fn r028_what_no_structured_field_can_hold_is_never_read_back() {
    let mut run = 0;
    for name in [
        "key-generated",
        "number",
        "string-generated",
        "token-generated",
    ] {
        let path = format!("structured-fields/serialisation-tests/{name}.json");
        let Some(file) = load(&path) else { return };
        for test in file.as_array().unwrap() {
            run += 1;
            let at = format!("{name}: {}", test["name"]);
            let (same, written) = write_and_read(&test["expected"], &test["header_type"]);
            assert_eq!(same, test["must_fail"] != true, "{at} {written:?}");
            if let Some(canonical) = test.get("canonical") {
                assert_eq!(written, texts(canonical).join(", "), "{at}");
            }
        }
    }
    assert!(run > 500, "{run}");
}

/// Whether a value comes back as it was, and as what it was written.
fn write_and_read(value: &Value, kind: &Value) -> (bool, String) {
    match kind.as_str().unwrap() {
        "item" => {
            let item = item_of(value);
            let written = item.to_string();
            (
                Item::parse(written.as_bytes(), Twice::Refused) == Ok(item),
                written,
            )
        }
        "list" => {
            let members = value.as_array().unwrap().iter();
            let list = List(members.map(|item| Member::Item(item_of(item))).collect());
            let written = list.to_string();
            (
                List::parse(written.as_bytes(), Twice::Refused) == Ok(list),
                written,
            )
        }
        // Nobody but the parser makes one.
        _ => {
            let key = value[0][0].as_str().unwrap();
            let written = format!("{key}=1");
            let read = Dictionary::parse(written.as_bytes(), Twice::Refused);
            (read.is_ok_and(|read| read.get(key).is_some()), written)
        }
    }
}

fn item_of(value: &Value) -> Item {
    let mut parameters = Parameters::default();
    for pair in value[1].as_array().unwrap() {
        parameters = parameters.with(pair[0].as_str().unwrap(), bare_of(&pair[1]));
    }
    Item {
        value: bare_of(&value[0]),
        parameters,
    }
}

fn bare_of(value: &Value) -> BareItem {
    match value {
        Value::Number(number) if number.is_i64() => BareItem::Integer(number.as_i64().unwrap()),
        // Half to even, as the standard rounds.
        Value::Number(number) => {
            let thousandths = (number.as_f64().unwrap() * 1000.0).round_ties_even();
            BareItem::Decimal(thousandths as i64)
        }
        Value::String(text) => BareItem::String(text.clone()),
        Value::Bool(value) => BareItem::Boolean(*value),
        other => {
            assert_eq!(other["__type"], "token");
            BareItem::Token(other["value"].as_str().unwrap().to_owned())
        }
    }
}

#[test]
fn r033_a_key_that_comes_twice_can_be_refused() {
    for text in [
        "a=1, a=1",
        "a;b;b",
        "a=(1;x;x)",
        "sig=();created=1;created=2",
    ] {
        assert!(Dictionary::parse(text.as_bytes(), Twice::LastCounts).is_ok());
        assert!(
            Dictionary::parse(text.as_bytes(), Twice::Refused).is_err(),
            "{text}"
        );
    }
}
