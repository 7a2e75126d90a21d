//! [`Group`]: members of one consumer group, each a client program's process, and what they tell.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{ClientProgram, wait};

/// A partition and an offset in it.
pub type Place = (i32, i64);

/// Something that a member has told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Partitions were given to it.
    Assigned(Vec<i32>),
    /// Partitions were taken from it.
    Revoked(Vec<i32>),
    /// It has read a record.
    Read(Place),
    /// It has committed this offset, and was answered.
    Committed(Place),
    /// It works on nothing more, and is about to say so to the group; or it is gone.
    Leaving,
}

/// Members of a group that share one topic.
///
/// All write to one file, line by line: what one told before it spoke to the broker stands before what another told
/// because of it. So a partition that is given away before its owner has let go of it shows.
///
/// Dropping it kills its members; where a test fails, what they wrote is printed first.
#[derive(Debug)]
pub struct Group {
    program: ClientProgram,
    bootstrap: String,
    name: String,
    topic: String,
    folder: TempDir,
    members: BTreeMap<String, Child>,
}

impl Group {
    /// A group without members.
    pub fn new(program: ClientProgram, bootstrap: &str, name: &str, topic: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for what members write");
        let (bootstrap, name, topic) = (bootstrap.to_owned(), name.to_owned(), topic.to_owned());
        Self { program, bootstrap, name, topic, folder, members: BTreeMap::new() }
    }

    /// Its name, for the broker.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Starts a member.
    pub fn join(&mut self, member: &str) {
        self.spawn(member, None);
    }

    /// Starts a static member.
    pub fn join_static(&mut self, member: &str, instance_id: &str) {
        self.spawn(member, Some(instance_id));
    }

    fn spawn(&mut self, member: &str, instance_id: Option<&str>) {
        let mut arguments = vec!["group", &self.bootstrap, &self.name, &self.topic, member];
        arguments.extend(instance_id);
        let child = self.program.spawn(&arguments, append_to(&self.told_path()), append_to(&self.stderr_path()));
        self.members.insert(member.to_owned(), child.unwrap_or_else(|error| panic!("start {member}: {error:#}")));
    }

    /// Has a member leave, and demands that it ends well.
    pub fn leave(&mut self, member: &str) {
        let mut child = self.members.remove(member).expect("a member");
        drop(child.stdin.take());
        let ended = wait::for_up_to(wait::PATIENCE, || child.try_wait().expect("a child can be asked"));
        if ended.is_none() {
            child.kill().expect("a child can be killed");
        }
        assert!(ended.is_some_and(|status| status.success()), "{member} was asked to leave: {ended:?}");
        self.tell_that_it_is_gone(member);
    }

    /// Has every member leave.
    pub fn leave_all(&mut self) {
        let members: Vec<String> = self.members.keys().cloned().collect();
        members.iter().for_each(|member| self.leave(member));
    }

    /// Kills a member as `kill -9` does.
    pub fn crash(&mut self, member: &str) {
        let mut child = self.members.remove(member).expect("a member");
        child.kill().expect("a child can be killed");
        child.wait().expect("a child can be waited for");
        self.tell_that_it_is_gone(member);
    }

    /// In the place of a member that could not say so; some tell that they were given partitions while they leave.
    fn tell_that_it_is_gone(&self, member: &str) {
        let line = json!({"member": member, "event": "leaving"});
        writeln!(append_to(&self.told_path()), "{line}").expect("the file takes a line");
    }

    /// Everything that members have told, in order, with the name of the member.
    pub fn told(&self) -> Vec<(String, Told)> {
        let text = read(&self.told_path());
        // The last line may be half written.
        text[..text.rfind('\n').map_or(0, |end| end + 1)].lines().map(parse).collect()
    }

