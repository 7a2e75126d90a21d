//! What only the operating system's disk has: maps, lock files with a process id, error numbers.
#![expect(clippy::disallowed_methods, reason = "the seam's own tests")]

use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn file_with(folder: &tempfile::TempDir, bytes: &[u8]) -> Arc<dyn File> {
    let file = OsDisk.open(&folder.path().join("a"), Open::CreateNew).expect("the name is free");
    file.write_all_at(&[IoSlice::new(bytes)], 0).expect("there is room");
    file
}

fn map(file: &dyn File, len: u64) -> Map {
    file.map(len).expect("no error").expect("this system has maps")
}

#[test]
fn a_map_shows_what_is_written_after_it_was_made() {
    let folder = folder();
    let file = file_with(&folder, b"one");
    let map = map(&*file, 1 << 30);
    assert_eq!((map.len(), &map.slice(0..3)[..]), (1 << 30, &b"one"[..]));
    // Within the last page, across its end, and far behind it.
    for (bytes, position) in [(vec![2; 10], 3), (vec![3; 9000], 13), (vec![4; 100], 1 << 20)] {
        file.write_all_at(&[IoSlice::new(&bytes)], position).expect("there is room");
        assert_eq!(map.slice(position..position + bytes.len() as u64), bytes);
    }
}

#[test]
fn slices_are_not_copied_and_outlive_map_and_file() {
    let folder = folder();
    let file = file_with(&folder, b"onetwo");
    let map = map(&*file, 6);
    let (all, two) = (map.slice(0..6), map.slice(3..6));
    assert_eq!(all[3..].as_ptr(), two.as_ptr());
    drop((map, all, file));
    OsDisk.remove_file(&folder.path().join("a")).expect("it is there");
    assert_eq!(&two[..], b"two");
}

#[test]
fn what_was_just_written_is_resident_and_a_hole_is_not() {
    let folder = folder();
    let file = file_with(&folder, &vec![1; 3 << 20]);
    file.set_len(16 << 20).expect("it is lengthened");
    let map = map(&*file, 16 << 20);
    map.populate(0..3 << 20);
    assert!(map.is_resident(0..3 << 20));
    assert!(map.is_resident(4095..4097));
    assert!(map.is_resident(5..5), "nothing is always there");
    assert!(!map.is_resident(0..16 << 20));
}

#[test]
fn a_map_that_cannot_be_is_none() {
    let folder = folder();
    let file = file_with(&folder, b"one");
    assert!(file.map(1 << 60).expect("the address space is too small, which is no error").is_none());
    assert!(file.map(0).expect("nothing to map, which is no error").is_none());
}

#[test]
fn a_lock_names_its_holder() {
    let folder = folder();
    let path = folder.path().join(".lock");
    let _lock = OsDisk.lock(&path).expect("it is free");
    let id = std::process::id();
    let error = OsDisk.lock(&path).expect_err("it is taken");
    assert_eq!(error, LockError::Held { process_id: Some(id) });
    assert_eq!(error.to_string(), format!("it is in use by process {id}"));
}

#[test]
fn errors_keep_their_number_and_name_the_file() {
    let error = OsDisk.open(Path::new("/nowhere/a"), Open::Read).expect_err("it is missing");
    assert_eq!(error.cause(), Cause::Os(libc::ENOENT));
    assert_eq!(error.to_string(), "open /nowhere/a: No such file or directory (os error 2)");
}

#[test]
fn a_name_that_is_no_text_is_left_out() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder();
    file_with(&folder, b"");
    fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"\xff")), b"").expect("there is room");
    let names: Vec<_> = OsDisk.list(folder.path()).expect("a folder").into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["a"]);
}

#[test]
fn only_kernels_that_report_its_errors_get_a_syncfs() {
    let check = |release: &str, expected| assert_eq!(reports_sync_errors(release), expected, "{release}");
    check("5.7.19-generic", false);
    check("4.19.0-26-amd64", false);
    check("5.8.0", true);
    check("5.10.0-30-amd64", true);
    check("6.18.5", true);
    check("rubbish", false);
}

#[test]
fn the_limit_of_open_files_is_raised_to_what_is_allowed() {
    assert!(raise_open_files_limit() >= 256);
    assert_eq!(raise_open_files_limit(), raise_open_files_limit());
}
