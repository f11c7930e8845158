//! The numbers that stand for states and other choices in the rows.

use crate::model::{Blame, Effect, Order, Origin, Phase, Repeat, State};

/// Where an item is, in more detail than people need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Stage {
    /// It may be claimed when it is due.
    Queued,
    /// An item of the same key is before it.
    Behind,
    /// An intent names it.
    Sending,
    /// It waits for a change.
    Held,
    /// A barrier is before it, or it is one and something is before it.
    Blocked,
    /// A caller who waits delivers it; it has no place in the order.
    Calling,
    Unknown,
    Failed,
    Rejected,
    /// Unknown, and what is behind it waits.
    UnknownHolds,
    Accepted,
    Duplicate,
    Skipped,
    Superseded,
    Discarded,
}

impl Stage {
    pub const ALL: [Self; 15] = [
        Self::Queued,
        Self::Behind,
        Self::Sending,
        Self::Held,
        Self::Blocked,
        Self::Calling,
        Self::Unknown,
        Self::Failed,
        Self::Rejected,
        Self::UnknownHolds,
        Self::Accepted,
        Self::Duplicate,
        Self::Skipped,
        Self::Superseded,
        Self::Discarded,
    ];

    pub fn code(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Behind => 1,
            Self::Sending => 2,
            Self::Held => 3,
            Self::Blocked => 4,
            Self::Calling => 5,
            Self::Unknown => 10,
            Self::Failed => 11,
            Self::Rejected => 12,
            Self::UnknownHolds => 13,
            Self::Accepted => 20,
            Self::Duplicate => 21,
            Self::Skipped => 22,
            Self::Superseded => 23,
            Self::Discarded => 24,
        }
    }

    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.code() == code)
    }

    /// What people are told.
    pub fn state(self) -> State {
        match self {
            Self::Queued => State::Queued,
            Self::Behind | Self::Blocked => State::Behind,
            Self::Sending | Self::Calling => State::Sending,
            Self::Held => State::Held,
            Self::Unknown | Self::UnknownHolds => State::Unknown,
            Self::Failed => State::Failed,
            Self::Rejected => State::Rejected,
            Self::Accepted => State::Accepted,
            Self::Duplicate => State::Duplicate,
            Self::Skipped => State::Skipped,
            Self::Superseded => State::Superseded,
            Self::Discarded => State::Discarded,
        }
    }

    /// The stages that people see as one state.
    pub fn of_state(state: State) -> impl Iterator<Item = Self> {
        let all = Self::ALL.into_iter();
        all.filter(move |stage| stage.state() == state)
    }

    /// How an item ends; none for what is no end, or not one that is settled.
    pub fn of_end(state: State) -> Option<Self> {
        match state {
            State::Accepted => Some(Self::Accepted),
            State::Duplicate => Some(Self::Duplicate),
            State::Skipped => Some(Self::Skipped),
            State::Rejected => Some(Self::Rejected),
            State::Failed => Some(Self::Failed),
            State::Unknown => Some(Self::Unknown),
            State::Discarded => Some(Self::Discarded),
            State::Queued | State::Behind | State::Sending | State::Held | State::Superseded => {
                None
            }
        }
    }

    pub fn phase_code(self) -> u8 {
        match self.state().phase() {
            Phase::Open => 0,
            Phase::Dead => 1,
            Phase::Done => 2,
        }
    }

    /// Whether it takes its place in the order.
    pub fn holds(self) -> bool {
        matches!(
            self,
            Self::Queued
                | Self::Behind
                | Self::Sending
                | Self::Held
                | Self::Blocked
                | Self::UnknownHolds
        )
    }

    /// Whether it is the one of its key, or of its lane's barriers, that goes on
    /// first.
    pub fn leads(self) -> bool {
        self.holds() && !matches!(self, Self::Behind | Self::Blocked)
    }
}

/// What an order is in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Free,
    Absolute,
    Relative,
    Barrier,
}

impl Kind {
    pub fn of(order: &Order) -> Self {
        match order {
            Order::None => Self::Free,
            Order::Key { effect, .. } => match effect {
                Effect::Absolute => Self::Absolute,
                Effect::Relative => Self::Relative,
            },
            Order::Barrier => Self::Barrier,
        }
    }

