//! [`Lines`]: standard input as lines, read ahead by a worker while records are on their way.
//!
//! Reading blocks, and the runtime that carries the connections must not. What has come by the time that the last records are
//! acknowledged is handed out together: one line at a time to whoever types, large batches from a file.

use std::io::{ErrorKind, Read};

use anyhow::{Context, bail};
use bytes::{Buf, Bytes, BytesMut};
use ottla_base::{Completion, Lane, Workers};
use tokio::sync::mpsc;

/// How much is read at once: what a pipe holds.
const CHUNK: usize = 64 * 1024;

/// How many chunks are read ahead.
const CHUNKS_AHEAD: usize = 16;

/// The longest line, in bytes: a record must fit into a request, of `socket.request.max.bytes`.
const LINE_MAX: usize = 100 << 20;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: u64,
    /// What it holds, without the newline.
    pub(super) text: Bytes,
}

/// The lines that come.
#[derive(Debug)]
pub(super) struct Lines {
    chunks: mpsc::Receiver<std::io::Result<Vec<u8>>>,
    /// What was read and is no whole line yet.
    rest: BytesMut,
    /// How many bytes of `rest` are known to hold no newline.
    searched: usize,
    lines: u64,
}

impl Lines {
    /// Starts to read `source` on `workers`.
    pub(super) fn read(mut source: impl Read + Send + 'static, workers: &dyn Workers) -> Lines {
        let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
        let job = move || -> Completion {
            loop {
                let mut chunk = vec![0; CHUNK];
                let read = match source.read(&mut chunk) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Ok(0) => break,
                    Ok(size) => {
                        chunk.truncate(size);
                        Ok(chunk)
                    }
                    Err(error) => Err(error),
                };
                let is_over = read.is_err();
                if sender.blocking_send(read).is_err() || is_over {
                    break;
                }
            }
            Box::new(|| ())
        };
        workers.submit(Lane::Background, Box::new(job)).expect("it is the only job");
        Lines { chunks, rest: BytesMut::new(), searched: 0, lines: 0 }
    }

    /// Waits for a line, and returns it with all that follow it and are there already; `None` at the end.
    ///
    /// Errors: the source cannot be read, or a line is too long.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Vec<Line>>> {
        loop {
            let Some(chunk) = self.chunks.recv().await else { return Ok(self.last()) };
            self.take(chunk)?;
            for _ in 1..CHUNKS_AHEAD {
                let Ok(chunk) = self.chunks.try_recv() else { break };
                self.take(chunk)?;
            }
            let lines = self.cut();
            if !lines.is_empty() {
                return Ok(Some(lines));
            }
            if self.rest.len() > LINE_MAX {
                bail!("line {} has more than {LINE_MAX} bytes", self.lines + 1);
            }
        }
    }

    fn take(&mut self, chunk: std::io::Result<Vec<u8>>) -> anyhow::Result<()> {
        self.rest.extend_from_slice(&chunk.context("read standard input")?);
        Ok(())
    }

    fn cut(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        while let Some(newline) = self.rest[self.searched..].iter().position(|byte| *byte == b'\n') {
            let text = self.rest.split_to(self.searched + newline).freeze();
            self.rest.advance(1);
            self.searched = 0;
            lines.push(self.numbered(text));
        }
        self.searched = self.rest.len();
        lines
    }

    /// The last line may have no newline.
    fn last(&mut self) -> Option<Vec<Line>> {
        let text = self.rest.split().freeze();
        self.searched = 0;
        (!text.is_empty()).then(|| vec![self.numbered(text)])
    }

    fn numbered(&mut self, text: Bytes) -> Line {
        self.lines += 1;
        Line { number: self.lines, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_base::ThreadWorkers;

    /// Gives so many bytes at a time, and then an error if there is one.
    struct Trickle(Vec<u8>, usize, Option<ErrorKind>);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let size = self.1.min(self.0.len()).min(buffer.len());
            if let (0, Some(kind)) = (size, self.2) {
                return Err(kind.into());
            }
            buffer[..size].copy_from_slice(&self.0[..size]);
            self.0.drain(..size);
            Ok(size)
        }
    }

    async fn all(source: Trickle) -> anyhow::Result<Vec<Vec<u8>>> {
        let workers = ThreadWorkers::new(1);
        let mut lines = Lines::read(source, &workers);
        let mut all = Vec::new();
        while let Some(some) = lines.next().await? {
            for line in some {
                assert_eq!(line.number, all.len() as u64 + 1);
                all.push(line.text.to_vec());
            }
        }
        Ok(all)
    }

    #[tokio::test]
    async fn lines_come_whole_however_they_are_read() {
        for size in [1, 2, 5, 1000] {
            let read = all(Trickle(b"one\n\nthree\r\nlast".to_vec(), size, None)).await.expect("no error");
            assert_eq!(read, [&b"one"[..], b"", b"three\r", b"last"], "{size} bytes at a time");
        }
        assert!(all(Trickle(Vec::new(), 1, None)).await.expect("no error").is_empty());
    }

    #[tokio::test]
    async fn a_source_that_fails_is_an_error() {
        let failure = all(Trickle(b"one\n".to_vec(), 10, Some(ErrorKind::IsADirectory))).await.expect_err("it fails");
        assert_eq!(failure.to_string(), "read standard input");
    }
}
