//! `lyceum demo`: the whole of it at work on real data, in a minute.

mod drawing;
mod images;
mod server;
mod training;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::client::Client;
use super::serve::shipped;
use super::{Exit, block_on, output, say};
use crate::clock;
use crate::config;
use images::Images;
use server::Server;

/// The accuracy below which something is wrong.
const LEAST: f64 = 0.97;
/// Images that are sent at once.
const BATCH: usize = 500;

/// Train a network on 60,000 handwritten digits and let it read 10,000 others.
///
/// Starts a server on a free port, says where its dashboard is, submits a job, shows its training, calls the model
/// that comes of it with every test image of MNIST, draws some of them with the answers, and stops the server. All
/// that stays is the data folder; `lyceum serve` with the same folder shows what was made.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 at least 0.97 of the test images were read right, 1 fewer were, or something failed."
)]
pub(super) struct Demo {
    #[command(flatten)]
    settings: config::Demo,
}

impl Demo {
    pub(super) fn run(self) -> Result<(), Exit> {
        block_on(self.show())
    }

    async fn show(self) -> Result<(), Exit> {
        let failed = |error: std::io::Error| {
            say(error);
            Exit::Failed
        };
        let mut ends = Ends::new().map_err(failed)?;
        let program = std::env::current_exe().map_err(failed)?;
        let folder = self.settings.shipped_datasets.clone().or_else(|| shipped(&program));
        let test = Images::read(&folder.unwrap_or_default().join("mnist"))?;

        let server = tokio::select! {
            server = Server::start(&program, &self.settings) => server?,
            () = ends.asked() => return Err(Exit::Interrupted),
        };
        let address = server.address().as_str().trim_end_matches('/');
        output::line(format_args!("{address}/  (the dashboard, which shows all of it live)"))?;
        output::line(format_args!("data in {}", self.settings.data_dir.display()))?;
        let client = Client::new(&config::Client {
            server: server.address().clone(),
            key: None,
            ca: None,
            json: false,
        })?;
        let shown = tokio::select! {
            shown = train_and_read(&client, &test) => shown,
            () = ends.asked() => Err(Exit::Interrupted),
        };
        if shown.is_err() {
            training::cancel_unfinished(&client).await;
        }
        server.stop().await;
        shown
    }
}

async fn train_and_read(client: &Client, test: &Images) -> Result<(), Exit> {
    // What an earlier one left that was killed in the middle.
    training::cancel_unfinished(client).await;
    training::train(client).await?;
    let answers = ask(client, test).await?;
    let wrong: Vec<usize> =
        (0..test.count()).filter(|&index| answers[index].digit != test.label(index)).collect();
    output::line(drawing::gallery(test, &answers, &wrong))?;
    let right = test.count() - wrong.len();
    let accuracy = right as f64 / test.count() as f64;
    let images = super::figures::count(test.count() as u64);
    if accuracy < LEAST {
        say(format_args!("fewer than {LEAST} of the images were read right"));
    }
    output::line(format_args!("test accuracy {accuracy:.4} on {images} images"))?;
    if accuracy < LEAST { Err(Exit::Failed) } else { Ok(()) }
}

/// What the model says of an image.
struct Answer {
    digit: u8,
    probability: f64,
}

/// What the model says of every image.
async fn ask(client: &Client, test: &Images) -> Result<Vec<Answer>, Exit> {
    let begun = clock::monotonic();
    let mut answers = Vec::with_capacity(test.count());
    for first in (0..test.count()).step_by(BATCH) {
        let batch = first..(first + BATCH).min(test.count());
        let document = client.post(&["v1", "models", training::NAME, "predict"], test.body(batch)).await?;
        let predictions: images::Predictions = client.read(document)?;
        answers.extend(predictions.predictions.iter().map(|prediction| Answer {
            // What is no digit is no right answer.
            digit: prediction.class.parse().unwrap_or(u8::MAX),
            probability: prediction.probability,
        }));
    }
    if answers.len() != test.count() {
        say(format_args!("{} images were answered {} times", test.count(), answers.len()));
        return Err(Exit::Failed);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let (count, rate) = (test.count() as u64, test.count() as f64 / seconds);
    output::line(format_args!(
        "asked for {} test images, {BATCH} a request: {}, {} images/s\n",
        super::figures::count(count),
        super::figures::seconds(seconds),
        super::figures::count(rate as u64),
    ))?;
    Ok(answers)
}

/// The signals that ask this process to end. They are heard from the beginning on.
struct Ends([Signal; 3]);

impl Ends {
    fn new() -> std::io::Result<Self> {
        let heard = |kind| signal(kind);
        Ok(Self([
            heard(SignalKind::interrupt())?,
            heard(SignalKind::terminate())?,
            heard(SignalKind::hangup())?,
        ]))
    }

    async fn asked(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
