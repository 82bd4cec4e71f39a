//! From a posted body to a job in the queue.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::catalog::DatasetError;
use super::limits;
use super::parents::parents_of;
use super::scheduler::datasets_of;
use super::{Jobs, SubmitError};
use crate::data::Dataset;
use crate::spec::{Device, Field as _, Pointer, Resources, SpecErrors};
use crate::store::{Conflict, Created, Idempotency, Job, NewJob, Poster, StoreError};
use crate::telemetry::TraceContext;
use crate::train::parent::ParentModel;
use crate::train::{Catalog, CatalogError, Plan, PlanError, Requirements};

/// The data sets and models that a body names, as they were found.
#[derive(Default)]
pub(crate) struct Found {
    datasets: HashMap<(String, Option<u32>), Result<Arc<Dataset>, CatalogError>>,
    models: HashMap<(String, Option<String>), Result<Arc<ParentModel>, CatalogError>>,
}

impl Found {
    pub(crate) fn add(
        &mut self,
        name: String,
        version: Option<u32>,
        found: Result<Arc<Dataset>, CatalogError>,
    ) {
        self.datasets.insert((name, version), found);
    }

    pub(crate) fn add_model(
        &mut self,
        name: String,
        version: Option<String>,
        found: Result<Arc<ParentModel>, CatalogError>,
    ) {
        self.models.insert((name, version), found);
    }
}

impl Catalog for Found {
    fn dataset(&self, name: &str, version: Option<u32>) -> Result<Arc<Dataset>, CatalogError> {
        let found = self.datasets.get(&(name.to_owned(), version)).cloned();
        found.unwrap_or_else(|| Err(CatalogError::UnknownName(Vec::new())))
    }

    fn model(&self, name: &str, version: Option<&str>) -> Result<Arc<ParentModel>, CatalogError> {
        let found = self.models.get(&(name.to_owned(), version.map(str::to_owned))).cloned();
        found.unwrap_or_else(|| Err(CatalogError::UnknownName(Vec::new())))
    }
}

/// Where a job comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The caller's key, where callers have keys.
    pub key: Option<String>,
    /// The request that posts it.
    pub trace: Option<TraceContext>,
}

/// The same request, for another try.
fn again(idempotency: &Idempotency<Job>) -> Idempotency<Job> {
    Idempotency {
        scope: idempotency.scope.clone(),
        key: idempotency.key.clone(),
        digest: idempotency.digest,
        render: idempotency.render.clone(),
    }
}

/// What a refused body asks for, where that much of it can be read.
fn readable_requirements(body: &Value) -> Option<Requirements> {
    let wanted = Resources::read(body.get("resources")?, &Pointer::root(), &mut SpecErrors::new())?;
    Some(Requirements {
        threads: wanted.threads.get(),
        memory_mb: wanted.memory_mb.get(),
        device: wanted.device,
    })
}

impl Jobs {
    /// What the job would be, without queueing it.
    pub async fn plan(&self, body: Value) -> Result<Value, SubmitError> {
        Ok(self.resolve(Arc::new(body)).await?.answer())
    }

    /// Queues a job. It is kept when this answers, whatever happens then.
    pub async fn submit(
        &self,
        body: Value,
        posted: String,
        origin: Origin,
        idempotency: Option<Idempotency<Job>>,
    ) -> Result<Created<Job>, SubmitError> {
        self.check_budget(0)?;
        self.take_place().await?;
        let queued = self.queue(Arc::new(body), posted, origin, idempotency).await;
        if !matches!(queued, Ok(Created::Now(_))) {
            self.give_place_back().await;
        }
        queued
    }

