//! Kafka's serialisation of schemas, as far as the coordinator's records need it: big-endian integers, and strings, bytes and arrays
//! with a length before them, which in *flexible* versions is a varint of the length plus one, tagged fields at the end of each struct.

use std::sync::Arc;

use bytes::{BufMut, Bytes};
use ottla_base::InvalidTopicName;

/// The longest string that the records hold: before flexible versions the length is a signed 16-bit number.
pub(crate) const STRING_LEN_MAX: usize = i16::MAX as usize;

/// Why a record cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A record without a key.
    #[error("it has no key")]
    NoKey,
    /// A kind of record that this broker does not know: of consumer, share and streams groups (KIP-848, KIP-932, KIP-1071), or newer.
    #[error("its key is of the unknown version {version}")]
    UnknownKeyVersion {
        /// The number of the key's schema.
        version: i16,
    },
    /// A value of a version that this broker does not know.
    #[error("its value is of the unknown version {version}")]
    UnknownValueVersion {
        /// The version.
        version: i16,
    },
    /// It ends within a field.
    #[error("it ends within a field")]
    Truncated,
    /// A length that is negative where there must be something, or over its bound.
    #[error("a field has an impossible length")]
    InvalidLength,
    /// A string that is not UTF-8.
    #[error("a string is not UTF-8")]
    InvalidUtf8,
    /// A topic that cannot exist.
    #[error(transparent)]
    InvalidTopicName(#[from] InvalidTopicName),
    /// A group with members that have agreed on no protocol, or one that has a member twice.
    #[error("its group has members that contradict each other")]
    InconsistentMembers,
    /// Part of a transaction, which this broker does not coordinate yet.
    #[error("it is part of a transaction")]
    Transactional,
}

/// Reads fields from the front of a slice.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    is_flexible: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, is_flexible: false }
    }

    /// Reads a value's version, and goes on in the encoding of that version.
    pub(super) fn value_version(&mut self, known: std::ops::RangeInclusive<i16>) -> Result<i16, Unreadable> {
        let version = self.i16()?;
        if !known.contains(&version) {
            return Err(Unreadable::UnknownValueVersion { version });
        }
        self.is_flexible = version >= 4;
        Ok(version)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(Unreadable::Truncated)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        Ok(self.take(N)?.try_into().expect("N bytes were taken"))
    }

    pub(super) fn i16(&mut self) -> Result<i16, Unreadable> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Unreadable> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Unreadable> {
        self.array().map(i64::from_be_bytes)
    }

    pub(super) fn uuid(&mut self) -> Result<[u8; 16], Unreadable> {
        self.array()
    }

    /// Seven bits in each byte, the lowest first; at most 32.
    pub(super) fn unsigned_varint(&mut self) -> Result<u32, Unreadable> {
        let mut value = 0_u32;
        for shift in (0..32).step_by(7) {
            let [byte] = self.array()?;
            let bits = u32::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Unreadable::InvalidLength)
    }

    /// A length of a flexible version: one less than what stands there, none for zero.
    fn compact_len(&mut self) -> Result<Option<usize>, Unreadable> {
        Ok(self.unsigned_varint()?.checked_sub(1).map(|len| len as usize))
    }

    fn fixed_len(&mut self, len: i32) -> Result<Option<usize>, Unreadable> {
        match len {
            -1 => Ok(None),
            len => usize::try_from(len).map(Some).map_err(|_| Unreadable::InvalidLength),
        }
    }

    pub(super) fn nullable_string(&mut self) -> Result<Option<Arc<str>>, Unreadable> {
        let len = match self.is_flexible {
            true => self.compact_len()?,
            false => {
                let len = self.i16()?;
                self.fixed_len(i32::from(len))?
            }
        };
        let Some(len) = len else { return Ok(None) };
        if len > STRING_LEN_MAX {
            return Err(Unreadable::InvalidLength);
        }
        let text = std::str::from_utf8(self.take(len)?).map_err(|_| Unreadable::InvalidUtf8)?;
        Ok(Some(text.into()))
    }

    pub(super) fn string(&mut self) -> Result<Arc<str>, Unreadable> {
        self.nullable_string()?.ok_or(Unreadable::InvalidLength)
    }

    /// The length of an array, or of bytes.
    pub(super) fn len(&mut self) -> Result<usize, Unreadable> {
        let len = match self.is_flexible {
            true => self.compact_len()?,
            false => {
                let len = self.i32()?;
                self.fixed_len(len)?
            }
        };
        len.ok_or(Unreadable::InvalidLength)
    }

    pub(super) fn bytes(&mut self) -> Result<Bytes, Unreadable> {
        let len = self.len()?;
        self.take(len).map(Bytes::copy_from_slice)
    }

    /// The tagged fields at a struct's end, where the version has them: `on_field` is given each by its number.
    pub(super) fn tagged_fields(
        &mut self,
        mut on_field: impl FnMut(u32, &'a [u8]) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let count = if self.is_flexible { self.unsigned_varint()? } else { 0 };
        for _ in 0..count {
            let tag = self.unsigned_varint()?;
            let len = self.unsigned_varint()?;
            on_field(tag, self.take(len as usize)?)?;
        }
        Ok(())
    }
}

pub(super) fn put_string(out: &mut Vec<u8>, text: &str) {
    out.put_i16(i16::try_from(text.len()).expect("strings of records were checked when they came in"));
    out.put_slice(text.as_bytes());
}

pub(super) fn put_nullable_string(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => put_string(out, text),
        None => out.put_i16(-1),
    }
}

pub(super) fn put_len(out: &mut Vec<u8>, len: usize) {
    out.put_i32(i32::try_from(len).expect("a record is below 2 GiB"));
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_len(out, bytes.len());
    out.put_slice(bytes);
}

pub(super) fn put_unsigned_varint(out: &mut Vec<u8>, value: usize) {
    let mut rest = value;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// A string of a flexible version.
pub(super) fn put_compact_string(out: &mut Vec<u8>, text: &str) {
    put_unsigned_varint(out, text.len() + 1);
    out.put_slice(text.as_bytes());
}
