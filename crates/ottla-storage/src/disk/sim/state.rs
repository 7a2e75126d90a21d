//! [`State`]: the live tree, the durable tree, and the effects between them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IoSlice;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ottla_base::{Entropy, SeededEntropy};
use rustix::io::Errno;

use super::super::{Cause, Open, Space};
use super::SimOptions;
use super::crash::{CrashPoint, Image};
use super::effect::{Effect, Fate};
use super::faults::{Faults, SyncFault};
use super::page::{PAGE_SIZE, Page};
use super::tree::{Contents, Inode, Names, Node, ROOT, Tree, page_of};

pub(super) type Result<T> = std::result::Result<T, Cause>;

impl From<Errno> for Cause {
    fn from(errno: Errno) -> Cause {
        Cause::Os(errno.raw_os_error())
    }
}

pub(super) struct State {
    options: SimOptions,
    entropy: SeededEntropy,
    has_power: bool,
    lose_power_at: Option<u64>,
    io_count: u64,
    hook: Option<Box<dyn FnMut(CrashPoint) + Send>>,
    pub(super) faults: Faults,
    pub(super) locks: BTreeSet<PathBuf>,
    next_inode: Inode,
    live: Tree,
    durable: Tree,
    /// By the file or folder whose sync makes them durable; those of different owners do not depend on each other's order.
    effects: BTreeMap<Inode, Vec<Effect>>,
    /// How often each file is open.
    handles: BTreeMap<Inode, usize>,
    /// Open files without a name.
    orphans: BTreeSet<Inode>,
    /// How many pages are reserved from the start of each file, written or not.
    reserved: BTreeMap<Inode, u64>,
    /// How many pages the live files take.
    pages_used: u64,
    /// How many inodes the durable tree may have before it is searched for those that nothing leads to any more.
    sweep_at: usize,
}

const SWEEP_MIN: usize = 1024;

impl State {
    pub(super) fn new(options: SimOptions) -> State {
        State::from_image(Image { tree: Tree::new() }, options)
    }

    pub(super) fn from_image(image: Image, options: SimOptions) -> State {
        let files = image.tree.nodes.keys().filter_map(|inode| image.tree.contents(*inode));
        State {
            options,
            entropy: SeededEntropy::new(options.seed),
            has_power: true,
            lose_power_at: None,
            io_count: 0,
            hook: None,
            faults: Faults::default(),
            locks: BTreeSet::new(),
            next_inode: image.tree.nodes.keys().max().map_or(ROOT, |inode| inode + 1),
            pages_used: files.map(|contents| contents.pages.len() as u64).sum(),
            live: image.tree.clone(),
            durable: image.tree,
            effects: BTreeMap::new(),
            handles: BTreeMap::new(),
            orphans: BTreeSet::new(),
            reserved: BTreeMap::new(),
            sweep_at: SWEEP_MIN,
        }
    }

    pub(super) fn options(&self) -> SimOptions {
        self.options
    }

    pub(super) fn set_capacity(&mut self, capacity: Option<u64>) {
        self.options.capacity = capacity;
    }

    pub(super) fn io_count(&self) -> u64 {
        self.io_count
    }

    #[cfg(test)]
    pub(super) fn inode_count(&self) -> usize {
        self.durable.nodes.len().max(self.effects.len())
    }

    pub(super) fn lose_power_at(&mut self, io: u64) {
        self.lose_power_at = Some(io);
    }

    pub(super) fn lose_power(&mut self) {
        self.has_power = false;
    }

    pub(super) fn on_each_io(&mut self, hook: Box<dyn FnMut(CrashPoint) + Send>) {
        self.hook = Some(hook);
    }

    pub(super) fn crash_point(&self) -> CrashPoint {
        let effects = self.effects.values().flatten().cloned().collect();
        CrashPoint { io: self.io_count, durable: self.durable.clone(), effects }
    }

    /// What a new process finds; this one is left without power, so that its handles are dead.
    pub(super) fn kill(&mut self) -> State {
        let mut dead = State::new(self.options);
        dead.has_power = false;
        let mut next = std::mem::replace(self, dead);
        next.handles.clear();
        for inode in std::mem::take(&mut next.orphans) {
            next.free(inode);
        }
        next.locks.clear();
        next.hook = None;
        next
    }

