//! Beginning with what another job has learned (Yosinski, Clune, Bengio and Lipson, *How Transferable Are Features in Deep
//! Neural Networks?*, 2014).

use std::sync::Arc;

use serde_json::{Value, json};

use crate::nn::network::{Network, NetworkPlan};
use crate::spec::field::{did_you_mean, found, whole};
use crate::spec::{Component, Field, Name, Pointer, SpecErrors};
use crate::train::parent::ParentModel;
use crate::train::plan::{Catalog, CatalogError, PlanError};

crate::record! {
    /// Weights of a trained model that training begins with, taken over by the names of nodes; running statistics come along.
    /// With `"trainable": false` on a node they stay as they are.
    pub struct InitializeFrom {
        /// The model, such as `"digits"`.
        pub model: Name,
        /// Its version, by number or alias; `latest` where it is absent. The job keeps the number.
        pub version: Option<ModelVersion> = None,
        /// The nodes whose weights are taken over, such as `["conv*"]`: names, in which `*` stands for anything. All nodes where
        /// it is absent. A node of another width than the model's, such as a head for other classes, is left out by this.
        pub nodes: Vec<String> = vec!["*".to_owned()],
    }
}

crate::record! {
    /// A finished job that is trained further.
    pub struct ContinueFrom {
        /// Its id, such as `"01980000-0000-7000-8000-000000000000"`. Data, network, optimiser, seed and all else of `training`
        /// but `epochs` must be that job's.
        pub job: String,
    }
}

/// A version of a model as a body names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelVersion {
    Number(u32),
    Alias(String),
}

impl std::fmt::Display for ModelVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Alias(alias) => f.write_str(alias),
        }
    }
}

impl Field for ModelVersion {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let number = whole(value).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
        let alias = value.as_str().filter(|alias| (1..=63).contains(&alias.len()));
        let read = number.map(Self::Number).or_else(|| alias.map(|alias| Self::Alias(alias.to_owned())));
        if read.is_none() {
            errors.push(at, format!("must be the number or an alias of a version, not {}", found(value)));
        }
        read
    }

    fn write(&self) -> Value {
        match self {
            Self::Number(number) => json!(number),
            Self::Alias(alias) => json!(alias),
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [
            {"type": "integer", "minimum": 1, "maximum": u32::MAX},
            {"type": "string", "minLength": 1, "maxLength": 63}]})
    }
}

/// The model that a body begins with, with its version's number; none where none is named or mistakes were noted.
pub(super) fn find(
    training: &Component,
    said: Option<&InitializeFrom>,
    catalog: &dyn Catalog,
    errors: &mut SpecErrors,
) -> Result<Option<(InitializeFrom, Arc<ParentModel>)>, PlanError> {
    let Some(said) = said else { return Ok(None) };
    let at = training.pointer.key("initialize_from");
    let name = said.model.as_str();
    let version = said.version.as_ref().map(ToString::to_string);
    match catalog.model(name, version.as_deref()) {
        Ok(parent) => {
            let pinned =
                InitializeFrom { version: Some(ModelVersion::Number(parent.version)), ..said.clone() };
            Ok(Some((pinned, parent)))
        }
        Err(CatalogError::UnknownName(names)) => {
            let hint = did_you_mean(name, names.iter().map(String::as_str));
            errors.push(&at.key("model"), format!("there is no model \"{name}\"{hint}"));
            Ok(None)
        }
        Err(CatalogError::UnknownVersion { latest }) => {
            let version = version.unwrap_or_default();
            let detail = format!("\"{name}\" has no version or alias \"{version}\"; the latest is {latest}");
            errors.push(&at.key("version"), detail);
            Ok(None)
        }
        Err(CatalogError::Unavailable(why)) => Err(PlanError::Unavailable(why)),
    }
}

/// What of a model a network begins with.
pub struct Initial {
    parent: Arc<ParentModel>,
    /// Of the parameters that are taken over.
    paths: Vec<String>,
}

impl Initial {
    /// Matches the nodes of a network with those of the parent, and notes what does not go together.
    pub(super) fn resolve(
        from: &InitializeFrom,
        parent: Arc<ParentModel>,
        network: &NetworkPlan,
        at: &Pointer,
        errors: &mut SpecErrors,
    ) -> Option<Self> {
        let at = at.key("initialize_from").key("nodes");
        let before = errors.len();
        let inferred = network.infer().ok()?;
        let mut paths = Vec::new();
        let named: Vec<_> = network.nodes.iter().zip(&inferred).collect();
        for (index, pattern) in from.nodes.iter().enumerate() {
            let at = at.index(index);
            let mut taken = named
                .iter()
                .filter(|(node, inferred)| matches(pattern, &node.name) && !inferred.parameters.is_empty())
                .peekable();
            if taken.peek().is_none() {
                let names = named.iter().filter(|(_, inferred)| !inferred.parameters.is_empty());
                let names: Vec<&str> = names.map(|(node, _)| node.name.as_str()).collect();
                let hint = did_you_mean(pattern, names.iter().copied());
                errors.push(
                    &at,
                    format!("\"{pattern}\" names no node with weights{hint}; there are {}", names.join(", ")),
                );
            }
            for (node, inferred) in taken {
                let Some(theirs) = parent.node(&node.name) else {
                    let names: Vec<&str> = parent.trained().collect();
                    let (name, version) = (&parent.name, parent.version);
                    errors.push(&at, format!(
                        "version {version} of \"{name}\" has no node \"{}\"; it has {}. Name the nodes alike, or leave it out",
                        node.name, names.join(", ")
                    ));
                    continue;
                };
                for own in &inferred.parameters {
                    let other = theirs.iter().find(|other| other.name == own.name);
                    if other.is_none_or(|other| other.shape != own.shape) {
                        let shape =
                            other.map_or("none".to_owned(), |other| format!("{:?}", other.documented()));
                        errors.push(&at, format!(
                            "the {} of node \"{}\" has the shape {:?}, and that of version {} of \"{}\" {shape}; leave the node \
                             out of \"nodes\", or make it the same",
                            own.name, node.name, own.documented(), parent.version, parent.name
                        ));
                    }
                    paths.push(format!("{}.{}", node.name, own.name));
                }
            }
        }
        paths.sort();
        paths.dedup();
        (errors.len() == before).then_some(Self { parent, paths })
    }

    /// Puts the weights into a network; each parameter keeps its own layout in memory.
    pub(super) fn load(&self, network: &Network) -> Result<(), String> {
        let weights = self.parent.weights().map_err(|error| error.to_string())?;
        let missing = |path: &str| format!("there is no {path} in what training is to begin with");
        for path in &self.paths {
            let (_, theirs) = weights.iter().find(|(name, _)| name == path).ok_or_else(|| missing(path))?;
            let own = network.parameters().get(path).ok_or_else(|| missing(path))?;
            let copied = tch::no_grad(|| own.shallow_clone().f_copy_(theirs));
            copied.map_err(|error| format!("{path}: {error}"))?;
        }
        Ok(())
    }
}

/// Whether a name is what a pattern says, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            name.char_indices().map(|(at, _)| &name[at..]).chain([""]).any(|tail| matches(rest, tail))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name, matching) in [
            ("*", "dense", true),
            ("conv*", "conv2d_1", true),
            ("conv*", "dense", false),
            ("*_1", "dense_1", true),
            ("*_1", "dense_12", false),
            ("c*2d*", "conv2d", true),
            ("dense", "dense", true),
            ("dense", "dense_1", false),
            ("", "dense", false),
        ] {
            assert_eq!(matches(pattern, name), matching, "{pattern} {name}");
        }
    }
}
