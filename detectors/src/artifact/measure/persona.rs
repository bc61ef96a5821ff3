//! What a speaker says of itself: its name and its age.
//!
//! By pattern, in English: "my name is"; "I am 34 years old", "I'm 34." What is told of others or
//! asked is not read, nor what one may be called: a nickname contradicts no name. A name is one word with a capital. Few statements are found and few of them wrongly, which suits a
//! measure that looks for two that contradict each other.

use regex::Regex;
use std::sync::LazyLock;

/// What a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// The speaker's name.
    Name,
    /// The speaker's age in years.
    Age,
}

impl Slot {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Name, Self::Age];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Age => "age",
        }
    }
}

static FORMS: LazyLock<[(Slot, Regex); 2]> = LazyLock::new(|| {
    let name = r"[Mm]y name(?: is|['’]s) (\p{Lu}(?:['’-]?\p{L})+)";
    let age = r"\bI(?:['’]m| am) (?:now |just |only |already )?([0-9]{1,3})(?: years? old|(?:[.,!?;](?:\s|$)|$))";
    [(Slot::Name, name), (Slot::Age, age)]
        .map(|(slot, form)| (slot, Regex::new(form).unwrap_or_else(|_| unreachable!("the patterns are used in tests"))))
});

/// The statements of a turn, names in lower case.
pub fn statements(text: &str) -> Vec<(Slot, String)> {
    let mut found = Vec::new();
    for (slot, form) in FORMS.iter() {
        let values = form.captures_iter(text).filter_map(|groups| Some(groups.get(1)?.as_str().to_lowercase()));
        found.extend(values.map(|value| (*slot, value)));
    }
    found
}

/// The slots of which a speaker's turns state two values; none where they state nothing.
pub fn contradictions<'t>(turns: impl Iterator<Item = &'t str>) -> Option<Vec<Slot>> {
    let stated: Vec<(Slot, String)> = turns.flat_map(statements).collect();
    let differs = |slot: &Slot| {
        let mut values = stated.iter().filter(|(of, _)| of == slot).map(|(_, value)| value);
        values.next().is_some_and(|first| values.any(|value| value != first))
    };
    (!stated.is_empty()).then(|| Slot::ALL.into_iter().filter(differs).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_by_hand() {
        let of =
            |text: &str| statements(text).into_iter().map(|(slot, value)| format!("{} {value}", slot.name())).collect();
        let all: Vec<String> = of("Hi, my name is Zoë and I'm 34 years old.");
        assert_eq!(all, ["name zoë", "age 34"]);
        let all: Vec<String> = of("My name's O'Neil. I am 7, I’m 8!");
        assert_eq!(all, ["name o'neil", "age 7", "age 8"]);
        for text in [
            "my name is not important",
            "What is your name?",
            "I'm 10 minutes away",
            "I am 3.5 m tall",
            "She is 40.",
            "",
        ] {
            assert_eq!(statements(text), [], "{text}");
        }
    }

    #[test]
    fn who_says_two_things_of_itself_contradicts_itself() {
        let of = |turns: &[&'static str]| contradictions(turns.iter().copied());
        assert_eq!(of(&["My name is Ann.", "I said my name is Ann."]), Some(vec![]));
        assert_eq!(of(&["My name is Ann. I'm 30.", "I am 31 years old.", "Call me Ann"]), Some(vec![Slot::Age]));
        assert_eq!(of(&["My name is Robert, but you can call me Bob.", "'My name is Robert'"]), Some(vec![]));
        assert_eq!(of(&["Hello."]), None);
    }
}
