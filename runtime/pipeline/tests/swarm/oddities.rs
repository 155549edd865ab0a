//! What is out of the ordinary in one run: few kinds at a time, so that they meet their like more often.

use super::{
    dice::Dice,
    parcel::{AT_SINK, AT_SOURCE, AtSink, AtSource, Parcel},
};

/// See the module.
#[derive(Debug, Clone)]
pub struct Oddities {
    /// So many of a hundred events, at each side.
    percent: u64,
    at_source: Vec<AtSource>,
    at_sink: Vec<AtSink>,
}

impl Oddities {
    pub fn draw(dice: &Dice) -> Self {
        Self {
            percent: dice.pick(&[0, 5, 20, 50]),
            at_source: some(&AT_SOURCE, dice),
            at_sink: some(&AT_SINK, dice),
        }
    }

    /// An event, perhaps an odd one.
    pub fn parcel(&self, number: u64, dice: &Dice) -> Parcel {
        let plain = Parcel::plain(number);
        Parcel {
            number,
            at_source: if dice.chance(self.percent) {
                dice.pick(&self.at_source)
            } else {
                plain.at_source
            },
            at_sink: if dice.chance(self.percent) {
                dice.pick(&self.at_sink)
            } else {
                plain.at_sink
            },
        }
    }
}

/// All kinds, or a few of them.
fn some<T: Copy>(all: &[T], dice: &Dice) -> Vec<T> {
    match dice.chance(25) {
        true => all.to_vec(),
        false => (0..dice.between(1..=4)).map(|_| dice.pick(all)).collect(),
    }
}
