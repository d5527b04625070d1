//! A user of a block device: writes a stretch, reads it back, and compares SHA-256 sums, with several requests in flight.

use std::rc::Rc;

use sha2::{Digest, Sha256};
use shoal_driver::Platform;
use virtio_drivers::device::blk::{BlkReq, BlkResp, RespStatus, VirtIOBlk, SECTOR_SIZE};

use super::hal::{within, Hal};
use super::transport::VdevTransport;
use super::window::{HostPointers, Window};
use super::ClientError;

/// Requests in flight.
const DEPTH: usize = 4;
/// Sectors of the requests, in turn.
const SIZES: [u64; 4] = [8, 16, 1, 7];

type Driver<P> = VirtIOBlk<Hal, VdevTransport<P>>;

/// A request in flight. Boxed, because the driver is told where it is.
struct Request {
    token: u16,
    header: BlkReq,
    data: Vec<u8>,
    response: BlkResp,
    sector: u64,
}

/// A block device in use.
pub struct BlkClient<P: Platform + HostPointers> {
    /// Taken only when the client ends, as in a network port.
    driver: Option<Driver<P>>,
    window: Rc<Window<P>>,
    sectors: u64,
    seed: u64,
    writing: bool,
    /// Next sector to ask for.
    next: u64,
    turn: usize,
    // Boxed: requests must not move when the list grows.
    #[allow(clippy::vec_box)]
    in_flight: Vec<Box<Request>>,
    /// What came back, by position.
    read: Vec<u8>,
    moved: u64,
}

impl<P: Platform + HostPointers> std::fmt::Debug for BlkClient<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.state())
    }
}

impl<P: Platform + HostPointers> BlkClient<P> {
    /// Starts the driver on the device of `window`, to write and read back `bytes` bytes (a multiple of 512).
    ///
    /// # Errors
    /// What the driver, the transport and the device say; a device that is too small.
    pub fn new(window: Rc<Window<P>>, bytes: u64, seed: u64) -> Result<Self, ClientError> {
        let transport = VdevTransport::new(window.clone());
        let driver = within(window.clone(), || Driver::new(transport))
            .map_err(|e| ClientError::of_start(e, window.take_problem()))?;
        let sectors = bytes / SECTOR_SIZE as u64;
        let capacity = driver.capacity();
        let client = Self {
            driver: Some(driver),
            window,
            sectors,
            seed,
            writing: true,
            next: 0,
            turn: 0,
            in_flight: Vec::new(),
            read: vec![0; (sectors * SECTOR_SIZE as u64) as usize],
            moved: 0,
        };
        if capacity < sectors || sectors == 0 {
            let e = format!(
                "member {} has {capacity} sectors, {sectors} are wanted",
                client.member()
            );
            return Err(ClientError::Check(e));
        }
        client.check()?;
        Ok(client)
    }

    /// Member id of the device.
    #[must_use]
    pub fn member(&self) -> u32 {
        self.window.vdev().id()
    }

    fn check(&self) -> Result<(), ClientError> {
        self.window
            .take_problem()
            .map_or(Ok(()), |p| Err(ClientError::Check(p)))
    }

