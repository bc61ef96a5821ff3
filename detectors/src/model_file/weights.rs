//! Weights as they lie in a file: full, half or quarter precision.
//!
//! A hashed n-gram head has 2^16 weights of which most are near 0; as 8-bit steps with one scale per block it takes 66 KB
//! in place of 262 KB and moves log odds by less than the detector's own noise. Half precision is for weights whose
//! range within a block is wide.

use super::error::ModelError;

/// A vector of weights in the precision in which it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights(Kept);

#[derive(Debug, Clone, PartialEq)]
enum Kept {
    F32(Vec<f32>),
    /// Bits of IEEE 754 binary16.
    F16(Vec<u16>),
    /// One scale per `block_len` values; a weight is value * scale.
    I8 {
        block_len: usize,
        scales: Vec<f32>,
        values: Vec<i8>,
    },
}

/// How a block is kept, as the header says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Precision {
    F32,
    F16,
    I8 { block_len: u32 },
}

impl Weights {
    /// Keeps the weights as they are, 4 bytes each.
    pub fn full(weights: Vec<f32>) -> Self {
        Self(Kept::F32(weights))
    }

    /// Keeps them in 2 bytes each: 11 significant bits, rounded to even; from 65,520 on a weight becomes infinite and
    /// cannot be written.
    pub fn half(weights: &[f32]) -> Self {
        Self(Kept::F16(weights.iter().map(|&w| f16_bits(w)).collect()))
    }

    /// Keeps them in 1 byte each and 4 per block of `block_len` (at least 1): 127 even steps either way to the largest
    /// weight of the block, so that none is off by more than 1/254 of that.
    pub fn quarter(weights: &[f32], block_len: u32) -> Self {
        let block_len = block_len.max(1) as usize;
        let scale = |block: &[f32]| block.iter().fold(0.0_f32, |most, w| most.max(w.abs())) / 127.0;
        // `max` passes over a weight that is not a number; its scale must not.
        let scale = |block: &[f32]| if block.iter().any(|w| w.is_nan()) { f32::NAN } else { scale(block) };
        let scales: Vec<f32> = weights.chunks(block_len).map(scale).collect();
        let step = |(i, w): (usize, &f32)| {
            let scale = scales[i / block_len];
            // Rounded and within [-127, 127], or 0 for a scale that is not usable.
            if scale > 0.0 { (w / scale).round() as i8 } else { 0 }
        };
        let values = weights.iter().enumerate().map(step).collect();
        Self(Kept::I8 { block_len, scales, values })
    }

    /// Number of weights.
    pub fn n_values(&self) -> usize {
        match &self.0 {
            Kept::F32(values) => values.len(),
            Kept::F16(values) => values.len(),
            Kept::I8 { values, .. } => values.len(),
        }
    }

    /// The weights as numbers to calculate with.
    pub fn to_f32(&self) -> Vec<f32> {
        match &self.0 {
            Kept::F32(values) => values.clone(),
            Kept::F16(values) => values.iter().map(|&bits| f16_value(bits)).collect(),
            Kept::I8 { block_len, scales, values } => {
                values.iter().enumerate().map(|(i, &v)| f32::from(v) * scales[i / block_len]).collect()
            }
        }
    }

    pub(super) fn precision(&self) -> Precision {
        match &self.0 {
            Kept::F32(_) => Precision::F32,
            Kept::F16(_) => Precision::F16,
            // `quarter` takes a u32 and `read` one too.
            Kept::I8 { block_len, .. } => Precision::I8 { block_len: *block_len as u32 },
        }
    }

    pub(super) fn all_finite(&self) -> bool {
        match &self.0 {
            Kept::F32(values) => values.iter().all(|w| w.is_finite()),
            Kept::F16(values) => values.iter().all(|&bits| f16_value(bits).is_finite()),
            Kept::I8 { scales, .. } => scales.iter().all(|s| s.is_finite()),
        }
    }

    pub(super) fn append_to(&self, payload: &mut Vec<u8>) {
        match &self.0 {
            Kept::F32(values) => values.iter().for_each(|w| payload.extend(w.to_le_bytes())),
            Kept::F16(values) => values.iter().for_each(|bits| payload.extend(bits.to_le_bytes())),
            Kept::I8 { scales, values, .. } => {
                scales.iter().for_each(|s| payload.extend(s.to_le_bytes()));
                payload.extend(values.iter().map(|v| v.to_le_bytes()[0]));
            }
        }
    }

