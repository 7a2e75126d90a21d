//! [`Page`]: four kibibytes of a simulated file, never changed once made.

use std::fmt;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, OnceLock};

/// The size of a page in bytes: what the page cache writes back as one.
pub const PAGE_SIZE: usize = 4096;

/// How many sectors a page has; the disk writes each of them whole or not at all.
pub(super) const SECTORS: usize = 8;
const SECTOR_SIZE: usize = PAGE_SIZE / SECTORS;

/// A page's bytes. Pages are shared between the live file, the durable one and all crash images.
pub(super) struct Page {
    bytes: Box<[u8; PAGE_SIZE]>,
    hash: OnceLock<u64>,
}

impl Page {
    /// The page that `old` (zeros where there is none) becomes when `bytes` are written at `at`.
    pub(super) fn overlay(old: Option<&Arc<Page>>, at: usize, bytes: &[u8]) -> Arc<Page> {
        Page::edit(old, |page| page[at..at + bytes.len()].copy_from_slice(bytes))
    }

    /// The page with zeros from `at` on.
    pub(super) fn cut(old: &Arc<Page>, at: usize) -> Arc<Page> {
        if old.bytes[at..].iter().all(|byte| *byte == 0) {
            return old.clone();
        }
        Page::edit(Some(old), |page| page[at..].fill(0))
    }

    /// What a torn write leaves: the sectors whose bit is set in `survivors` are new, the others old.
    pub(super) fn torn(old: Option<&Arc<Page>>, new: &Arc<Page>, survivors: u8) -> Arc<Page> {
        Page::edit(old, |page| {
            for sector in (0..SECTORS).filter(|sector| survivors >> sector & 1 == 1) {
                let range = sector * SECTOR_SIZE..(sector + 1) * SECTOR_SIZE;
                page[range.clone()].copy_from_slice(&new.bytes[range]);
            }
        })
    }

    /// The page with the bits of `mask` flipped in one byte.
    pub(super) fn flipped(old: &Arc<Page>, at: usize, mask: u8) -> Arc<Page> {
        Page::edit(Some(old), |page| page[at] ^= mask)
    }

    fn edit(old: Option<&Arc<Page>>, change: impl FnOnce(&mut [u8; PAGE_SIZE])) -> Arc<Page> {
        let mut bytes = old.map_or_else(|| Box::new([0; PAGE_SIZE]), |old| old.bytes.clone());
        change(&mut bytes);
        Arc::new(Page { bytes, hash: OnceLock::new() })
    }

    pub(super) fn bytes(&self) -> &[u8; PAGE_SIZE] {
        &self.bytes
    }

    /// A hash of the bytes, 0 for a page of zeros, which is the same as no page.
    pub(super) fn hash(&self) -> u64 {
        *self.hash.get_or_init(|| {
            if self.bytes.iter().all(|byte| *byte == 0) {
                return 0;
            }
            let mut hasher = DefaultHasher::new();
            hasher.write(&*self.bytes);
            hasher.finish()
        })
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Page({:016x})", self.hash())
    }
}
