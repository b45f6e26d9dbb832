//! Where arrows lead among things in rows.

/// The place that `key` leads to from `at`, of `count` places in rows of `columns`.
/// Where `has_head`, the first place stands alone above the rows. None for other keys,
/// and at the edges.
pub fn moved(key: &str, at: usize, count: usize, columns: usize, has_head: bool) -> Option<usize> {
    let (columns, head) = (columns.max(1), usize::from(has_head));
    let to = match key {
        "ArrowRight" => at + 1,
        "ArrowLeft" => at.checked_sub(1)?,
        "ArrowDown" if at < head => head,
        "ArrowDown" => at + columns,
        "ArrowUp" if at < head + columns => (has_head && at >= head).then_some(0)?,
        "ArrowUp" => at - columns,
        "Home" => 0,
        "End" => count.checked_sub(1)?,
        _ => return None,
    };
    (to < count && to != at).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::moved;

    #[test]
    fn arrows_go_by_rows() {
        for (key, at, expected) in [
            ("ArrowRight", 0, Some(1)),
            ("ArrowRight", 5, None),
            ("ArrowLeft", 0, None),
            ("ArrowDown", 1, Some(4)),
            ("ArrowDown", 4, None),
            ("ArrowUp", 4, Some(1)),
            ("ArrowUp", 2, None),
            ("Home", 3, Some(0)),
            ("End", 3, Some(5)),
            ("Tab", 3, None),
        ] {
            assert_eq!(moved(key, at, 6, 3, false), expected, "{key} from {at}");
        }
    }

    #[test]
    fn a_head_stands_above_the_first_row() {
        for (key, at, expected) in [
            ("ArrowDown", 0, Some(1)),
            ("ArrowDown", 2, Some(4)),
            ("ArrowUp", 2, Some(0)),
            ("ArrowUp", 3, Some(1)),
            ("ArrowUp", 0, None),
            ("ArrowLeft", 1, Some(0)),
        ] {
            assert_eq!(moved(key, at, 5, 2, true), expected, "{key} from {at}");
        }
        assert_eq!(moved("End", 0, 0, 2, true), None);
    }
}
