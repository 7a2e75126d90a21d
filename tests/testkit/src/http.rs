//! [`Page`]: one HTTP request over a plain socket, and what came back to it.
#![expect(clippy::disallowed_types, reason = "a client of the process under test, outside of any simulation")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result};

use crate::wait::PATIENCE;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The status code.
    pub status: u16,
    /// The head, as it came.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Page {
    /// Asks for `path` with GET.
    pub fn get(address: SocketAddr, path: &str) -> Result<Self> {
        Self::ask(address, "GET", path)
    }

    /// Sends a request without a body, and reads until the other side closes.
    pub fn ask(address: SocketAddr, method: &str, path: &str) -> Result<Self> {
        let mut stream =
            TcpStream::connect_timeout(&address, PATIENCE).with_context(|| format!("connect to {address}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).context("read a page")?;
        let (head, body) = answer.split_once("\r\n\r\n").with_context(|| format!("no page: {answer:?}"))?;
        let status = head.split(' ').nth(1).context("a status line")?.parse().context("a status")?;
        Ok(Self { status, head: head.to_owned(), body: body.to_owned() })
    }
}
