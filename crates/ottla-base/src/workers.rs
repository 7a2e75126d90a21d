//! The workers seam: all that would need a thread of its own.
//!
//! A flush, a cold read, a recovery or a deletion is a [`Job`]. It does its blocking work and returns a [`Completion`], which tells the
//! owner. In production both run one after the other on a pool; in simulation the seed chooses when the job runs *and*, separately, when
//! its completion is delivered: perhaps after a truncation, a fencing or a crash. That is where the races are, so a completion must
//! never believe that the world is as the job left it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// Tells the owner of a job how it ended. Short, and never blocking.
pub type Completion = Box<dyn FnOnce() + Send>;

/// Blocking work that ends with a [`Completion`].
pub type Job = Box<dyn FnOnce() -> Completion + Send>;

/// What a job is for. Jobs of one lane do not wait for those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Makes data durable. One log directory has one such job under way at the most.
    Flush,
    /// Makes the metadata quorum's log durable; never behind [`Lane::Flush`].
    QuorumFlush,
    /// Reads data that is not in memory, for a waiting client.
    ColdRead,
    /// Recovery, checkpoints, retention and deletion.
    Background,
}

/// The lane's queue is full; the job comes back.
pub struct Saturated(pub Job);

impl fmt::Debug for Saturated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Saturated")
    }
}

/// Runs jobs off the caller's thread.
pub trait Workers: Send + Sync + fmt::Debug {
    /// Queues `job`; it starts when its lane has a worker free. Jobs of one lane start in the order in which they were submitted.
    ///
    /// Errors: [`Saturated`] with the job when [`ThreadWorkers::QUEUE_MAX`] of its lane are waiting. A caller that bounds its own
    /// jobs below that may rely on it not happening.
    fn submit(&self, lane: Lane, job: Job) -> Result<(), Saturated>;
}

/// A pool of threads for each lane, started with the lane's first job and parked when there is none.
#[derive(Debug)]
pub struct ThreadWorkers {
    flush: Pool,
    quorum_flush: Pool,
    cold_read: Pool,
    background: Pool,
}

impl ThreadWorkers {
    /// How many jobs may wait in one lane.
    pub const QUEUE_MAX: usize = 65_536;

    /// The pools of a process with one log directory: see [`ThreadWorkers::for_directories`].
    pub fn new(threads: usize) -> ThreadWorkers {
        ThreadWorkers::for_directories(1, threads)
    }

    /// Pools for so many log directories. Each has one thread for its flush (a disk syncs no faster for being asked twice, and one that
    /// does not answer keeps no other waiting) and `threads` for the rest; the quorum has one for its flush.
    pub fn for_directories(directories: usize, threads: usize) -> ThreadWorkers {
        let (directories, threads) = (directories.max(1), threads.max(1));
        ThreadWorkers {
            flush: Pool::new("flush", directories),
            quorum_flush: Pool::new("quorum-flush", 1),
            cold_read: Pool::new("cold-read", threads.saturating_mul(directories)),
            background: Pool::new("background", threads.saturating_mul(directories)),
        }
    }
}

impl Workers for ThreadWorkers {
    fn submit(&self, lane: Lane, job: Job) -> Result<(), Saturated> {
        match lane {
            Lane::Flush => self.flush.submit(job),
            Lane::QuorumFlush => self.quorum_flush.submit(job),
            Lane::ColdRead => self.cold_read.submit(job),
            Lane::Background => self.background.submit(job),
        }
    }
}

struct Pool {
    name: &'static str,
    threads_max: usize,
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    ready: Condvar,
}

#[derive(Default)]
struct QueueState {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Pool {
    fn new(name: &'static str, threads_max: usize) -> Pool {
        Pool { name, threads_max, queue: Arc::default() }
    }

    fn submit(&self, job: Job) -> Result<(), Saturated> {
        let mut state = self.queue.state.lock();
        if state.jobs.len() >= ThreadWorkers::QUEUE_MAX {
            return Err(Saturated(job));
        }
        state.jobs.push_back(job);
        if state.idle >= state.jobs.len() {
            self.queue.ready.notify_one();
        } else if state.threads < self.threads_max {
            state.threads += 1;
            self.start_thread();
        }
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    fn start_thread(&self) {
        let queue = self.queue.clone();
        let thread = std::thread::Builder::new().name(format!("ottla-{}", self.name));
        thread.spawn(move || queue.run()).expect("the system grants a few threads at start");
    }
}

impl Queue {
    fn run(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                parking_lot::MutexGuard::unlocked(&mut state, || job()());
            } else if state.closed {
                return;
            } else {
                state.idle += 1;
                self.ready.wait(&mut state);
                state.idle -= 1;
            }
        }
    }
}

/// Queued jobs still run; the threads end after them.
impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.state.lock().closed = true;
        self.queue.ready.notify_all();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn completions_follow_their_jobs_in_order() {
        let (sender, results) = mpsc::sync_channel(100);
        let workers = ThreadWorkers::new(1);
        for n in 0..100 {
            let sender = sender.clone();
            let job: Job = Box::new(move || Box::new(move || sender.send(n).expect("the test waits")));
            workers.submit(Lane::Flush, job).expect("far from full");
        }
        assert_eq!(results.iter().take(100).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_blocked_lane_does_not_hold_up_another() {
        let workers = ThreadWorkers::new(1);
        let (release, blocked) = mpsc::sync_channel::<()>(1);
        let (sender, results) = mpsc::sync_channel(1);
        let job: Job = Box::new(move || {
            blocked.recv().expect("the test releases it");
            Box::new(|| ())
        });
        workers.submit(Lane::Background, job).expect("far from full");
        let job: Job = Box::new(move || Box::new(move || sender.send(()).expect("the test waits")));
        workers.submit(Lane::ColdRead, job).expect("far from full");
        results.recv().expect("the other lane runs");
        release.send(()).expect("the job waits for it");
    }

    #[test]
    fn a_full_queue_gives_the_job_back() {
        let pool = Pool::new("test", 1);
        let (release, blocked) = mpsc::sync_channel::<()>(1);
        let (started, has_started) = mpsc::sync_channel(1);
        let job: Job = Box::new(move || {
            started.send(()).expect("the test waits");
            blocked.recv().expect("the test releases it");
            Box::new(|| ())
        });
        pool.submit(job).expect("empty");
        has_started.recv().expect("the thread starts");
        let idle = || -> Job { Box::new(|| Box::new(|| ())) };
        assert!((0..ThreadWorkers::QUEUE_MAX).all(|_| pool.submit(idle()).is_ok()));
        assert!(pool.submit(idle()).is_err());
        release.send(()).expect("the job waits for it");
    }
}
