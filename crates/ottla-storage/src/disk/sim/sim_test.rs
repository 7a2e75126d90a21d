//! What only the simulated disk does: losing what was not synced, and failing on demand.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::disk::{ensure_dir, read_file};

fn disk(options: SimOptions) -> Arc<SimDisk> {
    let disk = SimDisk::new(options);
    ensure_dir(&*disk, Path::new("/data")).expect("an empty disk");
    disk
}

fn write(file: &dyn File, bytes: &[u8], position: u64) -> Result<()> {
    file.write_all_at(&[IoSlice::new(bytes)], position)
}

/// A file whose name is durable.
fn file(disk: &SimDisk, path: &str) -> Arc<dyn File> {
    let file = disk.open(Path::new(path), Open::CreateNew).expect("the name is free");
    disk.sync_dir(Path::new("/data")).expect("no fault is set");
    file
}

fn read(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
    read_file(disk, Path::new(path), 1 << 20).expect("no fault is set")
}

/// Every image of `tries` crashes.
fn images<T: Ord>(disk: &SimDisk, tries: u64, look: impl Fn(&SimDisk) -> T) -> Vec<T> {
    let point = disk.crash_point();
    let boot = |seed| SimDisk::from_image(point.image(&point.draw_fates(seed)), disk.options());
    let mut seen: Vec<T> = (0..tries).map(|seed| look(&boot(seed))).collect();
    seen.sort();
    seen.dedup();
    seen
}

#[test]
fn each_unsynced_page_and_length_survives_on_its_own() {
    let disk = disk(SimOptions::default());
    let file = file(&disk, "/data/a");
    write(&*file, &[1; 2 * PAGE_SIZE], 0).expect("there is room");
    let seen = images(&disk, 500, |disk| {
        let found = read(disk, "/data/a").expect("its name is durable");
        let page_is_there = |page: usize| found.get(page * PAGE_SIZE).map(|byte| *byte == 1);
        (found.len(), page_is_there(0), page_is_there(1))
    });
    let half = PAGE_SIZE;
    for expected in [
        (0, None, None),
        (half, Some(false), None),
        (half, Some(true), None),
        (2 * half, Some(false), Some(true)),
        (2 * half, Some(true), Some(false)),
        (2 * half, Some(true), Some(true)),
    ] {
        assert!(seen.contains(&expected), "{expected:?} was never left");
    }
}

#[test]
fn a_page_is_torn_between_sectors() {
    let disk = disk(SimOptions::default());
    let file = file(&disk, "/data/a");
    write(&*file, &[1; PAGE_SIZE], 0).expect("there is room");
    file.sync_data().expect("no fault is set");
    write(&*file, &[2; PAGE_SIZE], 0).expect("there is room");
    let seen = images(&disk, 200, |disk| read(disk, "/data/a"));
    assert!(seen.len() > 10);
    for content in seen {
        let content = content.expect("its name is durable");
        assert!(content.chunks(512).all(|sector| sector == [1; 512] || sector == [2; 512]));
    }
}

#[test]
fn unsynced_names_are_lost_one_by_one() {
    let disk = disk(SimOptions::default());
    for path in ["/data/a", "/data/b"] {
        let file = disk.open(Path::new(path), Open::CreateNew).expect("the name is free");
        file.sync_data().expect("no fault is set");
    }
    disk.rename(Path::new("/data/a"), Path::new("/data/c")).expect("it is there");
    let names = |disk: &SimDisk| {
        let entries = disk.list(Path::new("/data")).expect("its name is durable");
        entries.into_iter().map(|entry| entry.name).collect::<Vec<_>>()
    };
    let seen = images(&disk, 300, names);
    // "a" is there under one of its names, never both, or not at all.
    assert_eq!(seen, [vec![], vec!["a"], vec!["a", "b"], vec!["b"], vec!["b", "c"], vec!["c"]]);
    disk.sync_dir(Path::new("/data")).expect("no fault is set");
    assert_eq!(images(&disk, 10, names), [["b", "c"]]);
}

