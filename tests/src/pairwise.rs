//! A selection of cases in which every pair of levels of any two factors occurs.

/// Picks cases for factors with the given numbers of levels, so that every pair of levels of two factors is in one of
/// them. Greedy and deterministic. A case holds one level number a factor.
#[must_use]
pub fn pairwise(levels: &[usize]) -> Vec<Vec<usize>> {
    let mut open = Vec::new();
    for a in 0..levels.len() {
        for b in a + 1..levels.len() {
            for x in 0..levels[a] {
                for y in 0..levels[b] {
                    open.push(((a, x), (b, y)));
                }
            }
        }
    }
    let mut cases = Vec::new();
    while let Some(&((a, x), (b, y))) = open.first() {
        let mut case = vec![None; levels.len()];
        case[a] = Some(x);
        case[b] = Some(y);
        for factor in 0..levels.len() {
            if case[factor].is_none() {
                case[factor] = (0..levels[factor])
                    .rev()
                    .max_by_key(|&level| gain(&open, &case, factor, level));
            }
        }
        let case: Vec<usize> = case.into_iter().map(|level| level.unwrap_or(0)).collect();
        open.retain(|((a, x), (b, y))| case[*a] != *x || case[*b] != *y);
        cases.push(case);
    }
    cases
}

type Pair = ((usize, usize), (usize, usize));

/// How many open pairs `level` of `factor` would settle with what is chosen already.
fn gain(open: &[Pair], case: &[Option<usize>], factor: usize, level: usize) -> usize {
    open.iter()
        .filter(|((a, x), (b, y))| {
            (*a == factor && *x == level && case[*b] == Some(*y))
                || (*b == factor && *y == level && case[*a] == Some(*x))
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_occurs_and_far_fewer_than_all_cases_are_needed() {
        let levels = [5, 4, 3, 2];
        let cases = pairwise(&levels);
        for a in 0..levels.len() {
            for b in a + 1..levels.len() {
                for x in 0..levels[a] {
                    for y in 0..levels[b] {
                        assert!(
                            cases.iter().any(|c| c[a] == x && c[b] == y),
                            "{a}:{x} with {b}:{y}"
                        );
                    }
                }
            }
        }
        assert!(cases.len() < 40, "{} cases", cases.len());
    }
}