    pub fn code(self) -> u8 {
        match self {
            Self::Free => 0,
            Self::Absolute => 1,
            Self::Relative => 2,
            Self::Barrier => 3,
        }
    }

    pub fn from_code(code: u8) -> Option<Self> {
        let mut all = [Self::Free, Self::Absolute, Self::Relative, Self::Barrier].into_iter();
        all.find(|kind| kind.code() == code)
    }

    pub fn effect(self) -> Option<Effect> {
        match self {
            Self::Absolute => Some(Effect::Absolute),
            Self::Relative => Some(Effect::Relative),
            Self::Free | Self::Barrier => None,
        }
    }

    /// The order again, with the key of its row.
    pub fn order(self, key: Option<Vec<u8>>) -> Order {
        match (self, self.effect()) {
            (Self::Barrier, _) => Order::Barrier,
            (_, Some(effect)) => Order::Key {
                bytes: key.unwrap_or_default(),
                effect,
            },
            (_, None) => Order::None,
        }
    }
}

/// The key's bytes, if it has one.
pub(super) fn key_of(order: &Order) -> Option<&[u8]> {
    match order {
        Order::Key { bytes, .. } => Some(bytes),
        Order::None | Order::Barrier => None,
    }
}

const BLAMES: [Blame; 5] = [
    Blame::Caller,
    Blame::Script,
    Blame::Adapter,
    Blame::Platform,
    Blame::Host,
];
const REPEATS: [Repeat; 3] = [Repeat::Safe, Repeat::ReadBack, Repeat::Never];
const ORIGINS: [Origin; 2] = [Origin::Queued, Origin::Call];

/// A choice that is stored as its place in a list.
pub(super) trait Coded: Copy + PartialEq + 'static {
    const ALL: &'static [Self];

    fn code(self) -> u8 {
        let place = Self::ALL.iter().position(|one| *one == self);
        place.map_or(u8::MAX, |place| place as u8)
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

impl Coded for Blame {
    const ALL: &'static [Self] = &BLAMES;
}

impl Coded for Repeat {
    const ALL: &'static [Self] = &REPEATS;
}

impl Coded for Origin {
    const ALL: &'static [Self] = &ORIGINS;
}

/// Lets choices be bound to statements and read from rows.
macro_rules! stored {
    ($($choice:ty),*) => {$(
        impl rusqlite::ToSql for $choice {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.code().into())
            }
        }

        impl rusqlite::types::FromSql for $choice {
            fn column_result(
                value: rusqlite::types::ValueRef<'_>,
            ) -> rusqlite::types::FromSqlResult<Self> {
                let code = <u8 as rusqlite::types::FromSql>::column_result(value)?;
                let unknown = rusqlite::types::FromSqlError::OutOfRange(code.into());
                Self::from_code(code).ok_or(unknown)
            }
        }
    )*};
}

stored!(Stage, Kind, Blame, Repeat, Origin);
pub(super) use stored;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_survives_its_number() {
        for stage in Stage::ALL {
            assert_eq!(Stage::from_code(stage.code()), Some(stage));
        }
        for blame in BLAMES {
            assert_eq!(Blame::from_code(blame.code()), Some(blame));
        }
        for repeat in REPEATS {
            assert_eq!(Repeat::from_code(repeat.code()), Some(repeat));
        }
        for origin in ORIGINS {
            assert_eq!(Origin::from_code(origin.code()), Some(origin));
        }
        assert_eq!(Stage::from_code(99), None);
        assert_eq!(Kind::from_code(99), None);
    }

    #[test]
    fn every_state_that_people_see_has_a_stage() {
        for state in State::ALL {
            assert!(Stage::of_state(state).count() >= 1, "{state}");
        }
    }

    #[test]
    fn what_is_open_holds_its_place_unless_a_caller_has_it() {
        for stage in Stage::ALL {
            let open = stage.state().phase() == Phase::Open;
            let holds = open && stage != Stage::Calling || stage == Stage::UnknownHolds;
            assert_eq!(stage.holds(), holds, "{stage:?}");
        }
    }
}
