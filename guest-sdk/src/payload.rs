//! A payload on its way out: bytes of its own, or an input's, which the host still has.

use std::{borrow::Cow, marker::PhantomData};

/// Lives no longer than the input it may name, so that it cannot outlast the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Payload<'a> {
    /// Crosses to the host.
    New(Cow<'a, [u8]>),
    /// The payload of the input at this place, as it was.
    Input(u32, PhantomData<&'a ()>),
}

impl Payload<'_> {
    pub(crate) const EMPTY: Self = Self::New(Cow::Borrowed(&[]));

    pub(crate) fn input(at: u32) -> Self {
        Self::Input(at, PhantomData)
    }
}
