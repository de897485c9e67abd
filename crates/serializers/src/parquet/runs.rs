//! Parquet's hybrid of run-length encoding and bit packing, for levels and codes.

/// Groups of eight packed values under one header; readers of old could count no more.
const MOST_GROUPS: usize = 63;

/// What can be encoded: levels and codes.
pub(crate) trait Level: Copy + PartialEq + Into<u32> {}

impl Level for u8 {}

impl Level for u32 {}

/// Appends `values`, each of `width` bits, to `out`.
///
/// Many equal values in a row become a run; what is between is packed.
pub(crate) fn encode<T: Level>(values: &[T], width: u8, out: &mut Vec<u8>) {
    // A run between packed values costs about five bytes, which so many packed values need.
    let least_run = (40 / usize::from(width.max(1))).next_multiple_of(8).max(8);
    let (mut packed_from, mut at) = (0, 0);
    while let Some(rest) = values.get(at..).filter(|rest| !rest.is_empty()) {
        // What stands before a run is packed in whole groups: runs are looked for at their ends.
        let is_even = match rest.first_chunk::<8>() {
            Some(group) => group.iter().all(|value| *value == group[0]),
            None => true,
        };
        let run = match rest.first() {
            Some(first) if is_even => rest.iter().take_while(|other| *other == first).count(),
            _ => 0,
        };
        if run >= least_run || (run == rest.len() && packed_from == at) {
            pack(values.get(packed_from..at).unwrap_or_default(), width, out);
            if let Some(value) = rest.first() {
                repeat((*value).into(), run, width, out);
            }
            at += run;
            packed_from = at;
        } else {
            at += (run / 8).max(1) * 8;
        }
    }
    pack(values.get(packed_from..).unwrap_or_default(), width, out);
}

/// One run.
pub(crate) fn repeat(value: u32, count: usize, width: u8, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    let bytes = value.to_le_bytes();
    out.extend(bytes.iter().take(usize::from(width).div_ceil(8)));
}

fn pack<T: Level>(values: &[T], width: u8, out: &mut Vec<u8>) {
    for part in values.chunks(MOST_GROUPS * 8) {
        varint((part.len().div_ceil(8) as u64) << 1 | 1, out);
        let (groups, rest) = part.as_chunks::<8>();
        for group in groups {
            pack_group(group, width, out);
        }
        if !rest.is_empty() {
            let mut group = [0_u32; 8];
            for (place, value) in group.iter_mut().zip(rest) {
                *place = (*value).into();
            }
            pack_group(&group, width, out);
        }
    }
}

/// Eight values, in as many bytes as one has bits.
fn pack_group<T: Level>(group: &[T; 8], width: u8, out: &mut Vec<u8>) {
    let half = |values: &[T]| {
        let mut bits = 0_u128;
        for value in values.iter().rev() {
            let value: u32 = (*value).into();
            bits = bits << width | u128::from(value);
        }
        bits
    };
    let bytes = usize::from(width);
    if width <= 8 {
        let mut bits = 0_u64;
        for value in group.iter().rev() {
            let value: u32 = (*value).into();
            bits = bits << width | u64::from(value);
        }
        out.extend_from_slice(bits.to_le_bytes().get(..bytes).unwrap_or_default());
    } else if width <= 16 {
        let bits = half(group).to_le_bytes();
        out.extend_from_slice(bits.get(..bytes).unwrap_or_default());
    } else {
        // Two halves of four values: together whole bytes, each alone perhaps not.
        let (low, high) = group.split_at(4);
        let (low, high) = (half(low), half(high));
        let bits = usize::from(width) * 4;
        let mut joined = [0_u8; 32];
        let first = low
            | high
                .checked_shl(u32::try_from(bits).unwrap_or(128))
                .unwrap_or_default();
        let second = high
            .checked_shr(u32::try_from(128 - bits).unwrap_or(128))
            .unwrap_or_default();
        let halves = first.to_le_bytes().into_iter().chain(second.to_le_bytes());
        for (place, byte) in joined.iter_mut().zip(halves) {
            *place = byte;
        }
        out.extend_from_slice(joined.get(..bytes).unwrap_or_default());
    }
}

/// A number in as many bytes of seven bits as it needs.
pub(crate) fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7f) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The encoding backwards, from the words of its specification.
    fn decode(mut bytes: &[u8], width: u8, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let (mut header, mut shift) = (0_u64, 0);
            loop {
                let byte = bytes[0];
                bytes = &bytes[1..];
                header |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            if header & 1 == 0 {
                let length = usize::from(width).div_ceil(8);
                let mut value = [0; 4];
                value[..length].copy_from_slice(&bytes[..length]);
                bytes = &bytes[length..];
                let run = usize::try_from(header >> 1).unwrap();
                values.extend(std::iter::repeat_n(u32::from_le_bytes(value), run));
            } else {
                let length = usize::try_from(header >> 1).unwrap() * usize::from(width);
                let packed = &bytes[..length];
                bytes = &bytes[length..];
                for index in 0..usize::try_from(header >> 1).unwrap() * 8 {
                    let value = (0..usize::from(width)).fold(0, |value, bit| {
                        let at = index * usize::from(width) + bit;
                        value | u32::from(packed[at / 8] >> (at % 8) & 1) << bit
                    });
                    values.push(value);
                }
            }
        }
        assert!(bytes.is_empty());
        values.truncate(count);
        values
    }

    #[test]
    fn a_run_is_a_few_bytes() {
        let mut out = Vec::new();
        encode(&[3_u32; 1000], 2, &mut out);
        assert_eq!(out, [0xd0, 0x0f, 3]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_encoded_is_decoded(
            runs in prop::collection::vec((0_u32..1 << 17, 1_usize..40), 0..60),
            width in 17_u8..=20,
        ) {
            let values: Vec<u32> = runs
                .iter()
                .flat_map(|(value, count)| std::iter::repeat_n(*value, *count))
                .collect();
            let mut out = Vec::new();
            encode(&values, width, &mut out);
            prop_assert_eq!(decode(&out, width, values.len()), values);
        }
    }
}
