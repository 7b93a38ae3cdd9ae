//! The systemd unit of a server, with what it does not need taken away from it.

use std::path::Path;

/// What the unit is about.
pub(crate) struct Unit<'a> {
    pub(crate) program: &'a Path,
    pub(crate) config: &'a Path,
    pub(crate) data: &'a Path,
    pub(crate) user: &'a str,
    /// Octets of the memory setting; the wall of the system stands somewhat behind it.
    pub(crate) memory: u64,
}

impl Unit<'_> {
    pub(crate) fn print(&self) -> String {
        let word = |path: &Path| quoted(&path.to_string_lossy());
        let (program, config, data) = (word(self.program), word(self.config), word(self.data));
        let user = self.user;
        // Stacks, code and what the allocator keeps are not accounted for.
        let wall = self.memory.saturating_add(self.memory / 4) >> 20;
        format!(
            "# Made by `posthouse setup`.
[Unit]
Description=Posthouse mail server
Documentation=https://github.com/posthouse-mail/posthouse
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
ExecStart={program} serve --config {config}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
TimeoutStopSec=60
User={user}
RuntimeDirectory=posthouse
LogsDirectory=posthouse
LimitNOFILE=65536
# The server keeps to its own setting, [limits] memory; this is the wall behind it.
MemoryMax={wall}M

AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
DevicePolicy=closed
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
ReadWritePaths={data}
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
# Landlock by name: systemd 252, that of Debian 12, knows no @sandbox.
SystemCallFilter=@system-service landlock_create_ruleset landlock_add_rule landlock_restrict_self
SystemCallFilter=~@privileged
UMask=0077

[Install]
WantedBy=multi-user.target
"
        )
    }
}

/// systemd.service(5), "Command lines": a word in quotes, `%` and `$` doubled.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@+:".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut quoted = String::from('"');
    for c in word.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '%' | '$' => quoted.extend([c, c]),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_line() {
        let check = |word, wanted| assert_eq!(quoted(word), wanted);
        check("/etc/posthouse/posthouse.toml", "/etc/posthouse/posthouse.toml");
        check("/srv/my mail", "\"/srv/my mail\"");
        check("/a\"b%c$d\\", "\"/a\\\"b%%c$$d\\\\\"");
    }

    #[test]
    fn the_wall_stands_behind_the_setting() {
        let unit = Unit {
            program: Path::new("/usr/bin/posthouse"),
            config: Path::new("/etc/posthouse/posthouse.toml"),
            data: Path::new("/var/lib/posthouse"),
            user: "posthouse",
            memory: 1 << 30,
        };
        let text = unit.print();
        assert!(text.contains("\nMemoryMax=1280M\n"), "{text}");
        assert!(text.contains("\nReadWritePaths=/var/lib/posthouse\n"), "{text}");
        assert!(
            text.contains("\nExecStart=/usr/bin/posthouse serve --config /etc/posthouse/posthouse.toml\n")
        );
    }
}
