//! What CreateTopics, DeleteTopics and CreatePartitions have in common: each topic of the request stands for itself. Some are refused
//! before anything is decided, the active controller decides on the others together, and the answers are in the order of the request.

use std::collections::{BTreeMap, BTreeSet};

use ottla_metadata::Error;

use crate::error::Failure;

/// One topic of a request, as it is named there: what is to be decided about it, or why nothing is.
pub(super) struct Asked<N, T> {
    pub(super) named: N,
    pub(super) asked: Result<T, Failure>,
}

/// Reads the topics of a request, each name once: one that comes more often is refused, as in Kafka.
pub(super) fn read_by_name<'a, I, T>(
    topics: &'a [I],
    name: impl Fn(&'a I) -> &'a str,
    read: impl Fn(&'a I) -> Result<T, Failure>,
) -> Vec<Asked<String, T>> {
    let mut times = BTreeMap::new();
    topics.iter().for_each(|topic| *times.entry(name(topic)).or_insert(0) += 1);
    let mut answered = BTreeSet::new();
    let mut all = Vec::with_capacity(times.len());
    for topic in topics {
        let name = name(topic);
        if answered.insert(name) {
            let asked = if times[name] > 1 { Err(Error::DuplicateTopic.into()) } else { read(topic) };
            all.push(Asked { named: name.to_owned(), asked });
        }
    }
    all
}

/// What the controller is to decide.
pub(super) fn to_decide<N, T: Clone>(asked: &[Asked<N, T>]) -> Vec<T> {
    asked.iter().filter_map(|asked| asked.asked.clone().ok()).collect()
}

/// What became of each topic, where `decided` is what the controller said about those of [`to_decide`], or why it said nothing.
pub(super) fn outcomes<N, T, R>(
    asked: Vec<Asked<N, T>>,
    decided: Result<Vec<Result<R, Error>>, Failure>,
) -> impl Iterator<Item = (N, Result<(T, R), Failure>)> {
    let mut decided = decided.map(Vec::into_iter);
    let mut next = move || match &mut decided {
        Ok(results) => results.next().expect("there is a decision for each topic").map_err(Failure::from),
        Err(failure) => Err(failure.clone()),
    };
    asked.into_iter().map(move |Asked { named, asked }| {
        let outcome = asked.and_then(|asked| Ok((asked, next()?)));
        (named, outcome)
    })
}

#[cfg(test)]
mod tests {
    use ottla_protocol::ErrorCode;

    use super::*;

    fn read(names: &[&'static str]) -> Vec<Asked<String, String>> {
        let refused = |name: &&'static str| name.contains('/').then(Failure::unknown_topic);
        read_by_name(names, |name| name, |name| refused(name).map_or(Ok((*name).to_owned()), Err))
    }

    fn told<R>(outcomes: impl Iterator<Item = (String, Result<(String, R), Failure>)>) -> Vec<(String, ErrorCode)> {
        outcomes.map(|(name, outcome)| (name, outcome.err().map_or(ErrorCode::None, |failure| failure.code))).collect()
    }

    #[test]
    fn each_name_is_answered_once_in_the_order_of_the_request() {
        let asked = read(&["b", "a", "b", "c/d", "e"]);
        assert_eq!(to_decide(&asked), ["a", "e"]);
        let decided = Ok(vec![Ok(()), Err(Error::TooLarge)]);
        let expected = [
            ("b", ErrorCode::InvalidRequest),
            ("a", ErrorCode::None),
            ("c/d", ErrorCode::UnknownTopicOrPartition),
            ("e", ErrorCode::PolicyViolation),
        ];
        assert_eq!(told(outcomes(asked, decided)), expected.map(|(name, code)| (name.to_owned(), code)));
    }

    #[test]
    fn a_controller_that_does_not_answer_is_told_for_what_it_should_have_decided() {
        let outcomes = outcomes::<_, _, ()>(read(&["a", "b/c"]), Err(ErrorCode::RequestTimedOut.into()));
        let codes: Vec<_> = told(outcomes).into_iter().map(|(_, code)| code).collect();
        assert_eq!(codes, [ErrorCode::RequestTimedOut, ErrorCode::UnknownTopicOrPartition]);
    }
}
