//! Combines a bucket and a region from several sources, if the sources do not contradict each other.

use std::borrow::Cow;

use cloud_infinite_job_record::Input;

use super::element::Element;

/// A bucket and its region, each if the body names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BucketRef<'t> {
    pub(super) bucket: Option<Cow<'t, str>>,
    pub(super) region: Option<Cow<'t, str>>,
}

impl<'t> BucketRef<'t> {
    /// Reads `Bucket` and `Region` of an element.
    pub(super) fn from_element(element: &Element<'_, 't>) -> Self {
        Self {
            bucket: element.field("Bucket"),
            region: element.field("Region"),
        }
    }

    /// Copies the bucket of an input.
    pub(super) fn from_input(input: &Input<'t>) -> Self {
        Self {
            bucket: input.bucket.clone(),
            region: input.region.clone(),
        }
    }

    /// Whether both may name the same bucket: what both name is equal.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        let agree =
            |one: &Option<_>, other: &Option<_>| one.is_none() || other.is_none() || one == other;
        agree(&self.bucket, &other.bucket) && agree(&self.region, &other.region)
    }

    /// Takes what is missing from `other`, unless the two contradict each other: the name of one bucket with
    /// the region of another would name a bucket that does not exist.
    #[must_use]
    pub(super) fn or(self, other: &Self) -> Self {
        if !self.agrees_with(other) {
            return self;
        }
        Self {
            bucket: self.bucket.or_else(|| other.bucket.clone()),
            region: self.region.or_else(|| other.region.clone()),
        }
    }
}
