//! `wikipedia`: the articles of a MediaWiki dump (`pages-articles.xml`, also as .bz2, .gz or .zst).
//!
//! Every page is a row. Pages outside the wanted namespaces are dropped by `main_namespace`, redirects by `no_redirect`;
//! both are judged by what the dump says, not by the text. Wiki markup becomes plain text in [`markup`].
//!
//! A dump is read by its `<page>` elements, without an XML parser: the export format puts each element of a page where it
//! belongs and escapes every `<` of a text, so that a search for the tags is exact, and a page of markup, in which every
//! tenth character is an entity, is one slice instead of thousands of events. A file is one shard.
//!
//! Source: MediaWiki export format 0.11 (mediawiki.org, Help:Export).

mod markup;
mod pages;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use gristmill_core::error::Result;
use gristmill_core::params::ParamError;
use gristmill_core::source::{Batches, Piece, Shard, Source};
use gristmill_core::stage::{Stage, StageSpec};
use serde::Deserialize;
use serde_json::json;

use super::batch::{Fault, Locator, OwnValue, Row, RowBatches, RowBuilder, RowReader};
use super::lines::INTACT_FILE;
use super::mapping::created_ms;
use super::{HAS_TEXT, Settings, Shared, files, parse_params};
use markup::Markup;
use pages::{Next, Page, Pages, Site};

/// The rule that a page fails which is in a namespace that was not asked for.
const NAMESPACE: &str = "main_namespace";
/// The rule that a page fails which only points to another.
const REDIRECT: &str = "no_redirect";

/// Parameters beside those all sources share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default = "articles")]
    namespaces: Vec<i64>,
}

/// Number 0, in which the articles are.
fn articles() -> Vec<i64> {
    vec![0]
}

/// Builds the stage.
pub(super) fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let (shared, params): (Shared, Params) = parse_params(spec, super::docs::WIKIPEDIA)?;
    let own = ["title", "revision_id"].map(|name| Arc::new(Field::new(name, DataType::Utf8View, true)));
    let settings = Arc::new(Settings::new("wikipedia", spec, shared, own.to_vec(), |_| false)?);
    Ok(Stage::Source(Arc::new(Dump { settings, namespaces: params.namespaces.into() })))
}

#[derive(Debug)]
struct Dump {
    settings: Arc<Settings>,
    namespaces: Arc<[i64]>,
}

impl Source for Dump {
    fn schema(&self) -> arrow::datatypes::SchemaRef {
        Arc::clone(&self.settings.schema)
    }
    fn shards(&self) -> &[Shard] {
        &self.settings.shards
    }
    fn open(&self, shard: &Shard, projection: &[usize]) -> Result<Batches> {
        let rows = RowBuilder::new(&self.settings, projection)?;
        let wants_text = rows.wants("text");
        let pieces = shard.pieces.clone().into_iter();
        let namespaces = Arc::clone(&self.namespaces);
        Ok(Box::new(RowBatches::new(Dumps { pieces, open: None, namespaces, wants_text }, rows)))
    }
    fn max_bad_ratio(&self) -> f64 {
        self.settings.max_bad_ratio
    }
    fn bad_rules(&self) -> Vec<&'static str> {
        vec![INTACT_FILE]
    }
}

/// The dumps of a shard, one after the other.
struct Dumps {
    pieces: std::vec::IntoIter<Piece>,
    open: Option<(Pages, Arc<Site>, Markup)>,
    namespaces: Arc<[i64]>,
    wants_text: bool,
}

impl RowReader for Dumps {
    fn step(&mut self, rows: &mut RowBuilder) -> Result<bool> {
        let Some((pages, site, markup)) = &mut self.open else {
            let Some(piece) = self.pieces.next() else { return Ok(false) };
            rows.set_file(files::name(&piece));
            let pages = Pages::open(&piece.path)?;
            let site = pages.site();
            let markup = Markup::new(site.dropped_links());
            self.open = Some((pages, site, markup));
            return Ok(true);
        };
        match pages.next()? {
            Next::Page { offset, xml } => {
                let page = Page::read(xml);
                let text = page.text.filter(|_| self.wants_text).map(|text| markup.plain(&pages::unescape(text)));
                push(&page, text.as_deref(), site, &self.namespaces, offset, rows)?;
            }
            Next::Damaged { offset, cause } => {
                let fault = Some(Fault::new(INTACT_FILE, cause));
                rows.push(&Row { fault, ..Row::at(Locator::Offset(offset)) })?;
                self.open = None;
            }
            Next::End => self.open = None,
        }
        Ok(true)
    }
}

fn push(
    page: &Page<'_>,
    text: Option<&str>,
    site: &Site,
    namespaces: &[i64],
    offset: u64,
    rows: &mut RowBuilder,
) -> Result<()> {
    let title = pages::unescape(page.title);
    let namespace: i64 = page.namespace.parse().unwrap_or(0);
    let fault = if !namespaces.contains(&namespace) {
        let cause = format!("the page is in namespace {namespace}");
        Some(Fault { rule: NAMESPACE, cause, more: vec![("title", json!(title))] })
    } else if let Some(target) = page.redirect {
        let cause = format!("it redirects to \"{}\"", pages::unescape(target));
        Some(Fault { rule: REDIRECT, cause, more: vec![("title", json!(title))] })
    } else if page.text.is_none() {
        Some(Fault::new(HAS_TEXT, "the page has no text"))
    } else {
        None
    };
    let url = site.url(&title);
    let own = [OwnValue::Text(&title), OwnValue::Text(page.revision)];
    rows.push(&Row {
        id: Some(page.id).filter(|id| !id.is_empty()),
        text: text.filter(|_| fault.is_none()),
        url: url.as_deref(),
        created: created_ms(page.timestamp),
        fault,
        own: &own,
        ..Row::at(Locator::Offset(offset))
    })
}

#[cfg(test)]
mod tests;
