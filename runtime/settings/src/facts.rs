//! What tables leave behind for others, by its type.

use std::{
    any::{Any, TypeId},
    cell::{RefCell, RefMut},
    collections::HashMap,
};

/// One value of each type, made when it is first asked for.
#[derive(Default)]
pub(crate) struct Facts(RefCell<HashMap<TypeId, Box<dyn Any>>>);

impl Facts {
    /// The value of this type. Only one value of any type may be held at a time.
    pub(crate) fn get<T: Default + 'static>(&self) -> RefMut<'_, T> {
        RefMut::map(self.0.borrow_mut(), |facts| {
            let fact = facts.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
            // The map has each value under its own type.
            match fact.downcast_mut() {
                Some(fact) => fact,
                None => unreachable!("a fact is kept under its own type"),
            }
        })
    }
}
