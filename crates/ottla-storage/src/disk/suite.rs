//! One behaviour suite for every [`Disk`]: the operating system's and the simulated one must not be told apart by these.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;

use super::sim::{SimDisk, SimOptions};
use super::*;

struct Bench {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    _folder: Option<tempfile::TempDir>,
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn open(&self, name: &str, how: Open) -> Arc<dyn File> {
        self.disk.open(&self.path(name), how).expect("it opens")
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Arc<dyn File> {
        let file = self.open(name, Open::CreateNew);
        file.write_all_at(&[IoSlice::new(bytes)], 0).expect("there is room");
        file
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        read_file(&*self.disk, &self.path(name), 1 << 20).expect("it is short")
    }

    fn names(&self, name: &str) -> Vec<String> {
        self.disk.list(&self.path(name)).expect("it is a folder").into_iter().map(|entry| entry.name).collect()
    }
}

/// Each behaviour is a test for each disk.
macro_rules! behaviours {
    ($($name:ident),* $(,)?) => {
        mod os {
            $(#[test] fn $name() {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let root = folder.path().to_owned();
                super::$name(&super::Bench { disk: super::Arc::new(super::OsDisk), root, _folder: Some(folder) });
            })*
        }
        mod sim {
            $(#[test] fn $name() {
                let disk = super::SimDisk::new(super::SimOptions::default());
                super::ensure_dir(&*disk, super::Path::new("/data")).expect("an empty disk");
                super::$name(&super::Bench { disk, root: "/data".into(), _folder: None });
            })*
        }
    };
}

behaviours! {
    slices_are_written_one_after_the_other,
    a_gap_reads_as_zeros,
    cutting_and_lengthening_leaves_zeros,
    reads_past_the_end_are_short_or_fail,
    more_slices_than_one_call_takes_are_written,
    allocating_changes_no_length,
    opening_respects_what_is_there,
    a_file_that_is_open_for_reading_is_not_written,
    names_are_listed_in_order,
    renaming_replaces_a_file,
    renaming_to_another_folder_is_refused,
    renaming_a_folder_takes_along_what_it_holds,
    a_removed_file_stays_readable_for_who_has_it_open,
    folders_are_removed_when_empty,
    a_tree_is_removed_whole,
    missing_folders_are_made_one_by_one,
    what_is_missing_is_not_found,
    a_folder_is_no_file_and_a_file_no_folder,
    a_lock_is_held_until_it_is_dropped,
    everything_can_be_synced,
    a_file_is_replaced_whole,
    a_file_that_is_too_long_is_not_read,
    a_file_system_has_room,
}

fn slices_are_written_one_after_the_other(bench: &Bench) {
    let file = bench.open("a", Open::CreateNew);
    file.write_all_at(&[IoSlice::new(b""), IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"two")], 2)
        .expect("there is room");
    file.write_all_at(&[], 100).expect("nothing to write");
    assert_eq!(bench.read("a"), Some(b"\0\0onetwo".to_vec()));
    assert_eq!(file.len(), Ok(8));
}

fn a_gap_reads_as_zeros(bench: &Bench) {
    let file = bench.open("a", Open::CreateNew);
    file.write_all_at(&[IoSlice::new(b"x")], 10_000).expect("there is room");
    let mut expected = vec![0; 10_001];
    expected[10_000] = b'x';
    assert_eq!(bench.read("a"), Some(expected));
}

fn cutting_and_lengthening_leaves_zeros(bench: &Bench) {
    let file = bench.write("a", &[7; 9000]);
    file.set_len(5000).expect("it is cut");
    file.set_len(9000).expect("it is lengthened");
    let mut expected = vec![7; 5000];
    expected.resize(9000, 0);
    assert_eq!(bench.read("a"), Some(expected));
}

fn reads_past_the_end_are_short_or_fail(bench: &Bench) {
    let file = bench.write("a", b"abc");
    let mut buffer = [9; 4];
    assert_eq!(file.read_at(&mut buffer, 1), Ok(2));
    assert_eq!(buffer, [b'b', b'c', 9, 9]);
    assert_eq!(file.read_at(&mut buffer, 3), Ok(0));
    assert_eq!(file.read_at(&mut buffer, 100), Ok(0));
    let error = file.read_exact_at(&mut buffer, 1).expect_err("two bytes are missing");
    assert_eq!((error.cause(), error.path()), (Cause::UnexpectedEnd, bench.path("a").as_path()));
}

