//! Which server the commands ask, and how its answers are shown.

use std::path::PathBuf;

use reqwest::Url;

/// Which server the commands ask, and how its answers are shown.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Server")]
pub struct Client {
    /// The server to ask.
    #[arg(
        long,
        global = true,
        env = "LYCEUM_SERVER",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL",
        value_parser = server_url
    )]
    pub server: Url,
    /// The key to show, where the server wants one.
    #[arg(long, global = true, env = "LYCEUM_KEY", hide_env_values = true, value_name = "KEY")]
    pub key: Option<String>,
    /// The file of the certificate, in PEM, that the server's was signed by; by default one of the system's.
    #[arg(long, global = true, env = "LYCEUM_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Print JSON, one document a line.
    #[arg(long, global = true)]
    pub json: bool,
}

/// An address as people write it: `localhost:8080` is `http://localhost:8080`.
fn server_url(text: &str) -> Result<Url, String> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&with_scheme).map_err(|error| error.to_string())?;
    match (url.scheme(), url.has_host()) {
        ("http" | "https", true) => Ok(url),
        (scheme, true) => Err(format!("{scheme} is not spoken here, only http and https")),
        _ => Err("it names no host".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::server_url;

    #[test]
    fn addresses_are_read_with_and_without_their_scheme() {
        for text in ["localhost:8080", "http://localhost:8080", "http://localhost:8080/"] {
            assert_eq!(server_url(text).unwrap().as_str(), "http://localhost:8080/");
        }
        assert!(server_url("[::1]:9").is_ok());
        assert_eq!(server_url("https://localhost:8443").unwrap().port(), Some(8443));
        assert!(server_url("ftp://localhost").unwrap_err().contains("only http"));
        assert!(server_url("http://").is_err());
    }
}
