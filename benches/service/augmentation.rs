//! What augmentation costs beside the step that its batch is for: each component on a batch of digits, and what makes an
//! example's images in colour, over a step of the lab's network, which is a short one.

use lyceum::clock::monotonic;
use lyceum::data::augmentation::{Augmentation, Augmenter, ImageShape};
use lyceum::spec::{Field as _, Pointer, SpecErrors};
use serde_json::{Value, json};

use crate::networks;
use crate::served::step_seconds;
use crate::server::Server;
use crate::table::{Figures, Table, Target};

const BATCH: usize = 64;
const ROUNDS: usize = 15;
const DIGITS: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };
const COLOUR: ImageShape = ImageShape { channels: 3, height: 28, width: 28 };

fn components() -> Vec<(Value, ImageShape)> {
    let digits = [
        "random_flip",
        "random_crop",
        "random_translation",
        "random_rotation",
        "random_zoom",
        "random_shear",
        "random_brightness",
        "random_contrast",
        "gaussian_noise",
    ];
    let mut components: Vec<_> = digits.iter().map(|name| (json!({"type": name}), DIGITS)).collect();
    components.push((json!({"type": "cutout", "size": 8}), DIGITS));
    components.push((json!({"type": "random_hue"}), COLOUR));
    components
}

/// Milliseconds that a batch of images takes, on one thread.
fn batch(augmenter: &Augmenter, image: ImageShape, step: u64) -> f64 {
    let mut pixels: Vec<f32> =
        (0..BATCH * image.channels * image.height * image.width).map(|pixel| (pixel % 256) as f32).collect();
    let begun = monotonic();
    augmenter.apply(image, step, &mut pixels);
    begun.elapsed().as_secs_f64() * 1e3
}

pub(crate) async fn measure(table: &mut Table) {
    let folder = crate::folder();
    let server = Server::start(folder.path(), &[]).await;
    server.has_dataset("mnist").await;
    let [_, cnn, _] = networks::all();
    let step = step_seconds(&server, &cnn.job(1)).await * 1e3;
    drop(server);
    table.note(&format!("a step of the {}", cnn.name), &Figures::new(vec![step]), 2, "ms");
    let mut measured = vec!["mixup".to_owned()]; // A sum of two batches, which the network's own steps drown.
    for (body, image) in components() {
        let mut errors = SpecErrors::new();
        let component = Augmentation::read(&body, &Pointer::root(), &mut errors).expect("an augmentation");
        let name = component.name().to_owned();
        let augmenter = Augmenter::new(&[component], 1, 1);
        let share = (0..ROUNDS).map(|round| batch(&augmenter, image, round as u64) / step).collect();
        table.row(
            &format!("{name} of a batch over a step"),
            &Figures::new(share),
            2,
            "×",
            Target::AtMost(1.0),
        );
        measured.push(name);
    }
    for name in Augmentation::NAMES {
        assert!(measured.iter().any(|one| one == name), "{name} is not measured");
    }
}