    /// Takes `n_values` weights from the front of the payload.
    pub(super) fn take_from(
        payload: &mut &[u8],
        block: &str,
        precision: Precision,
        n_values: u64,
    ) -> Result<Self, ModelError> {
        let too_many = || ModelError::weights(block, format!("{n_values} weights do not fit into the payload"));
        let n_values = usize::try_from(n_values).map_err(|_| too_many())?;
        let mut take = |n: usize, size: usize| {
            let n_bytes = n.checked_mul(size).ok_or_else(too_many)?;
            let (taken, rest) = payload.split_at_checked(n_bytes).ok_or_else(too_many)?;
            *payload = rest;
            Ok::<_, ModelError>(taken)
        };
        let kept = match precision {
            Precision::F32 => Kept::F32(f32_values(take(n_values, 4)?)),
            Precision::F16 => {
                Kept::F16(take(n_values, 2)?.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b)).collect())
            }
            Precision::I8 { block_len: 0 } => return Err(ModelError::weights(block, "its scales are for 0 weights")),
            Precision::I8 { block_len } => {
                let block_len = block_len as usize;
                let scales = f32_values(take(n_values.div_ceil(block_len), 4)?);
                let values = take(n_values, 1)?.iter().map(|&byte| i8::from_le_bytes([byte])).collect();
                Kept::I8 { block_len, scales, values }
            }
        };
        Ok(Self(kept))
    }
}

fn f32_values(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// The nearest binary16, ties to even; too large becomes infinite, not a number stays so.
fn f16_bits(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00;
    }
    // 65,520 and above round to infinity; below 2^-14 there are steps of 2^-24 only.
    if magnitude >= 0x477f_f000 {
        return sign | 0x7c00;
    }
    if magnitude < 0x3880_0000 {
        // Adding 0.5 leaves the number of steps of 2^-24 in the last bits of the mantissa, rounded by the machine.
        let steps = (f32::from_bits(magnitude) + 0.5).to_bits() - 0.5_f32.to_bits();
        return sign | steps as u16;
    }
    // 13 bits of mantissa are lost: half of the last bit kept, less one if that bit is even, carries into it.
    let rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
    sign | ((rounded >> 13) - (112 << 10)) as u16
}

/// The value of a binary16, exact.
fn f16_value(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, mantissa) = (u32::from(bits >> 10) & 31, u32::from(bits) & 0x3ff);
    let magnitude = match exponent {
        0 => mantissa as f32 * (1.0 / 16_777_216.0),
        31 if mantissa == 0 => f32::INFINITY,
        31 => f32::NAN,
        _ => f32::from_bits(((exponent + 112) << 23) | (mantissa << 13)),
    };
    sign * magnitude
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_those_of_ieee_754() {
        // Values and bits of the standard's examples: 1, -2, the largest, the least normal, the least, 1/3.
        for (value, bits) in [
            (1.0, 0x3c00),
            (-2.0, 0xc000),
            (65_504.0, 0x7bff),
            (6.103_515_6e-5, 0x0400),
            (5.960_464_5e-8, 0x0001),
            (0.333_251_95, 0x3555),
            (-0.0, 0x8000),
            (f32::INFINITY, 0x7c00),
            (65_520.0, 0x7c00),
            // Ties to even: 1 + 2^-11 and 1 + 3 * 2^-11, and half of the least.
            (1.000_488_3, 0x3c00),
            (1.001_464_8, 0x3c02),
            (2.980_232_2e-8, 0x0000),
        ] {
            assert_eq!(f16_bits(value), bits, "{value}");
        }
        assert!(f16_value(f16_bits(f32::NAN)).is_nan());
        // Every half that is a number comes back as it was.
        for bits in (0..=u16::MAX).filter(|bits| !f16_value(*bits).is_nan()) {
            assert_eq!(f16_bits(f16_value(bits)), bits);
        }
    }

    #[test]
    fn eight_bits_are_off_by_half_a_step_at_most() {
        let weights: Vec<f32> = (0..1000).map(|i| ((i * 7919 % 1000) as f32 - 500.0) / 37.0).collect();
        let kept = Weights::quarter(&weights, 64).to_f32();
        for (block, back) in weights.chunks(64).zip(kept.chunks(64)) {
            let most = block.iter().fold(0.0_f32, |m, w| m.max(w.abs()));
            assert!(block.iter().zip(back).all(|(w, b)| (w - b).abs() <= most / 253.9));
        }
        assert_eq!(Weights::quarter(&[0.0, 0.0], 1).to_f32(), [0.0, 0.0]);
        assert_eq!(Weights::quarter(&[], 64).n_values(), 0);
        assert!(!Weights::quarter(&[1.0, f32::NAN], 64).all_finite());
        assert!(!Weights::half(&[1e6]).all_finite());
    }
}