    /// The live tree, for what only looks.
    pub(super) fn live(&self) -> Result<&Tree> {
        if self.has_power { Ok(&self.live) } else { Err(Cause::PowerLost) }
    }

    pub(super) fn contents(&self, file: Inode) -> Result<&Contents> {
        Ok(self.live()?.contents(file).expect("an open file has contents"))
    }

    /// Every call that changes something, or makes it durable, begins here.
    fn begin_io(&mut self) -> Result<()> {
        if self.lose_power_at.is_some_and(|io| self.io_count >= io) {
            self.has_power = false;
        }
        if !self.has_power {
            return Err(Cause::PowerLost);
        }
        if let Some(mut hook) = self.hook.take() {
            hook(self.crash_point());
            self.hook = Some(hook);
        }
        self.io_count += 1;
        Ok(())
    }

    fn add_effect(&mut self, effect: Effect) {
        let effects = self.effects.entry(effect.owner()).or_default();
        effects.push(effect);
        if effects.len() > self.options.effects_max {
            effects.remove(0).apply(&mut self.durable, Fate::Kept);
        }
    }

    fn take_descriptor(&mut self) -> Result<()> {
        if std::mem::take(&mut self.faults.next_open) { Err(Errno::MFILE.into()) } else { Ok(()) }
    }

    pub(super) fn open(&mut self, path: &Path, how: Open) -> Result<Inode> {
        self.take_descriptor()?;
        let inode = match (self.live()?.find(path), how) {
            (Ok(_), Open::CreateNew) => return Err(Errno::EXIST.into()),
            (Ok(inode), _) if self.live.nodes[&inode].is_dir() => return Err(Errno::ISDIR.into()),
            (Ok(inode), _) => inode,
            (Err(Errno::NOENT), Open::CreateNew | Open::CreateIfMissing) => {
                self.create(path, Node::File(Arc::default()))?
            }
            (Err(errno), _) => return Err(errno.into()),
        };
        *self.handles.entry(inode).or_default() += 1;
        Ok(inode)
    }

    pub(super) fn create_dir(&mut self, path: &Path) -> Result<()> {
        if self.live()?.find(path).is_ok() {
            return Err(Errno::EXIST.into());
        }
        self.create(path, Node::Directory(Arc::default())).map(|_| ())
    }

    fn create(&mut self, path: &Path, node: Node) -> Result<Inode> {
        let (directory, name) = self.live()?.find_parent(path)?;
        self.begin_io()?;
        let inode = self.next_inode;
        self.next_inode += 1;
        // In the durable tree it is there too, empty, and nothing leads to it until its name is durable.
        self.durable.nodes.insert(inode, node.clone());
        self.live.nodes.insert(inode, node);
        self.live_names(directory).insert(name.to_owned(), inode);
        self.add_effect(Effect::Link { directory, name: name.to_owned(), inode });
        self.sweep();
        Ok(inode)
    }

    fn live_names(&mut self, directory: Inode) -> &mut Names {
        self.live.names_mut(directory).expect("it was found as a folder")
    }

