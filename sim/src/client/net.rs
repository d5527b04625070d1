//! A network port: the net driver of `virtio-drivers` as a `phy::Device` of smoltcp.
//!
//! Rings are looked at only after an interrupt of the queue. Received frames wait in a list until the stack takes them; the
//! buffer goes back to the device at once.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use shoal_driver::Platform;
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use virtio_drivers::device::net::VirtIONetRaw;

use super::hal::{within, Hal};
use super::transport::VdevTransport;
use super::window::{HostPointers, Window};
use super::ClientError;

/// Entries of each queue.
const QUEUE: usize = 16;
/// Bytes of a receive buffer: header and the largest frame, and not a multiple of 16.
const RX_BYTES: usize = 1530;
const MTU: usize = 1514;
const RX: u16 = 0;
const TX: u16 = 1;

type Driver<P> = VirtIONetRaw<Hal, VdevTransport<P>, QUEUE>;

/// A network port over a managed device.
pub struct NetPort<P: Platform + HostPointers> {
    /// Taken only when the port ends: the driver stops its queues when it is dropped, which must happen in its window.
    driver: Option<Driver<P>>,
    window: Rc<Window<P>>,
    receiving: HashMap<u16, Vec<u8>>,
    sending: HashMap<u16, Vec<u8>>,
    arrived: VecDeque<Vec<u8>>,
    error: Option<ClientError>,
    frames_in: u64,
    frames_out: u64,
}

impl<P: Platform + HostPointers> std::fmt::Debug for NetPort<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetPort")
            .field("member", &self.window.vdev().id())
            .field("frames_in", &self.frames_in)
            .field("frames_out", &self.frames_out)
            .finish_non_exhaustive()
    }
}

impl<P: Platform + HostPointers> NetPort<P> {
    /// Starts the driver on the device of `window` and posts all receive buffers.
    ///
    /// # Errors
    /// What the driver, the transport and the device say.
    pub fn new(window: Rc<Window<P>>) -> Result<Self, ClientError> {
        let transport = VdevTransport::new(window.clone());
        let driver = within(window.clone(), || Driver::new(transport))
            .map_err(|e| ClientError::of_start(e, window.take_problem()))?;
        let mut port = Self {
            driver: Some(driver),
            window,
            receiving: HashMap::new(),
            sending: HashMap::new(),
            arrived: VecDeque::new(),
            error: None,
            frames_in: 0,
            frames_out: 0,
        };
        for _ in 0..QUEUE {
            port.post(vec![0; RX_BYTES])?;
        }
        port.check()?;
        Ok(port)
    }

    /// Hardware address.
    #[must_use]
    pub fn mac(&self) -> [u8; 6] {
        self.driver.as_ref().map_or([0; 6], Driver::mac_address)
    }

    /// Member id of the device.
    #[must_use]
    pub fn member(&self) -> u32 {
        self.window.vdev().id()
    }

    /// Frames received and sent.
    #[must_use]
    pub fn frames(&self) -> (u64, u64) {
        (self.frames_in, self.frames_out)
    }

    fn with<T>(&mut self, f: impl FnOnce(&mut Driver<P>) -> T) -> T {
        let driver = self
            .driver
            .as_mut()
            .expect("the driver is there until the port ends");
        within(self.window.clone(), || f(driver))
    }

    fn post(&mut self, mut buffer: Vec<u8>) -> Result<(), ClientError> {
        // SAFETY: the buffer is kept in `receiving`, untouched, until `receive_complete` gets it with this token.
        let token = self.with(|d| unsafe { d.receive_begin(&mut buffer) })?;
        self.receiving.insert(token, buffer);
        Ok(())
    }

    /// What went wrong so far.
    ///
    /// # Errors
    /// The first problem of the port or of its transport.
    pub fn check(&mut self) -> Result<(), ClientError> {
        if let Some(e) = &self.error {
            return Err(e.clone());
        }
        match self.window.take_problem() {
            Some(p) => Err(ClientError::Check(p)),
            None => Ok(()),
        }
    }

