//! Where connections are taken in.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use crate::kind::{List, Optional, Path, Socket};
use crate::setting::section;

/// A port on all addresses, of IPv6 and IPv4.
fn everywhere(port: u16) -> Vec<SocketAddr> {
    vec![
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
    ]
}

section! {
    Listen, "listen":
    "Where connections are taken in. An empty list turns a service off.",
    "在哪里接受连接。空列表表示关闭该服务。";

    smtp: Vec<SocketAddr> = everywhere(25), List(Socket), "",
    "Mail from other servers, with STARTTLS.",
    "接收其他服务器的邮件，支持 STARTTLS。";

    submission: Vec<SocketAddr> = everywhere(587), List(Socket), "",
    "Mail from people who log in, with STARTTLS.",
    "接收登录用户的邮件，支持 STARTTLS。";

    submissions: Vec<SocketAddr> = everywhere(465), List(Socket), "",
    "The same over TLS.",
    "同上，全程 TLS。";

    lmtp: Vec<SocketAddr> = Vec::new(), List(Socket), "",
    "Mail from another mail server on this machine. Anybody who can connect may deliver.",
    "接收本机上另一台邮件服务器的邮件。能连接者即可投递。";

    lmtp_socket: Option<PathBuf> = None, Optional(Path), "\"/run/posthouse/lmtp\"",
    "The same on a Unix socket, for the server's user and group.",
    "同上，使用 Unix 套接字，限服务器的用户和组。";

    imap: Vec<SocketAddr> = everywhere(143), List(Socket), "",
    "IMAP, with STARTTLS.",
    "IMAP，支持 STARTTLS。";

    imaps: Vec<SocketAddr> = everywhere(993), List(Socket), "",
    "IMAP over TLS.",
    "IMAP，全程 TLS。";

    pop3: Vec<SocketAddr> = everywhere(110), List(Socket), "",
    "POP3, with STLS.",
    "POP3，支持 STLS。";

    pop3s: Vec<SocketAddr> = everywhere(995), List(Socket), "",
    "POP3 over TLS.",
    "POP3，全程 TLS。";

    metrics: Vec<SocketAddr> = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 9025))], List(Socket), "",
    "HTTP without a login: `/metrics` for Prometheus, `/healthz`, `/readyz`. Keep it away from strangers.",
    "无需登录的 HTTP：Prometheus 的 `/metrics`，以及 `/healthz`、`/readyz`。不要让外人访问。";
}

impl Listen {
    /// Nowhere at all.
    pub(crate) fn nowhere() -> Self {
        Listen {
            smtp: Vec::new(),
            submission: Vec::new(),
            submissions: Vec::new(),
            lmtp: Vec::new(),
            lmtp_socket: None,
            imap: Vec::new(),
            imaps: Vec::new(),
            pop3: Vec::new(),
            pop3s: Vec::new(),
            metrics: Vec::new(),
        }
    }
}
