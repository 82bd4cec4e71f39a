//! Pictures: how bright they are.

use serde::Serialize;

use super::histogram::Histogram;
use super::rows::Rows;

/// Of a picture's brightness, which is from nought to one.
const BINS: u32 = 20;

/// Black is 0 and white is 1, as a network sees them.
#[derive(Debug, Serialize)]
pub(super) struct Pixels {
    channels: Vec<Channel>,
    /// How many pictures are how bright: of each the mean over its pixels and channels.
    brightness: Histogram,
}

/// Over the pixels of all pictures.
#[derive(Debug, Serialize)]
struct Channel {
    mean: f64,
    standard_deviation: f64,
}

impl Pixels {
    /// Of pictures of the shape `[C, H, W]`; nothing where there is none.
    pub(super) fn of(pixels: &[u8], shape: &[u64], rows: &Rows) -> Option<Self> {
        let plane = shape.iter().skip(1).product::<u64>() as usize;
        let cell = shape.iter().product::<u64>() as usize;
        if cell == 0 || rows.count() == 0 {
            return None;
        }
        // How often each byte comes says the moments exactly, whatever their order.
        let mut counts = vec![[0_u64; 256]; cell / plane];
        let edges = (0..=BINS).map(|edge| f64::from(edge) / f64::from(BINS));
        let mut brightness = Histogram::of_edges(edges.collect());
        for row in rows.iter() {
            let picture = &pixels[row * cell..][..cell];
            let mut sum = 0;
            for (plane, counts) in picture.chunks_exact(plane).zip(&mut counts) {
                for byte in plane {
                    counts[usize::from(*byte)] += 1;
                    sum += u64::from(*byte);
                }
            }
            brightness.add(sum as f64 / (255 * cell) as f64);
        }
        Some(Self { channels: counts.iter().map(Channel::of).collect(), brightness })
    }
}

impl Channel {
    /// From how often each byte comes: `mean = Σ b / n`, `variance = (n Σ b² − (Σ b)²) / n²`.
    fn of(counts: &[u64; 256]) -> Self {
        let moment = |power: u32| -> u128 {
            (0_u128..).zip(counts).map(|(byte, count)| byte.pow(power) * u128::from(*count)).sum()
        };
        let (count, sum, squares) = (moment(0), moment(1), moment(2));
        let spread = (count * squares - sum * sum) as f64;
        let all = 255.0 * count as f64;
        Self { mean: sum as f64 / all, standard_deviation: spread.sqrt() / all }
    }
}

#[test]
fn moments_come_from_counts() {
    let mut counts = [0; 256];
    (counts[0], counts[255]) = (1, 4);
    let channel = Channel::of(&counts);
    assert_eq!((channel.mean, channel.standard_deviation), (0.8, 0.4));
}
