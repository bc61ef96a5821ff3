//! The numbers that rules compare, out of the JSON that a ledger row keeps of its measures.
//!
//! A ledger can be as long as the input, and a row holds some forty measures: no tree is built for it.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Paths of measures, `group.measure`, numbered in the order they were asked for.
#[derive(Debug, Default)]
pub(super) struct Paths(HashMap<String, usize>);

impl Paths {
    /// The number of a path, a new one if need be.
    pub(super) fn number(&mut self, path: &str) -> usize {
        let next = self.0.len();
        *self.0.entry(path.to_owned()).or_insert(next)
    }

    /// The numbers that some JSON holds at the paths, by the paths' numbers; none for what is missing or no number.
    pub(super) fn read(&self, json: &str, values: &mut Vec<Option<f64>>) {
        values.clear();
        values.resize(self.0.len(), None);
        let mut path = String::new();
        let seed = Walk { paths: self, path: &mut path, values };
        // Evidence of other shapes is no measure; what was read before a fault stands.
        let _ = seed.deserialize(&mut serde_json::Deserializer::from_str(json));
    }
}

struct Walk<'a> {
    paths: &'a Paths,
    path: &'a mut String,
    values: &'a mut [Option<f64>],
}

impl Walk<'_> {
    fn note(self, number: f64) {
        if let Some(i) = self.paths.0.get(self.path.as_str()) {
            self.values[*i] = Some(number);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("measures")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let start = self.path.len();
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if start > 0 {
                self.path.push('.');
            }
            self.path.push_str(&key);
            map.next_value_seed(Walk { paths: self.paths, path: self.path, values: self.values })?;
            self.path.truncate(start);
        }
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.note(number);
        Ok(())
    }
    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.note(number as f64);
        Ok(())
    }
    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.note(number as f64);
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_path_and_nothing_else_is() {
        let mut paths = Paths::default();
        for (path, number) in [("a.n", 0), ("b", 1), ("a.ratio", 2), ("a.n", 0), ("a.s", 3)] {
            assert_eq!(paths.number(path), number);
        }
        let mut values = Vec::new();
        paths.read(r#"{"a":{"n":7,"x":[1,{"n":8}],"ratio":-0.5,"s":"9","n2":1},"b":null,"n":3}"#, &mut values);
        assert_eq!(values, [Some(7.0), None, Some(-0.5), None]);
        paths.read("no JSON", &mut values);
        assert_eq!(values, [None; 4]);
    }
}
