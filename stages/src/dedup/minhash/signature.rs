//! MinHash signatures: for each of n random orders of all shingles, the first shingle of the document.
//!
//! The share of equal values in two signatures estimates the Jaccard similarity of the two shingle sets (Broder 1997), with
//! standard deviation sqrt(j (1 - j) / n).
//!
//! An order is h(x) = (a x + b mod 2^64) >> 32 with x the upper 32 bits of the shingle's hash, a odd: the multiply-shift
//! family of Dietzfelbinger 1996, strongly universal for 32-bit x. Deviations:
//! - datatrove computes (a h + b) mod 2^61 - 1 over 64-bit hashes. Ours needs no division and no 128-bit product; the
//!   32-bit x makes two shingles of one pair of documents of n and m words equal with odds n * m / 2^32, which adds less than
//!   1e-4 to the Jaccard similarity of documents of up to 400,000 words.
//! - Values have 32 bits, as in datasketch: halves what is stored.
//!
//! All kernels are the same source, compiled for three instruction sets; the arithmetic is of integers, so every machine
//! gives the same values.

/// n random orders of the shingles, of which [`sign`](Permutations::sign) keeps the minima.
#[derive(Debug, Clone)]
pub struct Permutations {
    n: usize,
    groups: Vec<Group>,
    kernel: Kernel,
}

/// Orders taken together, so that their minima stay in registers while shingles stream by.
const LANES: usize = 16;
/// Shingles taken together, so that they stay in the first-level cache while the groups pass over them.
const BLOCK: usize = 1024;

/// Multipliers and addends of `LANES` orders.
#[derive(Debug, Clone)]
struct Group {
    a: [u64; LANES],
    b: [u64; LANES],
}

/// An instruction set the running machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kernel {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Permutations {
    /// The first `n` orders of a seed: for each, splitmix64 (Steele et al. 2014) started at `seed` gives a, made odd, then b.
    pub fn new(n: usize, seed: u64) -> Self {
        let mut state = seed;
        let groups = (0..n.div_ceil(LANES))
            .map(|_| {
                let mut group = Group { a: [1; LANES], b: [0; LANES] };
                for lane in 0..LANES {
                    group.a[lane] = splitmix64(&mut state) | 1;
                    group.b[lane] = splitmix64(&mut state);
                }
                group
            })
            .collect();
        Self { n, groups, kernel: Kernel::best() }
    }

    /// How many values a signature has.
    pub fn n_values(&self) -> usize {
        self.n
    }

    /// Writes the signature of a document into `out`, its row of a flat array of `n_values` per document.
    ///
    /// Repeated shingles change nothing, nor does their order. Without shingles every value is `u32::MAX`: such a
    /// document has no signature and must not be put into bands. Values past `out`, or of `out` past `n_values`, are
    /// left alone.
    pub fn sign(&self, shingles: &[u64], out: &mut [u32]) {
        let n = self.n.min(out.len());
        let out = &mut out[..n];
        out.fill(u32::MAX);
        let mut xs = [0u32; BLOCK];
        for block in shingles.chunks(BLOCK) {
            for (x, shingle) in xs.iter_mut().zip(block) {
                *x = (shingle >> 32) as u32;
            }
            self.kernel.run(&self.groups, &xs[..block.len()], out);
        }
    }
}

/// The share of equal values of two signatures: the estimate of the Jaccard similarity. 0 for signatures without values.
pub fn agreement(a: &[u32], b: &[u32]) -> f64 {
    let n = a.len().min(b.len());
    let equal = a.iter().zip(b).filter(|(x, y)| x == y).count();
    if n == 0 { 0.0 } else { equal as f64 / n as f64 }
}

fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Lowers the values of `out`, `LANES` per group, to the minima over `xs`.
#[inline(always)]
fn minima(groups: &[Group], xs: &[u32], out: &mut [u32]) {
    for (group, row) in groups.iter().zip(out.chunks_mut(LANES)) {
        // The minimum of a x + b before the shift has the minimum after it as its upper half.
        let mut least = [u64::MAX; LANES];
        for x in xs {
            for ((least, a), b) in least.iter_mut().zip(&group.a).zip(&group.b) {
                *least = (*least).min(a.wrapping_mul(u64::from(*x)).wrapping_add(*b));
            }
        }
        for (value, least) in row.iter_mut().zip(least) {
            *value = (*value).min((least >> 32) as u32);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn minima_avx2(groups: &[Group], xs: &[u32], out: &mut [u32]) {
    minima(groups, xs, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn minima_avx512(groups: &[Group], xs: &[u32], out: &mut [u32]) {
    minima(groups, xs, out);
}

impl Kernel {
    /// The fastest kernel this machine runs.
    fn best() -> Self {
        Self::available().pop().unwrap_or(Self::Portable)
    }

    /// All kernels this machine runs, the fastest last.
    fn available() -> Vec<Self> {
        let mut kernels = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                kernels.push(Self::Avx2);
            }
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            if avx512 {
                kernels.push(Self::Avx512);
            }
        }
        kernels
    }

    #[cfg_attr(target_arch = "x86_64", allow(unsafe_code))]
    fn run(self, groups: &[Group], xs: &[u32], out: &mut [u32]) {
        match self {
            Self::Portable => minima(groups, xs, out),
            // SAFETY: the functions are safe but for their instruction sets, and `available`, the only maker of these
            // two values, has asked the processor for each of them.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { minima_avx2(groups, xs, out) },
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { minima_avx512(groups, xs, out) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shingle(i: u64) -> u64 {
        splitmix64(&mut { i })
    }

    #[test]
    fn generator_is_splitmix64() {
        // The first outputs for seed 1234567 in Vigna's reference code.
        let mut state = 1_234_567;
        assert_eq!(splitmix64(&mut state), 6_457_827_717_110_365_317);
        assert_eq!(splitmix64(&mut state), 3_203_168_211_198_807_973);
    }

    #[test]
    fn values_are_those_of_the_formula_on_every_path() {
        // Oracle: the formula, one value at a time.
        for n in [1, 15, 16, 17, 112] {
            let mut state = 9;
            let orders: Vec<(u64, u64)> =
                (0..n).map(|_| (splitmix64(&mut state) | 1, splitmix64(&mut state))).collect();
            for len in [0, 1, 7, 1024, 2500] {
                let shingles: Vec<u64> = (0..len).map(shingle).collect();
                let expected: Vec<u32> = orders
                    .iter()
                    .map(|(a, b)| {
                        let value = |s: &u64| (a.wrapping_mul(s >> 32).wrapping_add(*b) >> 32) as u32;
                        shingles.iter().map(value).min().unwrap_or(u32::MAX)
                    })
                    .collect();
                for kernel in Kernel::available() {
                    let mut out = vec![7; n];
                    Permutations { kernel, ..Permutations::new(n, 9) }.sign(&shingles, &mut out);
                    assert_eq!(out, expected, "{kernel:?} n={n} len={len}");
                }
            }
        }
    }

    #[test]
    fn agreement_estimates_jaccard() {
        // Broder 1997: each value is equal with probability j; 200 pairs of 128 values, so the mean of a fair family is
        // within 4 sqrt(j (1 - j) / 25600) <= 0.0125 of j.
        let permutations = Permutations::new(128, 3);
        for (shared, own) in [(80, 10), (50, 25), (20, 40)] {
            let j = f64::from(shared) / f64::from(shared + 2 * own);
            let mut sum = 0.0;
            for pair in 0..200u64 {
                let set = |side: u64| -> Vec<u64> {
                    let own = (0..own as u64).map(|i| shingle(pair << 32 | side << 16 | i));
                    (0..shared as u64).map(|i| shingle(pair << 32 | i)).chain(own).collect()
                };
                let (mut a, mut b) = ([0; 128], [0; 128]);
                permutations.sign(&set(1), &mut a);
                permutations.sign(&set(2), &mut b);
                sum += agreement(&a, &b);
            }
            assert!((sum / 200.0 - j).abs() < 0.0125, "j {j} estimate {}", sum / 200.0);
        }
    }

    #[test]
    fn agreement_of_nothing_is_zero() {
        assert_eq!(agreement(&[], &[]), 0.0);
        assert_eq!(agreement(&[1, 2, 3, 4], &[1, 2, 0, 0]), 0.5);
    }
}
