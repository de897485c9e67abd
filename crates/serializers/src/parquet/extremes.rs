//! The smallest and the largest of many numbers, for the statistics of a chunk.

use ::parquet::file::statistics::{Statistics as ChunkStatistics, ValueStatistics};

use super::levels::Levels;
use super::numbers::Kind;

/// The statistics of numbers that are given by their bits.
pub(crate) fn statistics(
    kind: Kind,
    values: impl Iterator<Item = u64>,
    levels: &Levels,
) -> ChunkStatistics {
    let nulls = Some(levels.nulls() as u64);
    match kind {
        Kind::I32 => {
            let (least, most) = extremes(values, narrow_signed);
            ValueStatistics::new(least.map(narrow), most.map(narrow), None, nulls, false)
                .with_backwards_compatible_min_max(true)
                .into()
        }
        Kind::U32 => {
            let (least, most) = extremes(values, u64::cast_signed);
            ValueStatistics::new(least.map(narrow), most.map(narrow), None, nulls, false).into()
        }
        Kind::I64 => {
            let (least, most) = extremes(values, u64::cast_signed);
            ValueStatistics::new(least, most, None, nulls, false)
                .with_backwards_compatible_min_max(true)
                .into()
        }
        Kind::U64 => {
            let (least, most) = extremes(values, |bits| (bits ^ TOP).cast_signed());
            let back = |key: i64| (key.cast_unsigned() ^ TOP).cast_signed();
            ValueStatistics::new(least.map(back), most.map(back), None, nulls, false).into()
        }
        Kind::F32 => {
            let value = |bits: u64| f32::from_bits(narrow(bits.cast_signed()).cast_unsigned());
            let numbers = values.map(value).filter(|number| !number.is_nan());
            let (least, most) = numbers
                .fold((f32::INFINITY, f32::NEG_INFINITY), |found, number| {
                    (found.0.min(number), found.1.max(number))
                });
            let found =
                (least <= most).then_some((signed_zero(least, -0.0), signed_zero(most, 0.0)));
            let (least, most) = (found.map(|found| found.0), found.map(|found| found.1));
            ValueStatistics::new(least, most, None, nulls, false)
                .with_backwards_compatible_min_max(true)
                .into()
        }
        Kind::F64 => {
            let numbers = values.map(f64::from_bits).filter(|number| !number.is_nan());
            let (least, most) = numbers
                .fold((f64::INFINITY, f64::NEG_INFINITY), |found, number| {
                    (found.0.min(number), found.1.max(number))
                });
            let found =
                (least <= most).then_some((signed_zero(least, -0.0), signed_zero(most, 0.0)));
            let (least, most) = (found.map(|found| found.0), found.map(|found| found.1));
            ValueStatistics::new(least, most, None, nulls, false)
                .with_backwards_compatible_min_max(true)
                .into()
        }
    }
}

const TOP: u64 = 1 << 63;

#[expect(
    clippy::cast_possible_truncation,
    reason = "the upper half is the sign or nothing"
)]
fn narrow(key: i64) -> i32 {
    key as i32
}

fn narrow_signed(bits: u64) -> i64 {
    narrow(bits.cast_signed()).into()
}

fn extremes(
    values: impl Iterator<Item = u64>,
    key: impl Fn(u64) -> i64,
) -> (Option<i64>, Option<i64>) {
    let (least, most) = values.fold((i64::MAX, i64::MIN), |(least, most), bits| {
        let key = key(bits);
        (least.min(key), most.max(key))
    });
    if least <= most {
        (Some(least), Some(most))
    } else {
        (None, None)
    }
}

/// Zero with the sign that the format asks for: both zeros lie between the extremes then.
fn signed_zero<F: PartialEq + Default>(extreme: F, zero: F) -> F {
    if extreme == F::default() {
        zero
    } else {
        extreme
    }
}
