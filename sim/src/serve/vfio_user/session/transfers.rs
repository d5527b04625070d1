//! What the device asks of the client: transfers by message, and interrupt messages.

use zerocopy::IntoBytes;

use super::super::dma::Request;
use super::super::socket::{send, Message};
use super::super::wire::{self, command, Header};
use super::{Broken, Session};
use crate::env::{Refused, Transfer};
use tracing::warn;

impl Session {
    pub(super) fn ask(&mut self, request: Request) -> Result<(), Broken> {
        match request {
            Request::Read(transfer, address, len) => {
                let count = len as u64;
                let access = wire::DmaAccess { address, count };
                self.send_command(command::DMA_READ, Some(transfer), &[access.as_bytes()])
            }
            Request::Write(transfer, address, data) => {
                let count = data.len() as u64;
                let access = wire::DmaAccess { address, count };
                let parts = [access.as_bytes(), &data];
                self.send_command(command::DMA_WRITE, Some(transfer), &parts)
            }
        }
    }

    pub(super) fn send_command(
        &mut self,
        command: u16,
        transfer: Option<Transfer>,
        parts: &[&[u8]],
    ) -> Result<(), Broken> {
        while self.asked.contains_key(&self.next_id) {
            self.next_id = self.next_id.wrapping_add(1);
        }
        let header = Header {
            id: self.next_id,
            command,
            ..Header::default()
        };
        self.asked.insert(self.next_id, transfer);
        self.next_id = self.next_id.wrapping_add(1);
        if self.asked.len() > usize::from(u16::MAX) / 2 {
            return Err(Broken::Protocol("it answers nothing".into()));
        }
        Ok(send(&self.socket, header, parts)?)
    }

    /// The client's answer to a transfer.
    pub(super) fn reply(&mut self, m: &Message) -> Result<(), Broken> {
        let Some(transfer) = self.asked.remove(&m.header.id) else {
            return Err(Broken::Protocol(format!(
                "reply {} to nothing",
                m.header.id
            )));
        };
        let failed = m.header.flags & wire::F_ERROR != 0;
        if failed {
            warn!(errno = m.header.error, "the client refused a transfer");
        }
        let Some(transfer) = transfer else {
            return Ok(());
        };
        let data = m.body.get(size_of::<wire::DmaAccess>()..).unwrap_or(&[]);
        let result = if failed {
            Err(Refused)
        } else {
            Ok(data.to_vec())
        };
        self.memory.complete(transfer, result);
        Ok(())
    }
}
