//! Which functions are allocators, by name.

/// Where an allocator is told how many bytes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// In this parameter.
    Param(u32),
    /// The product of the first two.
    Product,
    /// On Go's own stack, whose pointer is the first global: the function's first argument. The one parameter says where the function
    /// goes on after a switch of goroutines, 0 where it begins.
    GoStack,
}

/// An allocator: how many parameters it has, all of 32 bits, and where the size is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allocator {
    pub(super) params: usize,
    pub(super) size: Size,
}

const fn allocator(params: usize, size: Size) -> Allocator {
    Allocator { params, size }
}

/// Those of C, which are also below Rust's usual one, the interpreters of Python and JavaScript, and C++.
const C: [(&str, Allocator); 6] = [
    ("malloc", allocator(1, Size::Param(0))),
    ("calloc", allocator(2, Size::Product)),
    ("realloc", allocator(2, Size::Param(1))),
    ("aligned_alloc", allocator(2, Size::Param(1))),
    ("memalign", allocator(2, Size::Param(1))),
    ("posix_memalign", allocator(3, Size::Param(2))),
];

/// Those of Rust, whatever allocator a program has.
const RUST: [(&str, Allocator); 3] = [
    ("__rust_alloc", allocator(2, Size::Param(0))),
    ("__rust_alloc_zeroed", allocator(2, Size::Param(0))),
    ("__rust_realloc", allocator(4, Size::Param(3))),
];

/// Go's: one for all sizes, and in newer versions one for each small size.
const GO: [&str; 2] = ["runtime.mallocgc", "runtime.mallocTiny"];

fn known(list: &[(&'static str, Allocator)], name: &str) -> Option<(&'static str, Allocator)> {
    list.iter().find(|(known, _)| *known == name).copied()
}

/// The allocator of this name, and its name for people.
pub(super) fn find(name: &str) -> Option<(String, Allocator)> {
    if let Some((name, allocator)) = known(&C, name) {
        return Some((name.to_owned(), allocator));
    }
    if let Some(go) = GO.iter().find(|go| name.starts_with(**go)) {
        return Some(((*go).to_owned(), allocator(1, Size::GoStack)));
    }
    let readable = format!("{:#}", rustc_demangle::demangle(name));
    let own = readable.strip_prefix("__rustc::").unwrap_or(&readable);
    known(&RUST, own).map(|(name, allocator)| (name.to_owned(), allocator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocators_are_known_by_their_whole_names() {
        let named = |name: &str| find(name).map(|(name, _)| name);
        assert_eq!(named("malloc").as_deref(), Some("malloc"));
        assert_eq!(
            named("_RNvCsfLfy6EI15iL_7___rustc12___rust_alloc").as_deref(),
            Some("__rust_alloc")
        );
        assert_eq!(
            named("runtime.mallocgcSmallNoScanSC2").as_deref(),
            Some("runtime.mallocgc")
        );
        for other in [
            "dlmalloc",
            "malloc_usable_size",
            "my::malloc",
            "_RNvCsfLfy6EI15iL_7___rustc11___rdl_alloc",
        ] {
            assert_eq!(named(other), None, "{other}");
        }
    }
}