#[test]
fn a_removal_that_is_not_synced_may_come_back_with_its_bytes() {
    let disk = disk(SimOptions::default());
    let kept = file(&disk, "/data/a");
    write(&*kept, b"abc", 0).expect("there is room");
    kept.sync_data().expect("no fault is set");
    drop(kept);
    disk.remove_file(Path::new("/data/a")).expect("it is there");
    assert_eq!(images(&disk, 50, |disk| read(disk, "/data/a")), [None, Some(b"abc".to_vec())]);
    disk.sync_dir(Path::new("/data")).expect("no fault is set");
    assert_eq!(images(&disk, 50, |disk| read(disk, "/data/a")), [None]);
}

#[test]
fn a_sync_of_the_file_system_covers_bytes_and_names() {
    let disk = disk(SimOptions::default());
    let file = disk.open(Path::new("/data/a"), Open::CreateNew).expect("the name is free");
    write(&*file, b"abc", 0).expect("there is room");
    disk.file_system(Path::new("/data")).and_then(|system| system.sync()).expect("no fault is set");
    assert_eq!(images(&disk, 10, |disk| read(disk, "/data/a")), [Some(b"abc".to_vec())]);
}

#[test]
fn after_a_failed_sync_a_later_one_proves_nothing() {
    let disk = disk(SimOptions { seed: 4, ..SimOptions::default() });
    let file = file(&disk, "/data/a");
    let content: Vec<u8> = (0..16 * PAGE_SIZE).map(|at| (at / PAGE_SIZE) as u8 + 1).collect();
    write(&*file, &content, 0).expect("there is room");
    disk.fail_next_sync(SyncFault::DropsPages);
    assert_eq!(file.sync_data().expect_err("the fault is set").cause(), Cause::Os(libc::EIO));
    file.sync_data().expect("the fault was for one sync");
    assert_eq!(read(&disk, "/data/a"), Some(content.clone()), "the page cache still shows it");
    assert_ne!(read(&disk.crash(0), "/data/a"), Some(content), "the disk never had it");
}

#[test]
fn a_failed_sync_may_keep_everything_dirty() {
    let disk = disk(SimOptions::default());
    let file = file(&disk, "/data/a");
    write(&*file, b"abc", 0).expect("there is room");
    disk.fail_next_sync(SyncFault::KeepsPages);
    assert!(file.sync_data().is_err());
    assert_eq!(images(&disk, 50, |disk| read(disk, "/data/a")).len(), 3, "empty, zeros, or all");
    file.sync_data().expect("the fault was for one sync");
    assert_eq!(read(&disk.crash(0), "/data/a"), Some(b"abc".to_vec()));
}

#[test]
fn a_full_disk_says_so_and_takes_what_fits() {
    let disk = disk(SimOptions { capacity: Some(4 * PAGE_SIZE as u64), ..SimOptions::default() });
    let (a, b) = (file(&disk, "/data/a"), file(&disk, "/data/b"));
    let space =
        || disk.file_system(Path::new("/data")).and_then(|system| system.space()).expect("no fault is set").free;
    a.allocate(2 * PAGE_SIZE as u64).expect("there is room");
    let error = write(&*b, &[1; 3 * PAGE_SIZE], 0).expect_err("two pages are left");
    assert_eq!((error.cause(), b.len()), (Cause::Os(libc::ENOSPC), Ok(2 * PAGE_SIZE as u64)));
    write(&*b, &[2; PAGE_SIZE], 0).expect("it writes over what is there");
    write(&*a, &[1; 2 * PAGE_SIZE], 0).expect("it is reserved");
    assert!(a.allocate(3 * PAGE_SIZE as u64).expect_err("it is full").is_no_space());
    assert_eq!(space(), 0);

    b.set_len(PAGE_SIZE as u64).expect("cutting needs no room");
    assert_eq!(space(), PAGE_SIZE as u64);
    disk.remove_file(Path::new("/data/a")).expect("it is there");
    assert_eq!(space(), PAGE_SIZE as u64, "it is still open");
    drop(a);
    assert_eq!(space(), 3 * PAGE_SIZE as u64);
    disk.set_capacity(None);
    write(&*b, &[1; 100 * PAGE_SIZE], 0).expect("there is no bound");
}

