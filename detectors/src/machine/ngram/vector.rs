//! From grams to tf-idf vectors.

use super::grams::{GramParams, each_gram};

/// Counts of one document at a time, reused from document to document.
///
/// The table has a counter for each bucket, and only the touched ones are cleared, so that a document costs what its
/// grams cost. Counts stop at 32,767.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    counts: Vec<i16>,
    touched: Vec<u32>,
}

impl Counts {
    pub(crate) fn new(params: &GramParams) -> Self {
        Self { counts: vec![0; params.n_buckets()], touched: Vec::new() }
    }

    /// Counts the grams of a text, forgetting the text before.
    pub(crate) fn count(&mut self, text: &str, params: &GramParams) {
        for &bucket in &self.touched {
            self.counts[bucket as usize] = 0;
        }
        self.touched.clear();
        let (counts, touched) = (&mut self.counts, &mut self.touched);
        each_gram(text, params, |gram| {
            let count = &mut counts[gram.bucket as usize];
            if *count == 0 {
                touched.push(gram.bucket);
            }
            *count = if gram.negative { count.saturating_sub(1) } else { count.saturating_add(1) };
        });
        // With signs a bucket may fall back to zero and be touched twice.
        if params.signed {
            self.touched.sort_unstable();
            self.touched.dedup();
        }
    }

    /// Buckets of the text, in order of first appearance (by number with signed hashing), each once.
    pub(crate) fn buckets(&self) -> &[u32] {
        &self.touched
    }

    /// Calls `visit` with each bucket and its sublinear tf-idf, before normalisation.
    #[inline]
    pub(crate) fn each_weight(&self, idf: &[f32], mut visit: impl FnMut(u32, f32)) {
        for &bucket in &self.touched {
            let count = self.counts[bucket as usize];
            let tf = sublinear(count.unsigned_abs());
            let signed = if count < 0 { -tf } else { tf };
            visit(bucket, signed * idf[bucket as usize]);
        }
    }

    /// The tf-idf vector; characters and words are each of length 1, or absent.
    pub(crate) fn vector(&self, idf: &[f32], params: &GramParams) -> Vec<(u32, f32)> {
        let first_word = params.first_word_bucket() as u32;
        let mut entries = Vec::with_capacity(self.touched.len());
        let mut squares = [0.0_f32; 2];
        self.each_weight(idf, |bucket, weight| {
            squares[usize::from(bucket >= first_word)] += weight * weight;
            entries.push((bucket, weight));
        });
        let scales = squares.map(inverse_root);
        for (bucket, weight) in &mut entries {
            *weight *= scales[usize::from(*bucket >= first_word)];
        }
        entries
    }
}

/// 1 / sqrt(x); 0 for 0.
pub(crate) fn inverse_root(square: f32) -> f32 {
    if square > 0.0 { 1.0 / square.sqrt() } else { 0.0 }
}

/// 1 + ln(count); 0 for 0.
#[inline]
fn sublinear(count: u16) -> f32 {
    /// 1 + ln(n) for n = 0 to 7; most grams occur that often.
    const SMALL: [f32; 8] = [0.0, 1.0, 1.693_147_2, 2.098_612_3, 2.386_294_4, 2.609_438, 2.791_759_5, 2.945_910_1];
    match SMALL.get(usize::from(count)) {
        Some(&tf) => tf,
        None => 1.0 + f32::from(count).ln(),
    }
}

/// Inverse document frequency of each bucket: ln((1 + n) / (1 + df)) + 1, over `n` documents.
pub(crate) fn inverse_frequencies(frequencies: &[u32], n_documents: usize) -> Vec<f32> {
    let n = 1.0 + n_documents as f64;
    frequencies.iter().map(|&df| ((n / (1.0 + f64::from(df))).ln() + 1.0) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_scikit_learn() {
        // Hand calculation of TfidfVectorizer(sublinear_tf=True): words "a a b" of 3 documents, df(a) = 3, df(b) = 1.
        let params = GramParams { char_max: 0, word_max: 1, ..Default::default() };
        let mut counts = Counts::new(&params);
        let mut frequencies = vec![0; params.n_buckets()];
        for text in ["a a b", "a c", "a"] {
            counts.count(text, &params);
            counts.buckets().iter().for_each(|&b| frequencies[b as usize] += 1);
        }
        let idf = inverse_frequencies(&frequencies, 3);
        counts.count("a a b", &params);
        let vector = counts.vector(&idf, &params);
        let (a, b) = ((1.0 + 2.0_f64.ln()) * 1.0, (4.0_f64 / 2.0).ln() + 1.0);
        let norm = (a * a + b * b).sqrt();
        assert!((f64::from(vector[0].1) - a / norm).abs() < 1e-6 && (f64::from(vector[1].1) - b / norm).abs() < 1e-6);
    }

    #[test]
    fn a_text_does_not_see_the_one_before() {
        let params = GramParams::default();
        let mut counts = Counts::new(&params);
        let idf = vec![1.0; params.n_buckets()];
        counts.count("the first text", &params);
        counts.count("another", &params);
        let mut fresh = Counts::new(&params);
        fresh.count("another", &params);
        assert_eq!(counts.vector(&idf, &params), fresh.vector(&idf, &params));
        counts.count("", &params);
        assert!(counts.vector(&idf, &params).is_empty());
    }
}
