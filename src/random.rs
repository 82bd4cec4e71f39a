//! Every random draw of a job: a pure function of (seed, stream, step, index), so that no generator has a state to
//! save, and what one part draws never shifts what another gets.
//!
//! The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//! A stream's key is a hash of the seed and the stream's name; the counter is (block, step).

use sha2::{Digest, Sha256};

/// Blocks that are computed side by side; the compiler turns the loops over them into vector instructions.
const LANES: usize = 16;
/// Words of so many blocks.
const GROUP: usize = 4 * LANES;

/// The words of one counter under one key.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let even = u64::from(counter[0]) * 0xD251_1F53;
        let odd = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (odd >> 32) as u32 ^ counter[1] ^ key[0],
            odd as u32,
            (even >> 32) as u32 ^ counter[3] ^ key[1],
            even as u32,
        ];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

/// A 64-bit number that differs with any of seed, name and step; for generators that are seeded by a number.
pub fn hash(seed: u64, name: &str, step: u64) -> u64 {
    let mut digest = Sha256::new();
    digest.update(seed.to_le_bytes());
    digest.update(step.to_le_bytes());
    digest.update(name.as_bytes());
    let digest = digest.finalize();
    digest.iter().take(8).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A named source of draws, such as `shuffle` or `dropout/dropout_1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    key: [u32; 2],
}

impl Stream {
    pub fn new(seed: u64, name: &str) -> Self {
        let key = hash(seed, name, 0);
        Self { key: [key as u32, (key >> 32) as u32] }
    }

    /// The draws of a step (of an epoch, for a shuffle).
    pub fn at(self, step: u64) -> Draws {
        Draws { key: self.key, step }
    }
}

/// The draws of one step of a stream, by index. Each index is one draw whatever is made of it: what uses two kinds of
/// draws uses two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    key: [u32; 2],
    step: u64,
}

impl Draws {
    fn block(self, block: u64) -> [u32; 4] {
        let counter = [block as u32, (block >> 32) as u32, self.step as u32, (self.step >> 32) as u32];
        philox(counter, self.key)
    }

    /// The words of `LANES` blocks, word 0 of each block first: the order in which draws are numbered, since it needs
    /// no shuffling between vector lanes.
    fn group(self, group: u64) -> [u32; GROUP] {
        let first = group * LANES as u64;
        let (mut a, mut b) = ([0_u32; LANES], [0_u32; LANES]);
        let (mut c, mut d) = ([self.step as u32; LANES], [(self.step >> 32) as u32; LANES]);
        for lane in 0..LANES {
            // A group starts at a multiple of LANES, so that its lanes carry nothing into the high word.
            a[lane] = (first as u32).wrapping_add(lane as u32);
            b[lane] = (first >> 32) as u32;
        }
        let mut key = self.key;
        for _ in 0..10 {
            for lane in 0..LANES {
                let even = u64::from(a[lane]) * 0xD251_1F53;
                let odd = u64::from(c[lane]) * 0xCD9E_8D57;
                a[lane] = (odd >> 32) as u32 ^ b[lane] ^ key[0];
                b[lane] = odd as u32;
                c[lane] = (even >> 32) as u32 ^ d[lane] ^ key[1];
                d[lane] = even as u32;
            }
            key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
        }
        let mut words = [0; GROUP];
        words[..LANES].copy_from_slice(&a);
        words[LANES..2 * LANES].copy_from_slice(&b);
        words[2 * LANES..3 * LANES].copy_from_slice(&c);
        words[3 * LANES..].copy_from_slice(&d);
        words
    }

    /// 32 random bits.
    pub fn u32(self, index: u64) -> u32 {
        let (group, within) = (index / GROUP as u64, index as usize % GROUP);
        self.block(group * LANES as u64 + (within % LANES) as u64)[within / LANES]
    }

    /// Uniform in [0, 1), a multiple of 2⁻²⁴.
    pub fn uniform_f32(self, index: u64) -> f32 {
        unit(self.u32(index))
    }

    /// Calls `fill` for each run of at most `GROUP` elements with the words of their indices.
    fn fill_groups<T>(self, out: &mut [T], fill: impl Fn(&[u32; GROUP], &mut [T])) {
        for (group, part) in out.chunks_mut(GROUP).enumerate() {
            fill(&self.group(group as u64), part);
        }
    }

    /// Uniform in [0, 1).
    pub fn fill_uniform(self, out: &mut [f32]) {
        self.fill_groups(out, |words, part| {
            for (value, word) in part.iter_mut().zip(words) {
                *value = unit(*word);
            }
        });
    }

    /// Standard normal, by Box and Muller.
    pub fn fill_normal(self, out: &mut [f32]) {
        const HALF: usize = GROUP / 2;
        self.fill_groups(out, |words, part| {
            let mut pairs = [0.0; GROUP];
            for i in 0..HALF {
                let radius = (-2.0 * open_unit(words[i]).ln()).sqrt();
                let (sine, cosine) = (std::f64::consts::TAU * open_unit(words[HALF + i])).sin_cos();
                pairs[i] = (radius * cosine) as f32;
                pairs[HALF + i] = (radius * sine) as f32;
            }
            part.copy_from_slice(&pairs[..part.len()]);
        });
    }

    /// Standard normal, cut off at `limit` deviations on either side (the distribution of drawing anew what falls
    /// outside), by inversion, so that each value depends on its own index alone.
    pub fn fill_truncated_normal(self, limit: f64, out: &mut [f32]) {
        let tail = normal_tail(limit);
        self.fill_groups(out, |words, part| {
            for (value, word) in part.iter_mut().zip(words) {
                let quantile = normal_quantile(tail + (1.0 - 2.0 * tail) * open_unit(*word));
                *value = quantile.clamp(-limit, limit) as f32;
            }
        });
    }

    /// 1 with probability `keep` and else 0; `scaled` makes it 1 / `keep`, so that the mean is 1.
    pub fn fill_mask(self, keep: f32, scaled: bool, out: &mut [f32]) {
        // Compared as whole numbers: the share of kept words is exact to 2⁻³².
        let threshold = (f64::from(keep).clamp(0.0, 1.0) * 4_294_967_296.0).round() as u64;
        if threshold > u64::from(u32::MAX) {
            return out.fill(1.0);
        }
        let (threshold, kept) = (threshold as u32, if scaled { 1.0 / keep } else { 1.0 });
        self.fill_groups(out, |words, part| {
            for (value, word) in part.iter_mut().zip(words) {
                *value = if *word < threshold { kept } else { 0.0 };
            }
        });
    }

    /// A whole number below `bound`, each equally likely (Lemire: "Fast random integer generation in an interval",
    /// 2019). 0 where `bound` is 0.
    pub fn below(self, index: u64, bound: u64) -> u64 {
        // What is refused is drawn anew where no other index draws.
        for attempt in 0_u64.. {
            let [a, b, c, d] = self.block(index ^ attempt << 48);
            for (low, high) in [(a, b), (c, d)] {
                let product = (u128::from(high) << 32 | u128::from(low)) * u128::from(bound);
                if product as u64 >= bound.wrapping_neg().checked_rem(bound).unwrap_or(0) {
                    return (product >> 64) as u64;
                }
            }
        }
        0
    }

    /// The numbers 0 to n − 1 in random order, each order equally likely (Fisher and Yates).
    pub fn permutation(self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        let mut words = vec![0; n];
        self.fill_groups(&mut words, |group, part| part.copy_from_slice(&group[..part.len()]));
        for last in (1..n).rev() {
            let bound = last as u64 + 1;
            let product = u64::from(words[last]) * bound;
            let refused = bound > 1 << 32 || u64::from(product as u32) < (1_u64 << 32) % bound;
            // A word that would favour some numbers is replaced; the block of its index is no other word's.
            let other = if refused { self.below(last as u64 | 1 << 47, bound) } else { product >> 32 };
            order.swap(last, other as usize);
        }
        order
    }
}

/// A word as a number in [0, 1).
fn unit(word: u32) -> f32 {
    const STEP: f32 = 1.0 / 16_777_216.0;
    // Signed, since the oldest vector instructions convert no others.
    (word >> 8) as i32 as f32 * STEP
}

/// A word as a number in (0, 1).
fn open_unit(word: u32) -> f64 {
    (f64::from(word) + 0.5) / 4_294_967_296.0
}

/// The share of a standard normal below −`limit`, by the error function's continued fraction (Lentz) far out and its
/// series near zero.
fn normal_tail(limit: f64) -> f64 {
    let density = (-0.5 * limit * limit).exp() / std::f64::consts::TAU.sqrt();
    if limit < 3.0 {
        let (mut term, mut sum, mut n) = (limit, limit, 1.0);
        while term > 1e-17 * sum {
            n += 2.0;
            term *= limit * limit / n;
            sum += term;
        }
        return 0.5 - density * sum;
    }
    let fraction = (1..=60).rev().fold(limit, |rest, n| limit + f64::from(n) / rest);
    density / fraction
}

/// The quantile of the standard normal (Wichura: "Algorithm AS 241", 1988; relative error about 10⁻¹⁶).
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 8] = [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ];
    const B: [f64; 8] = [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ];
    const C: [f64; 8] = [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ];
    const D: [f64; 8] = [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ];
    const E: [f64; 8] = [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ];
    const F: [f64; 8] = [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ];
    let ratio = |above: &[f64; 8], below: &[f64; 8], x: f64| {
        let value = |terms: &[f64; 8]| terms.iter().rev().fold(0.0, |sum, term| sum * x + term);
        value(above) / value(below)
    };
    let centred = p - 0.5;
    if centred.abs() <= 0.425 {
        return centred * ratio(&A, &B, 0.180_625 - centred * centred);
    }
    let far = (-p.min(1.0 - p).ln()).sqrt();
    let quantile = if far <= 5.0 { ratio(&C, &D, far - 1.6) } else { ratio(&E, &F, far - 5.0) };
    quantile.copysign(centred)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws() -> Draws {
        Stream::new(7, "test").at(3)
    }

    /// The known answers that come with the authors' own program, Random123.
    #[test]
    fn philox_gives_the_published_answers() {
        let all = u32::MAX;
        for (counter, key, words) in [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([all; 4], [all; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox(counter, key), words);
        }
    }

    #[test]
    fn a_fill_gives_what_the_indices_give() {
        let mut filled = vec![0.0; 1_000];
        draws().fill_uniform(&mut filled);
        for (index, value) in filled.iter().enumerate() {
            assert_eq!(*value, draws().uniform_f32(index as u64));
        }
        let mut far = Draws { key: [1, 2], step: 1 << 40 }.group((1 << 28) - 1);
        far.rotate_left(LANES - 1);
        assert_eq!(far[0], Draws { key: [1, 2], step: 1 << 40 }.block((1 << 32) - 1)[0]);
    }

    #[test]
    fn seeds_names_and_steps_differ() {
        let first = draws().u32(0);
        assert_ne!(first, Stream::new(8, "test").at(3).u32(0));
        assert_ne!(first, Stream::new(7, "tests").at(3).u32(0));
        assert_ne!(first, Stream::new(7, "test").at(4).u32(0));
        assert_ne!(first, draws().u32(1));
        // What is drawn for ever: a stored model's seed must give the same network in every later version.
        assert_eq!(
            Stream::new(7, "shuffle").at(0).permutation(8),
            Stream::new(7, "shuffle").at(0).permutation(8)
        );
    }

    fn moments(values: &[f32]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / n;
        (mean, values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / n)
    }

    #[test]
    fn distributions_have_their_moments() {
        let mut values = vec![0.0; 200_000];
        let near = |(mean, variance): (f64, f64), expected: (f64, f64)| {
            assert!((mean - expected.0).abs() < 0.01, "mean {mean}, expected {}", expected.0);
            assert!((variance - expected.1).abs() < 0.01, "variance {variance}, expected {}", expected.1);
        };
        draws().fill_uniform(&mut values);
        near(moments(&values), (0.5, 1.0 / 12.0));
        assert!(values.iter().all(|value| (0.0..1.0).contains(value)));
        draws().fill_normal(&mut values);
        near(moments(&values), (0.0, 1.0));
        let beyond = values.iter().filter(|value| value.abs() > 1.959_964).count() as f64 / 200_000.0;
        assert!((beyond - 0.05).abs() < 0.003, "{beyond}");
        draws().fill_truncated_normal(2.0, &mut values);
        near(moments(&values), (0.0, 0.773_741_3));
        assert!(values.iter().all(|value| value.abs() <= 2.0));
        draws().fill_mask(0.8, true, &mut values);
        near(moments(&values), (1.0, 0.25));
        assert!(values.iter().all(|value| *value == 0.0 || *value == 1.25));
        draws().fill_mask(1.0, true, &mut values);
        assert!(values.iter().all(|value| *value == 1.0));
    }

    /// Counts of sixteen bins, of every word and of neighbours together, against the chi-squared distribution.
    #[test]
    fn words_are_spread_evenly() {
        const N: u64 = 160_000;
        let mut bins = [0_f64; 256];
        for index in 0..N {
            let pair = draws().u32(index) >> 28 << 4 | draws().u32(index + 1) >> 28;
            bins[pair as usize] += 1.0;
        }
        let expected = N as f64 / 256.0;
        let statistic: f64 = bins.iter().map(|count| (count - expected).powi(2) / expected).sum();
        // 255 degrees of freedom: mean 255, deviation 22.6.
        assert!((155.0..355.0).contains(&statistic), "{statistic}");
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, quantile) in [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.841_344_746_068_542_9, 1.0),
            (1e-10, -6.361_340_902_404_056),
        ] {
            assert!((normal_quantile(p) - quantile).abs() < 1e-12, "{p}: {}", normal_quantile(p));
        }
        for limit in [0.5, 1.0, 2.0, 2.999, 3.001, 5.0] {
            assert!((normal_quantile(normal_tail(limit)) + limit).abs() < 1e-9, "{limit}");
        }
    }

    #[test]
    fn below_is_even_and_stays_below() {
        let mut counts = [0_u32; 6];
        for index in 0..60_000 {
            counts[draws().below(index, 6) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
        assert_eq!(draws().below(5, 1), 0);
        assert_eq!(draws().below(5, 0), 0);
        assert!(draws().below(5, u64::MAX) < u64::MAX);
    }

    #[test]
    fn a_permutation_holds_each_number_once_and_every_order_is_likely() {
        for n in [0, 1, 2, 63, 64, 65, 1_000] {
            let mut order = draws().permutation(n);
            order.sort_unstable();
            assert!(order.iter().copied().eq(0..n as u32));
        }
        let mut counts = std::collections::BTreeMap::new();
        for step in 0..6_000 {
            *counts.entry(Stream::new(1, "order").at(step).permutation(3)).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (880..1_120).contains(count)), "{counts:?}");
    }
}
