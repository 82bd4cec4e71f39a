//! Quartiles without sorting: a column may be longer than there is memory to sort it in.

/// A number that is looked for by its rank among the numbers that begin with the same bytes.
#[derive(Clone, Copy)]
struct Sought {
    /// The bytes that are known of it, of its key.
    prefix: u64,
    rank: u64,
}

/// The quartiles of `count` numbers, between neighbours by linear interpolation (the seventh of Hyndman and Fan, *Sample
/// Quantiles in Statistical Packages*, 1996, which NumPy takes as well).
pub(super) fn quartiles<I: Iterator<Item = f64>>(count: u64, numbers: &impl Fn() -> I) -> [f64; 3] {
    let last = count - 1;
    let below = [1, 2, 3].map(|quarter| last * quarter / 4);
    let ranks = [0, 1, 2].map(|index| [below[index], (below[index] + 1).min(last)]);
    let found = of_ranks(ranks.as_flattened(), numbers);
    std::array::from_fn(|index| {
        let part = (last * (index as u64 + 1) % 4) as f64 / 4.0;
        found[2 * index] * (1.0 - part) + found[2 * index + 1] * part
    })
}

/// The numbers of these ranks: byte by byte from the highest, by counting how many of those that begin as it does go on
/// with which byte.
fn of_ranks<I: Iterator<Item = f64>>(ranks: &[u64], numbers: &impl Fn() -> I) -> Vec<f64> {
    let mut sought: Vec<Sought> = ranks.iter().map(|rank| Sought { prefix: 0, rank: *rank }).collect();
    for shift in [56_u32, 48, 40, 32, 24, 16, 8, 0] {
        let mut counts: Vec<(u64, [u64; 256])> =
            sought.iter().map(|sought| (sought.prefix, [0; 256])).collect();
        counts.dedup_by_key(|(prefix, _)| *prefix);
        for key in numbers().map(key) {
            let begins = key.checked_shr(shift + 8).unwrap_or(0);
            if let Some((_, counts)) = counts.iter_mut().find(|(prefix, _)| *prefix == begins) {
                counts[(key >> shift) as usize & 0xff] += 1;
            }
        }
        for sought in &mut sought {
            let known = counts.iter().find(|(prefix, _)| *prefix == sought.prefix);
            let mut byte = 0;
            for count in known.into_iter().flat_map(|(_, counts)| counts) {
                if sought.rank < *count {
                    break;
                }
                sought.rank -= count;
                byte += 1;
            }
            sought.prefix = sought.prefix << 8 | byte;
        }
    }
    sought.iter().map(|sought| number(sought.prefix)).collect()
}

const SIGN: u64 = 1 << 63;

/// The bits of a number such that keys are in the order of their numbers.
fn key(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

fn number(key: u64) -> f64 {
    f64::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[f64]) -> [f64; 3] {
        quartiles(numbers.len() as u64, &|| numbers.iter().copied())
    }

    #[test]
    fn quartiles_stand_between_their_neighbours() {
        assert_eq!(of(&[7.0]), [7.0; 3]);
        assert_eq!(of(&[4.0, 2.0]), [2.5, 3.0, 3.5]);
        assert_eq!(of(&[5.0, 3.0, 1.0, 4.0, 2.0]), [2.0, 3.0, 4.0]);
        assert_eq!(of(&[-1e30, 1e30, -1e-30, 0.0, 0.0]), [-1e-30, 0.0, 0.0]);
        assert_eq!(of(&[-3.0, -2.0, -2.0, -1.0]), [-2.25, -2.0, -1.75]);
    }

    #[test]
    fn ranks_are_those_of_a_sorted_column() {
        // A full period of a generator of all residues, with signs and fractions.
        let numbers: Vec<f64> =
            (0..1009_i64).map(|index| ((index * 367 % 1009) - 504) as f64 / 7.0).collect();
        let mut sorted = numbers.clone();
        sorted.sort_by(f64::total_cmp);
        let ranks = [0, 1, 333, 504, 505, 1008];
        let found = of_ranks(&ranks, &|| numbers.iter().copied());
        assert_eq!(found, ranks.map(|rank| sorted[rank as usize]));
    }
}
