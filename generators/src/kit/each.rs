//! An ensemble: the same recipe with each of several workers, their rows one worker after another.
//!
//! `worker = ["a", "b"]` without a `route` means each of them. Every worker sees the whole input; rows that would have the
//! same id are told apart by the worker's name, also where one row of a worker is made from another. What they have in
//! common is for `dedup` and for a consensus to find.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringBuilder, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use gristmill_core::error::{Error, Result};
use gristmill_core::schema::{ID, PARENTS, document_id};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128;

/// A recipe once for each worker.
pub struct Each {
    members: Vec<(String, Arc<dyn Maker>)>,
}

impl Each {
    /// An ensemble of the same recipe, built for each worker; none of no worker.
    pub fn new(members: Vec<(String, Arc<dyn Maker>)>) -> Option<Self> {
        (!members.is_empty()).then_some(Self { members })
    }

    fn first(&self) -> &dyn Maker {
        self.members[0].1.as_ref()
    }
}

#[async_trait]
impl Maker for Each {
    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        self.first().schema(input)
    }

    fn rules(&self) -> Vec<String> {
        self.first().rules()
    }

    fn workers(&self) -> Vec<(String, String)> {
        let mut uses: Vec<(String, String)> = Vec::new();
        for found in self.members.iter().flat_map(|(_, maker)| maker.workers()) {
            if !uses.contains(&found) {
                uses.push(found);
            }
        }
        uses
    }

    async fn make(&self, input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        for (i, (worker, maker)) in self.members.iter().enumerate() {
            let scratch = context.scratch.join(i.to_string());
            std::fs::create_dir(&scratch).map_err(Error::path("creating", &scratch))?;
            let (memory_bytes, workers) = (context.memory_bytes, Arc::clone(&context.workers));
            let context = MakeContext { scratch, memory_bytes, workers };
            maker.make(input, &context, &mut RowsOf { worker, out, made: HashSet::new() }).await?;
        }
        Ok(())
    }
}

/// The rows and figures of one worker.
struct RowsOf<'a> {
    worker: &'a str,
    out: &'a mut dyn RowSink,
    /// Hashes of the ids it gave, so that a later row's parents are known for its own: 16 bytes a row, of rows that each
    /// cost a reply.
    made: HashSet<u128>,
}

impl RowsOf<'_> {
    fn renamed(&self, id: &str) -> String {
        document_id(self.worker, id)
    }

    /// The parents, with those of this worker's own making under the names they have now.
    fn parents(&self, parents: &ArrayRef) -> Result<ArrayRef> {
        let kind = parents.data_type().clone();
        let lists = cast(parents, &DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))))?;
        let mut renamed = ListBuilder::new(StringBuilder::new());
        for list in lists.as_list::<i32>().iter() {
            for parent in list.iter().flat_map(|list| list.as_string::<i32>().iter()) {
                let own = parent.filter(|id| self.made.contains(&xxh3_128(id.as_bytes())));
                match own {
                    Some(id) => renamed.values().append_value(self.renamed(id)),
                    None => renamed.values().append_option(parent),
                }
            }
            renamed.append(list.is_some());
        }
        Ok(cast(&renamed.finish(), &kind)?)
    }
}

impl RowSink for RowsOf<'_> {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let at = rows.schema().index_of(ID)?;
        let kind = rows.column(at).data_type().clone();
        let ids = cast(rows.column(at), &DataType::Utf8View)?;
        let ids = ids.as_string_view();
        self.made.extend(ids.iter().flatten().map(|id| xxh3_128(id.as_bytes())));
        let named: StringViewArray = ids.iter().map(|id| id.map(|id| self.renamed(id))).collect();
        let mut columns = rows.columns().to_vec();
        columns[at] = cast(&named, &kind)?;
        if let Ok(at) = rows.schema().index_of(PARENTS) {
            columns[at] = self.parents(&columns[at])?;
        }
        self.out.write(&RecordBatch::try_new(rows.schema(), columns)?)
    }

    fn figure(&mut self, name: &str, value: Value) {
        let mut value = value;
        if let Some(title) = value.get("title").and_then(Value::as_str).map(|title| format!("{title}, {}", self.worker))
        {
            value["title"] = title.into();
        }
        self.out.figure(&format!("{name}, {}", self.worker), value);
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;

    #[derive(Default)]
    struct Kept(Vec<RecordBatch>);

    impl RowSink for Kept {
        fn write(&mut self, rows: &RecordBatch) -> Result<()> {
            self.0.push(rows.clone());
            Ok(())
        }
        fn figure(&mut self, _: &str, _: Value) {}
    }

    #[test]
    fn a_row_made_of_another_of_the_stage_names_it_as_it_is_called_now() {
        let mut kept = Kept::default();
        let mut rows = RowsOf { worker: "a", out: &mut kept, made: HashSet::new() };
        // "two" is made of "one", which is made of a row of the input.
        let ids = StringArray::from(vec!["one", "two"]);
        let mut parents = ListBuilder::new(StringBuilder::new());
        for parent in ["input", "one"] {
            parents.append_value([Some(parent)]);
        }
        let parents = parents.finish();
        let batch =
            RecordBatch::try_from_iter([(ID, Arc::new(ids) as ArrayRef), (PARENTS, Arc::new(parents) as ArrayRef)]);
        rows.write(&batch.unwrap()).unwrap();
        let (one, two) = (document_id("a", "one"), document_id("a", "two"));
        let written = &kept.0[0];
        let ids: Vec<&str> = written.column(0).as_string::<i32>().iter().flatten().collect();
        assert_eq!(ids, [one.as_str(), two.as_str()]);
        let parents = written.column(1).as_list::<i32>().values();
        assert_eq!(parents.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["input", one.as_str()]);
    }
}
