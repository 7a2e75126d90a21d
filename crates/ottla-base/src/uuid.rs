//! Kafka's 16-byte ids, shown as Kafka shows them.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Entropy;

/// A 16-byte id. Its text is URL-safe base64 without padding, 22 characters. Source: Kafka `Uuid.toString`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uuid(pub [u8; 16]);

/// A string that is not the text of a [`Uuid`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of 22 base64 characters")]
pub struct InvalidUuid {
    /// What was read.
    pub text: String,
}

impl Uuid {
    /// The id that means none.
    pub const ZERO: Uuid = Uuid([0; 16]);

    /// A random id (RFC 9562 version 4) whose text does not begin with a dash, so that it can be an argument on a command line.
    pub fn random(entropy: &dyn Entropy) -> Uuid {
        loop {
            let mut bytes = [0; 16];
            entropy.fill(&mut bytes);
            bytes[6] = bytes[6] & 0x0f | 0x40;
            bytes[8] = bytes[8] & 0x3f | 0x80;
            let id = Uuid(bytes);
            if !id.to_string().starts_with('-') {
                return id;
            }
        }
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uuid {
    type Err = InvalidUuid;

    fn from_str(text: &str) -> Result<Uuid, InvalidUuid> {
        let invalid = || InvalidUuid { text: text.to_owned() };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        bytes.try_into().map(Uuid).map_err(|_| invalid())
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

uuid_id! {
    /// A topic's id (KIP-516): a topic that is deleted and created again has another one.
    TopicId
}

uuid_id! {
    /// The id of one log directory, written into its `meta.properties` once (KIP-858).
    DirectoryId
}

uuid_id! {
    /// The id of one run of a broker process.
    Incarnation
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededEntropy;
    use proptest::prelude::*;

    #[test]
    fn text_is_kafkas() {
        // As `kafka-storage random-uuid` prints them, and Kafka's own Uuid.ONE_UUID.
        let mut one = [0; 16];
        one[15] = 1;
        assert_eq!(Uuid(one).to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!("AAAAAAAAAAAAAAAAAAAAAQ".parse(), Ok(Uuid(one)));
    }

    #[test]
    fn wrong_texts_are_refused() {
        for text in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAQ==", "AAAAAAAAAAAAAAAAAAAAA!", "AAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(text.parse::<Uuid>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn random_ids_never_look_like_an_option() {
        let entropy = SeededEntropy::new(1);
        assert!((0..1000).all(|_| !Uuid::random(&entropy).to_string().starts_with('-')));
    }

    proptest! {
        #[test]
        fn text_reads_back(bytes: [u8; 16]) {
            prop_assert_eq!(Uuid(bytes).to_string().parse(), Ok(Uuid(bytes)));
        }
    }
}
