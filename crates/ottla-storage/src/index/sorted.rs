//! [`SortedIndex`]: an index file of ascending entries of one size, written lazily and searched in place.
//!
//! The newest entries are kept in memory until a block of them is full, or the segment is rolled or closed; then they are appended to
//! the file. A search looks at those in memory first, then at the one block of the file that it read last, then bisects the file: the
//! recent past costs no I/O, a sequential reader one block read in 512 entries, and an index at rest holds no descriptor and almost no
//! memory. What the entries mean is known to [`super::offset`] and [`super::time`].

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{self, Disk, File, Open};

/// How many entries are written, read and kept together.
const BLOCK_ENTRIES: u32 = 512;

/// An entry of `N` bytes.
pub(crate) trait Entry<const N: usize>: Copy {
    /// As it stands in the file.
    fn encode(self) -> [u8; N];

    /// What stands in the file. Any bytes give an entry; whether it makes sense shows beside its neighbours.
    fn decode(bytes: [u8; N]) -> Self;

    /// Whether this entry may be an index's first. Zeros, which a crash leaves for what was never written, may not.
    fn may_be_first(self) -> bool;

    /// Whether this entry may stand directly behind `earlier`.
    fn may_follow(self, earlier: Self) -> bool;
}

/// The entries of one index. The file's path and disk are given to each call, so that thousands of indexes at rest stay small.
#[derive(Debug)]
pub(crate) struct SortedIndex<const N: usize, E> {
    /// How many entries the file holds.
    on_file: u32,
    /// The newest entry on file, where it is known; an index that was opened learns it at the first need.
    last_on_file: Option<E>,
    /// What is not on file yet, in order.
    in_memory: Vec<E>,
    /// The file holds exactly these entries, and there is one.
    is_written: bool,
    /// The block of the file that a search read last, with the number of its first entry.
    block: Option<(u32, Box<[E]>)>,
}

impl<const N: usize, E: Entry<N>> SortedIndex<N, E> {
    /// An index without entries, and no file yet.
    pub(crate) fn empty() -> SortedIndex<N, E> {
        SortedIndex { on_file: 0, last_on_file: None, in_memory: Vec::new(), is_written: false, block: None }
    }

