//! What a recording of a device's work may hold, so that it can be replayed.
//!
//! Addresses are part of a recording. Whatever it reads or writes must lie where it lay, at
//! every replay; memory of the host that an operation sends to the device does not.

use std::collections::BTreeMap;

use super::Address;

/// Where a copy reads, or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Device,
    /// Memory of the host, or such of which nothing is known.
    Host,
}

/// One piece of recorded work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Kernel,
    /// Memory of the device set to one value.
    Set,
    Copy {
        from: Place,
        to: Place,
    },
    /// Memory that is taken when a replay comes there.
    Take(Address),
    /// The same, given back.
    GiveBack(Address),
    /// Nothing but an order of others.
    Nothing,
    /// Anything else, by the driver's number of its kind.
    Other(u32),
}

/// How much there is in a recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub kernels: usize,
    /// Copies from the device to itself.
    pub copies: usize,
    /// How often memory is taken.
    pub taken: usize,
}

/// Whether work can be replayed, any number of times.
///
/// # Errors
/// Why not: it reads or writes memory of the host, keeps memory that it takes, gives back
/// what it has not taken, has no kernel at all, or is of a kind that nothing is known of.
pub fn check(work: impl IntoIterator<Item = Work>) -> Result<Tally, String> {
    let mut tally = Tally::default();
    let mut held: BTreeMap<Address, i64> = BTreeMap::new();
    for work in work {
        match work {
            Work::Kernel => tally.kernels += 1,
            Work::Copy {
                from: Place::Device,
                to: Place::Device,
            } => tally.copies += 1,
            Work::Copy {
                from: Place::Host, ..
            } => return Err("something is copied from memory of the host".into()),
            Work::Copy { .. } => return Err("something is copied to memory of the host".into()),
            Work::Take(address) => {
                tally.taken += 1;
                *held.entry(address).or_default() += 1;
            }
            Work::GiveBack(address) => *held.entry(address).or_default() -= 1,
            Work::Set | Work::Nothing => {}
            Work::Other(kind) => return Err(format!("there is work of the unknown kind {kind}")),
        }
    }
    // One address may be taken again once it has been given back.
    let odd = held.values().filter(|&&held| held != 0).count();
    match (odd, tally.kernels) {
        (0, 0) => Err("there is no kernel".into()),
        (0, _) => Ok(tally),
        _ => Err(format!(
            "{odd} tensors are made in it and kept, or are older and dropped in it"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::Place::{Device, Host};
    use super::Work::{Copy, GiveBack, Kernel, Nothing, Other, Set, Take};
    use super::{Tally, Work, check};

    fn copy(from: super::Place, to: super::Place) -> Work {
        Copy { from, to }
    }

    #[test]
    fn work_on_the_device_alone_is_taken() {
        let work = [
            Take(8),
            Kernel,
            GiveBack(8),
            Take(8),
            Set,
            copy(Device, Device),
            Nothing,
            Kernel,
            GiveBack(8),
        ];
        let expected = Tally {
            kernels: 2,
            copies: 1,
            taken: 2,
        };
        assert_eq!(check(work), Ok(expected));
    }

    #[test]
    fn memory_of_the_host_is_refused() {
        for odd in [copy(Host, Device), copy(Device, Host), copy(Host, Host)] {
            let refused = check([Kernel, odd]).unwrap_err();
            assert!(refused.contains("memory of the host"), "{refused}");
        }
    }

    #[test]
    fn memory_that_is_kept_or_not_its_own_is_refused() {
        for work in [
            vec![Kernel, Take(8)],
            vec![Kernel, GiveBack(8)],
            vec![Kernel, Take(8), Take(16), GiveBack(8)],
        ] {
            let refused = check(work).unwrap_err();
            assert!(refused.contains("1 tensors"), "{refused}");
        }
    }

    #[test]
    fn work_elsewhere_and_unknown_work_are_refused() {
        assert!(check([Take(8), GiveBack(8)]).is_err(), "no kernel");
        for kind in [3, 4, 7, 99] {
            assert!(check([Kernel, Other(kind)]).is_err(), "kind {kind}");
        }
    }
}