    /// Looks at the queues that have interrupted. True when something was there.
    pub fn poll(&mut self) -> bool {
        let vdev = self.window.vdev();
        let (rx, tx) = (
            vdev.take_vq_interrupts(RX) > 0,
            vdev.take_vq_interrupts(TX) > 0,
        );
        let result = if tx { self.reap() } else { Ok(()) };
        let result = result.and_then(|()| if rx { self.harvest() } else { Ok(()) });
        if let Err(e) = result {
            self.error.get_or_insert(e);
        }
        rx || tx
    }

    fn reap(&mut self) -> Result<(), ClientError> {
        while let Some(token) = self.with(|d| d.poll_transmit()) {
            let unknown =
                || ClientError::Check(format!("used transmit buffer {token} was not sent"));
            let buffer = self.sending.remove(&token).ok_or_else(unknown)?;
            // SAFETY: this is the buffer that `transmit_begin` got when it returned the token.
            self.with(|d| unsafe { d.transmit_complete(token, &buffer) })?;
        }
        Ok(())
    }

    fn harvest(&mut self) -> Result<(), ClientError> {
        while let Some(token) = self.with(|d| d.poll_receive()) {
            let unknown =
                || ClientError::Check(format!("used receive buffer {token} was not posted"));
            let mut buffer = self.receiving.remove(&token).ok_or_else(unknown)?;
            // SAFETY: this is the buffer that `receive_begin` got when it returned the token.
            let (header, len) = self.with(|d| unsafe { d.receive_complete(token, &mut buffer) })?;
            let frame = buffer.get(header..header + len).ok_or_else(|| {
                ClientError::Check(format!(
                    "a receive buffer of {RX_BYTES} bytes holds {header} + {len}"
                ))
            })?;
            self.arrived.push_back(frame.to_vec());
            self.frames_in += 1;
            self.post(buffer)?;
        }
        Ok(())
    }

    fn can_send(&self) -> bool {
        self.error.is_none() && self.driver.as_ref().is_some_and(Driver::can_send)
    }

    fn send(&mut self, frame: Vec<u8>) {
        let sent = self.try_send(frame);
        if let Err(e) = sent {
            self.error.get_or_insert(e);
        }
    }

    fn try_send(&mut self, frame: Vec<u8>) -> Result<(), ClientError> {
        let mut buffer =
            vec![0; size_of::<virtio_drivers::device::net::VirtioNetHdr>() + frame.len()];
        let header = self.with(|d| d.fill_buffer_header(&mut buffer))?;
        buffer.truncate(header + frame.len());
        buffer[header..].copy_from_slice(&frame);
        // SAFETY: the buffer is kept in `sending`, untouched, until `transmit_complete` gets it with this token.
        let token = self.with(|d| unsafe { d.transmit_begin(&buffer) })?;
        self.sending.insert(token, buffer);
        self.frames_out += 1;
        Ok(())
    }

    /// Ends the driver: queues are stopped, then the window is free.
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

impl<P: Platform + HostPointers> Drop for NetPort<P> {
    fn drop(&mut self) {
        self.end();
    }
}

/// A received frame.
pub struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// Room for a frame.
pub struct Room<'a, P: Platform + HostPointers>(&'a mut NetPort<P>);

impl<P: Platform + HostPointers> TxToken for Room<'_, P> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let r = f(&mut frame);
        self.0.send(frame);
        r
    }
}

impl<P: Platform + HostPointers> Device for NetPort<P> {
    type RxToken<'a> = Received;
    type TxToken<'a> = Room<'a, P>;

    fn receive(&mut self, _now: Instant) -> Option<(Received, Room<'_, P>)> {
        // The stack may answer each frame it takes, so it gets one only with room for the answer.
        if !self.can_send() {
            return None;
        }
        let frame = self.arrived.pop_front()?;
        Some((Received(frame), Room(self)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Room<'_, P>> {
        if self.can_send() {
            Some(Room(self))
        } else {
            None
        }
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut c = DeviceCapabilities::default();
        c.medium = Medium::Ethernet;
        c.max_transmission_unit = MTU;
        // No checksum feature is offered: the stack makes and checks all of them, which is a check of the device too.
        c.checksum = ChecksumCapabilities::default();
        c
    }
}
