//! Asks CloudWatch for many statistics at once.

use super::window::Window;
use crate::client::cloudwatch::{CloudWatch, Points, Query};
use crate::client::query_error::QueryError;

/// The points of each query in the window, in the order of the queries. `progress` is told how many
/// queries are answered, and how many there are.
///
/// # Errors
///
/// When CloudWatch gives no answer.
pub(crate) async fn answers(
    cloudwatch: &CloudWatch,
    queries: &[Query],
    window: &Window,
    progress: &mut impl FnMut(usize, usize),
) -> Result<Vec<Points>, QueryError> {
    let answered = |answered| progress(answered, queries.len());
    cloudwatch.data(queries, window.start..window.end, answered).await
}