#[test]
fn reads_and_writes_fail_where_they_are_told_to() {
    let disk = disk(SimOptions::default());
    let file = file(&disk, "/data/a");
    write(&*file, &[1; 100], 0).expect("there is room");
    disk.fail_reads(Path::new("/data/a"), 50..60).expect("it is there");
    let mut buffer = [0; 10];
    file.read_exact_at(&mut buffer, 40).expect("it ends before");
    file.read_exact_at(&mut buffer, 60).expect("it begins after");
    assert_eq!(file.read_at(&mut buffer, 59).expect_err("it touches").cause(), Cause::Os(libc::EIO));

    disk.fail_next_write();
    assert_eq!(write(&*file, &[2; 10], 0).expect_err("the fault is set").cause(), Cause::Os(libc::EIO));
    file.read_exact_at(&mut buffer, 0).expect("that part is readable");
    assert_eq!(buffer, [1; 10]);
}

#[test]
fn descriptors_run_out_where_they_are_told_to() {
    let disk = disk(SimOptions::default());
    disk.fail_next_open();
    assert!(disk.open(Path::new("/data/a"), Open::CreateNew).expect_err("the fault is set").is_out_of_descriptors());
    disk.open(Path::new("/data/a"), Open::CreateNew).expect("the fault was for one call");
}

#[test]
fn rot_stays() {
    let disk = disk(SimOptions::default());
    let file = file(&disk, "/data/a");
    write(&*file, &[0; 10], 0).expect("there is room");
    file.sync_data().expect("no fault is set");
    disk.rot(Path::new("/data/a"), 3, 0b100).expect("it is there");
    let expected = Some(vec![0, 0, 0, 4, 0, 0, 0, 0, 0, 0]);
    assert_eq!(read(&disk, "/data/a"), expected);
    assert_eq!(read(&disk.crash(9), "/data/a"), expected);
}

#[test]
fn power_goes_at_the_io_that_was_named() {
    let disk = disk(SimOptions::default());
    let file = file(&disk, "/data/a");
    disk.lose_power_at(disk.io_count() + 2);
    write(&*file, b"abc", 0).expect("the first");
    file.sync_data().expect("the second");
    assert_eq!(write(&*file, b"def", 0).expect_err("the third").cause(), Cause::PowerLost);
    assert_eq!(file.len().expect_err("nothing works any more").cause(), Cause::PowerLost);
    assert!(disk.open(Path::new("/data/a"), Open::Read).is_err());
    assert_eq!(read(&disk.crash(0), "/data/a"), Some(b"abc".to_vec()));
}

#[test]
fn a_killed_process_loses_its_locks_and_handles_but_no_bytes() {
    let disk = disk(SimOptions::default());
    let file = file(&disk, "/data/a");
    write(&*file, b"abc", 0).expect("there is room");
    let _lock = disk.lock(Path::new("/data/.lock")).expect("it is free");
    let next = disk.kill();
    assert_eq!(write(&*file, b"x", 0).expect_err("its process is dead").cause(), Cause::PowerLost);
    assert_eq!(read(&next, "/data/a"), Some(b"abc".to_vec()));
    next.lock(Path::new("/data/.lock")).expect("it is free again");
    assert!(images(&next, 50, |disk| read(disk, "/data/a")).len() > 1, "it is still not durable");
}

#[test]
fn a_crash_gives_locks_back() {
    let disk = disk(SimOptions::default());
    let _lock = disk.lock(Path::new("/data/.lock")).expect("it is free");
    disk.crash(1).lock(Path::new("/data/.lock")).expect("it is free again");
}

#[test]
fn old_effects_are_written_back_when_there_are_many() {
    let disk = disk(SimOptions { effects_max: 10, ..SimOptions::default() });
    let file = file(&disk, "/data/a");
    for position in 0..100 {
        write(&*file, b"x", position).expect("there is room");
    }
    assert_eq!(disk.crash_point().effect_count(), 10);
    let seen = images(&disk, 100, |disk| read(disk, "/data/a").expect("its name is durable").len());
    assert!(seen.iter().all(|len| *len >= 94), "{seen:?}");
}

#[test]
fn files_that_come_and_go_leave_nothing_behind() {
    let disk = disk(SimOptions::default());
    for _ in 0..5000 {
        let file = disk.open(Path::new("/data/a"), Open::CreateNew).expect("the name is free");
        write(&*file, b"x", 0).expect("there is room");
        disk.remove_file(Path::new("/data/a")).expect("it is there");
        disk.sync_dir(Path::new("/data")).expect("no fault is set");
    }
    assert!(disk.state.lock().inode_count() < 3000);
}

