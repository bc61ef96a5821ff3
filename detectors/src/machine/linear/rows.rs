//! Rows of sparse numbers, one per document.

/// Documents as sparse vectors, row after row.
#[derive(Debug, Clone, Default)]
pub struct SparseRows {
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f32>,
    n_columns: usize,
}

impl SparseRows {
    /// No rows of `n_columns` columns.
    pub fn new(n_columns: usize) -> Self {
        Self { starts: vec![0], columns: Vec::new(), values: Vec::new(), n_columns }
    }

    /// Adds a row; entries outside the columns are left out, zeros too.
    pub fn push(&mut self, entries: impl IntoIterator<Item = (u32, f32)>) {
        for (column, value) in entries {
            if (column as usize) < self.n_columns && value != 0.0 {
                self.columns.push(column);
                self.values.push(value);
            }
        }
        self.starts.push(self.columns.len());
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The entries of a row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.starts[row]..self.starts[row + 1];
        let columns = self.columns[range.clone()].iter();
        columns.zip(&self.values[range]).map(|(&column, &value)| (column as usize, f64::from(value)))
    }

    /// The rows with these numbers, in this order.
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut selected = Self::new(self.n_columns);
        for &row in rows {
            selected.push(self.row(row).map(|(column, value)| (column as u32, value as f32)));
        }
        selected
    }

    /// Dot product of a row and a dense vector.
    pub fn dot(&self, row: usize, weights: &[f64]) -> f64 {
        self.row(row).map(|(column, value)| weights[column] * value).sum()
    }

    /// The first row with a number that is not finite.
    pub fn first_not_finite(&self) -> Option<usize> {
        (0..self.n_rows()).find(|&row| self.row(row).any(|(_, value)| !value.is_finite()))
    }
}
