//! Strict JSON (RFC 8259): no duplicate members, bounded depth and size, finite numbers.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use thiserror::Error;

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 32;

/// A JSON value.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A finite number.
    Number(Number),
    /// A text.
    String(String),
    /// A list of values.
    Array(Vec<Value>),
    /// Named values.
    Object(Object),
}

/// A finite JSON number; whole numbers of 64 bits keep every digit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Number {
    /// A number written without fraction and exponent.
    Integer(i128),
    /// Any other number.
    Float(f64),
}

/// A JSON object; no two members have the same name.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Object(BTreeMap<String, Value>);

/// Why a text is refused as JSON.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum JsonError {
    /// The text is longer than the caller allows.
    #[error("the JSON text is too long")]
    TooLarge,
    /// Arrays and objects nest more than [`MAX_DEPTH`] deep.
    #[error("the JSON text nests more than {MAX_DEPTH} deep")]
    TooDeep,
    /// An object names a member twice.
    #[error("an object of the JSON text names a member twice")]
    DuplicateMember,
    /// The text is not JSON, or a number in it is not finite.
    #[error("the text is not JSON")]
    Syntax,
    /// The text is JSON, but not an object.
    #[error("the JSON text is not an object")]
    NotAnObject,
}

/// A member that is present with another type than the standard gives it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("member {0:?} has the wrong type")]
pub struct WrongType(pub String);

impl Value {
    /// Parses a text of at most `max_bytes` bytes.
    ///
    /// # Errors
    /// [`JsonError`] says what is wrong.
    pub fn parse(text: &[u8], max_bytes: usize) -> Result<Self, JsonError> {
        if text.len() > max_bytes {
            return Err(JsonError::TooLarge);
        }
        let fault = Cell::new(None);
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let value = Node {
            depth: 0,
            fault: &fault,
        }
        .deserialize(&mut deserializer)
        .map_err(|_| fault.get().unwrap_or(JsonError::Syntax))?;
        deserializer.end().map_err(|_| JsonError::Syntax)?;
        Ok(value)
    }

    /// The text, when the value is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The texts of a string (one) or of an array that holds nothing but strings.
    #[must_use]
    pub fn as_strings(&self) -> Option<Vec<&str>> {
        match self {
            Self::String(text) => Some(vec![text]),
            Self::Array(values) => values.iter().map(Self::as_str).collect(),
            _ => None,
        }
    }
}

impl Number {
    /// The number as a float, rounded to the nearest.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "rounding is what the function promises"
    )]
    pub const fn as_f64(self) -> f64 {
        match self {
            Self::Integer(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }
}

impl Object {
    /// Parses a text of at most `max_bytes` bytes that must be one object.
    ///
    /// # Errors
    /// [`JsonError`] says what is wrong.
    pub fn parse(text: &[u8], max_bytes: usize) -> Result<Self, JsonError> {
        match Value::parse(text, max_bytes)? {
            Value::Object(object) => Ok(object),
            _ => Err(JsonError::NotAnObject),
        }
    }

    /// The member with this name, whatever its type.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The members in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The string with this name; `None` when there is no such member.
    ///
    /// # Errors
    /// [`WrongType`] when the member is not a string, `null` included.
    pub fn string(&self, name: &str) -> Result<Option<&str>, WrongType> {
        self.typed(name, Value::as_str)
    }

    /// The number with this name; `None` when there is no such member.
    ///
    /// # Errors
    /// [`WrongType`] when the member is not a number.
    pub fn number(&self, name: &str) -> Result<Option<Number>, WrongType> {
        self.typed(name, |value| {
            if let Value::Number(n) = value {
                Some(*n)
            } else {
                None
            }
        })
    }

    /// The boolean with this name; `None` when there is no such member.
    ///
    /// # Errors
    /// [`WrongType`] when the member is not a boolean.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, WrongType> {
        self.typed(name, |value| {
            if let Value::Bool(b) = value {
                Some(*b)
            } else {
                None
            }
        })
    }

    /// The object with this name; `None` when there is no such member.
    ///
    /// # Errors
    /// [`WrongType`] when the member is not an object.
    pub fn object(&self, name: &str) -> Result<Option<&Self>, WrongType> {
        self.typed(name, |value| {
            if let Value::Object(o) = value {
                Some(o)
            } else {
                None
            }
        })
    }

    /// The array with this name; `None` when there is no such member.
    ///
    /// # Errors
    /// [`WrongType`] when the member is not an array.
    pub fn array(&self, name: &str) -> Result<Option<&[Value]>, WrongType> {
        self.typed(name, |value| {
            if let Value::Array(values) = value {
                Some(values.as_slice())
            } else {
                None
            }
        })
    }

    /// The strings with this name, which holds a string or an array of strings; `None` when
    /// there is no such member.
    ///
    /// # Errors
    /// [`WrongType`] when the member is something else, or one element is not a string.
    pub fn string_or_array(&self, name: &str) -> Result<Option<Vec<&str>>, WrongType> {
        self.typed(name, Value::as_strings)
    }

    fn typed<'o, T>(
        &'o self,
        name: &str,
        read: impl FnOnce(&'o Value) -> Option<T>,
    ) -> Result<Option<T>, WrongType> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => read(value)
                .map(Some)
                .ok_or_else(|| WrongType(name.to_owned())),
        }
    }
}

impl FromIterator<(String, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(boolean) => serializer.serialize_bool(*boolean),
            Self::Number(Number::Integer(whole)) => serializer.serialize_i128(*whole),
            Self::Number(Number::Float(float)) => serializer.serialize_f64(*float),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(values) => values.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// One value on its way in; `depth` counts the arrays and objects around it.
#[derive(Clone, Copy)]
struct Node<'f> {
    depth: usize,
    fault: &'f Cell<Option<JsonError>>,
}

impl Node<'_> {
    fn refuse<E: serde::de::Error>(self, fault: JsonError) -> E {
        self.fault.set(Some(fault));
        E::custom(fault)
    }

    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.refuse(JsonError::TooDeep));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(Number::Integer(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(Number::Integer(value.into())))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        if !value.is_finite() {
            return Err(E::custom("not finite"));
        }
        Ok(Value::Number(Number::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let node = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = source.next_element_seed(node)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let node = self.inner()?;
        let mut members = BTreeMap::new();
        while let Some(name) = source.next_key::<String>()? {
            // SECURITY: two parsers that keep different ones of two members see two documents.
            if members.contains_key(&name) {
                return Err(self.refuse(JsonError::DuplicateMember));
            }
            let value = source.next_value_seed(node)?;
            members.insert(name, value);
        }
        Ok(Value::Object(Object(members)))
    }
}
