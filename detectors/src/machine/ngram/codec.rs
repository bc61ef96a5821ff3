//! Weights and frequencies in a byte each, and the bytes of a saved head.
//!
//! The bytes are: `GMNG`, version 1, the seven gram parameters, bias, largest weight and range of idf as little-endian
//! f32, then a byte per weight and a byte per idf. Integrity and provenance are the business of the model file around it.

use thiserror::Error;

use super::{GramParams, Ngram, Unpacked};

const MAGIC: [u8; 4] = *b"GMNG";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 4 + 1 + 7 + 3 * 4;

/// Why bytes are not an n-gram head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadNgramBytes {
    /// They begin otherwise.
    #[error("not an n-gram head: it begins with other bytes")]
    Magic,
    /// A later program wrote them.
    #[error("n-gram head of version {0}, expected {VERSION}")]
    Version(u8),
    /// There are too few or too many.
    #[error("n-gram head of {found} bytes, expected {expected}")]
    Size {
        /// Bytes that the header asks for.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// A parameter or a scale is out of range.
    #[error("damaged n-gram head: its header makes no sense")]
    Header,
}

/// Weights as signed square roots in steps of 1 / 127 of the largest.
pub(super) fn pack_weights(weights: &[f64]) -> (f32, Vec<i8>) {
    let largest = weights.iter().fold(0.0_f64, |most, w| most.max(w.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return (0.0, vec![0; weights.len()]);
    }
    let pack = |w: &f64| ((w.abs() / largest).sqrt() * 127.0).round().copysign(*w) as i8;
    (largest as f32, weights.iter().map(pack).collect())
}

pub(super) fn unpack_weights(largest: f32, packed: &[i8]) -> Vec<f32> {
    let unpack = |&q: &i8| {
        let root = f32::from(q) / 127.0;
        largest * root * root.abs()
    };
    packed.iter().map(unpack).collect()
}

/// idf in steps of 1 / 255 of its range above 1.
pub(super) fn pack_idf(idf: &[f32]) -> (f32, Vec<u8>) {
    let range = idf.iter().fold(0.0_f32, |most, &v| most.max(v - 1.0));
    if range <= 0.0 {
        return (0.0, vec![0; idf.len()]);
    }
    (range, idf.iter().map(|&v| ((v - 1.0) / range * 255.0).round() as u8).collect())
}

pub(super) fn unpack_idf(range: f32, packed: &[u8]) -> Vec<f32> {
    packed.iter().map(|&q| 1.0 + range * f32::from(q) / 255.0).collect()
}

impl Ngram {
    /// The head as bytes: two per bucket and 24 more.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + 2 * self.weights.len());
        bytes.extend(MAGIC);
        bytes.push(VERSION);
        let grams = &self.grams;
        let sizes =
            [grams.char_min, grams.char_max, grams.word_max, grams.char_bits as usize, grams.word_bits as usize];
        bytes.extend(sizes.map(|size| size as u8));
        bytes.extend([u8::from(grams.fold_case), u8::from(grams.signed)]);
        for scale in [self.bias, self.largest_weight, self.idf_range] {
            bytes.extend(scale.to_le_bytes());
        }
        bytes.extend(self.weights.iter().map(|w| w.cast_unsigned()));
        bytes.extend(&self.idf);
        bytes
    }

    /// The head that [`Ngram::to_bytes`] wrote.
    ///
    /// # Errors
    /// If the bytes are not one, of another version, cut short, too long, or make no sense.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadNgramBytes> {
        if !bytes.starts_with(&MAGIC) {
            return Err(BadNgramBytes::Magic);
        }
        if let Some(&version) = bytes.get(4).filter(|&&version| version != VERSION) {
            return Err(BadNgramBytes::Version(version));
        }
        if bytes.len() < HEADER_BYTES {
            return Err(BadNgramBytes::Size { expected: HEADER_BYTES, found: bytes.len() });
        }
        let (header, body) = bytes.split_at(HEADER_BYTES);
        let grams = GramParams {
            char_min: usize::from(header[5]),
            char_max: usize::from(header[6]),
            word_max: usize::from(header[7]),
            char_bits: u32::from(header[8]),
            word_bits: u32::from(header[9]),
            fold_case: header[10] == 1,
            signed: header[11] == 1,
        };
        let float = |at: usize| f32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (bias, largest_weight, idf_range) = (float(12), float(16), float(20));
        let flags_ok = header[10] <= 1 && header[11] <= 1;
        let scales_ok = bias.is_finite() && largest_weight.is_finite() && idf_range.is_finite();
        if grams.check().is_err() || !flags_ok || !scales_ok || largest_weight < 0.0 || idf_range < 0.0 {
            return Err(BadNgramBytes::Header);
        }
        let n_buckets = grams.n_buckets();
        if body.len() != 2 * n_buckets {
            return Err(BadNgramBytes::Size { expected: HEADER_BYTES + 2 * n_buckets, found: bytes.len() });
        }
        let weights = body[..n_buckets].iter().map(|b| b.cast_signed()).collect();
        let idf = body[n_buckets..].to_vec();
        let mut ngram = Self { grams, bias, largest_weight, weights, idf_range, idf, unpacked: Unpacked::default() };
        ngram.unpack();
        Ok(ngram)
    }
}
