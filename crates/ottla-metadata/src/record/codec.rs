//! The integers, strings and lists that records are written with.
//!
//! Unsigned integers are LEB128, signed ones are zigzagged first; strings and lists carry their length in front. Nothing is reserved
//! from a length that was read: bytes from disk may be anything.

use ottla_base::{BrokerId, DirectoryId, InvalidTopicName, TopicName, Uuid};

/// Why bytes are no metadata records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a record.
    #[error("metadata records end early")]
    Truncated,
    /// More bytes than the record has fields.
    #[error("metadata record of type {record_type} has {bytes} bytes too many")]
    Trailing {
        /// The record's type number.
        record_type: u64,
        /// How many are left over.
        bytes: usize,
    },
    /// A record type that this version does not know.
    #[error("unknown metadata record type {record_type}: it was written by a newer version")]
    UnknownType {
        /// The number that was read.
        record_type: u64,
    },
    /// A version of a record that this version does not know.
    #[error("unknown version {version} of metadata record type {record_type}: it was written by a newer version")]
    UnknownVersion {
        /// The record's type number.
        record_type: u64,
        /// The version that was read.
        version: u64,
    },
    /// A number that does not fit its field.
    #[error("number out of range in a metadata record")]
    OutOfRange,
    /// A byte that stands for no choice of its field.
    #[error("unknown tag {tag} in a metadata record")]
    UnknownTag {
        /// The byte that was read.
        tag: u8,
    },
    /// A string that is not UTF-8.
    #[error("string in a metadata record is not UTF-8")]
    NotUtf8,
    /// A topic name that is none.
    #[error(transparent)]
    TopicName(#[from] InvalidTopicName),
}

/// Appends fields to a buffer.
pub(super) struct Writer<'a>(pub(super) &'a mut Vec<u8>);

impl Writer<'_> {
    pub(super) fn unsigned(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(super) fn signed(&mut self, value: i64) {
        self.unsigned(((value << 1) ^ (value >> 63)) as u64);
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }

    pub(super) fn uuid(&mut self, id: Uuid) {
        self.0.extend_from_slice(&id.0);
    }

    pub(super) fn string(&mut self, text: &str) {
        self.unsigned(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn option<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.bool(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(super) fn list<T>(&mut self, values: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.unsigned(values.len() as u64);
        values.iter().for_each(|value| write(self, value));
    }

    pub(super) fn broker(&mut self, id: &BrokerId) {
        self.signed(id.0.into());
    }

    pub(super) fn brokers(&mut self, ids: &[BrokerId]) {
        self.list(ids, Self::broker);
    }

    pub(super) fn directories(&mut self, ids: &[DirectoryId]) {
        self.list(ids, |w, id| w.uuid(id.0));
    }
}

/// Takes fields off the front of some bytes.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn unsigned(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(DecodeError::OutOfRange);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::OutOfRange)
    }

    /// A length of something that is still to come, at least one byte for each unit.
    pub(super) fn length(&mut self) -> Result<usize, DecodeError> {
        let length = usize::try_from(self.unsigned()?).map_err(|_| DecodeError::Truncated)?;
        if length > self.0.len() { Err(DecodeError::Truncated) } else { Ok(length) }
    }

    pub(super) fn signed<T: TryFrom<i64>>(&mut self) -> Result<T, DecodeError> {
        let zigzag = self.unsigned()?;
        let value = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        T::try_from(value).map_err(|_| DecodeError::OutOfRange)
    }

    pub(super) fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            tag => Err(DecodeError::UnknownTag { tag }),
        }
    }

    pub(super) fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        Ok(Uuid(self.take(16)?.try_into().expect("sixteen bytes were taken")))
    }

    pub(super) fn string(&mut self) -> Result<String, DecodeError> {
        let length = self.length()?;
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| DecodeError::NotUtf8)?;
        Ok(text.to_owned())
    }

    pub(super) fn topic_name(&mut self) -> Result<TopicName, DecodeError> {
        Ok(TopicName::new(&self.string()?)?)
    }

    pub(super) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.bool()? { read(self).map(Some) } else { Ok(None) }
    }

    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        (0..self.length()?).map(|_| read(self)).collect()
    }

    pub(super) fn broker(&mut self) -> Result<BrokerId, DecodeError> {
        Ok(BrokerId(self.signed()?))
    }

    pub(super) fn brokers(&mut self) -> Result<Vec<BrokerId>, DecodeError> {
        self.list(Self::broker)
    }

    pub(super) fn directories(&mut self) -> Result<Vec<DirectoryId>, DecodeError> {
        self.list(|r| Ok(DirectoryId(r.uuid()?)))
    }
}
