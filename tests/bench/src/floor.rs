//! The floor: the least that any broker must do with the same bytes. For a Produce it receives the frame, computes one
//! CRC-32C over it, writes it to a file and answers with as many bytes as a broker would; for a Fetch it answers with a
//! head and a slice of a mapped file.
//!
//! Blocking, one thread and one file per connection, frame by frame, nothing decoded, nothing shared. It is a process
//! of its own so that its CPU time is read exactly as a broker's.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the floor is the bare system calls, without the broker's seams"
)]

use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use memmap2::Mmap;

/// Where a frame's correlation id stands, behind its length prefix; it is all that the floor reads of a request.
const CORRELATION_ID: std::ops::Range<usize> = 4..8;

/// What one read takes from a socket. A larger frame makes the buffer grow to it, once.
const READ_BYTES: usize = 64 * 1024;

/// Receive buffers begin on a page, as copies into the page cache want it.
const PAGE_BYTES: usize = 4096;

/// What the floor answers with.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where received bytes are written, one file per connection
    #[arg(long)]
    directory: PathBuf,
    /// Length of an answer, its length prefix not counted
    #[arg(long)]
    answer_bytes: usize,
    /// Answer as a Fetch does: end each answer with the next slice of this file
    #[arg(long, requires = "slice_bytes")]
    serve: Option<PathBuf>,
    /// Length of those slices
    #[arg(long)]
    slice_bytes: Option<usize>,
}

/// Serves until standard input ends, so that a floor never outlives the run that started it. The first line on standard
/// output is the port on 127.0.0.1.
pub(crate) fn run(options: &Options) -> Result<()> {
    std::thread::spawn(|| {
        let ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(i32::from(ended.is_err()));
    });
    let listener = TcpListener::bind("127.0.0.1:0").context("listen")?;
    println!("{}", listener.local_addr().context("read the port")?.port());
    let map = options.serve.as_deref().map(map_file).transpose()?;
    for number in 0.. {
        let (socket, _) = listener.accept().context("accept a connection")?;
        socket.set_nodelay(true).context("set TCP_NODELAY")?;
        let answer_bytes = options.answer_bytes;
        match (&map, options.slice_bytes) {
            (Some(map), Some(slice_bytes)) => {
                let map = Arc::clone(map);
                std::thread::spawn(move || report(serve(socket, &map, answer_bytes, slice_bytes)));
            }
            _ => {
                let path = options.directory.join(format!("floor-{number}"));
                let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
                std::thread::spawn(move || report(receive(socket, file, answer_bytes)));
            }
        }
    }
    Ok(())
}

fn report(outcome: Result<()>) {
    if let Err(error) = outcome {
        eprintln!("floor: {error:#}");
    }
}

#[expect(unsafe_code, reason = "a map is the cheapest way to send cached bytes, and the floor has to be the cheapest")]
fn map_file(path: &Path) -> Result<Arc<Mmap>> {
    let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    // SAFETY: the file is written before this process starts, and nobody truncates it while the process lives.
    let map = unsafe { Mmap::map(&file) }.with_context(|| format!("map {}", path.display()))?;
    Ok(Arc::new(map))
}

/// The produce side: CRC, write, answer.
fn receive(mut socket: TcpStream, mut file: File, answer_bytes: usize) -> Result<()> {
    let mut frames = Frames::new();
    let mut answer = answer_head(answer_bytes, answer_bytes)?;
    while let Some(frame) = frames.next(&mut socket)? {
        // The CRC must not be optimised away; a broker compares it.
        std::hint::black_box(crc32c::crc32c(frame));
        file.write_all(frame).context("write a frame")?;
        answer[4..8].copy_from_slice(&frame[CORRELATION_ID]);
        socket.write_all(&answer).context("answer")?;
    }
    Ok(())
}

