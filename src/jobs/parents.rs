//! What jobs begin with: the weights of a model, or where the training of another job ended.

use std::collections::BTreeSet;
use std::str::FromStr as _;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::submit::Found;
use super::{Jobs, SubmitError};
use crate::spec::field::whole;
use crate::spec::{Pointer, SpecErrors};
use crate::store::{JobId, JobParents, JobStatus, StoreError};
use crate::train::CatalogError;
use crate::train::parent::ParentModel;

/// What a spec says that the job begins with.
pub(super) struct Parents {
    /// A model, and the number or the alias of a version.
    pub(super) model: Option<(String, Option<String>)>,
    pub(super) job: Option<JobId>,
}

pub(super) fn parents_of(spec: &Value) -> Parents {
    let from = &spec["training"]["initialize_from"];
    let version = match &from["version"] {
        Value::String(alias) => Some(alias.clone()),
        version => whole(version).map(|number| number.to_string()),
    };
    let job = spec["training"]["continue_from"]["job"].as_str();
    Parents {
        model: from["model"].as_str().map(|name| (name.to_owned(), version)),
        job: job.and_then(|job| Uuid::from_str(job).ok()).map(JobId),
    }
}

impl From<Parents> for JobParents {
    /// Of a canonical spec, whose version is a number.
    fn from(parents: Parents) -> Self {
        let model = parents.model.and_then(|(name, version)| Some((name, version?.parse().ok()?)));
        Self { model, job: parents.job }
    }
}

/// A job that another one continues.
pub(super) struct ParentJob {
    spec: Arc<Value>,
    /// Why it cannot be continued.
    unfit: Option<String>,
}

/// Members of `training` that may differ from those of the job that is continued.
const FREE: [&str; 4] = ["epochs", "continue_from", "initialize_from", "rewrites"];

impl ParentJob {
    /// What stands in the way of going on from there with such a canonical spec.
    pub(super) fn check(&self, canonical: &Value) -> SpecErrors {
        let at = Pointer::root().key("training");
        let mut errors = SpecErrors::new();
        if let Some(unfit) = &self.unfit {
            errors.push(&at.key("continue_from").key("job"), unfit.clone());
            return errors;
        }
        let (own, theirs) = (&canonical["training"], &self.spec["training"]);
        let names = [own, theirs].into_iter().filter_map(Value::as_object).flat_map(|members| members.keys());
        let names: BTreeSet<&String> = names.filter(|name| !FREE.contains(&name.as_str())).collect();
        for name in names {
            if own[name] != theirs[name] {
                let theirs = short(&theirs[name]);
                errors.push(
                    &at.key(name),
                    format!("differs from the job that is continued, where it is {theirs}"),
                );
            }
        }
        if canonical["seed"] != self.spec["seed"] {
            let theirs = &self.spec["seed"];
            errors.push(
                &Pointer::root().key("seed"),
                format!("differs from the job that is continued, where it is {theirs}; leave it out to have the same"),
            );
        }
        let epochs = |spec: &Value| spec["training"]["epochs"].as_u64().unwrap_or_default();
        let trained = epochs(&self.spec);
        if epochs(canonical) <= trained {
            errors.push(
                &at.key("epochs"),
                format!("must be more than the {trained} that the job has been trained for"),
            );
        }
        errors
    }
}

fn short(value: &Value) -> String {
    const MOST: usize = 200;
    let text = value.to_string();
    if text.chars().count() <= MOST { text } else { text.chars().take(MOST).chain(['…']).collect() }
}

impl Jobs {
    /// Reads of the model that the body begins with what its plan needs. What it names wrongly is left to the plan to tell.
    pub(super) async fn find_models(&self, body: &Value, found: &mut Found) -> Result<(), SubmitError> {
        let Some((name, version)) = parents_of(body).model else { return Ok(()) };
        let store = &self.core.store;
        let model = match store.model_version(&name, version.as_deref().unwrap_or("latest")).await {
            Ok(row) => {
                let folder = self.core.artifacts.local_path(&row.key);
                let opened = tokio::task::spawn_blocking(move || {
                    let folder = folder.map_err(|error| error.to_string())?;
                    ParentModel::open(&folder, &row.name, row.version).map_err(|error| error.to_string())
                });
                let opened = opened.await.map_err(|error| SubmitError::Unavailable(error.to_string()))?;
                opened.map(Arc::new).map_err(|error| {
                    tracing::error!(error, name, version, "a model cannot be read");
                    CatalogError::Unavailable(error)
                })
            }
            Err(StoreError::NotFound(_)) => Err(match store.model(&name).await {
                Ok(model) => CatalogError::UnknownVersion {
                    latest: model.versions.iter().map(|one| one.version).max().unwrap_or_default(),
                },
                Err(StoreError::NotFound(_)) => CatalogError::UnknownName(store.model_names().await?),
                Err(error) => return Err(error.into()),
            }),
            Err(error) => return Err(error.into()),
        };
        found.add_model(name, version, model);
        Ok(())
    }

    /// The job that the body continues, and the body with the seed of that one where it has none.
    pub(super) async fn find_parent(
        &self,
        body: Arc<Value>,
    ) -> Result<(Arc<Value>, Option<ParentJob>), SubmitError> {
        let said = &body["training"]["continue_from"];
        if !said["job"].is_string() {
            return Ok((body, None));
        }
        let unfit = |detail: &str| {
            let (spec, unfit) = (Arc::default(), Some(detail.to_owned()));
            Ok((body.clone(), Some(ParentJob { spec, unfit })))
        };
        let Some(id) = parents_of(&body).job else { return unfit("is no job's id") };
        let job = match self.core.store.job(id).await {
            Err(StoreError::NotFound(_)) => return unfit("there is no such job"),
            job => job?,
        };
        if job.status != JobStatus::Succeeded {
            return unfit(&format!("the job is {}; one that succeeded can be continued", job.status));
        }
        if job.progress.step < job.progress.steps {
            return unfit("the job stopped early, when it no longer improved, and is not continued");
        }
        if self.core.store.latest_checkpoint(id).await?.is_none() {
            return unfit("none of the job's checkpoints is kept, from which it could go on");
        }
        let mut body = body;
        if body.get("seed").is_none_or(Value::is_null)
            && let Some(members) = Arc::make_mut(&mut body).as_object_mut()
        {
            members.insert("seed".into(), job.spec["seed"].clone());
        }
        Ok((body, Some(ParentJob { spec: job.spec, unfit: None })))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_from_the_job_that_is_continued_is_named() {
        let spec = |epochs: u64, rate: f64, seed: u64| json!({"seed": seed, "training": {"epochs": epochs, "optimizer": {"learning_rate": rate}, "model": [1]}});
        let parent = ParentJob { spec: spec(5, 0.1, 7).into(), unfit: None };
        assert!(parent.check(&spec(6, 0.1, 7)).is_empty());
        let told = parent.check(&spec(5, 0.2, 8)).to_string();
        for pointer in ["/training/optimizer", "/training/epochs", "/seed"] {
            assert!(told.contains(pointer), "{told}");
        }
        let missing = json!({"seed": 7, "training": {"epochs": 9, "optimizer": {"learning_rate": 0.1}}});
        assert!(parent.check(&missing).to_string().contains("/training/model"));
    }
}
