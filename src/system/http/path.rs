//! Reading the path of a request.

use percent_encoding::percent_decode_str;

/// The one segment of a path between a prefix and a suffix, decoded.
#[must_use]
pub(crate) fn path_parameter(path: &str, prefix: &str, suffix: &str) -> Option<String> {
    let segment = path.strip_prefix(prefix)?.strip_suffix(suffix)?;
    let is_one = !segment.is_empty() && !segment.contains('/');
    is_one.then(|| percent_decode_str(segment).decode_utf8_lossy().into_owned())
}
