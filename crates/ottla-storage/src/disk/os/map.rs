//! [`Map`]: a file's bytes without a copy.
#![expect(clippy::disallowed_types, reason = "this is the seam")]

use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::{Advice, MmapOptions, MmapRaw};

/// A read-only shared map of a file's first bytes, at its full size from the start: bytes that are written later show through it.
///
/// The caller's side of the bargain, for as long as a slice lives: it asks only for bytes that are written and will not change
/// (published bytes), and the file is not cut below them. A cut below what was ever handed out goes to a new file.
#[derive(Clone)]
pub struct Map {
    map: Arc<MmapRaw>,
    /// All of it, never read as such: it shares the ownership, and a slice of it costs one reference count.
    bytes: Bytes,
}

struct Owner(Arc<MmapRaw>);

impl AsRef<[u8]> for Owner {
    #[expect(unsafe_code, reason = "this is the seam")]
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the map is valid for reads at this address and length until it is dropped, and it is dropped with its owner.
        // `Bytes::from_owner` keeps the address and length only. A `&[u8]` that somebody reads comes from `Map::slice`, whose callers
        // ask for published bytes, which nobody writes and no cut takes away.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr(), self.0.len()) }
    }
}

impl Map {
    pub(super) fn new(file: &fs::File, len: u64) -> io::Result<Map> {
        let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let map = MmapOptions::new().len(len).no_reserve_swap().map_raw_read_only(file)?;
        let map = Arc::new(map);
        Ok(Map { bytes: Bytes::from_owner(Owner(map.clone())), map })
    }

    /// How many bytes are mapped, written or not.
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes of `range`, which are published and lie within the map. The map lives as long as the slice does.
    pub fn slice(&self, range: Range<u64>) -> Bytes {
        self.bytes.slice(range.start as usize..range.end as usize)
    }

    /// Whether all pages of `range` are in memory, so that reading it waits for no disk. The answer may be old when it arrives.
    #[expect(unsafe_code, reason = "neither memmap2 nor rustix has mincore")]
    pub fn is_resident(&self, range: Range<u64>) -> bool {
        assert!(range.start <= range.end && range.end <= self.len(), "the range lies within the map");
        let page_size = rustix::param::page_size();
        let mut start = range.start as usize / page_size * page_size;
        let mut pages = [0_u8; PAGES_ASKED];
        while start < range.end as usize {
            let len = (range.end as usize - start).min(PAGES_ASKED * page_size);
            // SAFETY: `start` is a multiple of the page size and `start..start + len` lies within the map, so the address is mapped;
            // the kernel writes one byte for each page begun in `len`, at most PAGES_ASKED. It reads no mapped byte.
            let result = unsafe {
                let address = self.bytes.as_ptr().add(start);
                libc::mincore(address.cast_mut().cast(), len, pages.as_mut_ptr())
            };
            let asked = &pages[..len.div_ceil(page_size)];
            if result != 0 || asked.iter().any(|page| page & 1 == 0) {
                return false;
            }
            start += len;
        }
        true
    }

    /// Brings the pages of `range` in and maps them at once, which is several times cheaper than one fault for each. May block:
    /// call it where a cold read may be waited for. Where the kernel cannot (before 5.14), nothing happens.
    pub fn populate(&self, range: Range<u64>) {
        // What fails here fails again, with an error that says more, when the bytes are read.
        let (start, len) = (range.start as usize, (range.end - range.start) as usize);
        let _ = self.map.advise_range(Advice::PopulateRead, start, len);
    }
}

/// How many pages one question to the kernel covers: a mebibyte of 4 KiB pages, answered on the stack.
const PAGES_ASKED: usize = 256;

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({} bytes)", self.len())
    }
}
