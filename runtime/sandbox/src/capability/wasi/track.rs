//! What a clock says, look by look: kept while it says it, or said again as it was kept.

use crate::recording::Readings;

/// Looks at a clock beyond a record for which it goes on by a millisecond.
const LOOKS_PER_MS: u64 = 1_000;

/// A clock, being recorded or played.
#[derive(Default)]
pub(super) struct Track {
    readings: Readings,
    /// What it said last.
    now: u64,
    /// The step to be played next.
    step: usize,
    /// Looks at this value so far.
    looks: u64,
}

impl Track {
    /// One that says what was kept.
    pub(super) fn again(readings: &Readings) -> Self {
        Self {
            now: readings.first_ms,
            readings: readings.clone(),
            ..Self::default()
        }
    }

    /// Keeps what the clock says now.
    pub(super) fn record(&mut self, now: u64) -> u64 {
        let readings = &mut self.readings;
        if !readings.is_read() {
            readings.first_ms = now;
        } else if readings.cut {
            return now;
        } else if now != self.now {
            if readings.steps.len() == Readings::STEPS_MAX {
                readings.cut = true;
                return now;
            }
            readings.steps.push((readings.last, difference(self.now, now)));
            readings.last = 0;
        }
        readings.last = readings.last.saturating_add(1);
        self.now = now;
        now
    }

    /// What it says next.
    pub(super) fn play(&mut self) -> u64 {
        while let Some((looks, difference)) = self.readings.steps.get(self.step) {
            if self.looks < u64::from(*looks) {
                break;
            }
            self.now = self.now.saturating_add_signed(*difference);
            (self.step, self.looks) = (self.step + 1, 0);
        }
        self.looks += 1;
        let is_last = self.step == self.readings.steps.len();
        let beyond = self.looks.saturating_sub(self.readings.last.into());
        let more = if is_last { beyond / LOOKS_PER_MS } else { 0 };
        self.now.saturating_add(more)
    }

    /// What was kept; of a clock that was not looked at, what it says now.
    pub(super) fn readings(&self, now: u64) -> Readings {
        match self.readings.is_read() {
            true => self.readings.clone(),
            false => Readings::unread(now),
        }
    }
}

fn difference(from: u64, to: u64) -> i64 {
    i64::try_from(i128::from(to) - i128::from(from)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(said: &[u64]) -> Track {
        let mut track = Track::default();
        said.iter().for_each(|now| assert_eq!(track.record(*now), *now));
        track
    }

    #[test]
    fn a_clock_says_the_same_again_and_then_goes_on_slowly() {
        for said in [
            &[7][..],
            &[7, 7, 7],
            &[7, 8, 8, 8, 11],
            &[100, 100, 90, 90, 91],
            &[5, 6, 7, 8],
        ] {
            let mut again = Track::again(&recorded(said).readings(0));
            let played: Vec<_> = said.iter().map(|_| again.play()).collect();
            assert_eq!(played, said);
            let last = said[said.len() - 1];
            let beyond: Vec<_> = (0..2 * LOOKS_PER_MS).map(|_| again.play()).collect();
            assert_eq!(beyond[..999], vec![last; 999][..]);
            assert_eq!((beyond[999], beyond[1999]), (last + 1, last + 2));
        }
    }

    #[test]
    fn a_clock_that_is_looked_at_too_often_is_cut_where_the_record_ends() {
        let said: Vec<u64> = (0..1_000).collect();
        let readings = recorded(&said).readings(0);
        assert!(readings.cut && readings.steps.len() == Readings::STEPS_MAX);
        let mut again = Track::again(&readings);
        let played: Vec<_> = (0..=Readings::STEPS_MAX).map(|_| again.play()).collect();
        assert_eq!(played, said[..=Readings::STEPS_MAX]);
    }
}
