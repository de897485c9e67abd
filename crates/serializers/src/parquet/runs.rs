//! Parquet's hybrid of run-length encoding and bit packing, for levels and codes.

/// Groups of eight packed values under one header; readers of old could count no more.
const MOST_GROUPS: usize = 63;

/// Appends `values`, each of `width` bits, to `out`.
///
/// Eight or more equal values in a row become a run; what is between is packed.
pub(crate) fn encode(values: &[u32], width: u8, out: &mut Vec<u8>) {
    let (mut packed_from, mut at) = (0, 0);
    while let Some(value) = values.get(at) {
        let rest = values.get(at..).unwrap_or_default();
        let run = rest.iter().take_while(|other| *other == value).count();
        // What stands before a run is packed in whole groups: the run lends what is missing.
        let lent = (8 - (at - packed_from) % 8) % 8;
        if run >= lent + 8 {
            pack(
                values.get(packed_from..at + lent).unwrap_or_default(),
                width,
                out,
            );
            repeat(*value, run - lent, width, out);
            at += run;
            packed_from = at;
        } else {
            at += run;
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

fn pack(values: &[u32], width: u8, out: &mut Vec<u8>) {
    for groups in values.chunks(MOST_GROUPS * 8) {
        varint((groups.len().div_ceil(8) as u64) << 1 | 1, out);
        let end = out.len() + groups.len().div_ceil(8) * usize::from(width);
        let (mut bits, mut filled) = (0_u64, 0);
        for value in groups {
            bits |= u64::from(*value) << filled;
            filled += width;
            while filled >= 8 {
                out.push((bits & 0xff) as u8);
                bits >>= 8;
                filled -= 8;
            }
        }
        if filled > 0 {
            out.push((bits & 0xff) as u8);
        }
        out.resize(end, 0);
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
        encode(&[3; 1000], 2, &mut out);
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
