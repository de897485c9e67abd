//! The smallest and the largest of many numbers, for the statistics of a chunk.

use ::parquet::file::statistics::{Statistics as ChunkStatistics, ValueStatistics};

use super::numbers::Kind;

/// The statistics of a page of numbers: how many of them are no numbers is counted too.
pub(crate) fn page_statistics(
    kind: Kind,
    values: impl Iterator<Item = u64> + Clone,
    nulls: usize,
) -> ChunkStatistics {
    let is_nan = |bits: &u64| match kind {
        Kind::F32 => single(*bits).is_nan(),
        Kind::F64 => f64::from_bits(*bits).is_nan(),
        Kind::I32 | Kind::U32 | Kind::I64 | Kind::U64 => false,
    };
    let nans = values.clone().filter(is_nan).count();
    statistics(kind, values, nulls, Some(nans as u64))
}

/// The statistics of numbers that are given by their bits.
pub(crate) fn statistics(
    kind: Kind,
    values: impl Iterator<Item = u64>,
    nulls: usize,
    nans: Option<u64>,
) -> ChunkStatistics {
    let nulls = Some(nulls as u64);
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
            let numbers = values.map(single).filter(|number| !number.is_nan());
            let (least, most) = numbers
                .fold((f32::INFINITY, f32::NEG_INFINITY), |found, number| {
                    (found.0.min(number), found.1.max(number))
                });
            let found =
                (least <= most).then_some((signed_zero(least, -0.0), signed_zero(most, 0.0)));
            let (least, most) = (found.map(|found| found.0), found.map(|found| found.1));
            ValueStatistics::new(least, most, None, nulls, false)
                .with_nan_count(nans)
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
                .with_nan_count(nans)
                .with_backwards_compatible_min_max(true)
                .into()
        }
    }
}

fn single(bits: u64) -> f32 {
    f32::from_bits(narrow(bits.cast_signed()).cast_unsigned())
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
