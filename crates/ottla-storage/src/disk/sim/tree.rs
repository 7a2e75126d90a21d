//! [`Tree`]: files and folders at one point in time. The simulated disk has two, the live one and the durable one.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Component, Path};
use std::sync::Arc;

use rustix::io::Errno;

use super::page::{PAGE_SIZE, Page};

/// A file or folder, whatever it is called.
pub(super) type Inode = u64;

/// The folder that everything lies in.
pub(super) const ROOT: Inode = 0;

/// A file's contents. A page that is missing reads as zeros; bytes past `len` are zeros too.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    pub(super) len: u64,
    pub(super) pages: BTreeMap<u64, Arc<Page>>,
}

/// A folder's names.
pub(super) type Names = BTreeMap<String, Inode>;

/// What an inode is. Shared with other trees until it changes.
#[derive(Clone, Debug)]
pub(super) enum Node {
    File(Arc<Contents>),
    Directory(Arc<Names>),
}

/// All inodes of a disk, those included that no name leads to.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) nodes: BTreeMap<Inode, Node>,
}

impl Contents {
    pub(super) fn read(&self, buffer: &mut [u8], position: u64) -> usize {
        let wanted = buffer.len().min(self.len.saturating_sub(position) as usize);
        let mut read = 0;
        while read < wanted {
            let (index, at) = page_of(position + read as u64);
            let len = (PAGE_SIZE - at).min(wanted - read);
            let target = &mut buffer[read..read + len];
            match self.pages.get(&index) {
                Some(page) => target.copy_from_slice(&page.bytes()[at..at + len]),
                None => target.fill(0),
            }
            read += len;
        }
        read
    }

    pub(super) fn set_len(&mut self, len: u64) {
        self.len = len;
        self.forget_past_end();
    }

    pub(super) fn has_bytes_past_end(&self) -> bool {
        let (last, at) = page_of(self.len);
        let is_past_end =
            |(index, page): (&u64, &Arc<Page>)| *index > last || page.bytes()[at..].iter().any(|byte| *byte != 0);
        self.pages.range(last..).any(is_past_end)
    }

    /// Takes out what lies past the end.
    pub(super) fn forget_past_end(&mut self) {
        let (last, at) = page_of(self.len);
        self.pages.split_off(&(last + u64::from(at > 0)));
        if at > 0
            && let Some(page) = self.pages.get_mut(&last)
        {
            *page = Page::cut(page, at);
        }
    }
}

/// The page that holds `position`, and where in it.
pub(super) fn page_of(position: u64) -> (u64, usize) {
    (position / PAGE_SIZE as u64, (position % PAGE_SIZE as u64) as usize)
}

impl Node {
    pub(super) fn is_dir(&self) -> bool {
        matches!(self, Node::Directory(_))
    }
}

impl Tree {
    /// An empty folder.
    pub(super) fn new() -> Tree {
        Tree { nodes: BTreeMap::from([(ROOT, Node::Directory(Arc::default()))]) }
    }

    pub(super) fn contents(&self, file: Inode) -> Option<&Contents> {
        match self.nodes.get(&file) {
            Some(Node::File(contents)) => Some(contents),
            _ => None,
        }
    }

    pub(super) fn contents_mut(&mut self, file: Inode) -> Option<&mut Contents> {
        match self.nodes.get_mut(&file) {
            Some(Node::File(contents)) => Some(Arc::make_mut(contents)),
            _ => None,
        }
    }

    pub(super) fn names(&self, directory: Inode) -> Option<&Names> {
        match self.nodes.get(&directory) {
            Some(Node::Directory(names)) => Some(names),
            _ => None,
        }
    }

    pub(super) fn names_mut(&mut self, directory: Inode) -> Option<&mut Names> {
        match self.nodes.get_mut(&directory) {
            Some(Node::Directory(names)) => Some(Arc::make_mut(names)),
            _ => None,
        }
    }

    /// The inode at `path`; relative paths begin at the root too.
    pub(super) fn find(&self, path: &Path) -> Result<Inode, Errno> {
        let mut inode = ROOT;
        for component in path.components() {
            let name = match component {
                Component::Normal(name) => name.to_str().ok_or(Errno::ILSEQ)?,
                Component::ParentDir => return Err(Errno::INVAL),
                Component::RootDir | Component::CurDir | Component::Prefix(_) => continue,
            };
            inode = *self.names(inode).ok_or(Errno::NOTDIR)?.get(name).ok_or(Errno::NOENT)?;
        }
        Ok(inode)
    }

    /// The folder that holds `path`'s last name, and that name.
    pub(super) fn find_parent<'a>(&self, path: &'a Path) -> Result<(Inode, &'a str), Errno> {
        let name = path.file_name().ok_or(Errno::INVAL)?.to_str().ok_or(Errno::ILSEQ)?;
        let parent = self.find(path.parent().unwrap_or(Path::new("")))?;
        if self.names(parent).is_none() {
            return Err(Errno::NOTDIR);
        }
        Ok((parent, name))
    }

    /// Takes out what no name leads to.
    pub(super) fn forget_unreachable(&mut self) {
        let mut reachable = Tree { nodes: BTreeMap::new() };
        let mut left = vec![ROOT];
        while let Some(inode) = left.pop() {
            if let Some(node) = self.nodes.remove(&inode) {
                if let Node::Directory(names) = &node {
                    left.extend(names.values());
                }
                reachable.nodes.insert(inode, node);
            }
        }
        *self = reachable;
    }

    /// A hash of all names and bytes. Equal trees have equal ones, whatever their inodes' numbers.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash_node(ROOT, &mut hasher);
        hasher.finish()
    }

    fn hash_node(&self, inode: Inode, hasher: &mut DefaultHasher) {
        match self.nodes.get(&inode) {
            None => hasher.write_u8(0),
            Some(Node::File(contents)) => {
                hasher.write_u8(1);
                hasher.write_u64(contents.len);
                for (index, page) in contents.pages.iter().filter(|(_, page)| page.hash() != 0) {
                    hasher.write_u64(*index);
                    hasher.write_u64(page.hash());
                }
            }
            Some(Node::Directory(names)) => {
                hasher.write_u8(2);
                hasher.write_usize(names.len());
                for (name, inode) in names.iter() {
                    hasher.write_usize(name.len());
                    hasher.write(name.as_bytes());
                    self.hash_node(*inode, hasher);
                }
            }
        }
    }
}
