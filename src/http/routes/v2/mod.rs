//! The Open Inference Protocol (`KServe` V2 over REST) for every model, as Triton answers it, with its extensions for
//! binary tensors, raw bodies, classification, statistics and the repository. Failures keep the protocol's form,
//! `{"error": "…"}`.

mod answer;
mod cursor;
mod datatype;
mod health;
mod infer;
mod metadata;
mod repository;
mod request;
mod statistics;

pub(crate) use health::{
    __path_live, __path_model_ready, __path_ready, __path_version_ready, live, model_ready, ready,
    version_ready,
};
pub(crate) use infer::{__path_infer, __path_infer_version, infer, infer_version};
pub(crate) use metadata::{
    __path_config, __path_model, __path_server, __path_version, __path_version_config, config, model, server,
    version, version_config,
};
pub(crate) use repository::{__path_index, __path_load, __path_unload, index, load, unload};
pub(crate) use statistics::{
    __path_all as __path_all_statistics, __path_of_model, __path_of_version, all as all_statistics, of_model,
    of_version,
};

/// Where the length of a body's JSON stands that binary tensors follow.
const HEADER_LENGTH: &str = "inference-header-content-length";
