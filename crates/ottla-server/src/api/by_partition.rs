//! What OffsetCommit and OffsetDelete have in common: partitions by topic, some refused before the coordinator hears of them, the others
//! answered by it one by one, and the answers in the order of the request.

use ottla_base::PartitionIndex;
use ottla_coordinator::Error;
use ottla_protocol::ErrorCode;

use crate::error::Failure;

/// A topic's name and what there is for each of its partitions.
pub(super) type OfTopic<T> = (String, Vec<(PartitionIndex, T)>);

/// The partitions of a request, in its order, with the error of those that the coordinator does not hear of.
#[derive(Debug)]
pub(super) struct ByPartition {
    topics: Vec<OfTopic<Option<ErrorCode>>>,
}

impl ByPartition {
    /// Reads a request's topics with their partitions; gives what is to be asked of the coordinator, too.
    pub(super) fn read<T>(topics: impl Iterator<Item = OfTopic<Result<T, ErrorCode>>>) -> (ByPartition, Vec<T>) {
        let mut to_ask = Vec::new();
        let mut read = |(index, asked): (PartitionIndex, Result<T, ErrorCode>)| match asked {
            Ok(asked) => {
                to_ask.push(asked);
                (index, None)
            }
            Err(code) => (index, Some(code)),
        };
        let topics = topics.map(|(name, partitions)| (name, partitions.into_iter().map(&mut read).collect())).collect();
        (ByPartition { topics }, to_ask)
    }

    /// The topics with the code of each of their partitions, where `replies` is the coordinator's word on what it was asked, in order, or
    /// its refusal of all that.
    pub(super) fn codes(
        self,
        replies: Result<Vec<Result<(), Error>>, ErrorCode>,
    ) -> impl Iterator<Item = OfTopic<ErrorCode>> {
        let mut replies = replies.map(Vec::into_iter);
        let mut next = move || match &mut replies {
            Ok(replies) => match replies.next().expect("there is an answer for each partition") {
                Ok(()) => ErrorCode::None,
                Err(error) => Failure::from(error).code,
            },
            Err(code) => *code,
        };
        self.topics.into_iter().map(move |(name, partitions)| {
            let code =
                |(index, refused): (PartitionIndex, Option<ErrorCode>)| (index, refused.unwrap_or_else(&mut next));
            (name, partitions.into_iter().map(code).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> (ByPartition, Vec<&'static str>) {
        let partitions = [Ok("a"), Err(ErrorCode::UnknownTopicOrPartition), Ok("b")];
        let indexed = |offset: i32| (offset..).map(PartitionIndex).zip(partitions).collect();
        ByPartition::read([("one".to_owned(), indexed(0)), ("two".to_owned(), indexed(7))].into_iter())
    }

    fn codes(replies: Result<Vec<Result<(), Error>>, ErrorCode>) -> Vec<(i32, ErrorCode)> {
        let codes = asked().0.codes(replies).flat_map(|(_, partitions)| partitions);
        codes.map(|(index, code)| (index.0, code)).collect()
    }

    #[test]
    fn answers_find_their_partitions() {
        assert_eq!(asked().1, ["a", "b", "a", "b"]);
        let replies = vec![Ok(()), Err(Error::OffsetMetadataTooLarge), Ok(()), Err(Error::GroupNotFound)];
        let expected = [
            (0, ErrorCode::None),
            (1, ErrorCode::UnknownTopicOrPartition),
            (2, ErrorCode::OffsetMetadataTooLarge),
            (7, ErrorCode::None),
            (8, ErrorCode::UnknownTopicOrPartition),
            (9, ErrorCode::GroupIdNotFound),
        ];
        assert_eq!(codes(Ok(replies)), expected);
    }

    #[test]
    fn a_refusal_is_told_for_what_was_asked_only() {
        let told: Vec<_> = codes(Err(ErrorCode::NotCoordinator)).into_iter().map(|(_, code)| code).take(2).collect();
        assert_eq!(told, [ErrorCode::NotCoordinator, ErrorCode::UnknownTopicOrPartition]);
    }
}
