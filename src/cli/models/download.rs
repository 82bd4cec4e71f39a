//! `lyceum models download`.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::cli::client::Client;
use crate::cli::{Exit, figures, input, output, say};

/// Download the weights of a model, in safetensors.
///
/// The file stands under its name once it is whole and its digest is right.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  lyceum models download iris\n  lyceum models download iris@2 --output weights.safetensors"
)]
pub(super) struct Download {
    /// The model, `NAME` or `NAME@VERSION`; a version is a number or an alias.
    model: String,
    /// Where to; by default `NAME-VERSION.safetensors` in this folder. `-` is standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
    sha256: String,
}

impl Download {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let (name, version) = input::named(&self.model);
        let mut path = ["v1", "models", name, "versions", version.unwrap_or("latest")];
        let found: Version = client.read(client.get(&path).await?)?;
        // An alias may move in between.
        let number = found.version.to_string();
        path[4] = &number;
        let target = self.output.unwrap_or_else(|| format!("{name}-{number}.safetensors").into());
        let unwritable = |error: std::io::Error| {
            say(format_args!("cannot write {}: {error}", target.display()));
            Exit::Failed
        };

        let to_stdout = target == Path::new("-");
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::Builder::new();
        // As any other file of the user's, less what the umask takes.
        let file = file.permissions(Permissions::from_mode(0o666));
        let file =
            if to_stdout { file.tempfile() } else { file.tempfile_in(folder.unwrap_or(Path::new("."))) };
        let mut file = file.map_err(unwritable)?;
        let weights = [&path[..], &["weights"]].concat();
        let mut answer = client.send(client.request(Method::GET, &weights)).await?;
        let (mut digest, mut bytes) = (Sha256::new(), 0);
        while let Some(piece) = answer.chunk().await.map_err(|error| client.silent(&error))? {
            file.write_all(&piece).map_err(unwritable)?;
            digest.update(&piece);
            bytes += piece.len() as u64;
        }
        if format!("{:x}", digest.finalize()) != found.sha256 {
            say("the weights arrived damaged: their digest is not the model's");
            return Err(Exit::Failed);
        }
        if to_stdout {
            return output::bytes(&std::fs::read(file.path()).map_err(unwritable)?);
        }
        file.persist(&target).map_err(|error| unwritable(error.error))?;
        if client.json {
            let document = json!({"file": target, "model": name, "version": found.version, "bytes": bytes, "sha256": found.sha256});
            return output::json(&document);
        }
        output::line(format_args!("{}: {}, sha256 {}", target.display(), figures::bytes(bytes), found.sha256))
    }
}
