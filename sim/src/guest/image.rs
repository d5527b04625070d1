//! The parts of a guest, and QEMU's command line.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{GuestError, Scenario};

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

    /// QEMU with the function behind `socket`, `memory` MiB and `words` for the kernel's command line.
    ///
    /// Emulated throughout: a host's KVM may not be able to run a stock kernel. The memory is a file so that the server can
    /// map it, and the server may take its time to answer, which is the simulation's.
    pub(super) fn qemu(&self, socket: &Path, memory: u32, words: &str) -> Command {
        let device = serde_json::json!({
            "driver": "vfio-user-pci",
            "bus": "root-port",
            "socket": { "type": "unix", "path": socket },
            "x-msg-timeout": 60_000,
        });
        let mut command = Command::new(&self.qemu);
        command
            .args(["-M", "q35,memory-backend=mem", "-accel", "tcg"])
            .args(["-cpu", "qemu64", "-m", &format!("{memory}M")])
            .arg("-object")
            .arg(format!(
                "memory-backend-memfd,id=mem,size={memory}M,share=on"
            ))
            .args(["-nodefaults", "-no-user-config", "-nographic", "-no-reboot"])
            // Behind a root port it is an endpoint; on the root bus QEMU shows another kind of function.
            .args(["-serial", "stdio", "-device", "pcie-root-port,id=root-port"])
            .args(["-device", &device.to_string()])
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

    #[test]
    fn the_command_line_has_shared_memory_and_the_socket() {
        let image = Image {
            qemu: "qemu".into(),
            kernel: "vmlinuz".into(),
            initrd: "initrd".into(),
        };
        let command = image.qemu(Path::new("/x/a \"b\".sock"), 512, "shoal_test=net");
        let line: Vec<_> = command.get_args().map(|a| a.to_str().unwrap()).collect();
        assert!(line.contains(&"memory-backend-memfd,id=mem,size=512M,share=on"));
        assert!(line
            .iter()
            .any(|a| a.contains(r#""path":"/x/a \"b\".sock""#)));
        assert!(line.last().unwrap().ends_with(" shoal_test=net"));
    }
}
