//! Images in other colours.

use super::{AugmentationConfig, Effect, ImageShape, Picks, Share, Unfit, Values};

crate::record! {
    /// Turns the hue of an image's colours by a random angle to either side, their saturation and value kept (HSV: Smith,
    /// *Color Gamut Transform Pairs*, 1978; Keras's `RandomHue`).
    pub struct RandomHue {
        /// Share of half the circle of colours: `0.2` is drawn from [0, 0.2] to either side, `[0.1, 0.3]` from between
        /// these.
        pub factor: Share = Share::up_to(0.1),
    }
}

impl AugmentationConfig for RandomHue {
    fn check(&self, image: ImageShape) -> Result<(), Unfit> {
        if image.channels == 3 {
            return Ok(());
        }
        let detail = format!(
            "random_hue needs images of 3 channels, and these have {}; grey has no hue",
            image.channels
        );
        Err(Unfit { field: None, detail })
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Values(self)
    }
}

impl Values for RandomHue {
    fn change(&self, image: ImageShape, picks: &mut Picks, pixels: &mut [f32]) {
        // Sixths of the circle.
        let turn = (picks.sign() * picks.between(self.factor.ends()) * 3.0) as f32;
        let (red, rest) = pixels.split_at_mut(image.plane());
        let (green, blue) = rest.split_at_mut(image.plane());
        for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
            [*red, *green, *blue] = turned([*red, *green, *blue], turn);
        }
    }
}

fn turned([red, green, blue]: [f32; 3], turn: f32) -> [f32; 3] {
    let value = red.max(green).max(blue);
    let chroma = value - red.min(green).min(blue);
    if chroma <= 0.0 {
        return [red, green, blue];
    }
    let hue = if value == red {
        (green - blue) / chroma
    } else if value == green {
        (blue - red) / chroma + 2.0
    } else {
        (red - green) / chroma + 4.0
    };
    let hue = hue + turn;
    let channel = |offset: f32| {
        let place = (offset + hue).rem_euclid(6.0);
        value - chroma * place.min(4.0 - place).clamp(0.0, 1.0)
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_the_circle_changes_the_channels_round() {
        let near = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-3);
        assert!(near(turned([200.0, 100.0, 50.0], 0.0), [200.0, 100.0, 50.0]));
        assert!(near(turned([200.0, 100.0, 50.0], 2.0), [50.0, 200.0, 100.0]));
        assert!(near(turned([200.0, 100.0, 50.0], -2.0), [100.0, 50.0, 200.0]));
        assert!(near(turned([255.0, 0.0, 0.0], 3.0), [0.0, 255.0, 255.0]));
        assert!(near(turned([7.0, 7.0, 7.0], 1.0), [7.0, 7.0, 7.0]));
    }
}
