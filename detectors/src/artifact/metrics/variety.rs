//! Metrics of variety and manner within a side.

crate::artifact::metric::metric_table! {
    MTLD = "mtld" "MTLD" Diversity Words CohenD RelativeDifference {
        "Mean number of words over which the type-token ratio stays at or above 0.72, both ways; mean over documents of at least 50 words.";
        "McCarthy & Jarvis 2010"; "vocabulary is richer"; "vocabulary is poorer"; "base models: raise the sampling temperature; check for loops"
    }
    HDD = "hdd" "HD-D" Diversity Number CohenD RelativeDifference {
        "Expected type-token ratio of 42 words drawn from a document; mean over documents of at least 42 words.";
        "McCarthy & Jarvis 2010"; "vocabulary is richer"; "vocabulary is poorer"; "as for MTLD"
    }
    YULE_K = "yule_k" "Yule's K" Diversity Number Difference RelativeDifference {
        "10^4 (sum of i^2 V_i - N) / N^2 over as many words on both sides."; "Yule 1944"; "words repeat more"; "words repeat less"; "as for MTLD"
    }
    DISTINCT_1 = "distinct_1" "Distinct-1" Diversity Share Difference RelativeDifference {
        "Distinct words, numbers and marks over all of them, of as many first tokens on both sides, at most 8,000."; "Li et al. 2016 (arXiv:1510.03055)";
        "vocabulary is wider"; "vocabulary is narrower"; "moves little between human and made text: do not decide by it"
    }
    DISTINCT_2 = "distinct_2" "Distinct-2" Diversity Share Difference RelativeDifference {
        "Distinct pairs of tokens (words, numbers, marks) over all pairs, of as many first tokens on both sides, at most 8,000."; "Li et al. 2016 (arXiv:1510.03055)";
        "word pairs vary more"; "word pairs vary less"; "moves little between human and made text: do not decide by it"
    }
    DISTINCT_4 = "distinct_4" "Distinct-4" Diversity Share Difference RelativeDifference {
        "Distinct runs of four tokens (words, numbers, marks) over all such runs, of as many first tokens on both sides, at most 8,000."; "Li et al. 2016 (arXiv:1510.03055)";
        "phrases vary more"; "phrases recur"; "moves little between human and made text: do not decide by it"
    }
    DISTINCT_ADJUSTED = "distinct_adjusted" "Distinct-1, expectation-adjusted" Diversity Share Difference RelativeDifference {
        "Distinct tokens over those expected of as many draws from the tokens of both sides, all equally likely; unlike distinct-1 it does not fall with length.";
        "Liu et al. 2022 (arXiv:2202.13587)"; "vocabulary is wider"; "vocabulary is narrower"; "as for distinct-1"
    }
    SELF_BLEU = "self_bleu" "Self-BLEU" Diversity Number Difference Difference {
        "Mean BLEU-4 of each of 31 documents (200 tokens of each) against the other 30, counts of two and more words smoothed by one.";
        "Zhu et al. 2018 (arXiv:1802.01886); smoothing of Lin & Och 2004"; "documents read like each other"; "documents differ more";
        "moves little between human and made text: do not decide by it"
    }
    COMPRESSION = "compression_ratio" "Compression ratio" Diversity Number Difference RelativeDifference {
        "Bytes over gzip-9 bytes of as many documents on both sides, in the order of a hash, in blocks of 1 MiB.";
        "Shaib et al. 2024 (arXiv:2403.00553)"; "text repeats itself more"; "text repeats itself less";
        "vary prompts and seeds; drop template phrases"
    }
    SELF_REPETITION = "self_repetition" "Self-repetition" Diversity Number Difference Difference {
        "Mean of ln(1 + number of a document's 4-grams that another document holds), as many documents on both sides.";
        "Salkar et al. 2022, as in Shaib et al. 2024"; "documents share phrases"; "documents share fewer phrases"; "as for the compression ratio"
    }
    SHARED_GRAMS = "shared_5grams" "5-grams shared across documents" Diversity Share Difference Difference {
        "Share of token 5-grams (words, numbers, marks) that another document of the side also holds, as many documents on both sides.";
        "After Shaib et al. 2024"; "documents share phrases"; "documents share fewer phrases"; "as for the compression ratio"
    }
    REPEATED_WITHIN = "repeated_within" "Repetition within a document" Diversity Share CliffDelta Difference {
        "Share of a document's words that lie in a run of three that occurred before in it.";
        "After Rae et al. 2021 (arXiv:2112.11446), A1.1"; "documents repeat themselves"; "documents repeat themselves less";
        "filter by repetition (the Gopher rules); raise the repetition penalty"
    }
    SENTENCE_CV = "sentence_cv" "Spread of sentence lengths" Diversity Number CohenD RelativeDifference {
        "Standard deviation over mean of the lengths of a document's sentences in tokens (words, numbers, marks); mean over documents of at least three sentences.";
        "Ours: the steadiest sign of chat models on XSum, WritingPrompts and SQuAD pairs"; "sentence lengths vary more"; "sentences are of even length";
        "ask for a mix of short and long sentences, with human examples"
    }
    OPENER_ENTROPY = "opener_entropy" "Entropy of sentence openers" Diversity Bits Difference Difference {
        "Entropy of the first word of sentences, of as many sentences on both sides."; "Ours";
        "sentences open in more ways"; "sentences open in fewer ways"; "vary prompts; show human examples"
    }
    OPENER_TOKEN_ENTROPY = "opener_token_entropy" "Entropy of sentence openers, marks included" Diversity Bits Difference Difference {
        "Entropy of the first token of sentences, an opening quotation mark being one, of as many documents on both sides.";
        "Ours: the same with words tells models better"; "sentences open in more ways"; "sentences open in fewer ways"; "as for the entropy of sentence openers"
    }
    TOP_OPENING = "top_opening_share" "Commonest opening" Diversity Share Difference Difference {
        "Share of documents that start with the commonest three words."; "Ours";
        "documents start alike"; "documents start in more ways"; "forbid the opening in the prompt, or cut it"
    }
    SKELETON = "top_skeleton_share" "Commonest skeleton" Diversity Share Difference Difference {
        "Share of first sentences of at least four words whose first six words follow the commonest pattern of function words, other words blanked.";
        "Template skeletons, after Shaib et al. 2024 (arXiv:2407.00211)"; "documents are cut to one pattern"; "patterns vary more"; "vary the prompts"
    }
    VENDI = "vendi" "Vendi score" Diversity Number Difference RelativeDifference {
        "exp of the entropy of the eigenvalues of the cosine similarities of tf-idf weighted character trigrams, of as many documents on both sides, at most 256.";
        "Friedman & Dieng 2023 (arXiv:2210.02410), other kernel"; "more kinds of document"; "fewer kinds of document"; "widen topics; deduplicate"
    }
    TOPIC_TOP = "top_cluster_share" "Largest cluster" Diversity Share Difference Difference {
        "Share of the largest of the k-means clusters of both sides together."; "After Pillutla et al. 2021"; "documents crowd into one topic"; "topics are spread";
        "draw topics evenly when prompting"
    }
    TOPIC_ENTROPY = "topic_entropy" "Entropy of topics" Diversity Bits Difference Difference {
        "Entropy of how a side's texts spread over the k-means clusters (hashed, tf-idf weighted words and word pairs) of both sides together.";
        "Shannon 1948; clusters as for MAUVE, Pillutla et al. 2021"; "texts spread over more topics"; "texts crowd into fewer topics"; "draw topics evenly when prompting"
    }
    ZIPF_EXPONENT = "zipf_exponent" "Zipf exponent" Diversity Number Difference RelativeDifference {
        "Slope of ln count over ln rank of words, ranks up to 1,000, counts from 2, over as many words on both sides.";
        "Zipf 1949; Holtzman et al. 2020 (arXiv:1904.09751)"; "common words take more of the text"; "common words take less of the text"; "as for MTLD"
    }
    ZIPF_FIT = "zipf_fit" "Zipf fit" Diversity Number Difference Difference {
        "Share of the variance of ln count that the line explains."; "Zipf 1949"; "counts follow the law closer"; "counts follow the law less"; "none: a description"
    }
    WORDS = "words_per_doc" "Length" Style Words CliffDelta RelativeDifference {
        "Words of a document, mean."; "-"; "documents are longer"; "documents are shorter"; "as for the length difference"
    }
    WORD_CHARS = "word_chars" "Word length" Style Number CohenD Difference {
        "Mean characters of a word."; "Ours"; "words are longer"; "words are shorter"; "ask for plain words, with human examples"
    }
    SENTENCE_WORDS = "sentence_words" "Sentence length" Style Words CohenD RelativeDifference {
        "Mean words of a sentence."; "-"; "sentences are longer"; "sentences are shorter"; "as for the spread of sentence lengths"
    }
    FUNCTION_WORDS = "function_words" "Function words" Style Share CohenD Difference {
        "Share of English function words (a list of about 200)."; "Mosteller & Wallace 1964"; "more words of grammar"; "denser in content words"; "show human examples"
    }
    PUNCTUATION = "punctuation" "Punctuation" Style PerHundredChars CohenD RelativeDifference {
        "ASCII and general punctuation per hundred characters."; "-"; "more punctuation"; "less punctuation"; "as for the punctuation divergence"
    }
    CONTRACTIONS = "contractions" "Contractions" Style PerHundredWords CliffDelta Difference {
        "Words with an inner apostrophe, other than possessives in 's, per hundred."; "-"; "more spoken"; "less spoken"; "name the register in the prompt"
    }
    CONNECTIVES = "connectives" "Sentences opened by a connective" Style Share CohenD Difference {
        "Share of sentences that open with one of about 100 explicit connectives; the classes are in the details.";
        "Classes of the Penn Discourse Treebank (Prasad et al. 2008); stands for the discourse motifs of Das et al. 2024";
        "sentences are tied by connectives"; "fewer connectives"; "forbid stock connectives in the prompt"
    }
    CONNECTIVE_FLOW = "connective_flow" "Discourse flow" Style Bits None Between {
        "Jensen-Shannon divergence (base 2) of the counts of pairs of connective classes that open sentences in a row.";
        "Stands for the discourse motifs of Das et al. 2024, without a parser"; "arguments run otherwise"; "arguments run alike"; "show human examples"
    }
    HEDGES = "hedges" "Hedges" Style PerHundredWords CliffDelta Difference {
        "Words of doubt (may, perhaps, seems) per hundred."; "After Hyland 1998"; "more hedged"; "more sure of itself"; "name the manner in the prompt"
    }
    SENTIMENT = "sentiment" "Sentiment" Style PerHundredWords CohenD Difference {
        "Positive less negative words per hundred, by a small list of ours."; "Lexicon method after Hu & Liu 2004";
        "brighter in tone"; "darker in tone"; "ask for the mood of the seeds"
    }
    FORMALITY = "formality" "Formality" Style PerHundredWords CohenD Difference {
        "Formal less informal words per hundred, by a small list of ours."; "Lexicon method after Brooke, Wang & Hirst 2010";
        "more formal"; "less formal"; "name the register in the prompt"
    }
    QUESTIONS = "question_share" "Sentences that ask" Style Share CliffDelta Difference {
        "Question marks over sentences, at most one each."; "-"; "asks more"; "asks less"; "none: a description"
    }
}
