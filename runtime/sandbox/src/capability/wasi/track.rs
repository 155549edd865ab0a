//! The readings of one clock: recorded as they are made, or replayed from a recording.

use crate::recording::Readings;

/// Readings past the end of a recording for which the clock advances by one millisecond.
const LOOKS_PER_MS: u64 = 1_000;

/// A clock that is being recorded or replayed.
#[derive(Default)]
pub(super) struct ClockTrack {
    readings: Readings,
    /// The last reading, in milliseconds.
    now: u64,
    /// The step to be played next.
    step: usize,
    /// Readings of this value so far.
    looks: u64,
}

impl ClockTrack {
    /// Replays these readings.
    pub(super) fn replay(readings: &Readings) -> Self {
        Self {
            now: readings.first_ms,
            readings: readings.clone(),
            ..Self::default()
        }
    }

    /// Records a reading and returns it.
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

    /// The next reading of a replay.
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

    /// The recorded readings; `now` for a clock that was not read.
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

    fn recorded(said: &[u64]) -> ClockTrack {
        let mut track = ClockTrack::default();
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
            let mut again = ClockTrack::replay(&recorded(said).readings(0));
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
        let mut again = ClockTrack::replay(&readings);
        let played: Vec<_> = (0..=Readings::STEPS_MAX).map(|_| again.play()).collect();
        assert_eq!(played, said[..=Readings::STEPS_MAX]);
    }
}
