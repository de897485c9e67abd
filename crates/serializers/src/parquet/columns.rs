//! Columns by name.

use arrow_schema::Schema;

use crate::SerializeError;

/// Positions of the named columns, in the order of the file.
///
/// A name that several columns have selects all of them, as in pyarrow.
pub(crate) fn positions(schema: &Schema, names: &[String]) -> Result<Vec<usize>, SerializeError> {
    let available: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    if let Some(missing) = names.iter().find(|name| !available.contains(name)) {
        return Err(unknown_column(missing, &available));
    }
    Ok((0..available.len())
        .filter(|position| {
            available
                .get(*position)
                .is_some_and(|name| names.contains(name))
        })
        .collect())
}

/// The error for a column that is not there, with the name that was probably meant.
///
/// ```
/// use remote_store_serializers::parquet::unknown_column;
///
/// let columns = ["year", "delay"].map(str::to_owned);
/// assert_eq!(
///     unknown_column("yeer", &columns).to_string(),
///     "no column 'yeer' in the table, did you mean 'year'?; it has 2 columns: 'year', 'delay'"
/// );
/// assert!(!unknown_column("wind", &columns).to_string().contains("did you mean"));
/// ```
pub fn unknown_column(name: &str, available: &[String]) -> SerializeError {
    SerializeError::UnknownColumn {
        name: name.to_owned(),
        nearest: nearest(name, available).map(str::to_owned),
        available: available.to_vec(),
    }
}

/// The name with the fewest edits, if it is near enough to be a slip.
fn nearest<'a>(name: &str, available: &'a [String]) -> Option<&'a str> {
    let most_edits = (name.chars().count() / 3).max(1);
    available
        .iter()
        .map(|candidate| {
            (
                edits(&name.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(edits, _)| *edits <= most_edits)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate.as_str())
}

/// Edits between two names: a character added, left out, replaced, or two
/// neighbours swapped, which is the most common slip.
fn edits(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
    let mut two_above: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, from) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in right.iter().enumerate() {
            let replaced = at(&above, column) + usize::from(from != to);
            let changed = (at(&above, column + 1) + 1).min(at(&current, column) + 1);
            let swapped = row > 0
                && column > 0
                && left.get(row - 1) == Some(to)
                && right.get(column - 1) == Some(from);
            let swap = if swapped {
                at(&two_above, column - 1) + 1
            } else {
                usize::MAX
            };
            current.push(replaced.min(changed).min(swap));
        }
        two_above = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_count_swapped_neighbours_once() {
        for (left, right, distance) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("dealy", "delay", 1),
        ] {
            assert_eq!(edits(left, right), distance, "{left} {right}");
        }
    }

    #[test]
    fn the_nearest_name_is_offered_only_when_it_is_near() {
        let names = [
            "arr_delay".to_owned(),
            "dep_delay".to_owned(),
            "carrier".to_owned(),
        ];
        assert_eq!(nearest("ARR_DELAY", &names), Some("arr_delay"));
        assert_eq!(nearest("arr_dleay", &names), Some("arr_delay"));
        assert_eq!(nearest("wind", &names), None);
    }
}
