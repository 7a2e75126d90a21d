//! Reading as a member of a group: partitions come and go with the [`Seat`], what is fetched of them becomes [`Pages`], and what the
//! [`Writer`] has written is committed.

mod coordinator;
mod membership;
mod pages;
mod range;
mod seat;
mod writer;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, anyhow};
use ottla_net::timer;
use ottla_records::Record;

use self::pages::Pages;
use self::seat::Seat;
use self::writer::Writer;
use super::Consume;
use super::fetcher::Fetcher;
use super::printer::Printer;
use crate::cli::connect::Session;
use crate::cli::offsets;
use crate::cli::stop_signal::StopSignal;

/// How long whoever has interrupted it waits for the last commit.
const INTERRUPTED_END_MAX: Duration = Duration::from_secs(5);

/// How long a page that is being written is waited for when the partitions are to be given up. Whoever reads standard output may take
/// hours for it, and then it is shown again.
const LAST_PAGE_MAX: Duration = Duration::from_secs(1);

/// What the end of a member comes to that could not commit.
const NOT_COMMITTED: &str = "not all that was shown is committed, and some of it will be shown again";

/// Reads until there is a reason to stop, a signal being one. Then what was shown is committed, and the group left.
pub(super) async fn read(session: &Session, consume: &Consume, group: &str) -> anyhow::Result<()> {
    let mut stop = StopSignal::listen()?;
    let mut member = Member::new(session, consume, group);
    let (outcome, end_max) = tokio::select! {
        biased;
        () = stop.received() => (Ok(()), INTERRUPTED_END_MAX),
        outcome = member.read() => (outcome, session.timeout),
    };
    let ended = timer::timeout(end_max, member.end()).await;
    outcome.and(ended.unwrap_or_else(|_| Err(anyhow!("the group's coordinator does not answer: {NOT_COMMITTED}"))))
}

/// A member of a group.
struct Member<'a> {
    session: &'a Session,
    consume: &'a Consume,
    seat: Seat<'a>,
    /// Of the partitions that it has now.
    fetcher: Fetcher<'a>,
    printer: Printer<'a>,
    pages: Pages,
    writer: Writer,
    /// Where each partition ended when it was given to this member first, where that is to be read and no more.
    ends: BTreeMap<i32, i64>,
}

impl<'a> Member<'a> {
    fn new(session: &'a Session, consume: &'a Consume, group: &'a str) -> Member<'a> {
        Member {
            session,
            consume,
            seat: Seat::new(session, group, &consume.topic),
            fetcher: Fetcher::new(session, &consume.topic, BTreeMap::new(), None, consume.isolation),
            printer: Printer::new(consume),
            pages: Pages::default(),
            writer: Writer::new(),
            ends: BTreeMap::new(),
        }
    }

    /// Reads until everything that is wanted is shown. It may be dropped at any time: what is to be done then is [`Member::end`].
    async fn read(&mut self) -> anyhow::Result<()> {
        loop {
            let partitions = self.seat.take().await?;
            self.begin(partitions).await?;
            while self.seat.is_kept() {
                if self.printer.is_done() || (self.consume.exit && self.fetcher.is_finished()) {
                    return Ok(());
                }
                self.fetch().await?;
                self.show().await?;
            }
            // Whoever is given the partitions shows the rest.
            self.printer.take_back(self.pages.clear());
            self.await_last_page().await;
            self.seat.commit_or_lose().await?;
        }
    }

    /// Commits what was shown, and leaves the group. Errors: not all that was shown is committed.
    async fn end(&mut self) -> anyhow::Result<()> {
        self.await_last_page().await;
        let committed = self.seat.commit().await;
        self.seat.leave().await;
        committed.context(NOT_COMMITTED)
    }

    /// Finds where to go on in `partitions`.
    async fn begin(&mut self, partitions: Vec<i32>) -> anyhow::Result<()> {
        let (session, topic, isolation) = (self.session, &self.consume.topic, self.consume.isolation);
        let mut positions = self.seat.committed(&partitions).await?;
        let new: Vec<i32> = partitions.into_iter().filter(|partition| !positions.contains_key(partition)).collect();
        positions.extend(self.consume.from.find(session, topic, &new).await?);
        if self.consume.exit {
            let is_unbounded = |partition: &&i32| !self.ends.contains_key(partition);
            let unbounded: Vec<i32> = positions.keys().filter(is_unbounded).copied().collect();
            self.ends.extend(offsets::find(session, topic, &unbounded, isolation.end()).await?);
        }
        let ends = self.consume.exit.then_some(&self.ends);
        self.fetcher = Fetcher::new(session, topic, positions, ends, isolation);
        // Where reading begins is committed too: from then on the group's lag can be told.
        self.seat.on_shown(self.fetcher.positions());
        Ok(())
    }

    async fn fetch(&mut self) -> anyhow::Result<()> {
        let Member { seat, fetcher, printer, pages, .. } = self;
        let print = |partition, record: &Record| {
            pages.add(partition, record.offset.0, |page| printer.print(page, partition, record))
        };
        if let Some(fetched) = seat.keep(fetcher.fetch(print)).await? {
            fetched?;
            self.pages.finish(self.fetcher.positions());
        }
        Ok(())
    }

    /// Shows what was fetched, until the group rebalances.
    async fn show(&mut self) -> anyhow::Result<()> {
        while let Some(written) = self.seat.keep(self.writer.finish()).await? {
            self.seat.on_shown(written?);
            match self.pages.pop() {
                Some(page) => self.writer.begin(page),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// What is written soon is committed yet; what is not is no longer this member's affair.
    async fn await_last_page(&mut self) {
        // An error was told before, or ends the next page.
        if let Ok(Ok(positions)) = timer::timeout(LAST_PAGE_MAX, self.writer.finish()).await {
            self.seat.on_shown(positions);
        }
        self.writer.disown();
    }
}