/// The fetch side: a head and the next slice, sent in one vectored write as far as the socket takes it.
fn serve(mut socket: TcpStream, map: &Mmap, answer_bytes: usize, slice_bytes: usize) -> Result<()> {
    ensure!(slice_bytes <= map.len() && slice_bytes <= answer_bytes, "the slice is longer than the file or the answer");
    let mut frames = Frames::new();
    let mut head = answer_head(answer_bytes, answer_bytes - slice_bytes)?;
    let mut position = 0;
    while let Some(frame) = frames.next(&mut socket)? {
        head[4..8].copy_from_slice(&frame[CORRELATION_ID]);
        if position + slice_bytes > map.len() {
            position = 0;
        }
        let mut slices = [IoSlice::new(&head), IoSlice::new(&map[position..position + slice_bytes])];
        let mut unsent = &mut slices[..];
        while !unsent.is_empty() {
            let count = socket.write_vectored(unsent).context("answer")?;
            IoSlice::advance_slices(&mut unsent, count);
        }
        position += slice_bytes;
    }
    Ok(())
}

/// The length prefix of an answer of `answer_bytes`, and its first `head_bytes` as zeros: no error anywhere.
fn answer_head(answer_bytes: usize, head_bytes: usize) -> Result<Vec<u8>> {
    ensure!(head_bytes >= 4, "an answer begins with a correlation id");
    let mut head = i32::try_from(answer_bytes).context("the answer is too long")?.to_be_bytes().to_vec();
    head.resize(4 + head_bytes, 0);
    Ok(head)
}

/// Reads frames through one recycled buffer that begins on a page.
struct Frames {
    storage: Vec<u8>,
    /// The first page boundary in `storage`; positions below count from it.
    base: usize,
    /// Bytes that were received and not yet handed out.
    unread: std::ops::Range<usize>,
}

impl Frames {
    fn new() -> Frames {
        let storage = vec![0; READ_BYTES + PAGE_BYTES];
        let base = storage.as_ptr().align_offset(PAGE_BYTES);
        Frames { storage, base, unread: 0..0 }
    }

    /// The next frame without its length prefix, or nothing when the peer has closed.
    fn next(&mut self, socket: &mut TcpStream) -> Result<Option<&[u8]>> {
        if !self.fill(socket, 4)? {
            return Ok(None);
        }
        let prefix = self.base + self.unread.start;
        let length = u32::from_be_bytes(self.storage[prefix..prefix + 4].try_into().expect("four bytes"));
        let length = usize::try_from(length).context("read a frame's length")?;
        ensure!((8..=64 * 1024 * 1024).contains(&length), "a frame of {length} bytes");
        if !self.fill(socket, 4 + length)? {
            return Ok(None);
        }
        let start = self.base + self.unread.start + 4;
        self.unread.start += 4 + length;
        Ok(Some(&self.storage[start..start + length]))
    }

    /// Reads until at least `wanted` bytes are unread; false when the peer closed before that.
    fn fill(&mut self, socket: &mut TcpStream, wanted: usize) -> Result<bool> {
        if self.unread.is_empty() {
            self.unread = 0..0;
        }
        if self.unread.start + wanted > self.capacity() {
            self.make_room(wanted);
        }
        while self.unread.len() < wanted {
            let count = socket.read(&mut self.storage[self.base + self.unread.end..]).context("receive")?;
            if count == 0 {
                return Ok(false);
            }
            self.unread.end += count;
        }
        Ok(true)
    }

    fn capacity(&self) -> usize {
        self.storage.len() - self.base
    }

    /// Moves what is unread to the front, into a larger buffer when `wanted` does not fit into this one.
    fn make_room(&mut self, wanted: usize) {
        let unread = self.base + self.unread.start..self.base + self.unread.end;
        if wanted > self.capacity() {
            let mut larger = vec![0; wanted.next_power_of_two() + PAGE_BYTES];
            let base = larger.as_ptr().align_offset(PAGE_BYTES);
            larger[base..base + unread.len()].copy_from_slice(&self.storage[unread]);
            (self.storage, self.base) = (larger, base);
        } else {
            self.storage.copy_within(unread, self.base);
        }
        self.unread = 0..self.unread.len();
    }
}
