//! The detectors that come with the program: one head for chat models, one for models that only continue text.
//!
//! A fallback, and it says so: trained on a few public domains, it has seen no human text of the user's, so it gives
//! scores and never a verdict, and no score at all below [`LEAST_WORDS`]. The families differ from people in opposite
//! directions, so each head was trained on its own family and both are reported; the base head is weak everywhere.
//! A detector of one's own (`detect bootstrap`) finds what these miss.
//!
//! The files hold weights and no text; `gristmill detect train-default` makes them again. Their cards name the data.

use std::sync::LazyLock;

use super::detector::Detector;
use super::detector_file::Passport;
use crate::model_file::ModelError;

/// Words below which a text has no score: under some 60 words unseen domains come out near chance in our measurements.
pub const LEAST_WORDS: usize = 80;

/// A detector with what travelled with its weights.
#[derive(Debug, Clone)]
pub struct Head {
    /// The weights.
    pub detector: Detector,
    /// Their card.
    pub passport: Passport,
}

impl Head {
    /// The head that a file's bytes hold.
    ///
    /// # Errors
    /// If the bytes are no detector, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        Detector::from_bytes(bytes).map(|(detector, passport)| Self { detector, passport })
    }
}

/// Both embedded heads.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// Against chat models.
    pub chat: Head,
    /// Against models that continue text: weak.
    pub base: Head,
}

/// The file of the chat head.
pub const CHAT_BYTES: &[u8] = include_bytes!("embedded/chat.model");
/// The file of the base head.
pub const BASE_BYTES: &[u8] = include_bytes!("embedded/base.model");

static EMBEDDED: LazyLock<Result<Embedded, String>> = LazyLock::new(|| {
    let head = |bytes| Head::from_bytes(bytes).map_err(|error| error.to_string());
    Ok(Embedded { chat: head(CHAT_BYTES)?, base: head(BASE_BYTES)? })
});

/// The embedded heads, read once.
///
/// # Errors
/// If this build holds damaged files or files for other features: a test sees to it that it does not.
pub fn embedded() -> Result<&'static Embedded, &'static str> {
    EMBEDDED.as_ref().map_err(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::super::detector::Reader;
    use super::*;
    use crate::calibrate::Calibration;

    #[test]
    fn the_embedded_heads_are_whole_small_and_say_what_they_are() {
        let heads = embedded().unwrap();
        // The specification's limit for both together.
        assert!(CHAT_BYTES.len() + BASE_BYTES.len() < 300_000, "{} {}", CHAT_BYTES.len(), BASE_BYTES.len());
        for (head, family) in [(&heads.chat, "chat"), (&heads.base, "base")] {
            assert_eq!(head.passport.head, family);
            assert_eq!(head.passport.calibration, Calibration::Uncalibrated);
            assert!(!head.passport.training.is_empty());
        }
        // One reading serves both heads.
        assert!(Reader::new(&heads.chat.detector).suits(&heads.base.detector));
    }

    #[test]
    fn no_model_is_in_both_training_pools() {
        let heads = embedded().unwrap();
        let models =
            |head: &Head| head.passport.training.iter().flat_map(|s| s.source_models.clone()).collect::<Vec<_>>();
        let (chat, base) = (models(&heads.chat), models(&heads.base));
        assert!(!chat.is_empty() && !base.is_empty());
        assert!(chat.iter().all(|model| !base.contains(model)), "{chat:?} {base:?}");
    }
}
