//! Where a user's turn begins and ends in the conversation templates of known families of models.
//!
//! The mark that begins a text is left out: servers put it before a bare prompt themselves, and two of them change what
//! a model says. A family that is not here is given by `pre_query`, `post_query` and `stop`.

/// The marks around a user's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    /// All before the user's words.
    pub(super) pre_query: String,
    /// All between the user's words and the assistant's.
    pub(super) post_query: String,
    /// Texts that end a turn.
    pub(super) stop: Vec<String>,
}

type Family = (&'static str, &'static str, &'static str, &'static [&'static str]);

/// Name, before the user's words, after them, ends of a turn.
const FAMILIES: &[Family] = &[
    (
        "llama3",
        "<|start_header_id|>user<|end_header_id|>\n\n",
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        &["<|eot_id|>", "<|end_of_text|>", "<|start_header_id|>"],
    ),
    (
        "chatml",
        "<|im_start|>user\n",
        "<|im_end|>\n<|im_start|>assistant\n",
        &["<|im_end|>", "<|endoftext|>", "<|im_start|>"],
    ),
    (
        "gemma",
        "<start_of_turn>user\n",
        "<end_of_turn>\n<start_of_turn>model\n",
        &["<end_of_turn>", "<eos>", "<start_of_turn>"],
    ),
    ("mistral", "[INST] ", " [/INST]", &["[/INST]", "</s>", "[INST]"]),
    ("phi3", "<|user|>\n", "<|end|>\n<|assistant|>\n", &["<|end|>", "<|endoftext|>", "<|user|>"]),
];

/// The turn of a family; none of an unknown one.
pub(super) fn family(name: &str) -> Option<Turn> {
    let (_, pre_query, post_query, stop) = FAMILIES.iter().find(|(known, ..)| *known == name)?;
    Some(Turn {
        pre_query: (*pre_query).to_owned(),
        post_query: (*post_query).to_owned(),
        stop: stop.iter().map(|text| (*text).to_owned()).collect(),
    })
}

/// Names of the families.
pub(super) fn names() -> String {
    FAMILIES.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
}