fn more_slices_than_one_call_takes_are_written(bench: &Bench) {
    let file = bench.open("a", Open::CreateNew);
    let bytes: Vec<[u8; 3]> = (0..3000_u32).map(|n| [n as u8, (n >> 8) as u8, 1]).collect();
    let slices: Vec<_> = bytes.iter().map(|slice| IoSlice::new(slice)).collect();
    file.write_all_at(&slices, 0).expect("there is room");
    assert_eq!(bench.read("a"), Some(bytes.concat()));
}

fn allocating_changes_no_length(bench: &Bench) {
    let file = bench.write("a", b"abc");
    file.allocate(1 << 16).expect("there is room");
    file.allocate(0).expect("nothing to allocate");
    assert_eq!(bench.read("a"), Some(b"abc".to_vec()));
}

fn opening_respects_what_is_there(bench: &Bench) {
    bench.write("a", b"abc");
    assert!(bench.disk.open(&bench.path("a"), Open::CreateNew).expect_err("it exists").is_already_exists());
    assert!(bench.disk.open(&bench.path("b"), Open::Write).expect_err("it is missing").is_not_found());
    assert_eq!(bench.open("a", Open::CreateIfMissing).len(), Ok(3));
    assert_eq!(bench.open("b", Open::CreateIfMissing).len(), Ok(0));
    assert_eq!(bench.disk.entry(&bench.path("a")), Ok(Some(EntryKind::File { len: 3 })));
}

fn a_file_that_is_open_for_reading_is_not_written(bench: &Bench) {
    bench.write("a", b"abc");
    let file = bench.open("a", Open::Read);
    assert!(file.write_all_at(&[IoSlice::new(b"x")], 0).is_err());
    assert!(file.set_len(0).is_err());
    assert_eq!(bench.read("a"), Some(b"abc".to_vec()));
}

fn names_are_listed_in_order(bench: &Bench) {
    bench.write("b", b"");
    bench.write("a", b"");
    bench.disk.create_dir(&bench.path("ab")).expect("the name is free");
    let entry = |name: &str, is_dir| Entry { name: name.to_owned(), is_dir };
    assert_eq!(bench.disk.list(&bench.root), Ok(vec![entry("a", false), entry("ab", true), entry("b", false)]));
}

fn renaming_replaces_a_file(bench: &Bench) {
    bench.write("a", b"new");
    let old = bench.write("b", b"old");
    bench.disk.rename(&bench.path("a"), &bench.path("b")).expect("it is renamed");
    assert_eq!((bench.read("a"), bench.read("b")), (None, Some(b"new".to_vec())));
    let mut buffer = [0; 3];
    old.read_exact_at(&mut buffer, 0).expect("it is still open");
    assert_eq!(&buffer, b"old");
}

fn renaming_to_another_folder_is_refused(bench: &Bench) {
    bench.write("a", b"");
    bench.disk.create_dir(&bench.path("folder")).expect("the name is free");
    let error = bench.disk.rename(&bench.path("a"), &bench.path("folder/a")).expect_err("it is another folder");
    assert_eq!(error.cause(), Cause::OtherFolder);
}

fn renaming_a_folder_takes_along_what_it_holds(bench: &Bench) {
    bench.disk.create_dir(&bench.path("old")).expect("the name is free");
    let file = bench.write("old/a", b"abc");
    bench.disk.rename(&bench.path("old"), &bench.path("new")).expect("it is renamed");
    file.write_all_at(&[IoSlice::new(b"d")], 3).expect("it is still open");
    assert_eq!(bench.read("new/a"), Some(b"abcd".to_vec()));
    assert_eq!(bench.disk.entry(&bench.path("old")), Ok(None));

    bench.disk.create_dir(&bench.path("full")).expect("the name is free");
    bench.write("full/a", b"");
    assert!(bench.disk.rename(&bench.path("new"), &bench.path("full")).is_err());
}

fn a_removed_file_stays_readable_for_who_has_it_open(bench: &Bench) {
    let file = bench.write("a", b"abc");
    bench.disk.remove_file(&bench.path("a")).expect("it is removed");
    bench.write("a", b"other");
    let mut buffer = [0; 3];
    file.read_exact_at(&mut buffer, 0).expect("it is still open");
    assert_eq!(&buffer, b"abc");
    file.sync_data().expect("it is still open");
}

