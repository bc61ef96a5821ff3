//! The growing pool of instructions: what the next prompts show, and what the gate lets in.
//!
//! Everything here is a function of the seeds, the settings and the replies in their order: no call is made from here,
//! so the same replies give the same pool however they came.

use gristmill_core::measures::novelty::{NoveltyIndex, NoveltyParams};
use gristmill_lm::Finish;
use serde_json::json;

use super::candidates::{Candidate, Candidates, InstructionRules};
use crate::kit::{Draws, Template};

/// How prompts are made and what passes.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Instructions shown in a prompt.
    pub n_demos: usize,
    /// Of these, at most so many of the worker's own.
    pub n_own_demos: usize,
    /// What is too close to an earlier instruction.
    pub novelty: NoveltyParams,
    /// Which instructions are usable.
    pub rules: InstructionRules,
    /// Whether the end mark stays in what the gate compares, as in the released Ensemble-Instruct.
    pub compare_with_mark: bool,
}

/// Seeds and what has been kept so far.
pub struct Pool {
    settings: PoolSettings,
    candidates: Candidates,
    seed: u64,
    stage: String,
    seeds: Vec<String>,
    own: Vec<String>,
    index: NoveltyIndex,
}

/// What became of a candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The candidate, with the rule that ends it.
    pub candidate: Candidate,
    /// The instruction that is too close, with its ROUGE-L F, where novelty failed; else the closest.
    pub closest: Option<(String, f64)>,
    /// Mean ROUGE-L F over the pool; only when asked for.
    pub mean_f: Option<f64>,
}

impl Pool {
    /// A pool of nothing but seeds.
    pub fn new(settings: PoolSettings, seed: u64, stage: &str, seeds: Vec<String>) -> Self {
        let mut index = NoveltyIndex::new(settings.novelty);
        for seed in &seeds {
            index.insert(seed);
        }
        let candidates = Candidates::new(settings.rules.clone());
        Self { settings, candidates, seed, stage: stage.to_owned(), seeds, own: Vec::new(), index }
    }

    /// Instructions kept so far.
    pub fn kept(&self) -> &[String] {
        &self.own
    }

    /// The instructions of prompt `i` of a round, own ones among them once there are some.
    pub fn demos(&self, round: u64, i: u64) -> Vec<String> {
        let mut draws = Draws::of(self.seed, &[&self.stage, "demos", &round.to_string(), &i.to_string()]);
        let n_own = self.settings.n_own_demos.min(self.own.len());
        let mut demos = draws.sample(&self.own, n_own);
        demos.extend(draws.sample(&self.seeds, self.settings.n_demos.saturating_sub(n_own)));
        draws.shuffle(&mut demos);
        demos.into_iter().map(|demo| encode(demo, &self.settings.rules.end_mark)).collect()
    }

    /// The prompt `i` of a round.
    ///
    /// # Errors
    /// When the template names a variable that is not there.
    pub fn prompt(&self, template: &Template, round: u64, i: u64) -> Result<String, String> {
        let demos = self.demos(round, i);
        let prompt = template.render(&json!({ "instructions": demos, "next": demos.len() + 1 }))?;
        Ok(prompt.trim_end().to_owned())
    }

    /// Judges a reply's candidates in order; those that pass join the pool and stand against all later ones.
    pub fn take(&mut self, reply: &str, finish: Finish, with_mean: bool) -> Vec<Judged> {
        let found = self.candidates.of_reply(reply, finish);
        found.into_iter().map(|candidate| self.judge(candidate, with_mean)).collect()
    }

    fn judge(&mut self, mut candidate: Candidate, with_mean: bool) -> Judged {
        if candidate.fails.is_some() {
            return Judged { candidate, closest: None, mean_f: None };
        }
        let bare = self.candidates.without_mark(&candidate.text).to_owned();
        let compared = if self.settings.compare_with_mark { &candidate.text } else { &bare };
        let mean_f = with_mean.then(|| self.index.scan(compared, 1).mean_f);
        let closest = self.index.most_similar(compared, 1).first().copied();
        if self.index.offer(compared).is_novel() {
            self.own.push(candidate.text.clone());
        } else {
            candidate.fails = Some("novel");
        }
        let closest = closest.map(|found| (self.record(found.record).to_owned(), found.f));
        candidate.text = bare;
        Judged { candidate, closest, mean_f }
    }

    fn record(&self, i: usize) -> &str {
        match i.checked_sub(self.seeds.len()) {
            None => &self.seeds[i],
            Some(own) => self.own.get(own).map_or("", |text| self.candidates.without_mark(text)),
        }
    }
}

/// One line of a list: white space levelled, no colon at the end, the mark behind it.
fn encode(instruction: &str, mark: &str) -> String {
    let line = super::python_text::level(instruction);
    let line = line.trim_end_matches(':');
    if mark.is_empty() || line.ends_with(mark) { line.to_owned() } else { format!("{line} {mark}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(seeds: &[&str]) -> Pool {
        let settings = PoolSettings {
            n_demos: 3,
            n_own_demos: 1,
            novelty: NoveltyParams::default(),
            rules: InstructionRules::default(),
            compare_with_mark: false,
        };
        Pool::new(settings, 7, "s", seeds.iter().map(|s| (*s).to_owned()).collect())
    }

    #[test]
    fn an_instruction_kept_early_blocks_a_later_one_of_the_same_reply() {
        let mut pool = pool(&["Name a colour of the rainbow."]);
        let reply =
            " Count the vowels in this word.\n10. Count the vowels in this line.\n11. Name a colour of the rainbow.";
        let judged = pool.take(reply, Finish::Stop, false);
        let fails: Vec<Option<&str>> = judged.iter().map(|j| j.candidate.fails).collect();
        assert_eq!(fails, [None, Some("novel"), Some("novel")]);
        // "count the vowels in this" is 5 of 6 words of both: F = 5/6.
        assert_eq!(judged[1].closest, Some(("Count the vowels in this word.".to_owned(), 5.0 / 6.0)));
        assert_eq!(pool.kept().len(), 1);
    }

    #[test]
    fn prompts_show_own_instructions_once_there_are_some_and_never_more_than_allowed() {
        let mut pool = pool(&["Seed one is here:", "Seed two is here", "Seed three is here", "Seed four is here"]);
        assert_eq!(pool.demos(0, 0).len(), 3);
        pool.take(" Count the vowels in this word.\n10. Name three rivers in Asia today.", Finish::Stop, false);
        for i in 0..20 {
            let demos = pool.demos(1, i);
            let own = demos.iter().filter(|demo| !demo.starts_with("Seed")).count();
            assert_eq!((demos.len(), own), (3, 1));
            assert!(demos.iter().all(|demo| !demo.ends_with(':')));
        }
        assert_ne!(pool.demos(1, 0), pool.demos(1, 1));
    }
}
