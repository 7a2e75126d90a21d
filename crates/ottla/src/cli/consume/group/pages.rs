//! [`Pages`]: what was fetched and is still to be shown, in pieces, each with the offsets that may be committed once it is.

use std::collections::{BTreeMap, VecDeque};

/// What a pipe takes as a whole or not at all (`PIPE_BUF` of Linux), in bytes. Whoever reads slowly, record by record, then has little
/// before it that is shown and not committed.
const PAGE_BYTES: usize = 4096;

/// Some records, as they are shown; a record that is larger than a page has a larger one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// What is to be shown. It may be nothing, where offsets hold no records.
    pub(super) bytes: Vec<u8>,
    /// The next offsets behind it, of each partition that it is about.
    pub(super) positions: BTreeMap<i32, i64>,
    records: u64,
}

/// Pages in the order in which they are to be shown.
#[derive(Debug, Default)]
pub(super) struct Pages(VecDeque<Page>);

impl Pages {
    /// Adds a record of `partition` by having `print` add it to a page.
    pub(super) fn add<T>(
        &mut self,
        partition: i32,
        offset: i64,
        print: impl FnOnce(&mut Vec<u8>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        if self.0.back().is_none_or(|page| page.bytes.len() >= PAGE_BYTES) {
            self.0.push_back(Page::default());
        }
        let page = self.0.back_mut().expect("there is one now");
        let printed = print(&mut page.bytes)?;
        page.positions.insert(partition, offset + 1);
        page.records += 1;
        Ok(printed)
    }

    /// All before `positions` was added, or is nothing to show.
    pub(super) fn finish(&mut self, positions: BTreeMap<i32, i64>) {
        match self.0.back_mut() {
            Some(last) => last.positions = positions,
            None => self.0.push_back(Page { positions, ..Page::default() }),
        }
    }

    /// The next to be shown.
    pub(super) fn pop(&mut self) -> Option<Page> {
        self.0.pop_front()
    }

    /// Drops what was not shown; returns how many records that were.
    pub(super) fn clear(&mut self) -> u64 {
        self.0.drain(..).map(|page| page.records).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(pages: &mut Pages, partition: i32, offset: i64, size: usize) {
        let print = |out: &mut Vec<u8>| {
            out.resize(out.len() + size, b'x');
            Ok(())
        };
        pages.add(partition, offset, print).unwrap();
    }

    #[test]
    fn a_page_carries_the_offsets_behind_its_records() {
        let mut pages = Pages::default();
        add(&mut pages, 0, 7, PAGE_BYTES - 1);
        add(&mut pages, 1, 3, 10);
        add(&mut pages, 0, 8, 10);
        pages.finish(BTreeMap::from([(0, 12), (1, 4), (2, 0)]));
        let first = pages.pop().unwrap();
        assert_eq!((first.bytes.len(), first.positions), (PAGE_BYTES + 9, BTreeMap::from([(0, 8), (1, 4)])));
        // A marker, which nobody is shown, stands at offset 11.
        let last = pages.pop().unwrap();
        assert_eq!((last.bytes.len(), last.positions), (10, BTreeMap::from([(0, 12), (1, 4), (2, 0)])));
        assert_eq!(pages.pop(), None);
    }

    #[test]
    fn offsets_without_records_are_a_page_without_bytes() {
        let mut pages = Pages::default();
        pages.finish(BTreeMap::from([(0, 5)]));
        assert_eq!(pages.pop(), Some(Page { positions: BTreeMap::from([(0, 5)]), ..Page::default() }));
    }

    #[test]
    fn what_is_dropped_is_counted() {
        let mut pages = Pages::default();
        (0..3).for_each(|offset| add(&mut pages, 0, offset, PAGE_BYTES));
        pages.pop();
        assert_eq!((pages.clear(), pages.pop()), (2, None));
    }
}