fn folders_are_removed_when_empty(bench: &Bench) {
    bench.disk.create_dir(&bench.path("folder")).expect("the name is free");
    assert!(bench.disk.create_dir(&bench.path("folder")).expect_err("it exists").is_already_exists());
    bench.write("folder/a", b"");
    assert!(bench.disk.remove_dir(&bench.path("folder")).is_err());
    bench.disk.remove_file(&bench.path("folder/a")).expect("it is removed");
    bench.disk.remove_dir(&bench.path("folder")).expect("it is empty");
    assert!(bench.names("").is_empty());
}

fn a_tree_is_removed_whole(bench: &Bench) {
    ensure_dir(&*bench.disk, &bench.path("tree/branch")).expect("the names are free");
    bench.write("tree/a", b"");
    bench.write("tree/branch/b", b"");
    remove_tree(&*bench.disk, &bench.path("tree")).expect("it is removed");
    remove_tree(&*bench.disk, &bench.path("tree")).expect("there is nothing to remove");
    assert!(bench.names("").is_empty());
}

fn missing_folders_are_made_one_by_one(bench: &Bench) {
    ensure_dir(&*bench.disk, &bench.path("a/b/c")).expect("the names are free");
    ensure_dir(&*bench.disk, &bench.path("a/b/d")).expect("the names are free");
    ensure_dir(&*bench.disk, &bench.path("a/b/d")).expect("it is there");
    assert_eq!(bench.names("a/b"), ["c", "d"]);
    bench.write("file", b"");
    assert!(ensure_dir(&*bench.disk, &bench.path("file/a")).is_err());
}

fn what_is_missing_is_not_found(bench: &Bench) {
    let missing = bench.path("missing");
    assert!(bench.disk.open(&missing, Open::Read).expect_err("it is missing").is_not_found());
    assert!(bench.disk.open(&missing.join("a"), Open::CreateNew).expect_err("it is missing").is_not_found());
    assert!(bench.disk.list(&missing).expect_err("it is missing").is_not_found());
    assert!(bench.disk.remove_file(&missing).expect_err("it is missing").is_not_found());
    assert!(bench.disk.remove_dir(&missing).expect_err("it is missing").is_not_found());
    assert!(bench.disk.rename(&missing, &bench.path("a")).expect_err("it is missing").is_not_found());
    assert!(bench.disk.create_dir(&missing.join("a")).expect_err("it is missing").is_not_found());
    assert!(bench.disk.sync_dir(&missing).expect_err("it is missing").is_not_found());
    assert!(bench.disk.file_system(&missing).expect_err("it is missing").is_not_found());
    assert_eq!(bench.disk.entry(&missing), Ok(None));
    assert_eq!(bench.read("missing"), None);
}

fn a_folder_is_no_file_and_a_file_no_folder(bench: &Bench) {
    bench.disk.create_dir(&bench.path("folder")).expect("the name is free");
    bench.write("file", b"");
    assert!(bench.disk.open(&bench.path("folder"), Open::Write).is_err());
    assert!(bench.disk.open(&bench.path("file/a"), Open::CreateNew).is_err());
    assert!(bench.disk.list(&bench.path("file")).is_err());
    assert!(bench.disk.remove_file(&bench.path("folder")).is_err());
    assert!(bench.disk.remove_dir(&bench.path("file")).is_err());
    assert_eq!(bench.disk.entry(&bench.path("folder")), Ok(Some(EntryKind::Directory)));
}

fn a_lock_is_held_until_it_is_dropped(bench: &Bench) {
    let path = bench.path(".lock");
    let lock = bench.disk.lock(&path).expect("it is free");
    assert!(matches!(bench.disk.lock(&path), Err(LockError::Held { .. })));
    drop(lock);
    bench.disk.lock(&path).expect("it is free again");
}

fn everything_can_be_synced(bench: &Bench) {
    let file_system = bench.disk.file_system(&bench.root).expect("it is a folder");
    let file = bench.write("a", b"abc");
    file.start_write_back(0..3).expect("it is a hint");
    file.sync_data().expect("it is synced");
    bench.disk.sync_dir(&bench.root).expect("it is synced");
    if file_system.can_sync() {
        file_system.sync().expect("it is synced");
    }
}

