//! What is done at random to images while a network learns from them: one component a file. Every draw is a function of
//! the job's seed, the component's place in the list, the step and the example's place in its batch, so that a run that
//! goes on draws what it would have drawn.
//!
//! Pixels are values from 0 to 255, before the job's transforms. Components that move pixels compose: those that follow
//! one another with the same filling are one resampling, so that an image is blurred once.

mod affine;
mod augmenter;
mod factor;

use crate::random::Draws;

pub use affine::Fill;
pub use augmenter::{Augmenter, Mixing, Mixture};
pub use factor::{Share, Span};

use affine::Affine;

crate::components! {
    /// What is done to the images of the training part.
    pub enum Augmentation: dyn AugmentationConfig, "an augmentation" {
        RandomFlip, RandomCrop, RandomTranslation, RandomRotation, RandomZoom, RandomShear, RandomBrightness,
        RandomContrast, RandomHue, GaussianNoise, Cutout, Mixup
    }
}

/// The extents of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl ImageShape {
    pub fn elements(self) -> usize {
        self.channels * self.height * self.width
    }

    fn plane(self) -> usize {
        self.height * self.width
    }
}

/// Why an augmentation does not fit: the field that the user would change, where it is one, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    pub field: Option<&'static str>,
    pub detail: String,
}

/// What an augmentation must say of itself.
pub trait AugmentationConfig {
    /// Whether it can be done to images of this shape.
    fn check(&self, _image: ImageShape) -> Result<(), Unfit> {
        Ok(())
    }

    fn effect(&self) -> Effect<'_>;
}

/// What an augmentation changes.
pub enum Effect<'a> {
    /// Where pixels stand.
    Geometry(&'a dyn Geometry),
    /// What pixels are.
    Values(&'a dyn Values),
    /// Which examples a batch holds: pairs of them, mixed with shares of Beta(α, α).
    Mix { alpha: f64 },
}

pub trait Geometry {
    /// Where each pixel of the result is taken from.
    fn draw(&self, image: ImageShape, picks: &mut Picks) -> Affine;

    /// What stands outside of the image; none where nothing of it is seen.
    fn fill(&self) -> Option<Fill>;
}

pub trait Values {
    /// Changes an image, `[C, H, W]`.
    fn change(&self, image: ImageShape, picks: &mut Picks, pixels: &mut [f32]);
}

/// The draws of one component for one example, one after the other.
pub struct Picks {
    draws: Draws,
    next: u64,
}

impl Picks {
    /// Draws that an example may take.
    const EACH: u64 = 1 << 32;

    fn new(draws: Draws, place: usize) -> Self {
        Self { draws, next: place as u64 * Self::EACH }
    }

    /// Uniform in [0, 1).
    fn uniform(&mut self) -> f64 {
        self.next += 1;
        f64::from(self.draws.uniform_f32(self.next - 1))
    }

    /// Uniform between the ends.
    fn between(&mut self, (low, high): (f64, f64)) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// One of the two, each as likely.
    fn coin(&mut self) -> bool {
        self.uniform() < 0.5
    }

    /// 1 or −1, each as likely.
    fn sign(&mut self) -> f64 {
        if self.coin() { 1.0 } else { -1.0 }
    }

    /// A whole number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        ((self.uniform() * bound as f64) as usize).min(bound.saturating_sub(1))
    }

    /// Standard normal, by Box and Muller.
    fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// Standard normal values, two of each pair of draws.
    fn normals(&mut self, count: usize) -> impl Iterator<Item = f32> + '_ {
        let mut spare = None;
        (0..count).map(move |_| {
            spare.take().unwrap_or_else(|| {
                let (radius, angle) = (1.0 - self.uniform(), self.uniform());
                let radius = (-2.0 * radius.ln()).sqrt();
                let (sine, cosine) = (std::f64::consts::TAU * angle).sin_cos();
                spare = Some((radius * sine) as f32);
                (radius * cosine) as f32
            })
        })
    }
}
