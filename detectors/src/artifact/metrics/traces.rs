//! Metrics of what generation leaves behind, and of copies.

crate::artifact::metric::metric_table! {
    REFUSALS = "refusals" "Refusals" Artifacts Share Difference Candidate {
        "Share of texts with a phrase of refusal or of being a model (a list of about 30)."; "Ours, by a list";
        "more refusals"; "fewer refusals"; "drop these rows, or use a worker that answers"
    }
    TEMPLATES = "template_phrases" "Template phrases" Artifacts PerHundredWords Difference Difference {
        "Stock phrases of made prose (a list of about 50) per hundred words."; "Ours, by a list"; "more stock phrases"; "fewer stock phrases";
        "forbid them in the prompt, or drop rows with several"
    }
    CHAT_TOKENS = "chat_tokens" "Chat-template tokens" Artifacts Share Difference Candidate {
        "Share of texts that hold a token of a chat template."; "Ours, by a list"; "templates were not stripped"; "templates were stripped";
        "fix the reply parser; drop these rows"
    }
    PROMPT_LEAK = "prompt_leak" "Prompt leakage" Artifacts Share Difference Candidate {
        "Share of texts that hold a run of eight words of a prompt template or few-shot example."; "Ours";
        "the prompt is echoed"; "the prompt is not echoed"; "drop these rows; mark where the reply starts"
    }
    MARKDOWN = "markdown" "Markdown" Artifacts Share Difference Difference {
        "Share of texts with headings, bullets, bold marks or fences."; "Ours"; "more markup"; "less markup";
        "strip it on both sides, or ask for plain text"
    }
    UNBALANCED = "unbalanced" "Unbalanced brackets or fences" Artifacts Share Difference Difference {
        "Share of texts with a bracket or code fence that is not closed or was not opened."; "Ours"; "more cut or broken texts"; "fewer broken texts"; "raise the token limit; drop these rows"
    }
    CUT = "cut_ends" "Cut ends" Artifacts Share Difference Difference {
        "Share of texts of at least ten words that end in a letter, a figure or a comma."; "Ours"; "more texts are cut"; "fewer texts are cut"; "raise the token limit, or cut at the last sentence"
    }
    MOJIBAKE = "mojibake" "Broken encoding" Artifacts Share Difference Candidate {
        "Share of texts with the replacement character or UTF-8 read as Latin-1."; "Ours"; "more broken characters"; "fewer broken characters"; "mend the encoding where the data is read"
    }
    ZERO_WIDTH = "zero_width" "Hidden characters" Artifacts Share Difference Candidate {
        "Share of texts with zero-width or direction-changing characters outside emoji and the scripts that spell with them.";
        "Ours; watermarks and attacks use them"; "more hidden characters"; "fewer hidden characters"; "normalise both sides"
    }
    MIXED_SCRIPT = "mixed_script" "Words of mixed script" Artifacts Share Difference Candidate {
        "Share of texts with a word of Latin and Cyrillic or Greek letters."; "Unicode Technical Standard 39"; "homoglyphs"; "fewer homoglyphs"; "fold confusables"
    }
    LOOPS = "tail_loops" "Loops at the end" Artifacts Share Difference Candidate {
        "Share of texts whose last fifth or more is one run of words repeated at least three times."; "Ours"; "more loops"; "fewer loops";
        "drop these rows; set a repetition penalty"
    }
    PLACEHOLDERS = "placeholders" "Holes and example addresses" Artifacts Share Difference Candidate {
        "Share of texts with a hole to be filled ([your name], {topic}) or an address set aside for examples."; "Ours; RFC 2606"; "more holes"; "fewer holes"; "drop these rows, or fill the holes"
    }
    LANGUAGE_LEAK = "language_leak" "Other languages" Artifacts Share Difference Candidate {
        "Share of texts whose language is identified and is not the declared one."; "Ours"; "more text of other languages"; "less text of other languages"; "filter by language"
    }
    PII = "pii" "Personal data" Artifacts Share Difference Candidate {
        "Share of texts with a mail address, telephone or card number, account, key or public network address that passes its checks."; "Luhn (ISO/IEC 7812), ISO 13616, RFC 1918, 2606, 5737";
        "more personal data"; "less personal data"; "mask them"
    }
    TOXICITY = "toxicity" "Abusive words" Artifacts Share Difference Difference {
        "Share of texts with a word or phrase of a list of about 60 English insults, curses and threats; the list holds no words that abuse a group, and no list sees abuse in decent words.";
        "Lexicon method; stands for the toxicity classifier of Das et al. 2024 and of WIMBD (Elazar et al. 2024, arXiv:2310.20707)";
        "more texts abuse"; "fewer texts abuse"; "look at the examples; drop these rows where nothing asks for such words"
    }
    INVALID_DATES = "invalid_dates" "Impossible dates" Artifacts Share Difference Candidate {
        "Of the full dates in a text (2024-02-30, 30 February 2024, February 30, 2024, 2/30/2024), the share that no calendar has, or whose weekday, where one is named before them, is another.";
        "ISO 8601; the proleptic Gregorian calendar"; "more dates are wrong"; "fewer dates are wrong"; "drop these rows, or check dates while generating"
    }
    EXACT_DUPLICATES = "exact_duplicates" "Exact duplicates" Duplicates Share Difference Candidate {
        "Share of texts of at least five words equal to an earlier one in their words, case and punctuation apart."; "-"; "more copies"; "fewer copies"; "deduplicate"
    }
    NEAR_DUPLICATES = "near_duplicates" "Near duplicates" Duplicates Share Difference Candidate {
        "Share of texts of at least five words whose word 5-grams have a Jaccard similarity of at least 0.8 with those of an earlier text: what deduplication would drop. Exact, not by hashing.";
        "Broder 1997; Lee et al. 2022 (arXiv:2107.06499)"; "more copies"; "fewer copies"; "deduplicate; vary seeds and temperature"
    }
    SEED_COPIES = "seed_copies" "Copies of the seeds" Duplicates Share Difference Candidate {
        "Share of texts that share a run of eight words with a seed, or have a ROUGE-L of at least 0.7 with one.";
        "Wang et al. 2023 (Self-Instruct, arXiv:2212.10560), filter of 0.7"; "more is copied from the seeds"; "less is copied from the seeds"; "drop these rows; show fewer seeds per prompt"
    }
    REFERENCE_COPIES = "reference_copies" "Copies of the reference" Duplicates Share None Between {
        "Share of candidate texts of at least five words whose word 5-grams have a Jaccard similarity of at least 0.8 with a text of the reference."; "As near duplicates"; "the candidate copies the reference"; "the candidate does not copy the reference"; "drop these rows"
    }
    SPLIT_OVERLAP = "split_overlap" "Held-out rows that stand in train" Duplicates Share Difference Candidate {
        "Share of the texts outside the split `train` (the largest, if none has that name) that share a run of 13 words with a text of it (all words of one that is shorter, of at least eight), or whose word 5-grams have a Jaccard similarity of at least 0.8 with one's. Among the rows that were read: of a sample it is a lower bound, since most copies stand in the rest.";
        "Lee et al. 2022 (arXiv:2107.06499): over 4 % of the validation rows of standard sets; run of Brown et al. 2020"; "the held-out rows measure memory"; "the held-out rows are new";
        "split by a hash of what rows share (`split_by`), or deduplicate before the split"
    }
    CONTAMINATION = "contamination" "Evaluation-set contamination" Duplicates Share Difference Candidate {
        "Share of rows that share a run of 13 words (or all words of a shorter item of at least eight) with an item of an evaluation set; items hit and items covered to four fifths by runs of eight words are in the details.";
        "Brown et al. 2020 (arXiv:2005.14165), appendix C; Chowdhery et al. 2022 (arXiv:2204.02311)"; "evaluation items are in the data"; "evaluation items are not in the data"; "drop these rows before training"
    }
}