    /// The bytes that belong at `sector`, a function of seed and position.
    fn contents(seed: u64, sector: u64, buf: &mut [u8]) {
        for (n, sector_bytes) in buf.chunks_mut(SECTOR_SIZE).enumerate() {
            for (w, word) in sector_bytes.chunks_mut(8).enumerate() {
                let x = (sector + n as u64) << 6 | w as u64;
                let mixed = (x ^ seed.rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                word.copy_from_slice(&(mixed ^ mixed >> 32).to_le_bytes()[..word.len()]);
            }
        }
    }

    /// Takes answers if an interrupt came, and sends further requests.
    ///
    /// # Errors
    /// A request that failed; what went wrong in the transport.
    pub fn poll(&mut self) -> Result<(), ClientError> {
        if self.window.vdev().take_vq_interrupts(0) > 0 {
            self.harvest()?;
        }
        if self.writing && self.next == self.sectors && self.in_flight.is_empty() {
            (self.writing, self.next) = (false, 0);
        }
        while self.next < self.sectors && self.in_flight.len() < DEPTH {
            self.submit()?;
        }
        self.check()
    }

    /// Starts again, with the contents of `seed`. Nothing may be in flight: see [`BlkClient::is_done`].
    pub fn restart(&mut self, bytes: u64, seed: u64) {
        let sectors = bytes / SECTOR_SIZE as u64;
        (self.sectors, self.seed, self.writing, self.next) = (sectors, seed, true, 0);
        self.read = vec![0; (sectors * SECTOR_SIZE as u64) as usize];
    }

    fn submit(&mut self) -> Result<(), ClientError> {
        let count = SIZES[self.turn % SIZES.len()].min(self.sectors - self.next);
        let sector = self.next;
        let mut data = vec![0; (count * SECTOR_SIZE as u64) as usize];
        if self.writing {
            Self::contents(self.seed, sector, &mut data);
        }
        let (header, response) = (BlkReq::default(), BlkResp::default());
        let mut r = Box::new(Request {
            token: 0,
            header,
            data,
            response,
            sector,
        });
        let driver = self
            .driver
            .as_mut()
            .expect("the driver is there until the client ends");
        let at = usize::try_from(sector).unwrap_or(usize::MAX);
        let writing = self.writing;
        r.token = within(self.window.clone(), || {
            let Request {
                header,
                data,
                response,
                ..
            } = &mut *r;
            // SAFETY: header, data and response stay in the boxed request, untouched, until it is completed with its token.
            unsafe {
                if writing {
                    driver.write_blocks_nb(at, header, data, response)
                } else {
                    driver.read_blocks_nb(at, header, data, response)
                }
            }
        })?;
        self.in_flight.push(r);
        self.next += count;
        self.turn += 1;
        Ok(())
    }

    fn harvest(&mut self) -> Result<(), ClientError> {
        let driver = self
            .driver
            .as_mut()
            .expect("the driver is there until the client ends");
        while let Some(token) = within(self.window.clone(), || driver.peek_used()) {
            let Some(n) = self.in_flight.iter().position(|r| r.token == token) else {
                return Err(ClientError::Check(format!(
                    "used request {token} was not sent"
                )));
            };
            let mut r = self.in_flight.swap_remove(n);
            let writing = self.writing;
            let done = within(self.window.clone(), || {
                let Request {
                    header,
                    data,
                    response,
                    ..
                } = &mut *r;
                // SAFETY: these are the buffers that the token was given for.
                unsafe {
                    if writing {
                        driver.complete_write_blocks(token, header, data, response)
                    } else {
                        driver.complete_read_blocks(token, header, data, response)
                    }
                }
            });
            if done.is_err() || r.response.status() != RespStatus::OK {
                let what = if writing { "write" } else { "read" };
                let status = r.response.status();
                return Err(ClientError::Check(format!(
                    "{what} of sector {}: {status:?}",
                    r.sector
                )));
            }
            if !writing {
                let at = (r.sector * SECTOR_SIZE as u64) as usize;
                self.read[at..at + r.data.len()].copy_from_slice(&r.data);
            }
            self.moved += r.data.len() as u64;
        }
        Ok(())
    }

    /// True when everything was written and read back.
    #[must_use]
    pub fn is_done(&self) -> bool {
        !self.writing && self.next == self.sectors && self.in_flight.is_empty()
    }

    /// Bytes written and read so far.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// SHA-256 of what was to be written, and of what was read back.
    #[must_use]
    pub fn digests(&self) -> ([u8; 32], [u8; 32]) {
        let mut wrote = vec![0; self.read.len()];
        Self::contents(self.seed, 0, &mut wrote);
        (
            Sha256::digest(&wrote).into(),
            Sha256::digest(&self.read).into(),
        )
    }

    /// Where it stands, for an error message.
    #[must_use]
    pub fn state(&self) -> String {
        let what = if self.writing { "writes" } else { "reads back" };
        format!(
            "member {} {what} sector {} of {}, {} requests in flight",
            self.member(),
            self.next,
            self.sectors,
            self.in_flight.len()
        )
    }

    /// Ends the driver: the queue is stopped, then the window is free.
    ///
    /// # Errors
    /// What went wrong up to then.
    pub fn close(mut self) -> Result<(), ClientError> {
        self.end();
        self.check()
    }

    fn end(&mut self) {
        if let Some(driver) = self.driver.take() {
            within(self.window.clone(), || drop(driver));
        }
    }
}

impl<P: Platform + HostPointers> Drop for BlkClient<P> {
    fn drop(&mut self) {
        self.end();
    }
}
