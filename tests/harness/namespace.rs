//! A test in a network and a mount namespace of its own: any port and address is free there, nothing leads out, and what it mounts is gone with it.

use std::{env, process::Command};

use anyhow::{Context, Result, ensure};
use rustix::process::geteuid;

/// Says to the test's own second process that it is inside.
const INSIDE: &str = "CORDBOARD_TEST_NAMESPACE";

/// Runs `test` alone in namespaces of its own. `name` is the test's full name (`torture::over_udp`): it is started a second time, by that name,
/// through `unshare`. Whoever is not root becomes root inside of a user namespace, if the machine lets users have those.
///
/// # Errors
/// With the output of the second process when `test` fails there, or when no namespace can be had.
pub fn alone(name: &str, test: impl FnOnce() -> Result<()>) -> Result<()> {
    if env::var_os(INSIDE).is_some_and(|inside| inside == name) {
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().context("ip (Debian's iproute2)")?;
        ensure!(up.success(), "no loopback in the namespace: {up}");
        return test();
    }
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount"]);
    if !geteuid().is_root() {
        command.arg("--map-root-user");
    }
    let output = command
        .arg("--")
        .arg(env::current_exe()?)
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INSIDE, name)
        .output()
        .context("unshare (Debian's util-linux)")?;
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // Set in, so that nobody counts the inner test as one more.
    let told = told.lines().fold(String::new(), |told, line| told + "  | " + line + "\n");
    ensure!(output.status.success(), "in a namespace of its own: {}\n{told}", output.status);
    ensure!(told.contains("1 passed"), "there is no test {name}, or no namespace can be had here:\n{told}");
    show(&told);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what the test told, for whoever asks cargo to show it")]
fn show(told: &str) {
    println!("{told}");
}

/// Packets of this namespace that led nowhere, since its beginning: whatever was sent to an address that is not the machine's own.
///
/// # Errors
/// When the kernel does not tell.
pub fn sent_nowhere() -> Result<u64> {
    let mut sum = 0;
    let snmp = std::fs::read_to_string("/proc/net/snmp")?;
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Ip: "));
    let (names, values) = (lines.next().context("no Ip: in /proc/net/snmp")?, lines.next().context("no Ip: in /proc/net/snmp")?);
    for (name, value) in names.split_whitespace().zip(values.split_whitespace()) {
        if name == "OutNoRoutes" {
            sum += value.parse::<u64>()?;
        }
    }
    for line in std::fs::read_to_string("/proc/net/snmp6").unwrap_or_default().lines() {
        if let Some(value) = line.strip_prefix("Ip6OutNoRoutes") {
            sum += value.trim().parse::<u64>()?;
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::tmpfs::Tmpfs;

    #[test]
    fn nothing_leads_out_and_any_port_is_free() -> Result<()> {
        alone("namespace::tests::nothing_leads_out_and_any_port_is_free", || {
            let socket = UdpSocket::bind("127.0.0.2:5060")?;
            socket.send_to(b"x", "127.0.0.1:9")?;
            assert_eq!(sent_nowhere()?, 0);
            assert!(socket.send_to(b"x", "192.0.2.1:9").is_err());
            let other = UdpSocket::bind("0.0.0.0:0")?;
            assert!(other.send_to(b"x", "192.0.2.1:9").is_err());
            assert!(sent_nowhere()? >= 1, "a packet that led nowhere was not counted");

            let disk = Tmpfs::mount(1)?;
            let ballast = disk.fill()?;
            assert!(std::fs::write(disk.path().join("more"), b"x").is_err(), "a full disk took more");
            std::fs::remove_file(ballast)?;
            std::fs::write(disk.path().join("more"), b"x")?;
            Ok(())
        })
    }
}
