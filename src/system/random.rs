//! Ids that nobody can guess, without a system call for each.

use std::cell::RefCell;

use uuid::{Builder, Uuid};

/// How many random bytes are fetched at once: enough for 64 ids.
const FETCHED: usize = 1024;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; FETCHED], used: FETCHED }) };
}

/// Random bytes of the operating system. Each is given away once.
struct Pool {
    bytes: [u8; FETCHED],
    used: usize,
}

impl Pool {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        if self.used + N > FETCHED {
            // Without randomness the ids of two environments could be the same, and nothing that is told
            // apart by them would be. `Uuid::new_v4` ends the process likewise.
            getrandom::fill(&mut self.bytes).expect("the operating system has random bytes");
            self.used = 0;
        }
        let taken = &mut self.bytes[self.used..self.used + N];
        self.used += N;
        let mut bytes = [0; N];
        bytes.swap_with_slice(taken);
        bytes
    }
}

/// Random bytes.
#[must_use]
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    const { assert!(N <= FETCHED) };
    POOL.with_borrow_mut(Pool::take)
}

/// A random id, version 4.
#[must_use]
pub(crate) fn random_uuid() -> Uuid {
    Builder::from_random_bytes(random_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::{Variant, Version};

    use super::{random_bytes, random_uuid};

    #[test]
    fn no_id_comes_twice() {
        let ids: HashSet<_> = (0..10_000).map(|_| random_uuid()).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids {
            assert_eq!(id.get_version(), Some(Version::Random));
            assert_eq!(id.get_variant(), Variant::RFC4122);
        }
    }

    #[test]
    fn what_does_not_fit_the_rest_of_the_pool_is_whole() {
        let lengths: HashSet<_> = (0..200).map(|_| random_bytes::<20>()).collect();
        assert_eq!(lengths.len(), 200);
        assert!(lengths.iter().all(|bytes| bytes.iter().any(|byte| *byte != 0)));
    }
}
