//! Jobs: posted, shown, changed, cancelled, deleted; and what their runs leave.

mod again;
mod control;
mod create;
mod files;
mod list;
mod many;
mod metrics;
mod view;
mod why;

pub(crate) use again::{__path_posted, __path_retry, posted, retry};
pub(crate) use control::{
    __path_cancel, __path_change, __path_delete, __path_pause, __path_resume, JobChange, cancel, change,
    delete, pause, resume,
};
pub(crate) use create::{__path_create, create};
pub(crate) use files::{
    __path_artifact, __path_artifacts, __path_checkpoints, __path_logs, artifact, artifacts, checkpoints,
    logs,
};
pub(crate) use list::{__path_list, __path_runs, __path_show, list, runs, show};
pub(crate) use many::{__path_act, JobActions, act};
pub(crate) use metrics::{__path_series, __path_series_of_many, series, series_of_many};
pub(crate) use why::{__path_why, why};
