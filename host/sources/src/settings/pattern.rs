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

    /// The pattern of all names with an ending.
    pub(super) fn ending(ending: &str) -> Pattern {
        Pattern(format!("*.{ending}"))
    }

    /// Whether there is a name that is of both patterns.
    pub(super) fn meets(&self, other: &Pattern, any_case: bool) -> bool {
        let one: Vec<char> = self.0.chars().collect();
        let two: Vec<char> = other.0.chars().collect();
        let same = |a: char, b: char| match any_case {
            true => a.eq_ignore_ascii_case(&b),
            false => a == b,
        };
        // Whether what is left of both from there on can be one name; from behind.
        let mut meets = vec![vec![false; two.len() + 1]; one.len() + 1];
        for i in (0..=one.len()).rev() {
            for j in (0..=two.len()).rev() {
                meets[i][j] = match (one.get(i), two.get(j)) {
                    (None, None) => true,
                    // A star that ends here, or takes one more.
                    (Some('*'), None) => meets[i + 1][j],
                    (None, Some('*')) => meets[i][j + 1],
                    (Some('*'), Some(_)) | (Some(_), Some('*')) => {
                        meets[i + 1][j] || meets[i][j + 1]
                    }
                    (Some(a), Some(b)) => {
                        (*a == '?' || *b == '?' || same(*a, *b)) && meets[i + 1][j + 1]
                    }
                    _ => false,
                };
            }
        }
        meets[0][0]
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
    fn patterns_meet_where_one_name_is_of_both() {
        let meet = |one: &str, other: &str, any_case: bool| {
            let (one, other) = (Pattern::parse(one).unwrap(), Pattern::parse(other).unwrap());
            let meets = one.meets(&other, any_case);
            assert_eq!(meets, other.meets(&one, any_case));
            meets
        };
        for (one, other, yes) in [
            ("*.csv", "*.csv", true),
            ("*.csv", "*.json", false),
            ("stock-*", "*.csv", true),
            ("stock-*.csv", "orders-*.csv", false),
            ("a?c", "ab*", true),
            ("a?c", "a*bb*c", false),
            ("*", "?", true),
            ("stock.csv", "stock.csv", true),
            ("stock.csv", "Stock.csv", false),
        ] {
            assert_eq!(meet(one, other, false), yes, "{one} {other}");
        }
        assert!(meet("stock.csv", "*.CSV", true));
        assert!(!meet(
            &"*a".repeat(99),
            &"*b".repeat(99).replace('*', "?"),
            false
        ));
    }

    #[test]
    fn a_pattern_never_leads_out_of_the_folder() {
        for wrong in ["", "../*.csv", "a/b", "a\\b"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
