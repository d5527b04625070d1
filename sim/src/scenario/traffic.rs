//! The traffic of a fleet: every client that runs, polled in turn while the drivers wait.

use std::collections::BTreeMap;

use super::fleet::Site;
use crate::client::{BlkClient, ClientError, TcpPeer};

/// A client.
pub(super) enum Client {
    /// One end of a TCP transfer.
    Tcp(Box<TcpPeer<Site>>),
    /// A user of a block device.
    Blk(Box<BlkClient<Site>>),
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(c) => c.fmt(f),
            Self::Blk(c) => c.fmt(f),
        }
    }
}

impl Client {
    fn poll(&mut self, cycle: u64) -> Result<(), ClientError> {
        match self {
            Self::Tcp(c) => c.poll(cycle),
            Self::Blk(c) => c.poll(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Tcp(c) => c.is_done(),
            Self::Blk(c) => c.is_done(),
        }
    }

    /// A number that grows with every step ahead.
    fn progress(&self) -> u64 {
        match self {
            Self::Tcp(c) => c.moved() + c.port().frames().0,
            Self::Blk(c) => c.moved(),
        }
    }

    pub(super) fn close(self) -> Result<(), ClientError> {
        match self {
            Self::Tcp(c) => c.close(),
            Self::Blk(c) => c.close(),
        }
    }
}

/// The clients by device number.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    clients: BTreeMap<u32, Client>,
    error: Option<ClientError>,
    progress: u64,
    /// Cycle of the last step ahead.
    pub(super) moved_at: u64,
}

impl Traffic {
    /// Polls every client.
    pub(super) fn poll(&mut self, cycle: u64) {
        for client in self.clients.values_mut() {
            if let Err(e) = client.poll(cycle) {
                self.error.get_or_insert(e);
            }
        }
        let progress = self.clients.values().map(Client::progress).sum();
        if progress != self.progress {
            (self.progress, self.moved_at) = (progress, cycle);
        }
    }

    pub(super) fn take_error(&mut self) -> Option<ClientError> {
        self.error.take()
    }

    pub(super) fn insert(&mut self, number: u32, client: Client) {
        self.clients.insert(number, client);
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<Client> {
        self.clients.remove(&number)
    }

    pub(super) fn get(&self, number: u32) -> Option<&Client> {
        self.clients.get(&number)
    }

    pub(super) fn all_done(&self) -> bool {
        self.clients.values().all(Client::is_done)
    }

    /// Clients that are not done, for an error message.
    pub(super) fn unfinished(&self) -> Vec<String> {
        self.clients
            .values()
            .filter(|c| !c.is_done())
            .map(|c| format!("{c:?}"))
            .collect()
    }
}
