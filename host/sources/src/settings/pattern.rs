//! Names of files by `*` and `?`.

/// A pattern of names: `*` stands for any characters, `?` for one, everything
/// else for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// Bytes of a pattern.
const MOST: usize = 200;

impl Pattern {
    /// A pattern as it was written. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        if text.is_empty() || text.len() > MOST {
            return Err(format!("a pattern has 1 to {MOST} bytes, as in \"*.csv\""));
        }
        if text.contains(['/', '\\', '\0']) {
            return Err("a pattern is about names in the folder, and has no `/`".into());
        }
        Ok(Pattern(text.to_owned()))
    }

    /// Whether a name is of this pattern.
    pub fn fits(&self, name: &str) -> bool {
        let pattern: Vec<char> = self.0.chars().collect();
        let name: Vec<char> = name.chars().collect();
        let (mut at, mut seen) = (0, 0);
        // Where the last star is, and up to where it reaches.
        let mut star: Option<(usize, usize)> = None;
        while seen < name.len() {
            match pattern.get(at) {
                Some('*') => {
                    star = Some((at, seen));
                    at += 1;
                }
                Some(one) if *one == '?' || *one == name[seen] => {
                    at += 1;
                    seen += 1;
                }
                _ => match star {
                    Some((place, reach)) => {
                        star = Some((place, reach + 1));
                        at = place + 1;
                        seen = reach + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern[at..].iter().all(|left| *left == '*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, name: &str) -> bool {
        Pattern::parse(pattern).unwrap().fits(name)
    }

    #[test]
    fn stars_and_question_marks_stand_for_characters() {
        for (pattern, name, yes) in [
            ("*.csv", "stock.csv", true),
            ("*.csv", "stock.csv.part", false),
            ("*", "", true),
            ("库存-??.xlsx", "库存-01.xlsx", true),
            ("库存-??.xlsx", "库存-1.xlsx", false),
            ("a*b*c", "aXbXbYc", true),
            ("a*b*c", "aXbXbY", false),
            ("stock.csv", "stock.csv", true),
            ("stock.csv", "Stock.csv", false),
        ] {
            assert_eq!(fits(pattern, name), yes, "{pattern} {name}");
        }
        // Many stars are no reason to take long.
        assert!(!fits(&"*a".repeat(90), &"a".repeat(89)));
    }

    #[test]
    fn a_pattern_never_leads_out_of_the_folder() {
        for wrong in ["", "../*.csv", "a/b", "a\\b"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
