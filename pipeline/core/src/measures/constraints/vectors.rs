//! Word vectors from a text file, as fastText and GloVe write them: a word and its numbers on a line.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use hashbrown::HashMap;

/// Vectors of words, each of length 1.
pub(super) struct Vectors {
    words: HashMap<String, Vec<f32>>,
}

impl Vectors {
    /// Reads a file; its first line may hold the number of words and of dimensions.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let cannot = |e: std::io::Error| format!("cannot read {}: {e}", path.display());
        let (mut words, mut n_dimensions) = (HashMap::new(), None);
        for (at, line) in BufReader::new(File::open(path).map_err(cannot)?).lines().enumerate() {
            let line = line.map_err(cannot)?;
            let mut parts = line.trim_end().split(' ');
            let word = parts.next().unwrap_or("");
            let Ok(vector) = parts.map(str::parse).collect::<Result<Vec<f32>, _>>() else {
                return Err(format!("{}:{}: expected a word and numbers", path.display(), at + 1));
            };
            if at == 0 && vector.len() == 1 {
                continue;
            }
            if vector.is_empty() || *n_dimensions.get_or_insert(vector.len()) != vector.len() {
                let found = vector.len();
                return Err(format!(
                    "{}:{}: {found} numbers, not as many as in the lines before",
                    path.display(),
                    at + 1
                ));
            }
            words.insert(word.to_owned(), unit(vector));
        }
        Ok(Self { words })
    }

    /// The vector of a word, as it is or in small letters.
    pub(super) fn of(&self, word: &str) -> Option<Vec<f32>> {
        self.words.get(word).or_else(|| self.words.get(word.to_lowercase().as_str())).cloned()
    }

    /// Cosine between the mean of a text's words and a vector; none if a word of the text has none, or there is no word.
    pub(super) fn cosine(&self, text: &str, wanted: &[f32]) -> Option<f64> {
        let mut sum = vec![0.0; wanted.len()];
        let mut n_words = 0;
        for word in text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())) {
            if word.is_empty() {
                continue;
            }
            n_words += 1;
            for (sum, x) in sum.iter_mut().zip(self.of(word)?) {
                *sum += x;
            }
        }
        (n_words > 0).then(|| unit(sum).iter().zip(wanted).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum())
    }
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|x| *x /= norm);
    }
    vector
}
