//! [`Offset`]: the position of a record in its partition.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// The position of a record in its partition: 0 for the first record ever appended, never negative for a record that exists.
///
/// Names that end in `_end_offset` are exclusive (the next offset to assign), names with `last` are inclusive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(pub i64);

impl Offset {
    /// The offset of a partition's first record.
    pub const ZERO: Offset = Offset(0);

    /// The largest offset there can be; the end of a range without one.
    pub const MAX: Offset = Offset(i64::MAX);
}

impl Add<i64> for Offset {
    type Output = Offset;

    fn add(self, records: i64) -> Offset {
        Offset(self.0 + records)
    }
}

impl AddAssign<i64> for Offset {
    fn add_assign(&mut self, records: i64) {
        self.0 += records;
    }
}

impl Sub for Offset {
    /// The number of offsets between the two, negative where `other` is the larger.
    type Output = i64;

    fn sub(self, other: Offset) -> i64 {
        self.0 - other.0
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}
