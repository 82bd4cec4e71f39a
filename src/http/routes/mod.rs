//! Every route, in one list. A route is in the contract by being here: each handler carries its own documentation.

mod components;
mod dashboard;
mod datasets;
mod docs;
mod events;
mod examples;
mod jobs;
mod keys;
mod models;
mod operations;
mod plans;
mod serving;
mod session;
mod system;
mod v2;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use datasets::column_schema;
pub(crate) use jobs::{JobActions, JobChange};
pub(crate) use keys::NewKey;
pub(crate) use models::AliasTarget;
pub(crate) use session::SignIn;

use super::AppState;
use super::openapi;

/// The routes together with their documentation.
pub(crate) fn all() -> OpenApiRouter<AppState> {
    let router = OpenApiRouter::with_openapi(openapi::frame())
        // data sets
        .routes(routes!(datasets::list, datasets::upload))
        .routes(routes!(datasets::latest))
        .routes(routes!(datasets::versions))
        .routes(routes!(datasets::show, datasets::delete))
        .routes(routes!(datasets::examples))
        .routes(routes!(datasets::statistics))
        .routes(routes!(datasets::image))
        // jobs
        .routes(routes!(components::list))
        .routes(routes!(components::job_schema))
        .routes(routes!(plans::create))
        .routes(routes!(examples::list))
        .routes(routes!(examples::show))
        .routes(routes!(examples::data))
        .routes(routes!(jobs::list, jobs::create))
        .routes(routes!(jobs::show, jobs::change, jobs::delete))
        .routes(routes!(jobs::act))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::pause))
        .routes(routes!(jobs::resume))
        .routes(routes!(jobs::posted))
        .routes(routes!(jobs::retry))
        .routes(routes!(jobs::why))
        .routes(routes!(jobs::series))
        .routes(routes!(jobs::series_of_many))
        .routes(routes!(events::of_job))
        .routes(routes!(jobs::runs))
        .routes(routes!(jobs::checkpoints))
        .routes(routes!(jobs::artifacts))
        .routes(routes!(jobs::artifact))
        .routes(routes!(jobs::logs))
        .routes(routes!(events::of_all))
        // models
        .routes(routes!(models::list))
        .routes(routes!(models::show))
        .routes(routes!(models::version, models::delete))
        .routes(routes!(models::weights))
        .routes(routes!(models::put, models::remove))
        .routes(routes!(models::predict_latest))
        .routes(routes!(models::predict))
        .routes(routes!(models::evaluate))
        .routes(routes!(models::mistakes))
        // the Open Inference Protocol
        .routes(routes!(v2::server))
        .routes(routes!(v2::live))
        .routes(routes!(v2::ready))
        .routes(routes!(v2::all_statistics))
        .routes(routes!(v2::model))
        .routes(routes!(v2::model_ready))
        .routes(routes!(v2::config))
        .routes(routes!(v2::of_model))
        .routes(routes!(v2::infer))
        .routes(routes!(v2::version))
        .routes(routes!(v2::version_ready))
        .routes(routes!(v2::version_config))
        .routes(routes!(v2::of_version))
        .routes(routes!(v2::infer_version))
        .routes(routes!(v2::index))
        .routes(routes!(v2::load))
        .routes(routes!(v2::unload))
        // keys
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::revoke))
        // the session of a browser
        .routes(routes!(session::show, session::sign_in, session::sign_out))
        // operations
        .routes(routes!(operations::healthz))
        .routes(routes!(operations::readyz))
        .routes(routes!(operations::version))
        .routes(routes!(system::system))
        .routes(routes!(operations::metrics))
        .routes(routes!(docs::contract))
        .routes(routes!(docs::index))
        .routes(routes!(docs::start))
        .routes(routes!(docs::file));
    dashboard::pages(router)
}
