//! The parts of a guest, and QEMU's command line.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{json, Value};

use super::{GuestError, Scenario, ServerKind};

/// What `make guest-setup` has brought and made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    qemu: PathBuf,
    kernel: PathBuf,
    initrd: PathBuf,
}

impl Image {
    /// The guest in `folder` for `scenario`.
    ///
    /// # Errors
    /// When a part is missing.
    pub fn find(folder: &Path, scenario: &Scenario) -> Result<Self, GuestError> {
        let initrd = if scenario.needs_fio {
            "initrd-fio.cpio"
        } else {
            "initrd.cpio"
        };
        let part = |name: &str| {
            let path = folder.join(name);
            match path.exists() {
                true => std::path::absolute(&path)
                    .map_err(|e| GuestError::Io(path.display().to_string(), e)),
                false => Err(GuestError::NotSetUp(path)),
            }
        };
        Ok(Self {
            qemu: part("bin/qemu-system-x86_64")?,
            kernel: part("kernel/vmlinuz")?,
            initrd: part(initrd)?,
        })
    }

    /// QEMU with what is behind `socket`, for the `number`th guest of a scenario; `memory` MiB and `words` for the kernel's
    /// command line.
    ///
    /// Emulated throughout: a host's KVM may not be able to run a stock kernel. The memory is a file so that the server can
    /// map it.
    pub(super) fn qemu(
        &self,
        (server, socket): (ServerKind, &Path),
        number: usize,
        memory: u32,
        words: &str,
    ) -> Command {
        let mut command = Command::new(&self.qemu);
        command
            .args(["-M", "q35,memory-backend=mem", "-accel", "tcg"])
            .args(["-cpu", "qemu64", "-m", &format!("{memory}M")])
            .arg("-object")
            .arg(format!(
                "memory-backend-memfd,id=mem,size={memory}M,share=on"
            ))
            .args(["-nodefaults", "-no-user-config", "-nographic", "-no-reboot"])
            .args(["-serial", "stdio"])
            // Behind a root port it is an endpoint; on the root bus QEMU shows another kind of function.
            .args(["-device", "pcie-root-port,id=root-port"])
            .args(device(server, socket, number))
            .arg("-kernel")
            .arg(&self.kernel)
            .arg("-initrd")
            .arg(&self.initrd)
            .arg("-append")
            .arg(format!(
                "console=ttyS0 panic=-1 oops=panic loglevel=4 {words}"
            ));
        command
    }
}

/// QEMU's arguments for what is behind `socket`.
fn device(server: ServerKind, socket: &Path, number: usize) -> Vec<String> {
    // A comma in the value of an option is doubled.
    let path = socket.display().to_string().replace(',', ",,");
    let chardev = |more: &str| format!("socket,id=server,path={path}{more}");
    let device = |mut properties: Value| {
        properties["bus"] = "root-port".into();
        properties.to_string()
    };
    let words: Vec<(&str, String)> = match server {
        ServerKind::VfioUser => vec![(
            "-device",
            // The server may take its time to answer, which is the simulation's.
            device(json!({
                "driver": "vfio-user-pci",
                "socket": { "type": "unix", "path": socket },
                "x-msg-timeout": 60_000,
            })),
        )],
        ServerKind::VhostUserBlk => vec![
            // Long enough without a server for the guest to see that there is none.
            ("-chardev", chardev(",reconnect-ms=2000")),
            (
                "-device",
                device(json!({ "driver": "vhost-user-blk-pci", "chardev": "server" })),
            ),
        ],
        ServerKind::VhostUserNet => vec![
            ("-chardev", chardev("")),
            ("-netdev", "vhost-user,id=net,chardev=server".to_owned()),
            (
                "-device",
                device(json!({
                    "driver": "virtio-net-pci",
                    "netdev": "net",
                    "mac": format!("52:54:00:00:00:{number:02x}"),
                    // No firmware to boot from it.
                    "romfile": "",
                })),
            ),
        ],
    };
    words
        .into_iter()
        .flat_map(|(option, value)| [option.to_owned(), value])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::by_name;

    #[test]
    fn a_missing_part_is_named_with_what_brings_it() {
        let dir = tempfile::tempdir().unwrap();
        let (net, blk) = (by_name("net").unwrap(), by_name("blk").unwrap());
        let error = |s| Image::find(dir.path(), s).unwrap_err().to_string();
        assert!(error(net).contains("qemu-system-x86_64 is missing: run `make guest-setup`"));
        for name in ["bin/qemu-system-x86_64", "kernel/vmlinuz", "initrd.cpio"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        assert!(Image::find(dir.path(), net).is_ok());
        assert!(error(blk).contains("initrd-fio.cpio"));
    }

    fn command_line(server: ServerKind, socket: &str) -> Vec<String> {
        let image = Image {
            qemu: "qemu".into(),
            kernel: "vmlinuz".into(),
            initrd: "initrd".into(),
        };
        let command = image.qemu((server, Path::new(socket)), 2, 512, "shoal_test=net");
        let words = command.get_args().map(|a| a.to_str().unwrap().to_owned());
        words.collect()
    }

    #[test]
    fn the_command_line_has_shared_memory_and_the_socket() {
        let line = command_line(ServerKind::VfioUser, "/x/a \"b\".sock");
        assert!(line.contains(&"memory-backend-memfd,id=mem,size=512M,share=on".to_owned()));
        assert!(line
            .iter()
            .any(|a| a.contains(r#""path":"/x/a \"b\".sock""#)));
        assert!(line.last().unwrap().ends_with(" shoal_test=net"));
    }

    #[test]
    fn vhost_user_devices_have_their_chardev_and_each_guest_a_mac() {
        let blk = command_line(ServerKind::VhostUserBlk, "/x/a,b");
        let chardev = "socket,id=server,path=/x/a,,b,reconnect-ms=2000";
        assert!(blk.contains(&chardev.to_owned()), "{blk:?}");
        assert!(blk
            .iter()
            .any(|a| a.contains("vhost-user-blk-pci") && a.contains(r#""chardev":"server""#)));
        let net = command_line(ServerKind::VhostUserNet, "/x/s");
        assert!(net.contains(&"socket,id=server,path=/x/s".to_owned()));
        assert!(net.iter().any(|a| a.contains("52:54:00:00:00:02")));
    }
}