fn a_file_is_replaced_whole(bench: &Bench) {
    atomic_write(&*bench.disk, &bench.path("a"), &[1; 10_000]).expect("there is room");
    bench.write(&format!("a{TEMPORARY_SUFFIX}"), &[3; 5000]); // What a crash left.
    atomic_write(&*bench.disk, &bench.path("a"), b"new").expect("there is room");
    assert_eq!(bench.read("a"), Some(b"new".to_vec()));
    assert_eq!(bench.names(""), ["a"]);
}

fn a_file_that_is_too_long_is_not_read(bench: &Bench) {
    bench.write("a", b"abc");
    let error = read_file(&*bench.disk, &bench.path("a"), 2).expect_err("it is longer");
    assert_eq!(error.cause(), Cause::TooLarge { len: 3, len_max: 2 });
}

fn a_file_system_has_room(bench: &Bench) {
    let space = bench.disk.file_system(&bench.root).and_then(|system| system.space()).expect("it is a folder");
    assert!(space.free > 0 && space.free <= space.total);
}

/// Something that a program does, by the numbers of a few names.
#[derive(Clone, Debug)]
enum Step {
    CreateDir(usize),
    RemoveDir(usize),
    RemoveFile(usize),
    Rename(usize, usize),
    SetLen(usize, u64),
    Write(usize, u64, usize),
    Sync(usize),
}

/// Files and folders, some within others, so that every mistake a path can make is made.
const NAMES: [&str; 6] = ["a", "b", "c", "a/d", "b/e", "a/d/f"];

fn step() -> impl Strategy<Value = Step> {
    let name = || 0..NAMES.len();
    prop_oneof![
        name().prop_map(Step::CreateDir),
        name().prop_map(Step::RemoveDir),
        name().prop_map(Step::RemoveFile),
        (name(), name()).prop_map(|(from, to)| Step::Rename(from, to)),
        (name(), 0..9000_u64).prop_map(|(file, len)| Step::SetLen(file, len)),
        (name(), 0..9000_u64, 0..9000_usize).prop_map(|(file, position, len)| Step::Write(file, position, len)),
        name().prop_map(Step::Sync),
    ]
}

/// How a step ended, without the path.
fn run(bench: &Bench, step: &Step) -> std::result::Result<(), Cause> {
    let path = |name: &usize| bench.path(NAMES[*name]);
    let open = |name: &usize| bench.disk.open(&path(name), Open::CreateIfMissing);
    let done = match step {
        Step::CreateDir(name) => bench.disk.create_dir(&path(name)),
        Step::RemoveDir(name) => bench.disk.remove_dir(&path(name)),
        Step::RemoveFile(name) => bench.disk.remove_file(&path(name)),
        // A folder in place of a folder is the one thing that is promised to nobody.
        Step::Rename(_, to) if bench.disk.entry(&path(to)) == Ok(Some(EntryKind::Directory)) => Ok(()),
        Step::Rename(from, to) => bench.disk.rename(&path(from), &path(to)),
        Step::SetLen(name, len) => open(name).and_then(|file| file.set_len(*len)),
        Step::Write(name, position, len) => {
            open(name).and_then(|file| file.write_all_at(&[IoSlice::new(&vec![*len as u8; *len])], *position))
        }
        Step::Sync(name) => open(name).and_then(|file| file.sync_data()),
    };
    done.map_err(|error| error.cause())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn both_disks_do_and_refuse_the_same(steps in prop::collection::vec(step(), 1..40)) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let real = Bench { disk: Arc::new(OsDisk), root: folder.path().to_owned(), _folder: None };
        let simulated = Bench { disk: SimDisk::new(SimOptions::default()), root: "/".into(), _folder: None };
        for step in &steps {
            prop_assert_eq!(run(&real, step), run(&simulated, step), "{:?}", step);
        }
        for name in NAMES {
            let kind = real.disk.entry(&real.path(name)).map_err(|error| error.cause());
            prop_assert_eq!(kind, simulated.disk.entry(&simulated.path(name)).map_err(|error| error.cause()), "{}", name);
            if let Ok(Some(EntryKind::File { .. })) = kind {
                prop_assert_eq!(real.read(name), simulated.read(name), "{}", name);
            }
        }
    }
}
