//! Metrics of preferences.

crate::artifact::metric::metric_table! {
    TIES = "tie_rate" "Ties" Preferences Share Difference Difference {
        "Share of pairs without a winner."; "Das et al. 2024"; "more ties"; "fewer ties"; "state in the prompt when to tie"
    }
    FIRST_WINS = "position_bias" "First answer wins" Preferences Share Difference Candidate {
        "Of the decided pairs whose order is known, the share that the answer shown first wins; 50 % is fair."; "Zheng et al. 2023 (arXiv:2306.05685)"; "leans to the first"; "leans to the second"; "judge both orders and keep what agrees"
    }
    SWAP = "swap_consistency" "Consistency under swap" Preferences Share Difference Candidate {
        "Of the pairs judged in both orders, the share with the same winner; the share that leans to the first among the others is in the details."; "Zheng et al. 2023 (arXiv:2306.05685)"; "steadier"; "less steady"; "judge both orders and keep what agrees"
    }
    LONGER_WINS = "length_bias" "Longer answer wins" Preferences Share Difference Difference {
        "Of the decided pairs of other lengths in words, the share that the longer wins; by thirds of the difference in the details."; "Das et al. 2024; human 52 to 66 % on their data"; "leans to length"; "leans less to length"; "control for length, or judge answers of like length"
    }
    LENGTH_SLOPE = "length_slope" "Weight of length" Preferences Number Difference Difference {
        "Coefficient of the difference in ln(1 + words) in a logistic model of the winner that also holds the differences in markdown, refusal and sentiment, all scaled by their deviation."; "Dubois et al. 2024 (arXiv:2404.04475)"; "length weighs more"; "length weighs less"; "as for length bias"
    }
    MARKDOWN_WINS = "markdown_bias" "Answer with markdown wins" Preferences Share Difference Difference {
        "Of the decided pairs in which one answer has markup, the share that it wins."; "Ours"; "leans to markup"; "leans less to markup"; "strip markup before judging"
    }
    REFUSAL_WINS = "refusal_bias" "Refusing answer wins" Preferences Share Difference Difference {
        "Of the decided pairs in which one answer refuses, the share that it wins."; "Ours"; "leans to refusals"; "leans less to refusals"; "judge safety apart from help"
    }
    LEXICAL = "lexical_bias" "Brighter answer wins" Preferences Number Difference Difference {
        "Pearson's r of winning with the difference in sentiment per hundred words, over decided pairs."; "Das et al. 2024: lexicon preference r = .153 for GPT-3, -.053 for humans"; "leans to bright words"; "leans less to bright words"; "give the judge a rubric"
    }
    SELF_PREFERENCE = "self_preference" "Own answer wins" Preferences Share Difference Candidate {
        "Of the decided pairs in which one answer is by the judge's own family, the share that it wins."; "Panickssery et al. 2024 (arXiv:2404.13076)"; "leans to its own"; "leans less to its own"; "judge with another family"
    }
    CYCLES = "cycle_share" "Circular triads" Preferences Share Difference Difference {
        "Of the triads of models of which each pair has a majority winner, the share in which a beats b, b beats c and c beats a."; "Kendall & Babington Smith 1940"; "less consistent"; "more consistent"; "more judgements per pair"
    }
    CONTRADICTIONS = "contradictory_pairs" "Contradictory repeats" Preferences Share Difference Candidate {
        "Of the pairs judged more than once in the same order, the share with more than one winner."; "Ours"; "more contradictions"; "fewer contradictions"; "lower the judge's temperature, or vote"
    }
    WIN_RATE_GAP = "win_rate_gap" "Win rates differ" Preferences Number None Between {
        "Mean absolute difference of the models' win rates between the sides; the rates are in the details."; "Das et al. 2024"; "models rank otherwise"; "models rank alike"; "review the pairs that flip"
    }
    PREFERENCE_KAPPA = "preference_kappa" "Agreement on pairs" Agreement Number None Between {
        "Cohen's kappa of the winners of the pairs that both sides judged."; "Cohen 1960"; "the sides agree"; "the sides disagree"; "review the pairs that flip"
    }
    TRANSFER = "preference_transfer" "Preference model trained on candidate, tested on reference" SecondOrder Share Difference Difference {
        "Accuracy on the reference's pairs of a linear model of the difference of the answers' words and length: trained on the candidate (candidate) and on the reference, prompts held out (reference); the reverse in the details.";
        "Second-order effect of Das et al. 2024, with a linear model"; "candidate preferences teach as much"; "candidate preferences teach less"; "mix in human preferences"
    }
}
