//! Metrics of labels and of agreement.

crate::artifact::metric::metric_table! {
    LABEL_JSD = "label_jsd" "Label divergence" Labels Bits None Between {
        "Jensen-Shannon divergence (base 2) of the shares of labels; total variation is in the details."; "Lin 1991"; "labels are spread otherwise"; "labels are spread alike"; "reweight, or ask for the human shares"
    }
    LABEL_CHI = "label_chi_square" "Label dependence on side" Labels Number None Between {
        "Cramer's V of label by side; chi-square, degrees of freedom and p-value are in the details."; "Pearson 1900; Cramer 1946"; "labels depend on the side"; "labels do not depend on the side"; "as for the label divergence"
    }
    LABEL_DISTANCE = "label_distance" "Label distance" Labels Number None Between {
        "Wasserstein-1 distance of the shares over the labels in their order, in steps."; "Das et al. 2024, with positions as values and shares as weights"; "labels lie apart on the scale"; "labels lie alike on the scale"; "as for the label divergence"
    }
    EFFECTIVE_LABELS = "effective_labels" "Effective number of labels" Labels Number Difference RelativeDifference {
        "2 to the entropy of the labels in bits."; "Shannon 1948; Hill 1973"; "labels are spread more evenly"; "a few labels prevail"; "ask for the rare labels"
    }
    ITEM_ENTROPY = "item_entropy" "Entropy within an item" Labels Bits CohenD Difference {
        "Entropy of the labels of an item, mean over items with at least two annotators."; "Das et al. 2024"; "annotators differ more"; "annotators differ less: opinion is lost"; "use several models or personas as annotators"
    }
    UNANIMITY = "unanimity" "Unanimous items" Labels Share Difference Difference {
        "Share of items of at least two annotators that all gave the same label."; "Das et al. 2024; GPT-3.5 95.7 % against human 52.2 % on their data"; "opinion is lost"; "opinion is kept"; "use several models or personas as annotators"
    }
    LABEL_SPREAD = "label_spread" "Spread of an item's labels" Labels Number CohenD Difference {
        "Standard deviation of the labels' places within an item, mean over items with at least two annotators."; "Das et al. 2024"; "annotators differ more"; "annotators differ less"; "use several models or personas as annotators"
    }
    MINORITY_MASS = "minority_mass" "Minority opinions" Labels Share Difference RelativeDifference {
        "Share of labels held by fewer than half of an item's annotators."; "Das et al. 2024"; "more minority opinions"; "minority opinions are lost"; "use several models or personas as annotators"
    }
    MINORITY_RECALL = "minority_recall" "Minority opinions voiced" Labels Share None Between {
        "Of the labels that a minority of an item's human annotators gave, the share that some annotator of the candidate gives."; "Das et al. 2024; 36.6 % on their data by items"; "minority opinions are voiced"; "minority opinions are not voiced"; "use several models or personas as annotators"
    }
    MAJORITY_MATCH = "majority_match" "Majority match" Labels Share None Between {
        "Share of items whose commonest labels of both sides intersect."; "Das et al. 2024; 67.1 % on their data"; "majorities agree"; "majorities differ"; "review the items; the flips are in the details"
    }
    MINORITY_MATCH = "minority_match" "Minority match" Labels Share None Between {
        "Of the items with a minority label on both sides, the share whose rarest labels intersect."; "Das et al. 2024"; "minorities agree"; "minorities differ"; "none: a description"
    }
    LABEL_COVERAGE = "label_coverage" "Human labels covered" Labels Share None Between {
        "Of the distinct labels that humans gave an item, the share that the candidate gives too."; "Das et al. 2024; 61.1 % on their data"; "the range of opinion is covered"; "the range of opinion is narrowed"; "use several models or personas as annotators"
    }
    LABEL_LEAK = "label_leak" "Items that name their label" Labels Share Difference Difference {
        "Share of labelled items whose text holds their commonest label as a word."; "Ours"; "more texts give their label away"; "fewer texts give their label away"; "mask the label's name in the text"
    }
    FLEISS = "fleiss_kappa" "Fleiss' kappa" Agreement Number Difference Difference {
        "Agreement beyond chance within a side; items with other numbers of ratings count with their own."; "Fleiss 1971"; "annotators agree more"; "annotators agree less"; "agreement far above the human one means lost opinion, not quality"
    }
    ALPHA_NOMINAL = "alpha_nominal" "Krippendorff's alpha, nominal" Agreement Number Difference Difference {
        "1 - observed over expected disagreement; ratings may be missing."; "Krippendorff 2011"; "annotators agree more"; "annotators agree less"; "as for Fleiss' kappa"
    }
    ALPHA_ORDINAL = "alpha_ordinal" "Krippendorff's alpha, ordinal" Agreement Number Difference Difference {
        "As nominal, with the distance of ranks."; "Krippendorff 2011"; "annotators agree more"; "annotators agree less"; "as for Fleiss' kappa"
    }
    ALPHA_INTERVAL = "alpha_interval" "Krippendorff's alpha, interval" Agreement Number Difference Difference {
        "As nominal, with the squared distance of places."; "Krippendorff 2011"; "annotators agree more"; "annotators agree less"; "as for Fleiss' kappa"
    }
    AC1 = "gwet_ac1" "Gwet's AC1" Agreement Number Difference Difference {
        "Agreement beyond a chance that skewed labels do not inflate."; "Gwet 2008"; "annotators agree more"; "annotators agree less"; "as for Fleiss' kappa"
    }
    KAPPA = "cohen_kappa" "Kappa of the majorities" Agreement Number None Between {
        "Cohen's kappa of the majority labels of both sides, items with a tie left out; quadratic weights in the details where labels have an order."; "Cohen 1960, 1968"; "the sides agree"; "the sides disagree"; "review the items that flip"
    }
    TRANSFER = "label_transfer" "Trained on candidate, tested on reference" SecondOrder Share Difference Difference {
        "Accuracy on the human majority of a linear classifier of the texts, items held out: trained on the candidate's labels of the same items (candidate) and on the human ones (reference); the reverse in the details.";
        "Second-order effect of Das et al. 2024, with a linear model"; "candidate labels teach as much as human ones"; "candidate labels teach less than human ones"; "mix in human labels"
    }
}
