//! Combines a bucket and a region from several sources, if the sources do not contradict each other.

use std::borrow::Cow;

use super::element::Element;

/// A bucket and its region, each if the body names it.
#[derive(Clone, Debug, Default)]
pub(crate) struct BucketRef<'t> {
    pub(crate) bucket: Option<Cow<'t, str>>,
    pub(crate) region: Option<Cow<'t, str>>,
}

impl<'t> BucketRef<'t> {
    /// Reads `Bucket` and `Region` of an element.
    pub(super) fn from_element(element: &Element<'_, 't>) -> Self {
        Self {
            bucket: element.field("Bucket"),
            region: element.field("Region"),
        }
    }

    /// Takes what is missing from `other`, unless the two contradict each other: the name of one bucket with
    /// the region of another would name a bucket that does not exist.
    #[must_use]
    pub(crate) fn or(self, other: &Self) -> Self {
        if !may_be_equal(self.bucket.as_deref(), other.bucket.as_deref())
            || !may_be_equal(self.region.as_deref(), other.region.as_deref())
        {
            return self;
        }
        Self {
            bucket: self.bucket.or_else(|| other.bucket.clone()),
            region: self.region.or_else(|| other.region.clone()),
        }
    }
}

/// Whether two names may be the same: they are equal, or one is unknown.
pub(super) fn may_be_equal(one: Option<&str>, other: Option<&str>) -> bool {
    one.is_none() || other.is_none() || one == other
}
