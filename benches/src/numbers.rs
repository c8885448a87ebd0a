//! Medians, percentiles, slopes.

/// The middle one; the mean of the middle two of an even number.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let sorted = sort(values);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(*sorted.get(middle.checked_sub(1)?)?, upper)) }
}

/// The least and the greatest.
pub(crate) fn spread(values: &[f64]) -> Option<(f64, f64)> {
    let sorted = sort(values);
    Some((*sorted.first()?, *sorted.last()?))
}

/// The value that `part` of a thousand do not exceed.
pub(crate) fn permille(values: &mut [u64], part: usize) -> Option<u64> {
    values.sort_unstable();
    let at = (values.len() * part).div_ceil(1000).saturating_sub(1);
    values.get(at).copied()
}

/// The slope of the straight line that lies nearest to these points (x, y), by least squares.
pub(crate) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = real(u64::try_from(points.len()).ok()?);
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (above, below) = points
        .iter()
        .fold((0.0, 0.0), |(above, below), point| ((point.0 - x).mul_add(point.1 - y, above), (point.0 - x).mul_add(point.0 - x, below)));
    (below > 0.0).then(|| above / below)
}

/// A count as a real number.
#[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds of a bench are far below 2^53")]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}

fn sort(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_come_out() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0]), median(&[])), (Some(2.0), Some(2.5), None));
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some((1.0, 3.0)));
        let mut hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!((permille(&mut hundred, 500), permille(&mut hundred, 990), permille(&mut [7], 990)), (Some(50), Some(99), Some(7)));
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]), Some(2.0));
        assert_eq!(slope(&[(1.0, 1.0)]), None);
    }
}
