//! Metrics that compare the sides as wholes: leaks, closeness, machine share.

crate::artifact::metric::metric_table! {
    LEAK_PROBE = "leak_probe" "Leak probe" Leak Number None Between {
        "The AUROC, folded to at least 0.5, of the formatting scalar (line ends, double spaces, final punctuation, curly quotes, length and the like) that tells the sides apart best.";
        "Ours; the files of fast-detect-gpt are told apart by counting line ends alone.";
        "labels can be predicted from formatting"; "formatting does not give the sides away";
        "normalise both sides alike (white space, quotes, case, final punctuation, length) and audit again"
    }
    C2ST_AUROC = "c2st_auroc" "Two-sample classifier" SecondOrder Number None Between {
        "AUROC of the built-in linear classifier that tells candidate from reference, each document scored by a model that did not see it; 0.5 is indistinguishable.";
        "Lopez-Paz & Oquab 2017 (arXiv:1610.06545); the artifactuality score of Das et al. 2024 (arXiv:2401.14698)";
        "words alone tell the sides apart"; "the sides use like words";
        "see the phrases that give it away, and change the prompts that make them"
    }
    DETECTOR_AUROC = "detector_auroc" "Detector accuracy" SecondOrder Number None Between {
        "AUROC of the machine-text detector between the sides."; "The detector's own card";
        "a detector tells the sides apart"; "a detector does not tell the sides apart"; "see the style and diversity parts"
    }
    MACHINE_SHARE = "machine_share" "Machine-text share" Closeness Share Difference Candidate {
        "Prevalence of machine text in the candidate, by expectation-maximisation over calibrated posteriors; never a count above a threshold.";
        "Saerens, Latinne & Decaestecker 2002"; "more of the text is made"; "less of the text is made";
        "expected in made data; in data said to be human, filter by the detector's score"
    }
    MAUVE_NGRAM = "mauve_ngram" "MAUVE(n-gram)" Closeness Number None Between {
        "Area under the divergence curve of the two sides quantised by k-means over hashed, tf-idf weighted words and word pairs; mean of several seeds; 1 is alike. Not comparable with MAUVE over a neural model.";
        "Pillutla et al. 2021 (arXiv:2102.01454), other features"; "topics and words spread alike"; "topics and words differ";
        "widen the topics of the seeds or the prompts"
    }
    NOVELTY = "ngram_novelty" "N-gram novelty" Closeness Share Difference Candidate {
        "Share of the candidate's word 4-grams that the reference does not hold; the reference's value is half of it against the other half.";
        "McCoy et al. 2023 (arXiv:2111.09509)"; "the candidate says new things"; "the candidate repeats the reference";
        "raise the temperature or widen the seeds if it is far below the reference"
    }
    FUNCTION_WORD_JSD = "function_word_jsd" "Function-word divergence" Closeness Bits None Between {
        "Jensen-Shannon divergence (base 2) of the shares of English function words; the p-value is by permutation of documents.";
        "Lin 1991; function words after Mosteller & Wallace 1964"; "sentences are built otherwise"; "sentences are built alike";
        "name the manner of writing in the prompt, with human examples"
    }
    PUNCTUATION_JSD = "punctuation_jsd" "Punctuation divergence" Closeness Bits None Between {
        "Jensen-Shannon divergence (base 2) of the shares of punctuation signs; the p-value is by permutation of documents.";
        "Lin 1991"; "punctuation differs"; "punctuation is alike"; "normalise quotes and dashes on both sides"
    }
    LENGTH_KS = "length_ks" "Length difference" Closeness Number None Between {
        "Kolmogorov-Smirnov distance of the lengths in words.";
        "Kolmogorov 1933; Smirnov 1948"; "lengths differ"; "lengths are alike";
        "ask for lengths drawn from the human distribution, or cut both sides alike"
    }
    CROSS_ENTROPY = "cross_entropy_gap" "Cross-entropy gap" SecondOrder Bits None Between {
        "Bits per character of the reference under a character 5-gram model trained on the candidate, less those under one trained on as much of the reference (two halves, each scored by the other).";
        "Witten & Bell smoothing (Bell, Cleary & Witten 1990); stands for the perplexity of Das et al. 2024"; "a model trained on the candidate is surprised by human text";
        "a model trained on the candidate knows human text"; "mix in human text, or widen topics and manner"
    }
    PHRASE_LIFT = "phrase_lift" "Strongest overused phrase" Artifacts Number None Between {
        "The largest standardised log-odds ratio with a Dirichlet prior of a phrase of up to three words in the candidate against the reference.";
        "Monroe, Colaresi & Quinn 2008"; "a phrase recurs that humans use less"; "no phrase recurs above the reference";
        "forbid the phrases listed in the prompt, or drop the documents that hold them"
    }
}
