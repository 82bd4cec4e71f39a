//! Models: shown, named by aliases, downloaded, called, deleted.

mod alias;
mod call;
mod mistakes;
mod show;
mod view;

pub(crate) use alias::{__path_put, __path_remove, AliasTarget, put, remove};
pub(crate) use call::{
    __path_evaluate, __path_predict, __path_predict_latest, evaluate, predict, predict_latest,
};
pub(crate) use mistakes::{__path_mistakes, mistakes};
pub(crate) use show::{
    __path_delete, __path_list, __path_show, __path_version, __path_weights, delete, list, show, version,
    weights,
};
