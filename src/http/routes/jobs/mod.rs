//! Jobs: posted, shown, changed, cancelled, deleted; and what their runs leave.

mod control;
mod create;
mod files;
mod list;
mod metrics;
mod view;

pub(crate) use control::{__path_cancel, __path_change, __path_delete, JobChange, cancel, change, delete};
pub(crate) use create::{__path_create, create};
pub(crate) use files::{
    __path_artifact, __path_artifacts, __path_checkpoints, __path_logs, artifact, artifacts, checkpoints,
    logs,
};
pub(crate) use list::{__path_list, __path_runs, __path_show, list, runs, show};
pub(crate) use metrics::{__path_series, series};
