//! From model to bytes and back; the layout stands in the module's head.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::ModelError;
use super::model::{Block, FeatureSet, Figure, Model, TrainingSource};
use super::weights::{Precision, Weights};
use crate::calibrate::Calibration;

const MAGIC: [u8; 8] = *b"GRISTMDL";
const VERSION: u32 = 1;
/// Magic, version and lengths: what is digested before the header.
const LENGTHS_END: usize = 24;
const DIGEST_END: usize = 56;
/// 50 times the header of the largest model we can think of, with 100,000 named features.
const MAX_HEADER_BYTES: u64 = 256 << 20;
const MAX_PAYLOAD_BYTES: u64 = 4 << 30;

/// The header; the payload follows from `blocks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    name: Cow<'a, str>,
    kind: Cow<'a, str>,
    head: Cow<'a, str>,
    date: Cow<'a, str>,
    training: Cow<'a, [TrainingSource]>,
    figures: Cow<'a, [Figure]>,
    limits: Cow<'a, [String]>,
    features: Cow<'a, FeatureSet>,
    settings: Cow<'a, BTreeMap<String, serde_json::Value>>,
    blocks: Vec<BlockHeader<'a>>,
    calibration: Cow<'a, Calibration>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockHeader<'a> {
    name: Cow<'a, str>,
    precision: Precision,
    n_values: u64,
}

/// Writes a model; the same model gives the same bytes.
///
/// # Errors
/// If a weight or a figure is not finite, two blocks share a name, something is beyond the limits, or writing fails.
pub fn write(model: &Model, out: &mut impl Write) -> Result<(), ModelError> {
    let header = Header::of(model);
    header.check_names()?;
    let json = serde_json::to_vec(&header).map_err(|error| ModelError::Header(error.to_string()))?;
    // Numbers that are not finite become null in JSON; they must not be found out by the reader.
    let back: Result<Header<'_>, _> = serde_json::from_slice(&json);
    if back.map_err(|error| ModelError::Header(error.to_string()))? != header {
        return Err(ModelError::Header("it does not come back as it was written".into()));
    }
    let mut payload = Vec::new();
    for block in &model.blocks {
        check_finite(&block.name, &block.weights)?;
        block.weights.append_to(&mut payload);
    }
    check_lengths(json.len() as u64, payload.len() as u64)?;
    let mut lengths = Vec::with_capacity(LENGTHS_END);
    lengths.extend(MAGIC);
    lengths.extend(VERSION.to_le_bytes());
    // Within MAX_HEADER_BYTES.
    lengths.extend((json.len() as u32).to_le_bytes());
    lengths.extend((payload.len() as u64).to_le_bytes());
    for part in [&lengths, &digest(&[&lengths, &json, &payload]).to_vec(), &json, &payload] {
        out.write_all(part)?;
    }
    Ok(())
}

/// Reads a model from a whole file.
///
/// # Errors
/// See [`ModelError`]. Whether the features are those of the program is for [`FeatureSet::expect`].
pub fn read(bytes: &[u8]) -> Result<Model, ModelError> {
    let (json, mut payload) = parts(bytes)?;
    let header: Header<'_> = serde_json::from_slice(json).map_err(|error| ModelError::Header(error.to_string()))?;
    header.check_names()?;
    header.features.check_digest()?;
    let mut blocks = Vec::new();
    for BlockHeader { name, precision, n_values } in &header.blocks {
        let weights = Weights::take_from(&mut payload, name, *precision, *n_values)?;
        check_finite(name, &weights)?;
        blocks.push(Block { name: name.to_string(), weights });
    }
    if !payload.is_empty() {
        let last = blocks.last().map_or("", |block| &block.name);
        return Err(ModelError::weights(last, format!("{} bytes of payload follow it", payload.len())));
    }
    Ok(header.into_model(blocks))
}