    /// Which partitions each member has, by what they told. Panics where one was given to two.
    pub fn owned(&self) -> BTreeMap<String, BTreeSet<i32>> {
        let mut owned = BTreeMap::<String, BTreeSet<i32>>::new();
        for (member, told) in self.told() {
            match told {
                Told::Assigned(partitions) => {
                    let others = owned.iter().filter(|(other, _)| **other != member);
                    for (other, theirs) in others {
                        let both: Vec<_> = partitions.iter().filter(|partition| theirs.contains(partition)).collect();
                        assert!(both.is_empty(), "{both:?} is given to {member} while {other} has it");
                    }
                    owned.entry(member).or_default().extend(partitions);
                }
                // Some tell what was taken from them after they have left.
                Told::Revoked(partitions) => {
                    if let Some(theirs) = owned.get_mut(&member) {
                        theirs.retain(|partition| !partitions.contains(partition));
                    }
                }
                Told::Leaving => _ = owned.remove(&member),
                Told::Read(_) | Told::Committed(_) => {}
            }
        }
        owned
    }

    /// The places of all records that members have read, in the order in which they told.
    pub fn read(&self) -> Vec<Place> {
        let read = |(_, told)| match told {
            Told::Read(place) => Some(place),
            _ => None,
        };
        self.told().into_iter().filter_map(read).collect()
    }

    /// The last offset of each partition whose commit was answered.
    pub fn committed(&self) -> BTreeMap<i32, i64> {
        let committed = |(_, told)| match told {
            Told::Committed(place) => Some(place),
            _ => None,
        };
        self.told().into_iter().filter_map(committed).collect()
    }

    /// Returns once `members`, and nobody else, have `partitions` partitions between them, each as many as another or
    /// one more.
    pub fn wait_until_shared(&mut self, members: &[&str], partitions: usize) -> BTreeMap<String, BTreeSet<i32>> {
        self.wait_until("members share the partitions", |group| {
            let owned = group.owned();
            let shares: Vec<usize> = owned.values().map(BTreeSet::len).collect();
            let (least, most) = (shares.iter().min()?, shares.iter().max()?);
            let is_fair = *least > 0 && most - least <= 1 && shares.iter().sum::<usize>() == partitions;
            (is_fair && owned.keys().eq(members)).then_some(owned)
        })
    }

    /// Returns once every partition's commits have reached `ends`.
    pub fn wait_until_committed(&mut self, ends: &BTreeMap<i32, i64>) {
        self.wait_until("every record is read and committed", |group| (group.committed() == *ends).then_some(()));
    }

    /// Waits for `condition`. Panics where a member ends by itself, or [`wait::PATIENCE`] does.
    fn wait_until<T>(&mut self, what: &str, condition: impl Fn(&Self) -> Option<T>) -> T {
        wait::until(what, || {
            for (member, child) in &mut self.members {
                let ended = child.try_wait().expect("a child can be asked");
                assert!(ended.is_none(), "{member} ended by itself: {ended:?}");
            }
            condition(self)
        })
    }

    fn told_path(&self) -> PathBuf {
        self.folder.path().join("told")
    }

    fn stderr_path(&self) -> PathBuf {
        self.folder.path().join("stderr")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for child in self.members.values_mut() {
            // It may have ended by itself; then there is nothing to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            eprintln!("--- what members of {} told\n{}---", self.name, read(&self.told_path()));
            eprintln!("--- and complained of\n{}---", read(&self.stderr_path()));
        }
    }
}

fn parse(line: &str) -> (String, Told) {
    let told: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let partitions = || told["partitions"].as_array().map(|partitions| partitions.iter().map(partition).collect());
    let place = || (partition(&told["partition"]), told["offset"].as_i64().expect("an offset"));
    let event = match told["event"].as_str().expect("an event") {
        "assigned" => Told::Assigned(partitions().unwrap_or_default()),
        "revoked" => Told::Revoked(partitions().unwrap_or_default()),
        "record" => Told::Read(place()),
        "committed" => Told::Committed(place()),
        "leaving" => Told::Leaving,
        other => panic!("no event: {other}"),
    };
    (told["member"].as_str().expect("a member").to_owned(), event)
}

fn partition(value: &Value) -> i32 {
    value.as_i64().and_then(|number| i32::try_from(number).ok()).expect("a partition")
}

#[expect(clippy::disallowed_methods, reason = "what members write goes to a file, outside of any simulation")]
fn append_to(path: &Path) -> File {
    File::options().create(true).append(true).open(path).expect("a file for what members write")
}

#[expect(clippy::disallowed_methods, reason = "what members write goes to a file, outside of any simulation")]
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
