use crate::data::Dataset;
use crate::spec::*;
use serde_json::Value;
use std::sync::Arc;
pub trait Catalog {
    fn dataset(&self, name: &str, version: Option<u32>) -> Result<Arc<Dataset>, CatalogError>;
}
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    #[error("a")]
    UnknownName(Vec<String>),
    #[error("the {latest}")]
    UnknownVersion { latest: u32 },
    #[error("the data set cannot be opened: {0}")]
    Unavailable(String),
}
#[derive(Clone, Debug, thiserror::Error)]
pub enum PlanError {
    #[error("{0}")]
    Refused(#[from] SpecErrors),
    #[error("{0}")]
    Unavailable(String),
}
pub struct Plan {
    pub spec: JobSpec,
}
pub struct Requirements {
    pub threads: u32,
    pub memory_mb: u64,
    pub device: crate::spec::Device,
}
impl Plan {
    pub fn resolve_body(_b: &Value, _c: &dyn Catalog) -> Result<Self, PlanError> {
        todo!()
    }
    pub fn resolve(_s: &JobSpec, _c: &dyn Catalog) -> Result<Self, PlanError> {
        todo!()
    }
    pub fn answer(&self) -> Value {
        todo!()
    }
    pub fn requirements(&self) -> Requirements {
        todo!()
    }
}
pub fn run(
    _p: &Plan,
    _c: Option<&std::path::Path>,
    _s: &mut dyn crate::train::RunSink,
) -> crate::spec::report::Outcome {
    todo!()
}