/// Checks frame and digest; header and payload.
fn parts(bytes: &[u8]) -> Result<(&[u8], &[u8]), ModelError> {
    let found = bytes.len() as u64;
    let n_magic = bytes.len().min(MAGIC.len());
    if bytes[..n_magic] != MAGIC[..n_magic] {
        return Err(ModelError::WrongMagic);
    }
    let truncated = |expected: u64| ModelError::Truncated { expected, found };
    let version = u32::from_le_bytes(array(bytes, 8).ok_or_else(|| truncated(DIGEST_END as u64))?);
    if version > VERSION {
        return Err(ModelError::NewerVersion { found: version, known: VERSION });
    }
    if bytes.len() < DIGEST_END {
        return Err(truncated(DIGEST_END as u64));
    }
    let at_end = || truncated(DIGEST_END as u64);
    let header_bytes = u64::from(u32::from_le_bytes(array(bytes, 12).ok_or_else(at_end)?));
    let payload_bytes = u64::from_le_bytes(array(bytes, 16).ok_or_else(at_end)?);
    check_lengths(header_bytes, payload_bytes)?;
    let expected = DIGEST_END as u64 + header_bytes + payload_bytes;
    if found < expected {
        return Err(truncated(expected));
    }
    if found > expected {
        return Err(ModelError::TooLong { expected, found });
    }
    let (frame, content) = bytes.split_at(DIGEST_END);
    let (lengths, stored) = frame.split_at(LENGTHS_END);
    // No more than the content, which is in memory.
    let (json, payload) = content.split_at(header_bytes as usize);
    if digest(&[lengths, json, payload]) != *stored || version == 0 {
        return Err(ModelError::Damaged);
    }
    Ok((json, payload))
}

fn array<const N: usize>(bytes: &[u8], from: usize) -> Option<[u8; N]> {
    bytes.get(from..)?.first_chunk().copied()
}

fn check_lengths(header: u64, payload: u64) -> Result<(), ModelError> {
    for (part, bytes, limit) in [("header", header, MAX_HEADER_BYTES), ("payload", payload, MAX_PAYLOAD_BYTES)] {
        if bytes > limit {
            return Err(ModelError::TooLarge { part, bytes, limit });
        }
    }
    Ok(())
}

fn check_finite(name: &str, weights: &Weights) -> Result<(), ModelError> {
    weights.all_finite().then_some(()).ok_or_else(|| ModelError::weights(name, "a weight is not a finite number"))
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut sha = Sha256::new();
    parts.iter().for_each(|part| sha.update(part));
    sha.finalize().into()
}

impl<'a> Header<'a> {
    fn of(model: &'a Model) -> Self {
        let block = |block: &'a Block| BlockHeader {
            name: Cow::Borrowed(&block.name),
            precision: block.weights.precision(),
            n_values: block.weights.n_values() as u64,
        };
        Self {
            name: Cow::Borrowed(&model.name),
            kind: Cow::Borrowed(&model.kind),
            head: Cow::Borrowed(&model.head),
            date: Cow::Borrowed(&model.date),
            training: Cow::Borrowed(&model.training),
            figures: Cow::Borrowed(&model.figures),
            limits: Cow::Borrowed(&model.limits),
            features: Cow::Borrowed(&model.features),
            settings: Cow::Borrowed(&model.settings),
            blocks: model.blocks.iter().map(block).collect(),
            calibration: Cow::Borrowed(&model.calibration),
        }
    }

    fn into_model(self, blocks: Vec<Block>) -> Model {
        Model {
            name: self.name.into_owned(),
            kind: self.kind.into_owned(),
            head: self.head.into_owned(),
            date: self.date.into_owned(),
            training: self.training.into_owned(),
            figures: self.figures.into_owned(),
            limits: self.limits.into_owned(),
            features: self.features.into_owned(),
            settings: self.settings.into_owned(),
            blocks,
            calibration: self.calibration.into_owned(),
        }
    }

    fn check_names(&self) -> Result<(), ModelError> {
        let mut names: Vec<&str> = self.blocks.iter().map(|block| &*block.name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(ModelError::weights(pair[0], "two blocks have this name")),
            None => Ok(()),
        }
    }
}
