//! The splits that names of files and folders tell.

/// The splits that a word stands for.
const WORDS: [(&str, &str); 6] = [
    ("train", "train"),
    ("val", "validation"),
    ("valid", "validation"),
    ("validation", "validation"),
    ("t10k", "test"),
    ("test", "test"),
];

/// The split of what names none.
pub(super) const ALL: &str = "all";

/// The splits in the order in which their rows are stored.
pub(super) const ORDER: [&str; 4] = ["train", "validation", "test", ALL];

/// The split that a word names.
pub(super) fn of_word(word: &str) -> Option<&'static str> {
    WORDS.iter().find(|(known, _)| *known == word).map(|(_, split)| *split)
}

/// The split that a file's name tells: `train-images-idx3-ubyte`, `iris_test.csv`.
pub(super) fn of_file(name: &str) -> &'static str {
    base(name).to_ascii_lowercase().split(['-', '_', '.']).find_map(of_word).unwrap_or(ALL)
}

/// A member's name without its folders.
pub(super) fn base(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// Whether a file is none of the sender's: folders of a Mac's archives hold companions of files, under the same names.
pub(super) fn is_hidden(name: &str) -> bool {
    base(name).starts_with('.') || name.split(['/', '\\']).any(|part| part == "__MACOSX")
}