    async fn queue(
        &self,
        body: Arc<Value>,
        posted: String,
        origin: Origin,
        idempotency: Option<Idempotency<Job>>,
    ) -> Result<Created<Job>, SubmitError> {
        let most = self.core.settings.jobs_per_key;
        let poster = origin.key.map(|key| Poster { key, most });
        let trace = origin.trace.map(|trace| trace.to_string());
        // A data set may lose a version between the plan and the queue; the next plan does not name it.
        for _ in 0..2 {
            let spec = self.resolve(body.clone()).await?.spec;
            let datasets = datasets_of(spec.value())
                .into_iter()
                .filter_map(|(name, version)| Some((name, version?)))
                .collect();
            let new = NewJob {
                parents: parents_of(spec.value()).into(),
                spec,
                posted: posted.clone(),
                datasets,
                poster: poster.clone(),
                trace: trace.clone(),
            };
            match self.core.store.create_job(new, idempotency.as_ref().map(again)).await {
                Ok(created) => {
                    self.core.wake.notify_one();
                    return Ok(created);
                }
                Err(StoreError::Conflict(Conflict::DatasetGone { name, .. })) => self.datasets.changed(&name),
                // The next plan does not find it.
                Err(StoreError::Conflict(Conflict::ParentGone)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(SubmitError::Unavailable("the data set changes too fast".into()))
    }

    /// The plan of a body.
    async fn resolve(&self, body: Arc<Value>) -> Result<Plan, SubmitError> {
        let settings = &self.core.settings;
        let mut found = self.find_datasets(&body).await?;
        self.find_models(&body, &mut found).await?;
        let (body, parent) = self.find_parent(body).await?;
        let unavailable = |error: &dyn std::fmt::Display| SubmitError::Unavailable(error.to_string());
        let place = self.resolving.clone().acquire_owned().await.map_err(|error| unavailable(&error))?;
        let posted = body.clone();
        let resolved = tokio::task::spawn_blocking(move || {
            let _place = place;
            Plan::resolve_body(&posted, &found)
        });
        match resolved.await.map_err(|error| unavailable(&error))? {
            Ok(plan) => {
                let canonical = plan.spec.value();
                let mut errors = limits::check(canonical, settings);
                if let Some(parent) = &parent {
                    errors.extend(parent.check(canonical));
                }
                for check in
                    [self.check_fit(plan.requirements()), limits::check_steps(plan.extent().1, settings)]
                {
                    errors.extend(check.err().unwrap_or_default());
                }
                errors.into_result(Some(plan)).map_err(SubmitError::Refused)
            }
            Err(PlanError::Refused(mut errors)) => {
                // What the server does not have or allow is told together with the rest.
                errors.extend(limits::check(&body, settings));
                if let Some(wanted) = readable_requirements(&body)
                    && let Err(more) = self.check_fit(wanted)
                {
                    errors.extend(more);
                }
                Err(SubmitError::Refused(errors))
            }
            Err(PlanError::Unavailable(why)) => Err(SubmitError::Unavailable(why)),
        }
    }

    /// Opens what the body names. What it names wrongly is left to the plan to tell.
    async fn find_datasets(&self, body: &Value) -> Result<Found, SubmitError> {
        let mut found = Found::default();
        for (name, version) in datasets_of(body) {
            let dataset = match self.dataset(&name, version).await {
                Ok(dataset) => Ok(dataset),
                Err(DatasetError::Unknown) => Err(match (version, self.dataset(&name, None).await) {
                    (Some(_), Ok(latest)) => CatalogError::UnknownVersion { latest: latest.schema().version },
                    _ => CatalogError::UnknownName(self.core.store.dataset_names().await?),
                }),
                Err(DatasetError::Store(error)) => return Err(error.into()),
                Err(error) => {
                    tracing::error!(%error, name, ?version, "a data set cannot be opened");
                    Err(CatalogError::Unavailable(error.to_string()))
                }
            };
            found.add(name, version, dataset);
        }
        Ok(found)
    }

    /// Refuses what could wait for ever.
    fn check_fit(&self, wanted: Requirements) -> Result<(), SpecErrors> {
        let total = &self.core.total;
        let at = Pointer::root().key("resources");
        let mut errors = SpecErrors::new();
        if wanted.threads > total.threads {
            let detail =
                format!("{} threads are more than the {} of this server", wanted.threads, total.threads);
            errors.push(&at.key("threads"), detail);
        }
        if wanted.memory_mb > total.memory_mb {
            let detail =
                format!("{} MiB are more than the {} of this server", wanted.memory_mb, total.memory_mb);
            errors.push(&at.key("memory_mb"), detail);
        }
        match wanted.device {
            Device::Cuda(_) if total.gpus.is_empty() => {
                errors.push(&at.key("device"), "this server has no GPU; use \"cpu\" or \"auto\"");
            }
            Device::Cuda(Some(index)) if !total.gpus.contains(&index) => {
                errors.push(&at.key("device"), format!("this server has no GPU number {index}"));
            }
            _ => {}
        }
        errors.into_result(Some(()))
    }
}
