//! Which column a data set is most likely learnt for.

use crate::spec::dataset::{Column, Kind};

/// What such columns are called.
const NAMES: [&str; 5] = ["label", "target", "class", "y", "outcome"];

/// The last column where it is a category, as tables have it by custom; else a category of a usual name.
pub fn label(columns: &[Column]) -> Option<&str> {
    let categories = || columns.iter().filter(|column| column.kind == Kind::Category);
    let last = columns.last().filter(|column| column.kind == Kind::Category);
    let named = || categories().find(|column| NAMES.contains(&&column.name.to_lowercase()[..]));
    last.or_else(named).map(|column| &column.name[..])
}

#[test]
fn a_label_stands_last_or_has_its_name() {
    let column = |(name, kind): &(&str, Kind)| Column {
        name: (*name).to_owned(),
        kind: *kind,
        dtype: String::new(),
        shape: vec![],
        classes: vec![],
        missing: 0,
    };
    let label_of = |columns: &[(&str, Kind)]| {
        let columns: Vec<Column> = columns.iter().map(column).collect();
        label(&columns).map(str::to_owned)
    };
    let (n, c) = (Kind::Number, Kind::Category);
    assert_eq!(label_of(&[("label", c), ("town", c)]).as_deref(), Some("town"));
    assert_eq!(label_of(&[("town", c), ("Class", c), ("age", n)]).as_deref(), Some("Class"));
    assert_eq!(label_of(&[("town", c), ("label", n)]), None);
    assert_eq!(label_of(&[]), None);
}
