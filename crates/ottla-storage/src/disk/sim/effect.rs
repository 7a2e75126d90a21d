//! [`Effect`]: one change that is not durable yet, and [`Fate`]: what a crash makes of it.
//!
//! A crash image is the durable tree with some of the effects applied, in their order. Each is kept or lost on its own; only what
//! belongs to one system call and to one journal entry (a rename's two names) goes together. That is more than any one file system
//! does to its users, and so covers all of them.

use std::sync::Arc;

use super::page::Page;
use super::tree::{Inode, Names, Tree};

/// A change that is visible and not durable.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// A page of a file, as it was at some time since the last sync.
    Page { file: Inode, index: u64, page: Arc<Page> },
    /// A file's length, grown or cut.
    Len { file: Inode, len: u64 },
    /// A new name.
    Link { directory: Inode, name: String, inode: Inode },
    /// A name that is gone.
    Unlink { directory: Inode, name: String, inode: Inode },
    /// A name that has changed.
    Rename { directory: Inode, from: String, to: String, inode: Inode },
}

/// What a crash makes of an unsynced effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never reached the disk.
    Lost,
    /// It did.
    Kept,
    /// A page of which only those sectors of 512 bytes reached the disk whose bit is set. For what is no page, the same as kept.
    Torn(u8),
}

impl Effect {
    /// What a sync must be of to make it durable.
    pub(super) fn owner(&self) -> Inode {
        match self {
            Effect::Page { file, .. } | Effect::Len { file, .. } => *file,
            Effect::Link { directory, .. } | Effect::Unlink { directory, .. } | Effect::Rename { directory, .. } => {
                *directory
            }
        }
    }

    /// The inode that it names, where it is about a name.
    pub(super) fn named(&self) -> Option<Inode> {
        match self {
            Effect::Page { .. } | Effect::Len { .. } => None,
            Effect::Link { inode, .. } | Effect::Unlink { inode, .. } | Effect::Rename { inode, .. } => Some(*inode),
        }
    }

    pub(super) fn is_page(&self) -> bool {
        matches!(self, Effect::Page { .. })
    }

    /// Makes it so in `tree`. An owner that is no longer there has taken its effects along.
    pub(super) fn apply(&self, tree: &mut Tree, fate: Fate) {
        match (self, fate) {
            (_, Fate::Lost) => {}
            (Effect::Page { file, index, page }, _) => {
                if let Some(contents) = tree.contents_mut(*file) {
                    let page = match fate {
                        Fate::Torn(survivors) => Page::torn(contents.pages.get(index), page, survivors),
                        Fate::Lost | Fate::Kept => page.clone(),
                    };
                    contents.pages.insert(*index, page);
                }
            }
            (Effect::Len { file, len }, _) => {
                if let Some(contents) = tree.contents_mut(*file) {
                    // Pages past a length that was lost stay: a later length may bring them back.
                    if *len < contents.len { contents.set_len(*len) } else { contents.len = *len }
                }
            }
            (effect, _) => {
                if let Some(names) = tree.names_mut(effect.owner()) {
                    effect.apply_to_names(names);
                }
            }
        }
    }

    fn apply_to_names(&self, names: &mut Names) {
        let remove = |names: &mut Names, name: &str, inode| {
            // Under this name there may be something else, when what put this inode there was lost.
            if names.get(name) == Some(&inode) {
                names.remove(name);
            }
        };
        match self {
            Effect::Page { .. } | Effect::Len { .. } => {}
            Effect::Link { name, inode, .. } => {
                names.insert(name.clone(), *inode);
            }
            Effect::Unlink { name, inode, .. } => remove(names, name, *inode),
            Effect::Rename { from, to, inode, .. } => {
                remove(names, from, *inode);
                names.insert(to.clone(), *inode);
            }
        }
    }
}
