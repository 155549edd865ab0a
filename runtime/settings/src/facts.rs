//! Facts that tables record for checks across tables.

use std::{
    any::{Any, TypeId},
    cell::{RefCell, RefMut},
    collections::HashMap,
};

/// One value of each type, created at the first access.
#[derive(Default)]
pub(crate) struct Facts(RefCell<HashMap<TypeId, Box<dyn Any>>>);

impl Facts {
    /// Returns the value of this type. Only one value of any type may be borrowed at a time.
    pub(crate) fn get<T: Default + 'static>(&self) -> RefMut<'_, T> {
        RefMut::map(self.0.borrow_mut(), |facts| {
            let fact = facts.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
            // The map stores each value under its own type.
            match fact.downcast_mut() {
                Some(fact) => fact,
                None => unreachable!("a fact is kept under its own type"),
            }
        })
    }
}
