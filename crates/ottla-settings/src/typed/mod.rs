//! From a value to the Rust type of the field that reads it.

mod choices;
mod endpoint;

use std::path::PathBuf;
use std::time::Duration;

pub use choices::{CleanupPolicy, CompressionType, ProcessRoles, TimestampType};
pub use endpoint::{Endpoint, HttpEndpoint, SecurityProtocol};

use crate::value::Value;

/// A type that a setting's field can have. The error says what is allowed.
pub(crate) trait FromValue: Sized {
    fn from_value(value: &Value) -> Result<Self, String>;

    /// [`Setting::fits`](crate::spec::Setting::fits) for a field of this type.
    fn fits(value: &Value) -> Result<(), String> {
        Self::from_value(value).map(|_| ())
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Boolean(value) => Ok(*value),
            _ => Err("Expected value to be either true or false".to_owned()),
        }
    }
}

/// Kafka writes some counts as signed numbers of which only the others mean something; unsigned fields refuse the
/// negative ones.
macro_rules! from_whole_number {
    ($($number:ty),+) => {$(
        impl FromValue for $number {
            fn from_value(value: &Value) -> Result<Self, String> {
                match value {
                    Value::Whole(value) => (*value).try_into().map_err(|_| {
                        format!("Value must be between {} and {}", <$number>::MIN, <$number>::MAX)
                    }),
                    _ => Err("Value must be a whole number".to_owned()),
                }
            }
        }
    )+};
}

from_whole_number!(i32, u32, i64, u64, usize);

impl FromValue for f64 {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Decimal(value) => Ok(*value),
            _ => Err("Value must be a decimal number".to_owned()),
        }
    }
}

/// A count of milliseconds, 0 or more.
impl FromValue for Duration {
    fn from_value(value: &Value) -> Result<Self, String> {
        u64::from_value(value).map(Duration::from_millis)
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Text(value) => Ok(value.clone()),
            _ => Err("Value must be a text".to_owned()),
        }
    }
}

impl FromValue for PathBuf {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Text(value) if !value.is_empty() => Ok(PathBuf::from(value)),
            _ => Err("Value must be a path".to_owned()),
        }
    }
}

impl FromValue for Vec<String> {
    fn from_value(value: &Value) -> Result<Self, String> {
        elements(value).map(<[String]>::to_vec)
    }
}

impl FromValue for Vec<PathBuf> {
    fn from_value(value: &Value) -> Result<Self, String> {
        match elements(value)? {
            [] => Err("Value must name at least one path".to_owned()),
            paths => Ok(paths.iter().map(PathBuf::from).collect()),
        }
    }
}

/// Kafka writes "none" and "no limit" as null, or as a negative number.
impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(None),
            Value::Whole(value) if *value < 0 => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// The elements of a list.
fn elements(value: &Value) -> Result<&[String], String> {
    match value {
        Value::List(elements) => Ok(elements),
        _ => Err("Value must be a list".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_none_and_zero_is_a_limit() {
        let read = |value| Option::<Duration>::from_value(&value);
        assert_eq!(read(Value::Null), Ok(None));
        assert_eq!(read(Value::Whole(-1)), Ok(None));
        assert_eq!(read(Value::Whole(0)), Ok(Some(Duration::ZERO)));
        assert_eq!(read(Value::Whole(i64::MAX)), Ok(Some(Duration::from_millis(i64::MAX as u64))));
    }

    #[test]
    fn an_unsigned_field_refuses_a_negative_number() {
        assert_eq!(u32::from_value(&Value::Whole(-1)), Err("Value must be between 0 and 4294967295".to_owned()));
        assert!(usize::fits(&Value::Whole(0)).is_ok());
    }
}