    pub(super) fn close(&mut self, file: Inode) {
        let Some(count) = self.handles.get_mut(&file) else {
            return; // The process was killed while the handle lived.
        };
        *count -= 1;
        if *count == 0 {
            self.handles.remove(&file);
            if self.orphans.remove(&file) {
                self.free(file);
            }
        }
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> Result<()> {
        let inode = self.live()?.find(from)?;
        let (directory, from) = self.live.find_parent(from)?;
        let (_, to) = self.live.find_parent(to)?;
        let replaced = self.live.names(directory).and_then(|names| names.get(to)).copied();
        match replaced.map(|replaced| self.live.nodes[&replaced].is_dir()) {
            Some(true) => return Err(Errno::NOTEMPTY.into()),
            Some(false) if self.live.nodes[&inode].is_dir() => return Err(Errno::NOTDIR.into()),
            Some(false) | None => {}
        }
        self.begin_io()?;
        if replaced == Some(inode) {
            return Ok(());
        }
        let names = self.live_names(directory);
        names.remove(from);
        names.insert(to.to_owned(), inode);
        self.add_effect(Effect::Rename { directory, from: from.to_owned(), to: to.to_owned(), inode });
        if let Some(replaced) = replaced {
            self.on_unlinked(replaced);
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path, is_dir: bool) -> Result<()> {
        let inode = self.live()?.find(path)?;
        match &self.live.nodes[&inode] {
            Node::File(_) if is_dir => return Err(Errno::NOTDIR.into()),
            Node::Directory(_) if !is_dir => return Err(Errno::ISDIR.into()),
            Node::Directory(names) if !names.is_empty() => return Err(Errno::NOTEMPTY.into()),
            Node::File(_) | Node::Directory(_) => {}
        }
        let (directory, name) = self.live.find_parent(path)?;
        self.begin_io()?;
        self.live_names(directory).remove(name);
        self.add_effect(Effect::Unlink { directory, name: name.to_owned(), inode });
        self.on_unlinked(inode);
        Ok(())
    }

    /// An inode has lost its name: it goes once nobody has it open.
    fn on_unlinked(&mut self, inode: Inode) {
        if self.handles.contains_key(&inode) {
            self.orphans.insert(inode);
        } else {
            self.free(inode);
        }
    }

    /// Gives an inode's room back. What is durable of it stays until the sweep.
    fn free(&mut self, inode: Inode) {
        if let Some(Node::File(contents)) = self.live.nodes.remove(&inode) {
            self.pages_used -= pages_taken(&contents, self.reserved.remove(&inode).unwrap_or(0));
            self.faults.forget(inode);
        }
    }

    /// Forgets inodes that no name, no effect and no handle leads to, once there are many.
    fn sweep(&mut self) {
        if self.durable.nodes.len() < self.sweep_at {
            return;
        }
        let mut needed: BTreeSet<Inode> = self.effects.values().flatten().filter_map(Effect::named).collect();
        needed.extend(self.live.nodes.keys());
        let mut reachable = self.durable.clone();
        reachable.forget_unreachable();
        self.durable.nodes.retain(|inode, _| reachable.nodes.contains_key(inode) || needed.contains(inode));
        let durable = &self.durable;
        self.effects.retain(|owner, _| durable.nodes.contains_key(owner));
        self.sweep_at = SWEEP_MIN.max(2 * self.durable.nodes.len());
    }

    pub(super) fn read(&self, file: Inode, buffer: &mut [u8], position: u64) -> Result<usize> {
        let contents = self.contents(file)?;
        if self.faults.is_unreadable(file, &(position..position.saturating_add(buffer.len() as u64))) {
            return Err(Errno::IO.into());
        }
        Ok(contents.read(buffer, position))
    }

    pub(super) fn write(&mut self, file: Inode, slices: &[IoSlice<'_>], mut position: u64) -> Result<()> {
        self.begin_io()?;
        if std::mem::take(&mut self.faults.next_write) {
            return Err(Errno::IO.into());
        }
        let bytes = slices.iter().map(|slice| &**slice).collect::<Vec<_>>().concat();
        let mut left = bytes.as_slice();
        while !left.is_empty() {
            let (index, at) = page_of(position);
            let (now, later) = left.split_at(left.len().min(PAGE_SIZE - at));
            self.write_page(file, index, at, now)?;
            position += now.len() as u64;
            left = later;
        }
        Ok(())
    }

    fn write_page(&mut self, file: Inode, index: u64, at: usize, bytes: &[u8]) -> Result<()> {
        let old = self.contents(file)?.pages.get(&index).cloned();
        let is_new = old.is_none() && index >= self.reserved.get(&file).copied().unwrap_or(0);
        self.take_pages(u64::from(is_new))?;
        let page = Page::overlay(old.as_ref(), at, bytes);
        let contents = self.live.contents_mut(file).expect("an open file has contents");
        contents.pages.insert(index, page.clone());
        let end = index * PAGE_SIZE as u64 + (at + bytes.len()) as u64;
        let grows = end > contents.len;
        contents.len = contents.len.max(end);
        self.add_effect(Effect::Page { file, index, page });
        if grows || self.has_lost_length(file, end) {
            self.add_effect(Effect::Len { file, len: end });
        }
        Ok(())
    }

    /// Whether a failed sync has dropped that the file is `end` bytes long. Then the write-back of a page there brings it back, as ext4
    /// sets the length on disk by the pages that it writes.
    fn has_lost_length(&self, file: Inode, end: u64) -> bool {
        let is_shorter = self.durable.contents(file).is_none_or(|contents| contents.len < end);
        let is_pending = |effect: &Effect| matches!(effect, Effect::Len { len, .. } if *len >= end);
        is_shorter && !self.effects.get(&file).is_some_and(|effects| effects.iter().any(is_pending))
    }

    fn take_pages(&mut self, pages: u64) -> Result<()> {
        let used = self.pages_used + pages;
        if pages > 0 && self.options.capacity.is_some_and(|capacity| used * PAGE_SIZE as u64 > capacity) {
            return Err(Errno::NOSPC.into());
        }
        self.pages_used = used;
        Ok(())
    }

    pub(super) fn set_len(&mut self, file: Inode, len: u64) -> Result<()> {
        self.begin_io()?;
        let reserved = self.reserved.get(&file).copied().unwrap_or(0);
        let contents = self.live.contents_mut(file).expect("an open file has contents");
        let taken = pages_taken(contents, reserved);
        contents.set_len(len);
        let reserved = reserved.min(len.div_ceil(PAGE_SIZE as u64));
        self.pages_used = self.pages_used - taken + pages_taken(contents, reserved);
        self.reserved.insert(file, reserved);
        self.add_effect(Effect::Len { file, len });
        Ok(())
    }

    pub(super) fn allocate(&mut self, file: Inode, len: u64) -> Result<()> {
        self.begin_io()?;
        if !self.options.has_allocate {
            return Err(Errno::OPNOTSUPP.into());
        }
        let contents = self.contents(file)?;
        let before = self.reserved.get(&file).copied().unwrap_or(0);
        let reserved = before.max(len.div_ceil(PAGE_SIZE as u64));
        self.take_pages(pages_taken(contents, reserved) - pages_taken(contents, before))?;
        self.reserved.insert(file, reserved);
        Ok(())
    }

    pub(super) fn space(&self) -> Result<Space> {
        self.live()?;
        let total = self.options.capacity.unwrap_or(u64::MAX / 2);
        Ok(Space { free: total.saturating_sub(self.pages_used * PAGE_SIZE as u64), total })
    }

    pub(super) fn sync_file(&mut self, file: Inode) -> Result<()> {
        self.begin_io()?;
        self.sync_owners(vec![file])
    }

    pub(super) fn sync_dir(&mut self, directory: &Path) -> Result<()> {
        self.take_descriptor()?;
        let inode = self.live()?.find(directory)?;
        if !self.live.nodes[&inode].is_dir() {
            return Err(Errno::NOTDIR.into());
        }
        self.begin_io()?;
        self.sync_owners(vec![inode])
    }

    pub(super) fn sync_all(&mut self) -> Result<()> {
        self.begin_io()?;
        self.sync_owners(self.effects.keys().copied().collect())
    }

    fn sync_owners(&mut self, owners: Vec<Inode>) -> Result<()> {
        let fault = self.faults.next_sync.take();
        if fault == Some(SyncFault::KeepsPages) {
            return Err(Errno::IO.into());
        }
        for owner in owners {
            for effect in self.effects.remove(&owner).unwrap_or_default() {
                // Names are kept by the journal, which retries; it is dirty pages and lengths that a failed sync drops.
                let is_lost = fault.is_some() && effect.named().is_none() && self.entropy.one_in(2);
                effect.apply(&mut self.durable, if is_lost { Fate::Lost } else { Fate::Kept });
            }
        }
        if fault.is_some() { Err(Errno::IO.into()) } else { Ok(()) }
    }

    pub(super) fn fail_reads(&mut self, path: &Path, bytes: Range<u64>) -> std::result::Result<(), Errno> {
        let file = self.live.find(path)?;
        self.faults.add_unreadable(file, bytes);
        Ok(())
    }

    pub(super) fn rot(&mut self, path: &Path, position: u64, mask: u8) -> std::result::Result<(), Errno> {
        let file = self.live.find(path)?;
        let (index, at) = page_of(position);
        let pages = [&mut self.live, &mut self.durable]
            .map(|tree| tree.contents_mut(file).and_then(|file| file.pages.get_mut(&index)));
        for page in pages.into_iter().flatten() {
            *page = Page::flipped(page, at, mask);
        }
        Ok(())
    }
}

/// How many pages a file takes whose first `reserved` pages are reserved.
fn pages_taken(contents: &Contents, reserved: u64) -> u64 {
    reserved + contents.pages.range(reserved..).count() as u64
}
