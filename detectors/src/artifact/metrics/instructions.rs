//! Metrics of instructions.

crate::artifact::metric::metric_table! {
    VERB_NOUN_COVER = "verb_noun_cover" "Instructions with a root verb and object" Instructions Share Difference Difference {
        "Share of instructions in which a root verb and its object noun are found; the other verb-noun metrics are of these."; "Wang et al. 2023 (arXiv:2212.10560)";
        "more plain orders"; "more questions and other forms"; "none: a description"
    }
    VERB_NOUN_PAIRS = "verb_noun_pairs" "Distinct verb-noun pairs" Instructions Number Difference RelativeDifference {
        "Distinct pairs of root verb and object among as many instructions on both sides that have one."; "Wang et al. 2023 (arXiv:2212.10560), figure 2";
        "more kinds of task"; "fewer kinds of task"; "widen the seeds; drop the commonest pairs"
    }
    VERB_NOUN_ENTROPY = "verb_noun_entropy" "Entropy of verb-noun pairs" Instructions Bits Difference Difference {
        "Entropy of the pairs of root verb and object, of as many on both sides."; "After Wang et al. 2023"; "tasks are spread more evenly"; "a few tasks prevail"; "draw seeds evenly"
    }
    VERB_NOUN_TOP = "verb_noun_top20" "Top 20 verb-noun pairs" Instructions Share Difference Difference {
        "Share of the 20 commonest pairs, of as many on both sides."; "Wang et al. 2023"; "a few tasks prevail"; "tasks are spread more evenly"; "draw seeds evenly"
    }
    SIMILAR = "similar_instructions" "Instructions alike" Instructions Share Difference Candidate {
        "Share of instructions with a ROUGE-L of at least 0.7 with another of the side, of as many on both sides, at most 500."; "Wang et al. 2023 (arXiv:2212.10560)";
        "instructions repeat"; "instructions differ"; "filter by ROUGE-L against the pool while generating"
    }
    QUESTION_FORM = "question_instructions" "Questions" Instructions Share Difference Difference {
        "Share of instructions that end with a question mark or open with a question word."; "Ours"; "more questions"; "fewer questions"; "balance the seeds"
    }
    IMPERATIVE_FORM = "imperative_instructions" "Orders" Instructions Share Difference Difference {
        "Share of instructions whose first word, please and the like apart, is a verb of a list of about 70."; "Ours"; "more orders"; "fewer orders"; "balance the seeds"
    }
    MISSING_INPUT = "missing_input" "Instructions without input" Instructions Share Difference Difference {
        "Share of rows whose input is blank."; "Ours"; "more stand alone"; "fewer stand alone"; "balance the kinds of task"
    }
    INPUT_MISMATCH = "input_mismatch" "Input asked for and missing" Instructions Share Difference Candidate {
        "Share of rows whose instruction speaks of a text given (the following, this sentence, the passage) while the input is blank or a hole, and the instruction holds none itself.";
        "Das et al. 2024: incomplete input"; "more instructions lack their input"; "fewer lack their input"; "drop these rows"
    }
    UNANSWERABLE = "unanswerable" "Unanswerable instructions" Instructions Share Difference Candidate {
        "Share of instructions that ask for what a text model cannot see or do (an attached image, today's weather)."; "Das et al. 2024: unanswerable"; "more cannot be answered"; "fewer cannot be answered"; "drop these rows, or make their answers say so"
    }
    INPUT_COPIED = "input_copied" "Output copies input" Instructions Share Difference Candidate {
        "Share of outputs of at least five words of which four fifths or more, in order, are the input's (longest common subsequence over the output's length)."; "Ours";
        "more answers copy"; "fewer answers copy"; "drop these rows unless the task is to extract"
    }
    NOVEL_NAMES = "novel_names" "Names and numbers not in the input" Instructions Share Difference Difference {
        "Of the names (capitals amid a sentence) and numbers in the outputs of rows with an input, the share that neither instruction nor input holds.";
        "1 less the entity precision of Nan et al. 2021 (arXiv:2102.09130), capitals in place of a tagger"; "answers add what they were not given"; "answers keep to what they were given"; "look at the examples: made-up facts, or knowledge that the task asks for"
    }
    OUTPUT_LEAKED = "output_leaked" "Output stands in the instruction or input" Instructions Share Difference Difference {
        "Share of outputs of one to four words that stand in the instruction or input as they are: right for choices and extraction, a leak elsewhere.";
        "Label leakage, after Das et al. 2024"; "more answers are given away"; "fewer answers are given away"; "look at the examples; drop rows that give their answer away"
    }
    EMPTY_OUTPUT = "empty_output" "Blank outputs" Instructions Share Difference Candidate {
        "Share of rows whose output is blank."; "-"; "more blank outputs"; "fewer blank outputs"; "drop these rows"
    }
    TRUNCATED = "truncated_output" "Outputs cut at the token limit" Instructions Share Difference Candidate {
        "Share of outputs that are as long as the commonest length among the longest tenth, within 2 %, and end without a final mark; at least three of them.";
        "Ours"; "more answers are cut"; "fewer answers are cut"; "raise the token limit; drop these rows"
    }
    OUTPUT_INPUT_RATIO = "output_instruction_ratio" "Output length over prompt length" Instructions Number CliffDelta RelativeDifference {
        "Words of the output over words of instruction and input."; "-"; "longer answers"; "shorter answers"; "state the length in the prompt"
    }
    WRONG_BY_RULE = "wrong_by_rule" "Answers wrong by rule" Instructions Share Difference Candidate {
        "Of the rows that a rule applies to (equations, JSON, yes or no, item counts, word limits), the share that breaks one."; "Ours; Das et al. 2024: confident wrong answers";
        "more wrong answers"; "fewer wrong answers"; "drop these rows"
    }
}
