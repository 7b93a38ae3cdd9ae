//! SOCKS5 (RFC 1928), with a name and a password where the proxy wants them (RFC 1929).

use sasl::Secret;
use tokio::net::TcpStream;
use tokio_socks::tcp::Socks5Stream;
use url::Url;

/// A SOCKS5 proxy. It finds the server's address itself, so that no DNS question leaves this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    login: Option<(String, Secret)>,
}

impl Proxy {
    /// A proxy without a login.
    pub fn socks5(host: impl Into<String>, port: u16) -> Self {
        Proxy {
            host: host.into(),
            port,
            login: None,
        }
    }

    /// Logs in at the proxy.
    #[must_use]
    pub fn login(mut self, name: impl Into<String>, password: Secret) -> Self {
        self.login = Some((name.into(), password));
        self
    }

    /// Reads `socks5://[NAME:PASSWORD@]HOST[:PORT]`; port 1080 (RFC 1928 §3) where it names none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        if !matches!(url.scheme(), "socks5" | "socks5h") {
            return None;
        }
        let decoded = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8_lossy()
                .into_owned()
        };
        let host = match url.host()? {
            url::Host::Ipv6(address) => address.to_string(),
            host => decoded(&host.to_string()),
        };
        let proxy = Proxy::socks5(host, url.port().unwrap_or(1080));
        Some(match url.username() {
            "" => proxy,
            name => proxy.login(
                decoded(name),
                Secret::from(decoded(url.password().unwrap_or_default()).as_str()),
            ),
        })
    }

    pub(super) async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, tokio_socks::Error> {
        let proxy = (self.host.as_str(), self.port);
        let stream = match &self.login {
            None => Socks5Stream::connect(proxy, (host, port)).await?,
            Some((name, password)) => {
                let password = String::from_utf8_lossy(password.expose());
                Socks5Stream::connect_with_password(proxy, (host, port), name, &password).await?
            }
        };
        Ok(stream.into_inner())
    }
}