/// Something that a program does.
#[derive(Clone, Debug)]
enum Step {
    Write { file: usize, position: u64, len: usize },
    SetLen { file: usize, len: u64 },
    Rename { from: usize, to: usize },
    Remove { file: usize },
    Sync { file: usize },
    SyncFolder,
}

const NAMES: [&str; 3] = ["/data/a", "/data/b", "/data/c"];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize, 0..20_000_u64, 1..9000_usize).prop_map(|(file, position, len)| Step::Write { file, position, len }),
        2 => (0..3_usize, 0..20_000_u64).prop_map(|(file, len)| Step::SetLen { file, len }),
        1 => (0..3_usize, 0..3_usize).prop_map(|(from, to)| Step::Rename { from, to }),
        1 => (0..3_usize).prop_map(|file| Step::Remove { file }),
        1 => (0..3_usize).prop_map(|file| Step::Sync { file }),
        1 => Just(Step::SyncFolder),
    ]
}

fn run(disk: &SimDisk, step: &Step, number: u8) {
    let open = |file: &usize, how| disk.open(Path::new(NAMES[*file]), how);
    match step {
        Step::Write { file, position, len } => {
            let file = open(file, Open::CreateIfMissing).expect("it opens");
            write(&*file, &vec![number + 1; *len], *position).expect("there is room");
        }
        Step::SetLen { file, len } => {
            open(file, Open::CreateIfMissing).and_then(|file| file.set_len(*len)).expect("it opens")
        }
        Step::Rename { from, to } => drop(disk.rename(Path::new(NAMES[*from]), Path::new(NAMES[*to]))),
        Step::Remove { file } => drop(disk.remove_file(Path::new(NAMES[*file]))),
        Step::Sync { file } => drop(open(file, Open::Write).map(|file| file.sync_data())),
        Step::SyncFolder => disk.sync_dir(Path::new("/data")).expect("no fault is set"),
    }
}

fn contents(disk: &SimDisk) -> BTreeMap<&'static str, Vec<u8>> {
    NAMES.into_iter().filter_map(|name| Some((name, read(disk, name)?))).collect()
}

proptest! {
    /// What is kept whole is what programs saw; what is synced is never lost; one seed leaves one image.
    #[test]
    fn crashes_keep_what_is_durable(steps in prop::collection::vec(step(), 1..30), seed: u64) {
        let disk = disk(SimOptions::default());
        for (number, step) in steps.iter().enumerate() {
            run(&disk, step, number as u8);
        }
        let live = contents(&disk);
        let point = disk.crash_point();
        let kept = point.image_of(Fate::Kept);
        prop_assert_eq!(contents(&SimDisk::from_image(kept.clone(), disk.options())), live.clone());
        let drawn = |seed| point.image(&point.draw_fates(seed)).fingerprint();
        prop_assert_eq!(drawn(seed), drawn(seed));

        let file_system = disk.file_system(Path::new("/data")).expect("its name is durable");
        file_system.sync().expect("no fault is set");
        prop_assert_eq!(disk.crash_point().effect_count(), 0);
        let crashed = disk.crash(seed);
        prop_assert_eq!(contents(&crashed), live);
        prop_assert_eq!(crashed.crash_point().image(&[]).fingerprint(), kept.fingerprint());
    }

    /// The room that is taken is what the files take, whatever happened to them.
    #[test]
    fn room_is_accounted_for(steps in prop::collection::vec(step(), 1..30)) {
        let disk = disk(SimOptions { capacity: Some(1 << 30), ..SimOptions::default() });
        for (number, step) in steps.iter().enumerate() {
            run(&disk, step, number as u8);
        }
        let space = disk.file_system(Path::new("/data")).and_then(|system| system.space()).expect("no fault is set");
        let point = disk.crash_point();
        let same = SimDisk::from_image(point.image_of(Fate::Kept), disk.options());
        let counted_anew = same.file_system(Path::new("/data")).and_then(|system| system.space()).expect("no fault is set");
        prop_assert_eq!(space, counted_anew);
    }
}
