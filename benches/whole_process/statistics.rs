//! Medians and shares.

/// The value in the middle; of an even number, the lower one of the two.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 50)
}

/// The value that so many of a hundred don't exceed.
pub(crate) fn quantile(values: &[f64], hundredths: usize) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * hundredths).div_ceil(100);
    values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// A count as a number to calculate with. No count of the benchmark comes near 2^52.
pub(crate) fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
