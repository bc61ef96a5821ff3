//! The matrices of a model: plain, or by product quantisation (Jégou et al. 2011), where a row is a list of codes.

use super::bytes::Bytes;

/// Centroids of each part of a row.
const CODES: usize = 256;

pub(super) enum Matrix {
    Dense { n_columns: usize, values: Vec<f32> },
    Quantised(Quantised),
}

pub(super) struct Quantised {
    n_rows: usize,
    n_columns: usize,
    codes: Vec<u8>,
    centroids: Centroids,
    /// Codes and centroids of the rows' lengths, where those were kept apart.
    lengths: Option<(Vec<u8>, Centroids)>,
}

struct Centroids {
    n_parts: usize,
    part: usize,
    last_part: usize,
    values: Vec<f32>,
}

impl Centroids {
    fn read(bytes: &mut Bytes<'_>) -> Result<Self, String> {
        let (n, n_parts) = (bytes.count()?, bytes.count()?);
        let (part, last_part) = (bytes.count()?, bytes.count()?);
        if n_parts == 0 || (n_parts - 1).checked_mul(part).and_then(|n| n.checked_add(last_part)) != Some(n) {
            return Err(format!("{n_parts} parts of {part} and {last_part} do not make {n} columns"));
        }
        let values = bytes.floats(n.checked_mul(CODES).ok_or("more centroids than memory can hold")?)?;
        Ok(Self { n_parts, part, last_part, values })
    }

    fn n_columns(&self) -> usize {
        (self.n_parts - 1) * self.part + self.last_part
    }

    fn get(&self, part: usize, code: u8) -> &[f32] {
        let code = usize::from(code);
        if part + 1 == self.n_parts {
            let start = part * CODES * self.part + code * self.last_part;
            return &self.values[start..start + self.last_part];
        }
        let start = (part * CODES + code) * self.part;
        &self.values[start..start + self.part]
    }
}

impl Matrix {
    pub(super) fn read(bytes: &mut Bytes<'_>, is_quantised: bool) -> Result<Self, String> {
        if !is_quantised {
            let (n_rows, n_columns) = (bytes.long_count()?, bytes.long_count()?);
            let n = n_rows.checked_mul(n_columns).ok_or("a matrix larger than memory")?;
            return Ok(Self::Dense { n_columns, values: bytes.floats(n)? });
        }
        let with_lengths = bytes.bool()?;
        let (n_rows, n_columns) = (bytes.long_count()?, bytes.long_count()?);
        let n_codes = bytes.count()?;
        let codes = bytes.take(n_codes)?.to_vec();
        let centroids = Centroids::read(bytes)?;
        if n_rows.checked_mul(centroids.n_parts) != Some(n_codes) {
            return Err(format!("{n_codes} codes for {n_rows} rows of {} parts", centroids.n_parts));
        }
        if centroids.n_columns() != n_columns {
            return Err(format!("parts of {} columns for {n_columns}", centroids.n_columns()));
        }
        let lengths = match with_lengths {
            true => Some((bytes.take(n_rows)?.to_vec(), Centroids::read(bytes)?)),
            false => None,
        };
        if lengths.as_ref().is_some_and(|(_, centroids)| centroids.n_columns() != 1) {
            return Err("lengths of rows that are no single numbers".into());
        }
        Ok(Self::Quantised(Quantised { n_rows, n_columns, codes, centroids, lengths }))
    }

    pub(super) fn n_rows(&self) -> usize {
        match self {
            Self::Dense { n_columns: 0, .. } => 0,
            Self::Dense { n_columns, values } => values.len() / n_columns,
            Self::Quantised(matrix) => matrix.n_rows,
        }
    }

    pub(super) fn n_columns(&self) -> usize {
        match self {
            Self::Dense { n_columns, .. } => *n_columns,
            Self::Quantised(matrix) => matrix.n_columns,
        }
    }

    /// Adds a row to a vector.
    pub(super) fn add_row(&self, row: usize, sum: &mut [f32]) {
        match self {
            Self::Dense { n_columns, values } => {
                let row = &values[row * n_columns..(row + 1) * n_columns];
                sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            Self::Quantised(matrix) => matrix.parts(row, |at, length, values| {
                sum[at..].iter_mut().zip(values).for_each(|(sum, value)| *sum += length * value);
            }),
        }
    }

    /// The product of a row and a vector.
    pub(super) fn dot(&self, row: usize, vector: &[f32]) -> f32 {
        match self {
            Self::Dense { n_columns, values } => {
                let row = &values[row * n_columns..(row + 1) * n_columns];
                row.iter().zip(vector).map(|(a, b)| a * b).sum()
            }
            Self::Quantised(matrix) => {
                let mut product = 0.0;
                matrix.parts(row, |at, length, values| {
                    product += length * values.iter().zip(&vector[at..]).map(|(a, b)| a * b).sum::<f32>();
                });
                product
            }
        }
    }
}

impl Quantised {
    /// Hands on the parts of a row: where each begins, the row's length (1 where it is not apart), and its centroid.
    fn parts(&self, row: usize, mut each: impl FnMut(usize, f32, &[f32])) {
        let n = self.centroids.n_parts;
        let length = self.lengths.as_ref().map_or(1.0, |(codes, centroids)| centroids.get(0, codes[row])[0]);
        for (part, code) in self.codes[row * n..(row + 1) * n].iter().enumerate() {
            each(part * self.centroids.part, length, self.centroids.get(part, *code));
        }
    }
}
