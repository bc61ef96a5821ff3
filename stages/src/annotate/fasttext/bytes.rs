//! A model file as a run of little-endian values; whatever is missing is an error, never a default.

pub(super) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (head, rest) = self.0.split_at_checked(n).ok_or("the file ends too early")?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or("the file ends too early")?;
        self.0 = rest;
        Ok(*head)
    }

    pub(super) fn i32(&mut self) -> Result<i32, String> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, String> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    pub(super) fn f64(&mut self) -> Result<f64, String> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    pub(super) fn bool(&mut self) -> Result<bool, String> {
        Ok(self.array::<1>()? != [0])
    }

    /// A count, which must not be negative.
    pub(super) fn count(&mut self) -> Result<usize, String> {
        let n = self.i32()?;
        usize::try_from(n).map_err(|_| format!("a count of {n}"))
    }

    /// A count of 64 bits.
    pub(super) fn long_count(&mut self) -> Result<usize, String> {
        let n = self.i64()?;
        usize::try_from(n).map_err(|_| format!("a count of {n}"))
    }

    pub(super) fn floats(&mut self, n: usize) -> Result<Vec<f32>, String> {
        let bytes = self.take(n.checked_mul(4).ok_or("more values than memory can hold")?)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect())
    }

    /// Bytes up to the next zero, which is passed over.
    pub(super) fn text(&mut self) -> Result<&'a [u8], String> {
        let end = memchr::memchr(0, self.0).ok_or("the file ends within a word")?;
        let text = self.take(end)?;
        self.take(1)?;
        Ok(text)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