    /// The index in a file that can be trusted, of `file_len` bytes; `None` where there is no file.
    pub(crate) fn on_file(file_len: Option<u64>) -> SortedIndex<N, E> {
        let on_file = (file_len.unwrap_or(0) / N as u64) as u32;
        SortedIndex { on_file, is_written: file_len.is_some(), ..SortedIndex::empty() }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> u32 {
        self.on_file + self.in_memory.len() as u32
    }

    /// Adds an entry. Whoever calls it has looked at [`SortedIndex::last`] and knows that it may follow.
    pub(crate) fn push(&mut self, entry: E) {
        debug_assert!(self.in_memory.last().is_none_or(|last| entry.may_follow(*last)), "index entries ascend");
        self.in_memory.push(entry);
        self.is_written = false;
    }

    /// Whether a block of entries waits to be written.
    pub(crate) fn has_full_block(&self) -> bool {
        self.in_memory.len() as u32 >= BLOCK_ENTRIES
    }

    /// The newest entry. `path` is asked for only where the file must be read.
    pub(crate) fn last(&mut self, disk: &dyn Disk, path: impl FnOnce() -> PathBuf) -> disk::Result<Option<E>> {
        if self.in_memory.is_empty() && self.last_on_file.is_none() && self.on_file > 0 {
            let file = disk.open(&path(), Open::Read)?;
            self.last_on_file = read_entries(&*file, self.on_file - 1, 1)?.pop();
        }
        Ok(self.last_known())
    }

    /// The newest entry, after [`SortedIndex::last`] has succeeded once.
    pub(crate) fn last_known(&self) -> Option<E> {
        self.in_memory.last().copied().or(self.last_on_file)
    }

    /// Appends what is in memory to the file, which is created when missing, and cuts off whatever stood behind. Returns whether there
    /// was anything to do.
    ///
    /// After an error everything is in memory still, and the next call writes it again.
    pub(crate) fn write(&mut self, disk: &dyn Disk, path: &Path) -> disk::Result<bool> {
        if self.is_written {
            return Ok(false);
        }
        let file = disk.open(path, Open::CreateIfMissing)?;
        let position = u64::from(self.on_file) * N as u64;
        let bytes: Vec<u8> = self.in_memory.iter().flat_map(|entry| entry.encode()).collect();
        if !bytes.is_empty() {
            file.write_all_at(&[IoSlice::new(&bytes)], position)?;
        }
        if file.len()? != position + bytes.len() as u64 {
            file.set_len(position + bytes.len() as u64)?;
        }
        self.on_file = self.len();
        self.last_on_file = self.in_memory.last().copied().or(self.last_on_file);
        self.in_memory = Vec::new();
        self.is_written = true;
        Ok(true)
    }

    /// The newest entry for which `is_at_most` holds; it holds for a (maybe empty) beginning of the entries. `path` is asked for only
    /// where the file must be read.
    pub(crate) fn floor(
        &mut self,
        disk: &dyn Disk,
        path: impl FnOnce() -> PathBuf,
        is_at_most: impl Fn(&E) -> bool,
    ) -> disk::Result<Option<E>> {
        Ok(self.around(disk, path, is_at_most)?.0)
    }

    /// The entry that [`SortedIndex::floor`] gives, and the one behind it where that is at hand.
    pub(crate) fn around(
        &mut self,
        disk: &dyn Disk,
        path: impl FnOnce() -> PathBuf,
        is_at_most: impl Fn(&E) -> bool,
    ) -> disk::Result<(Option<E>, Option<E>)> {
        match self.in_memory.partition_point(&is_at_most) {
            0 => self.around_on_file(disk, path, is_at_most),
            found => Ok(neighbours(&self.in_memory, found)),
        }
    }

    fn around_on_file(
        &mut self,
        disk: &dyn Disk,
        path: impl FnOnce() -> PathBuf,
        is_at_most: impl Fn(&E) -> bool,
    ) -> disk::Result<(Option<E>, Option<E>)> {
        if self.on_file == 0 {
            return Ok((None, None));
        }
        if let Some(found) = self.around_in_block(&is_at_most) {
            return Ok(found);
        }
        let file = disk.open(&path(), Open::Read)?;
        let block = find_block(&file, self.on_file, &is_at_most)?;
        let first = block * BLOCK_ENTRIES;
        let entries = read_entries(&*file, first, BLOCK_ENTRIES.min(self.on_file - first))?;
        let found = neighbours(&entries, entries.partition_point(&is_at_most));
        self.block = Some((first, entries.into()));
        Ok(found)
    }

    /// The answer, where the block that was read last is sure to hold it.
    fn around_in_block(&self, is_at_most: impl Fn(&E) -> bool) -> Option<(Option<E>, Option<E>)> {
        let (first, entries) = self.block.as_ref()?;
        let found = entries.partition_point(is_at_most);
        let ends_the_file = first + entries.len() as u32 == self.on_file;
        let is_elsewhere = found == 0 || (found == entries.len() && !ends_the_file);
        (!is_elsewhere).then(|| neighbours(entries, found))
    }

    /// Keeps the entries from the first on as long as they ascend and `is_kept` holds, and drops the rest, which may be anything. The file
    /// is cut at the next [`SortedIndex::write`]. Returns the last entry that is kept.
    ///
    /// Reads the whole file, since what was not synced need not be in order.
    pub(crate) fn truncate(
        &mut self,
        disk: &dyn Disk,
        path: &Path,
        is_kept: impl Fn(&E) -> bool,
    ) -> disk::Result<Option<E>> {
        let mut entries = match self.on_file {
            0 => Vec::new(),
            on_file => read_entries(&*disk.open(path, Open::Read)?, 0, on_file)?,
        };
        entries.append(&mut self.in_memory);
        let ascending = entries.windows(2).take_while(|pair| pair[1].may_follow(pair[0])).count() + 1;
        let sound = if entries.first().is_some_and(|first| first.may_be_first()) { ascending } else { 0 };
        let kept = entries[..sound].iter().take_while(|entry| is_kept(entry)).count();
        self.in_memory = entries[(self.on_file as usize).min(kept)..kept].to_vec();
        self.on_file = self.on_file.min(kept as u32);
        self.last_on_file = self.on_file.checked_sub(1).map(|last| entries[last as usize]);
        self.block = None;
        self.is_written = false;
        Ok(self.last_known())
    }

    /// All entries.
    #[cfg(test)]
    pub(crate) fn entries(&self, disk: &dyn Disk, path: &Path) -> disk::Result<Vec<E>> {
        let mut entries = match self.on_file {
            0 => Vec::new(),
            on_file => read_entries(&*disk.open(path, Open::Read)?, 0, on_file)?,
        };
        entries.extend(&self.in_memory);
        Ok(entries)
    }

    /// Gives back what memory it can.
    pub(crate) fn shrink(&mut self) {
        self.block = None;
    }
}

/// The entries before and behind place `at`.
fn neighbours<E: Copy>(entries: &[E], at: usize) -> (Option<E>, Option<E>) {
    (at.checked_sub(1).map(|before| entries[before]), entries.get(at).copied())
}

/// The block that holds the last entry for which `is_at_most` holds, by its blocks' first entries.
fn find_block<const N: usize, E: Entry<N>>(
    file: &Arc<dyn File>,
    entries: u32,
    is_at_most: impl Fn(&E) -> bool,
) -> disk::Result<u32> {
    let (mut low, mut high) = (0, entries.div_ceil(BLOCK_ENTRIES));
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let first = read_entries(&**file, middle * BLOCK_ENTRIES, 1)?;
        if is_at_most(&first[0]) { low = middle } else { high = middle }
    }
    Ok(low)
}

/// Reads `count` entries from number `first` on.
pub(crate) fn read_entries<const N: usize, E: Entry<N>>(
    file: &dyn File,
    first: u32,
    count: u32,
) -> disk::Result<Vec<E>> {
    let mut bytes = vec![0; count as usize * N];
    file.read_exact_at(&mut bytes, u64::from(first) * N as u64)?;
    Ok(bytes.as_chunks().0.iter().map(|entry| E::decode(*entry)).collect())
}
