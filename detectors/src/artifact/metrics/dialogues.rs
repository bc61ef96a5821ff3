//! Metrics of dialogues.

crate::artifact::metric::metric_table! {
    TURNS = "turns_per_dialogue" "Turns" Dialogues Number CliffDelta RelativeDifference {
        "Turns of a dialogue, mean."; "-"; "longer talks"; "shorter talks"; "draw the number of turns from the human distribution"
    }
    TURN_WORDS = "turn_words" "Turn length" Dialogues Words CliffDelta RelativeDifference {
        "Words of a turn; by role in the details."; "-"; "longer turns"; "shorter turns"; "state the length in the prompt"
    }
    TURN_BALANCE = "turn_balance" "Balance of the speakers" Dialogues Number CohenD Difference {
        "Words of the speaker of fewest words over those of the speaker of most, mean over dialogues of at least two speakers."; "Ours"; "speakers share the talk"; "one speaker holds the floor"; "state the length in the prompt"
    }
    ROLE_FLIPS = "role_flips" "Role flips" Dialogues Share Difference Candidate {
        "Share of dialogues in which a turn holds the other role's marker (CAMEL: user says Solution:, assistant says Instruction:)."; "Das et al. 2024, from CAMEL's chats"; "more flips"; "fewer flips"; "stop at a flip; restate the role in each prompt"
    }
    SELF_REPLIES = "self_replies" "Speaker replies to itself" Dialogues Share Difference Difference {
        "Share of successive turns by the same role."; "Das et al. 2024: interruption"; "more self-replies"; "fewer self-replies"; "fix the turn-taking of the generator"
    }
    DIGRESSION = "digression" "Digressing turns" Dialogues Share Difference Difference {
        "Share of turns of at least five content words, from the third on, whose cosine of tf-idf content words with the first turn and the two before is zero, or two deviations below the mean of the reference's turns; flagged for a judge.";
        "Stands for the judged digressions of Das et al. 2024 (66 of 200; accuracy 53 against 72 %)"; "more turns digress"; "fewer turns digress"; "have a judge read the examples"
    }
    REPEATED_TURNS = "repeated_turns" "Repeated turns" Dialogues Share Difference Difference {
        "Share of turns of at least four words whose word trigrams have a Jaccard similarity of at least 0.8 with an earlier turn of the dialogue."; "Ours"; "talks go round in circles"; "talks move on"; "stop at a repeat"
    }
    CLOSING_LOOPS = "closing_loops" "Repeated farewells" Dialogues Share Difference Candidate {
        "Share of dialogues with at least three turns that take leave."; "Ours"; "talks do not end"; "talks end"; "stop at the first farewell of both"
    }
    MIDWAY = "stops_midway" "Talks that stop midway" Dialogues Share Difference Difference {
        "Share of dialogues whose last turn asks, repeats an earlier turn (word trigrams, Jaccard similarity of at least 0.8) or is cut off, and that neither a marker of completion nor a farewell in the last two turns ends; the first reason that holds counts, their shares are in the details.";
        "After the termination of CAMEL's chats (Li et al. 2023, arXiv:2303.17760), which Das et al. 2024 audit"; "more talks stop midway"; "fewer talks stop midway"; "raise the limit of turns or tokens; end at a farewell"
    }
    PERSONA = "persona_contradictions" "Speakers that contradict themselves" Dialogues Share Difference Candidate {
        "Of the dialogues in which a speaker states a name or an age of its own, the share in which one states two different ones; found by pattern, in English.";
        "Ours, after the personas of Zhang et al. 2018 (arXiv:1801.07243)"; "more contradictions"; "fewer contradictions"; "restate the persona in each prompt; drop these rows"
    }
    ENTRAINMENT = "entrainment" "Lexical entrainment" Dialogues Number CohenD Difference {
        "Mean over turns of the share of content words taken from the turn before by another role, less the same with a turn of another dialogue."; "After Brennan & Clark 1996; Nenkova et al. 2008"; "speakers echo each other"; "speakers echo each other less"; "ask the speakers not to restate"
    }
    ROLE_QUESTIONS = "turn_questions" "Turns that ask" Dialogues Share Difference Difference {
        "Share of turns with a question mark; by role in the details."; "-"; "asks more"; "asks less"; "none: a description"
    }
    ROLE_TRANSFER = "role_transfer" "Roles told apart across the sides" SecondOrder Share Difference Difference {
        "Accuracy at telling the role of a reference turn from its words: trained on the candidate (candidate) and on the reference, dialogues held out (reference); the reverse in the details.";
        "Second-order effect after Das et al. 2024, with a linear model"; "roles speak alike on both sides"; "the candidate's roles speak otherwise"; "show human dialogues in the prompt"
    }
}
