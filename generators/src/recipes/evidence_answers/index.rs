//! Paragraphs by TF-IDF: cosine of vectors of term frequency times inverse document frequency, over an inverted index.
//!
//! Term frequency counts as it is, inverse document frequency is ln((1 + N) / (1 + n)) + 1, so that a term of every
//! paragraph still counts (scikit-learn's smoothing). Words are those of every script, lower-cased.

use gristmill_core::measures::tokens::{Lexer, Stemmer, Tokenizer};

/// Paragraphs ready to be searched.
pub(super) struct Index {
    lexer: Lexer,
    /// For each token, the paragraphs that have it and how often.
    postings: Vec<Vec<(u32, u32)>>,
    /// Length of each paragraph's vector.
    norms: Vec<f64>,
    n: usize,
}

impl Index {
    /// Of paragraphs, numbered in their order.
    pub(super) fn of<'a>(paragraphs: impl Iterator<Item = &'a str>) -> Self {
        let mut lexer = Lexer::new(Tokenizer::ScriptAware, Stemmer::None);
        let (mut postings, mut tokens, mut n) = (Vec::<Vec<(u32, u32)>>::new(), Vec::new(), 0_usize);
        for paragraph in paragraphs {
            lexer.tokens(paragraph, &mut tokens);
            tokens.sort_unstable();
            for run in tokens.chunk_by(|a, b| a == b) {
                let token = run[0] as usize;
                if postings.len() <= token {
                    postings.resize_with(token + 1, Vec::new);
                }
                postings[token].push((n as u32, run.len() as u32));
            }
            n += 1;
        }
        let mut index = Self { lexer, postings, norms: vec![0.0; n], n };
        for token in 0..index.postings.len() {
            let idf = index.idf(token);
            for (paragraph, times) in &index.postings[token] {
                index.norms[*paragraph as usize] += (f64::from(*times) * idf).powi(2);
            }
        }
        index.norms.iter_mut().for_each(|norm| *norm = norm.sqrt());
        index
    }

    fn idf(&self, token: usize) -> f64 {
        ((1.0 + self.n as f64) / (1.0 + self.postings[token].len() as f64)).ln() + 1.0
    }

    /// The `k` nearest paragraphs with a cosine above 0, nearest first, equals in their order.
    pub(super) fn nearest(&mut self, question: &str, k: usize) -> Vec<(usize, f64)> {
        let mut tokens = Vec::new();
        self.lexer.tokens(question, &mut tokens);
        tokens.sort_unstable();
        let mut products = vec![0.0; self.n];
        let mut norm = 0.0;
        for run in tokens.chunk_by(|a, b| a == b).filter(|run| (run[0] as usize) < self.postings.len()) {
            let token = run[0] as usize;
            let idf = self.idf(token);
            let weight = run.len() as f64 * idf;
            norm += weight * weight;
            for (paragraph, times) in &self.postings[token] {
                products[*paragraph as usize] += weight * f64::from(*times) * idf;
            }
        }
        let cosine = |(at, product): (usize, &f64)| (at, product / (norm.sqrt() * self.norms[at]));
        let mut found: Vec<(usize, f64)> =
            products.iter().enumerate().filter(|(_, product)| **product > 0.0).map(cosine).collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(k);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_words_bring_paragraphs_near() {
        let paragraphs = ["the mill stands by the river", "the river freezes", "the miller sleeps"];
        let mut index = Index::of(paragraphs.into_iter());
        let found: Vec<usize> = index.nearest("Where is the MILL?", 2).into_iter().map(|(at, _)| at).collect();
        assert_eq!(found, [0, 1]);
        // By hand: "sleeps" weighs ln(4/2) + 1, "the" ln(4/4) + 1 = 1; "miller" as "sleeps".
        let rare = 2.0_f64.ln() + 1.0;
        let expected = rare / (1.0 + 2.0 * rare * rare).sqrt();
        assert!((index.nearest("sleeps", 1)[0].1 - expected).abs() < 1e-12);
        assert!(index.nearest("quantum", 5).is_empty());
        assert!(Index::of([].into_iter()).nearest("a", 5).is_empty());
    }
}
