//! Zigzag variable-length integers, as the records of a batch hold them (protobuf's `sint32` and `sint64`).

/// The most bytes that a 32-bit varint takes.
pub(crate) const VARINT_LEN_MAX: usize = 5;
/// The most bytes that a 64-bit varint takes.
pub(crate) const VARLONG_LEN_MAX: usize = 10;

/// Appends `value`, 1 to 5 bytes.
pub(crate) fn write_varint(out: &mut Vec<u8>, value: i32) {
    write_varlong(out, i64::from(value));
}

/// Appends `value`, 1 to 10 bytes.
pub(crate) fn write_varlong(out: &mut Vec<u8>, value: i64) {
    let mut rest = zigzag(value);
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// How many bytes [`write_varint`] appends for `value`.
pub(crate) fn varint_len(value: i32) -> usize {
    varlong_len(i64::from(value))
}

/// How many bytes [`write_varlong`] appends for `value`.
pub(crate) fn varlong_len(value: i64) -> usize {
    let bits = 64 - zigzag(value).leading_zeros() as usize;
    bits.div_ceil(7).max(1)
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Undoes the zigzag of a 32-bit varint.
#[inline(always)]
pub(crate) fn unzigzag_32(raw: u32) -> i32 {
    (raw >> 1) as i32 ^ -((raw & 1) as i32)
}

/// Undoes the zigzag of a 64-bit varint.
#[inline(always)]
pub(crate) fn unzigzag_64(raw: u64) -> i64 {
    (raw >> 1) as i64 ^ -((raw & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_numbers_take_one_byte() {
        let encode = |value| {
            let mut out = Vec::new();
            write_varint(&mut out, value);
            out
        };
        assert_eq!(encode(0), [0]);
        assert_eq!(encode(-1), [1]);
        assert_eq!(encode(63), [126]);
        assert_eq!(encode(-64), [127]);
        assert_eq!(encode(64), [0x80, 1]);
        assert_eq!(encode(300), [0xd8, 4]);
        assert_eq!(encode(i32::MIN), [0xff, 0xff, 0xff, 0xff, 0x0f]);
    }

    proptest! {
        #[test]
        fn lengths_are_foretold(value: i64, shift in 0_u32..64) {
            let value = value >> shift;
            let mut out = Vec::new();
            write_varlong(&mut out, value);
            prop_assert_eq!(out.len(), varlong_len(value));
        }
    }
}
