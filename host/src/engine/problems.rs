//! What is wrong with a definition, as much of it as somebody can read (law 5).

use crate::model::Problem;

/// So many problems of one definition are told; of the others, their number.
pub(crate) const MAX_PROBLEMS: usize = 100;
/// So many names are listed in a message; of the others, their number.
pub(crate) const MAX_LISTED: usize = 20;
/// A problem's message, and its path, may be this long, in bytes: they quote what is wrong, which may be large.
const MAX_TEXT_BYTES: usize = 2_000;

/// Problems while they are found.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    more: usize,
}

impl Problems {
    /// Add one.
    pub(crate) fn push(&mut self, mut problem: Problem) {
        if self.list.len() == MAX_PROBLEMS {
            self.more += 1;
            return;
        }
        shorten(&mut problem.path);
        shorten(&mut problem.message);
        self.list.push(problem);
    }

    /// Add several.
    pub(crate) fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }

    /// How many there are to tell.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Add those that were found elsewhere, changed on the way.
    pub(crate) fn append(&mut self, found: Self, change: impl Fn(Problem) -> Problem) {
        self.extend(found.list.into_iter().map(change));
        self.more += found.more;
    }

    /// That there is none, or all of them.
    pub(crate) fn none(self) -> Result<(), Self> {
        if self.list.is_empty() { Ok(()) } else { Err(self) }
    }

    /// What is told.
    pub(crate) fn told(mut self) -> Vec<Problem> {
        if self.more > 0 {
            self.list.push(Problem::new("", format!("and {} more problems", self.more)));
        }
        self.list
    }
}

/// Keep the start and the end of a long text.
fn shorten(text: &mut String) {
    if text.len() > MAX_TEXT_BYTES {
        let head = text.floor_char_boundary(MAX_TEXT_BYTES / 2);
        let tail = text.ceil_char_boundary(text.len() - MAX_TEXT_BYTES / 4);
        *text = format!("{} … {}", &text[..head], &text[tail..]);
    }
}

/// Names, for a message.
pub(crate) fn list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let mut names = names.into_iter();
    let mut text = String::new();
    for name in names.by_ref().take(MAX_LISTED) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name.as_ref());
    }
    match names.count() {
        0 if text.is_empty() => "(none)".to_owned(),
        0 => text,
        more => format!("{text}, and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_told_as_somebody_can_read() {
        let mut problems = Problems::default();
        problems.extend((0..250).map(|i| Problem::new(format!("/{i}"), "é".repeat(100_000))));
        let told = problems.told();
        assert_eq!(told.len(), MAX_PROBLEMS + 1);
        assert_eq!(told[MAX_PROBLEMS].message, "and 150 more problems");
        assert!(told.iter().all(|problem| problem.message.len() < MAX_TEXT_BYTES));
        assert_eq!(list(["a", "b"]), "a, b");
        assert_eq!(list::<&str>([]), "(none)");
        let names: Vec<String> = (0..50).map(|i| format!("n{i}")).collect();
        assert!(list(&names).ends_with("n19, and 30 more"), "{}", list(&names));
    }
}
