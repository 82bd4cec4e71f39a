//! Does a job's augmentation to its batches.

use super::affine::{Affine, resample};
use super::{Augmentation, Effect, Fill, ImageShape, Picks};
use crate::random::Stream;

/// Pixels of a batch above which its images are shared out to threads.
const WORTH_A_THREAD: usize = 1 << 16;

/// A job's augmentation, ready to be done.
pub struct Augmenter {
    components: Vec<(Augmentation, Stream)>,
    mixup: Option<Mixing>,
    threads: usize,
}

impl Augmenter {
    /// `threads` are those that a step may take; how many they are changes no image.
    pub fn new(augmentation: &[Augmentation], seed: u64, threads: usize) -> Self {
        let mut components = Vec::new();
        let mut mixup = None;
        for (index, component) in augmentation.iter().enumerate() {
            let stream = Stream::new(seed, &format!("augmentation/{index}/{}", component.name()));
            match component.effect() {
                Effect::Mix { alpha } => mixup = Some(Mixing { alpha, stream, seed, index }),
                _ => components.push((component.clone(), stream)),
            }
        }
        Self { components, mixup, threads: threads.max(1) }
    }

    /// How examples are mixed, if they are.
    pub fn mixing(&self) -> Option<&Mixing> {
        self.mixup.as_ref()
    }

    /// Changes the images of a batch, values from 0 to 255, one behind the other.
    pub fn apply(&self, image: ImageShape, step: u64, batch: &mut [f32]) {
        if self.components.is_empty() || batch.is_empty() {
            return;
        }
        let images = batch.len() / image.elements();
        let threads = if batch.len() < WORTH_A_THREAD { 1 } else { self.threads.min(images) };
        if threads == 1 {
            return self.apply_part(image, step, 0, batch);
        }
        let each = images.div_ceil(threads);
        std::thread::scope(|scope| {
            for (part, images) in batch.chunks_mut(each * image.elements()).enumerate() {
                scope.spawn(move || self.apply_part(image, step, part * each, images));
            }
        });
    }

    /// Changes images of which the first has the place `first` in its batch.
    fn apply_part(&self, image: ImageShape, step: u64, first: usize, images: &mut [f32]) {
        let mut scratch = vec![0.0; image.elements()];
        for (place, pixels) in images.chunks_exact_mut(image.elements()).enumerate() {
            let mut pending: Option<Moved> = None;
            for (component, stream) in &self.components {
                let mut picks = Picks::new(stream.at(step), first + place);
                match component.effect() {
                    Effect::Geometry(geometry) => {
                        let next = Moved { map: geometry.draw(image, &mut picks), fill: geometry.fill() };
                        let composed = pending.and_then(|before| before.then(next));
                        if composed.is_none() {
                            take(image, pending, &mut scratch, pixels);
                        }
                        pending = composed.or(Some(next));
                    }
                    Effect::Values(values) => {
                        take(image, pending.take(), &mut scratch, pixels);
                        values.change(image, &mut picks, pixels);
                    }
                    Effect::Mix { .. } => {}
                }
            }
            take(image, pending, &mut scratch, pixels);
        }
    }
}

/// Pixels that are to be moved, and what is seen outside of the image, if anything is.
#[derive(Clone, Copy)]
struct Moved {
    map: Affine,
    fill: Option<Fill>,
}

impl Moved {
    /// Both in one; none where each sees something else outside.
    fn then(self, next: Self) -> Option<Self> {
        let fill = match (self.fill, next.fill) {
            (Some(first), Some(second)) if first != second => return None,
            (first, second) => first.or(second),
        };
        Some(Self { map: self.map.then(next.map), fill })
    }
}

fn take(image: ImageShape, moved: Option<Moved>, scratch: &mut [f32], pixels: &mut [f32]) {
    if let Some(Moved { map, fill }) = moved.filter(|moved| moved.map != Affine::IDENTITY) {
        scratch.copy_from_slice(pixels);
        resample(image, map, fill.unwrap_or(Fill::BLACK), scratch, pixels);
    }
}

/// How the examples of a batch are mixed.
pub struct Mixing {
    alpha: f64,
    stream: Stream,
    seed: u64,
    index: usize,
}

/// What each example of a batch is mixed with, and its own share.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    pub partners: Vec<u32>,
    pub shares: Vec<f32>,
}

impl Mixing {
    /// The draws of a step.
    pub fn draw(&self, examples: usize, step: u64) -> Mixture {
        let partners = Stream::new(self.seed, &format!("augmentation/{}/mixup/partners", self.index));
        let share = |place: usize| {
            let share = beta(self.alpha, &mut Picks::new(self.stream.at(step), place));
            share.max(1.0 - share) as f32
        };
        Mixture {
            partners: partners.at(step).permutation(examples),
            shares: (0..examples).map(share).collect(),
        }
    }
}

