//! Recipes without a model: rows drawn one after the other from a seed.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use gristmill_core::error::Result;
use gristmill_core::schema::{ID, SOURCE, document_id};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink};
use serde_json::json;

use super::draws::Draws;
use super::rows::{Row, RowWriter, document_schema, mark_drawn};

/// A recipe whose rows need nothing but a seed.
pub trait DrawnRecipe: Send + Sync + 'static {
    /// The kind of the stage.
    fn kind(&self) -> &'static str;
    /// The stage's name in the config.
    fn stage(&self) -> &str;
    /// The run's seed.
    fn seed(&self) -> u64;
    /// Number of rows to keep.
    fn n(&self) -> u64;
    /// The columns it adds to the core's.
    fn fields(&self) -> Vec<FieldRef>;
    /// Row number `n`, and what makes it the same as another: rows with a key seen before are dropped.
    fn draw(&self, draws: &mut Draws) -> (Row, Option<String>);
}

/// Rows drawn for each row wanted before a recipe whose rows all repeat gives up.
const MAX_DRAWS_PER_ROW: u64 = 20;
/// The rule that ends a repeated row.
const RULE: &str = "first_of_its_kind";

/// A drawn recipe as a stage.
pub struct Drawn<R>(pub Arc<R>);

#[async_trait]
impl<R: DrawnRecipe> Maker for Drawn<R> {
    fn schema(&self, _input: &Schema) -> Result<SchemaRef> {
        Ok(document_schema(self.0.fields()))
    }

    fn rules(&self) -> Vec<String> {
        vec![RULE.to_owned()]
    }

    async fn make(&self, _input: &dyn Relation, _context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let recipe = &self.0;
        let mut rows = RowWriter::new(recipe.stage(), document_schema(recipe.fields()), out);
        let (mut seen, mut kept, mut drawn) = (HashSet::new(), 0, 0);
        while kept < recipe.n() && drawn < recipe.n().saturating_mul(MAX_DRAWS_PER_ROW) {
            let mut draws = Draws::of(recipe.seed(), &[recipe.stage(), &drawn.to_string()]);
            let (mut row, key) = recipe.draw(&mut draws);
            row.insert(ID.into(), document_id(recipe.stage(), &drawn.to_string()).into());
            row.insert(SOURCE.into(), recipe.stage().into());
            mark_drawn(&mut row, recipe.kind(), &[]);
            drawn += 1;
            if key.is_some_and(|key| !seen.insert(xxhash_rust::xxh3::xxh3_128(key.as_bytes()))) {
                rows.drop(row, RULE, &json!({}))?;
                continue;
            }
            rows.keep(row)?;
            kept += 1;
        }
        rows.figure("drawn", json!({ "drawn": drawn, "kept": kept, "wanted": recipe.n() }));
        rows.finish()
    }
}
