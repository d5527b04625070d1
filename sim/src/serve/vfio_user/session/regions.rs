//! What the client reads and writes: configuration space, the shell's MSI-X table, and the registers and doorbells of the device.

use std::collections::VecDeque;

use shoal_abi::pci::{BAR_DOORBELLS, BAR_MSIX, BAR_REGS, BAR_REGS_BYTES};
use shoal_abi::regs::{DOORBELLS, RESP_OKAY};
use zerocopy::IntoBytes;

use super::super::config::{bar_bytes, Effect, CONFIG_BYTES};
use super::super::dma::errno;
use super::super::wire::{self, Header};
use super::{bytes, fixed, Access, Broken, Refusal, Session};
use crate::env::RegOp;
use crate::host::Host;

impl Session {
    pub(super) fn read(
        &mut self,
        host: &mut Host,
        header: Header,
        access: wire::RegionAccess,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let out_of = || (errno::EINVAL, format!("{access:?} is out of range"));
        let count = access.count as usize;
        let whole = |data: &[u8]| [&bytes(&access)[..], data].concat();
        if access.region == wire::REGION_CONFIG {
            let data = self.config.read(access.offset, count).ok_or_else(out_of)?;
            return Ok(Some(whole(data)));
        }
        if access.region == u32::from(BAR_MSIX) {
            let at = usize::try_from(access.offset).unwrap_or(usize::MAX);
            let end = at.checked_add(count).ok_or_else(out_of)?;
            return Ok(Some(whole(self.table.get(at..end).ok_or_else(out_of)?)));
        }
        let addr = self.bar_address(host, &access)?;
        let words = (addr & !3..addr + access.count).step_by(4);
        let tickets = words.map(|addr| host.env().axil.submit(RegOp::Read { addr }));
        self.accesses.push_back(Access {
            header,
            wire: access,
            is_read: true,
            tickets: tickets.collect(),
            data: Vec::new(),
            failed: false,
        });
        Ok(None)
    }

    pub(super) fn write(
        &mut self,
        host: &mut Host,
        header: Header,
        access: wire::RegionAccess,
        data: &[u8],
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let out_of = || (errno::EINVAL, format!("{access:?} is out of range"));
        let count = access.count as usize;
        let data = data
            .get(..count)
            .ok_or((errno::EINVAL, format!("{} bytes of {count}", data.len())))?;
        if access.region == wire::REGION_CONFIG {
            match self.config.write(access.offset, data).ok_or_else(out_of)? {
                Effect::Reset => self.reset(host),
                Effect::None => host.env().axi.set_master(self.config.is_master()),
            }
            return Ok(Some(bytes(&access)));
        }
        if access.region == u32::from(BAR_MSIX) {
            let at = usize::try_from(access.offset).unwrap_or(usize::MAX);
            let end = at.checked_add(count).ok_or_else(out_of)?;
            let place = self.table.get_mut(at..end).ok_or_else(out_of)?;
            place.copy_from_slice(data);
            return Ok(Some(bytes(&access)));
        }
        let addr = self.bar_address(host, &access)?;
        let wants_reply = header.flags & wire::F_NO_REPLY == 0;
        let mut tickets = VecDeque::new();
        for word in (addr & !3..addr + access.count).step_by(4) {
            let mut new = [0; 4];
            let mut strb = 0;
            for (k, byte) in new.iter_mut().enumerate() {
                let at = u64::from(word) + k as u64;
                if let Some(d) = at
                    .checked_sub(addr.into())
                    .and_then(|n| data.get(n as usize))
                {
                    (*byte, strb) = (*d, strb | 1 << k);
                }
            }
            let op = RegOp::Write {
                addr: word,
                data: u32::from_le_bytes(new),
                strb,
            };
            if wants_reply {
                tickets.push_back(host.env().axil.submit(op));
            } else {
                host.env().axil.post(op);
            }
        }
        if wants_reply {
            self.accesses.push_back(Access {
                header,
                wire: access,
                is_read: false,
                tickets,
                data: Vec::new(),
                failed: false,
            });
        }
        Ok(None)
    }

    pub(super) fn write_multi(
        &mut self,
        host: &mut Host,
        header: Header,
        body: &[u8],
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let (count, mut rest) = fixed::<u64>(body)?;
        let quiet = Header {
            flags: header.flags | wire::F_NO_REPLY,
            ..header
        };
        for _ in 0..count {
            let (one, left) = fixed::<wire::WriteOne>(rest)?;
            rest = left;
            if one.access.count as usize > one.data.len() {
                return Err((errno::EINVAL, format!("{:?} in WRITE_MULTI", one.access)));
            }
            self.write(host, quiet, one.access, &one.data)?;
        }
        Ok(Some(bytes(&count)))
    }

    /// Address of an access at the device's register port.
    fn bar_address(&self, host: &Host, access: &wire::RegionAccess) -> Result<u32, Refusal> {
        let size = bar_bytes(host.profile(), access.region);
        let base = match u8::try_from(access.region) {
            Ok(BAR_REGS) => 0,
            Ok(BAR_DOORBELLS) => DOORBELLS,
            _ => return Err((errno::EINVAL, format!("region {}", access.region))),
        };
        debug_assert!(BAR_REGS_BYTES <= u64::from(DOORBELLS));
        let count = u64::from(access.count);
        let fits = access
            .offset
            .checked_add(count)
            .is_some_and(|end| end <= size);
        if !matches!(count, 1 | 2 | 4 | 8) || !access.offset.is_multiple_of(count) || !fits {
            return Err((
                errno::EINVAL,
                format!("{access:?}: 1, 2, 4 or 8 bytes, aligned, in {size:#x}"),
            ));
        }
        if !self.config.is_memory_on() {
            return Err((
                errno::EIO,
                "memory space is off in the command register".into(),
            ));
        }
        Ok(base + access.offset as u32)
    }

    /// Answers the accesses that the device has answered, in their order.
    pub(super) fn finish_accesses(&mut self, host: &mut Host) -> Result<(), Broken> {
        while let Some(access) = self.accesses.front_mut() {
            while let Some(&ticket) = access.tickets.front() {
                let Some(done) = host.env().axil.take(ticket) else {
                    return Ok(());
                };
                access.tickets.pop_front();
                access.failed |= done.resp != RESP_OKAY;
                access.data.extend_from_slice(&done.data.to_le_bytes());
            }
            let Some(mut a) = self.accesses.pop_front() else {
                break;
            };
            let (skip, count) = ((a.wire.offset % 4) as usize, a.wire.count as usize);
            // What answers with an error reads as ones and is not written (ABI.md §3.4), as on PCI.
            if a.failed {
                a.data = vec![0xff; skip + count];
            }
            let data = if a.is_read {
                &a.data[skip..skip + count]
            } else {
                &[]
            };
            let reply = [a.wire.as_bytes(), data].concat();
            self.answer(&a.header, &reply)?;
        }
        Ok(())
    }
}

/// DEVICE_GET_REGION_INFO.
pub(super) fn region_info(host: &Host, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    let (mut info, _) = fixed::<wire::RegionInfo>(body)?;
    if info.index >= wire::REGIONS {
        return Err((errno::EINVAL, format!("region {}", info.index)));
    }
    let size = match info.index {
        wire::REGION_CONFIG => CONFIG_BYTES as u64,
        bar => bar_bytes(host.profile(), bar),
    };
    info = wire::RegionInfo {
        argsz: size_of::<wire::RegionInfo>() as u32,
        flags: if size > 0 { wire::REGION_RW } else { 0 },
        index: info.index,
        size,
        ..wire::RegionInfo::default()
    };
    Ok(bytes(&info))
}