impl Mixture {
    /// Mixes lines of `width` values, one a example.
    pub fn mix(&self, lines: &mut [f32], width: usize) {
        let before = lines.to_vec();
        for ((line, partner), share) in lines.chunks_exact_mut(width).zip(&self.partners).zip(&self.shares) {
            let other = &before[*partner as usize * width..][..width];
            for (own, other) in line.iter_mut().zip(other) {
                *own = share * *own + (1.0 - share) * other;
            }
        }
    }
}

/// Of Beta(α, α): the share of one of two values of Gamma(α) in their sum, by their logarithms, which do not vanish where
/// α is small.
fn beta(alpha: f64, picks: &mut Picks) -> f64 {
    let (a, b) = (log_gamma_variate(alpha, picks), log_gamma_variate(alpha, picks));
    1.0 / (1.0 + (b - a).exp())
}

/// The logarithm of a value of Gamma(α, 1) (Marsaglia and Tsang, *A Simple Method for Generating Gamma Variables*, 2000).
fn log_gamma_variate(alpha: f64, picks: &mut Picks) -> f64 {
    if alpha < 1.0 {
        let uniform = 1.0 - picks.uniform();
        return log_gamma_variate(alpha + 1.0, picks) + uniform.ln() / alpha;
    }
    let d = alpha - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let normal = picks.normal();
        let cube = (1.0 + c * normal).powi(3);
        let uniform = 1.0 - picks.uniform();
        if cube > 0.0 && uniform.ln() < 0.5 * normal * normal + d - d * cube + d * cube.ln() {
            return (d * cube).ln();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::spec::{Field, Pointer, SpecErrors};

    const COLOUR: ImageShape = ImageShape { channels: 3, height: 6, width: 8 };

    fn augmenter(body: &Value, seed: u64, threads: usize) -> Augmenter {
        let mut errors = SpecErrors::new();
        let read = Vec::<Augmentation>::read(body, &Pointer::root(), &mut errors);
        Augmenter::new(&errors.into_result(read).unwrap(), seed, threads)
    }

    fn pictures(image: ImageShape, count: usize) -> Vec<f32> {
        (0..count * image.elements()).map(|at| ((at * 37 + at / 7) % 256) as f32).collect()
    }

    fn done(body: &Value, image: ImageShape, step: u64) -> Vec<f32> {
        let mut batch = pictures(image, 40);
        augmenter(body, 3, 1).apply(image, step, &mut batch);
        batch
    }

    #[test]
    fn draws_are_a_function_of_seed_step_and_place_whatever_the_threads() {
        let all = json!([
            "random_flip", {"type": "random_crop", "padding": 2}, "random_translation", "random_rotation", "random_zoom",
            "random_shear", "random_brightness", "random_contrast", "random_hue", "gaussian_noise",
            {"type": "cutout", "size": 3}
        ]);
        let image = ImageShape { channels: 3, height: 32, width: 32 };
        let once = done(&all, image, 5);
        assert_eq!(done(&all, image, 5), once);
        assert_ne!(done(&all, image, 6), once);
        let mut batch = pictures(image, 40);
        augmenter(&all, 3, 3).apply(image, 5, &mut batch);
        assert_eq!(batch, once);
        // An image is what it is whoever stands behind it.
        let mut few = pictures(image, 2);
        augmenter(&all, 3, 1).apply(image, 5, &mut few);
        assert_eq!(few, once[..few.len()]);
        assert!(once.iter().all(|value| (0.0..=255.0).contains(value)));
    }

    #[test]
    fn flips_are_exact_and_half_of_all() {
        let before = pictures(COLOUR, 40);
        let flipped = done(&json!([{"type": "random_flip", "mode": "horizontal"}]), COLOUR, 0);
        let mut turned = 0;
        for (before, after) in before.chunks(COLOUR.elements()).zip(flipped.chunks(COLOUR.elements())) {
            let mirrored: Vec<f32> =
                before.chunks(COLOUR.width).flat_map(|line| line.iter().rev().copied()).collect();
            assert!(after == before || after == mirrored);
            turned += usize::from(after != before);
        }
        assert!((10..=30).contains(&turned), "{turned}");
    }

    #[test]
    fn crops_move_by_whole_pixels_and_are_black_outside() {
        let before = pictures(COLOUR, 40);
        let after = done(&json!([{"type": "random_crop", "padding": 1}]), COLOUR, 2);
        for (before, after) in before.chunks(COLOUR.elements()).zip(after.chunks(COLOUR.elements())) {
            let at = |y: i64, x: i64| {
                let inside = (0..6).contains(&y) && (0..8).contains(&x);
                if inside { before[(y * 8 + x) as usize] } else { 0.0 }
            };
            let moved = |dy: i64, dx: i64| {
                (0..6).all(|y| (0..8).all(|x| after[(y * 8 + x) as usize] == at(y + dy, x + dx)))
            };
            assert!((-1..=1).any(|dy| (-1..=1).any(|dx| moved(dy, dx))));
        }
    }

    #[test]
    fn maps_of_one_filling_are_one_resampling() {
        // Turned there and back again: once, nothing is lost; with another filling between them, it is done twice.
        let turn = |factor: f64, fill: &str| json!({"type": "random_rotation", "factor": [factor, factor], "fill_mode": fill});
        let there_and_back = done(&json!([turn(0.05, "reflect"), turn(-0.05, "reflect")]), COLOUR, 0);
        let before = pictures(COLOUR, 40);
        assert!(there_and_back.iter().zip(&before).all(|(after, before)| (after - before).abs() < 1e-3));
        let twice = done(&json!([turn(0.05, "reflect"), turn(-0.05, "nearest")]), COLOUR, 0);
        assert!(twice.iter().zip(&before).any(|(after, before)| (after - before).abs() > 1.0));
        let quarter =
            done(&json!([turn(0.25, "reflect")]), ImageShape { channels: 1, height: 2, width: 2 }, 0);
        let square = pictures(ImageShape { channels: 1, height: 2, width: 2 }, 1);
        // Against the clock: what stood on the right stands on top.
        assert_eq!(quarter[..4], [square[1], square[3], square[0], square[2]]);
    }

    #[test]
    fn values_change_as_their_formulas_say() {
        let before = pictures(COLOUR, 40);
        let brighter = done(&json!([{"type": "random_brightness", "factor": [0.1, 0.1]}]), COLOUR, 0);
        assert!(
            brighter
                .iter()
                .zip(&before)
                .all(|(after, before)| (after - (before + 25.5).min(255.0)).abs() < 1e-3)
        );
        let flat = done(&json!([{"type": "random_contrast", "factor": [-1, -1]}]), COLOUR, 0);
        let mean = before[..48].iter().sum::<f32>() / 48.0;
        assert!(flat[..48].iter().all(|value| (value - mean).abs() < 1e-3));
        let noisy = done(&json!([{"type": "gaussian_noise", "stddev": 0.02}]), COLOUR, 0);
        let within = |low: f32, high: f32| {
            before.iter().zip(&noisy).filter(move |(before, _)| (low..high).contains(before))
        };
        let differences: Vec<f32> = within(30.0, 225.0).map(|(before, after)| after - before).collect();
        let deviation = (differences.iter().map(|d| d * d).sum::<f32>() / differences.len() as f32).sqrt();
        assert!((deviation - 5.1).abs() < 0.3, "{deviation}");
        let cut = done(&json!([{"type": "cutout", "size": 3, "fill_value": 99}]), COLOUR, 0);
        for image in cut.chunks(COLOUR.elements()) {
            let covered = image[..48].iter().filter(|pixel| **pixel == 99.0).count();
            assert!((4..=9 + 2).contains(&covered), "{covered}");
        }
    }

    #[test]
    fn mixtures_are_of_the_beta_distribution() {
        for alpha in [0.05, 0.4, 1.0, 4.0] {
            let augmenter = augmenter(&json!([{"type": "mixup", "alpha": alpha}]), 1, 1);
            let mixture = augmenter.mixing().unwrap().draw(4_000, 9);
            assert_eq!(mixture, augmenter.mixing().unwrap().draw(4_000, 9));
            // The variance of Beta(α, α) around its mean ½ is 1 / (4 (2α + 1)), and folding it changes nothing of that.
            let spread =
                mixture.shares.iter().map(|share| f64::from(share - 0.5).powi(2)).sum::<f64>() / 4_000.0;
            assert!((spread - 0.25 / (2.0 * alpha + 1.0)).abs() < 0.01, "{alpha}: {spread}");
            assert!(mixture.shares.iter().all(|share| (0.5..=1.0).contains(share)));
        }
        let mixture = Mixture { partners: vec![1, 0], shares: vec![0.75, 1.0] };
        let mut lines = [0.0, 4.0, 8.0, 0.0];
        mixture.mix(&mut lines, 2);
        assert_eq!(lines, [2.0, 3.0, 8.0, 0.0]);
    }
}
