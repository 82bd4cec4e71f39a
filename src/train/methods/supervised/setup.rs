//! How supervised training begins, from nothing or from a checkpoint.

use tch::Device;

use crate::clock;
use crate::data::{Sampler, kept_bytes};
use crate::nn::network::Network;
use crate::spec::report::{ErrorKind, Report};
use crate::spec::{Epochs, JobSpec, Seed};
use crate::train::RunSink;
use crate::train::profile::Profile;
use crate::train::progress::Work;
use crate::train::run::{Ended, device_name, fingerprint};

use super::Training;
use super::average::Average;
use super::evaluation::{self, Examiner, Metrics};
use super::feed::{Examples, Feed};
use super::plan::{Objective, SupervisedPlan};
use super::reporter::Reporter;
use super::resident::Resident;
use super::state::State;
use super::sums::{Meter, Sums};
use super::weights;

impl<'a> Training<'a> {
    pub(in crate::train::methods) fn new(
        plan: &'a SupervisedPlan,
        job: &'a JobSpec,
        device: Device,
        sink: &'a mut dyn RunSink,
    ) -> Result<Self, Ended> {
        let seed = job.seed.map_or(0, Seed::get);
        let fused: Vec<bool> = plan.objectives.iter().map(Objective::is_fused).collect();
        let network = Network::new(&plan.network, seed, device)
            .map_err(|detail| Ended::failed(ErrorKind::Internal, detail, None))?
            .with_fused(&fused);
        if let Some(initial) = &plan.initial {
            initial.load(&network).map_err(|detail| Ended::failed(ErrorKind::Internal, detail, None))?;
        }
        let factors = network.learning_rate_factors();
        let optimizer = plan.optimizer.build_scaled(&network.trainable_named(), factors);
        let kept = kept_bytes(job.resources.memory_mb.get() << 20);
        let examples = Examples::new(&plan.dataset, &plan.preprocessing, &plan.objectives, kept)?;
        let part = plan.parts.rows();
        let most = part.validation.len().max(part.test.len());
        let evaluated = evaluation::batch_size(plan.example_bytes, most);
        let work = Work {
            epochs: plan.epochs,
            steps: plan.steps(),
            steps_per_epoch: plan.steps_per_epoch(),
            examples: part.train.len() as u64,
            validation: part.validation.len() as u64,
            test: part.test.len() as u64,
        };
        let weights = weights::weights(
            &plan.dataset,
            &plan.objectives,
            plan.class_weight.as_ref(),
            plan.sample_weight.as_deref(),
            &part.train,
        )?;
        // What is augmented is read from the set itself.
        let learned = if plan.augmentation.is_empty() { work.examples } else { 0 };
        let seen = plan.epochs.saturating_mul(learned + work.validation);
        let memory = job.resources.memory_mb.get() << 20;
        let resident = Resident::new(&examples, device, seen, memory);
        let every_steps = job.report.every_steps.map(Epochs::get);
        Ok(Self {
            plan,
            job,
            device,
            average: plan.weight_average.map(|momentum| Average::new(&network, momentum)),
            network,
            optimizer,
            sampler: Sampler::new(part.train.clone(), seed),
            feed: Feed::new(examples.clone(), plan.batch_size as usize, device)
                .with_weights(weights)
                .with_resident(resident.clone())
                .with_augmentation(&plan.augmentation, seed, job.resources.threads.get() as usize),
            state: State::default(),
            meter: Meter::new(device, Sums::default()),
            metrics: Metrics::new(&plan.objectives),
            best: None,
            examiner: Examiner::new(
                &plan.objectives,
                Feed::new(examples, evaluated, device).with_resident(resident),
            ),
            reporter: Reporter::new(sink, work, plan.step_size(), every_steps),
            checkpointed: clock::monotonic(),
            profile: Profile::new(job.profile, device),
        })
    }

    pub(in crate::train::methods) fn start(&mut self) {
        let threads = self.job.resources.threads.get();
        self.reporter.sink.report(Report::Started {
            device: device_name(self.device),
            threads,
            fingerprint: fingerprint(self.device, threads),
            from_step: self.state.step,
        });
        self.reporter.begin(self.state.step);
    }
}
