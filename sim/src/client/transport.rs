//! `virtio_drivers::transport::Transport` over a managed device: the vDPA operations in place of registers.

use std::rc::Rc;

use shoal_abi::ring::{F_ACCESS_PLATFORM, S_FEATURES_OK, S_NEEDS_RESET, TYPE_NET};
use shoal_driver::{Platform, Vdev};
use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{Error, PhysAddr};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::window::{HostPointers, Window};

/// A managed device as `virtio-drivers` sees it. Most calls of the trait have no result: what fails is noted in the window.
#[derive(Clone, Debug)]
pub struct VdevTransport<P: Platform> {
    window: Rc<Window<P>>,
}

impl<P: Platform + HostPointers> VdevTransport<P> {
    /// A transport over the device of `window`.
    #[must_use]
    pub fn new(window: Rc<Window<P>>) -> Self {
        Self { window }
    }

    fn vdev(&self) -> &Vdev<P> {
        self.window.vdev()
    }

    fn note<T>(&self, what: &str, result: shoal_driver::Result<T>) -> Option<T> {
        result
            .map_err(|e| {
                self.window
                    .note_problem(format!("{what} of member {}: {e}", self.vdev().id()))
            })
            .ok()
    }
}

impl<P: Platform + HostPointers> Transport for VdevTransport<P> {
    fn device_type(&self) -> DeviceType {
        if self.vdev().get_device_id() == u32::from(TYPE_NET) {
            DeviceType::Network
        } else {
            DeviceType::Block
        }
    }

    fn read_device_features(&mut self) -> u64 {
        self.vdev().get_device_features()
    }

    fn write_driver_features(&mut self, driver_features: u64) {
        // ACCESS_PLATFORM says that addresses are the platform's to translate, which is the HAL's business and not the
        // driver's (virtio 1.4 §6); `virtio-drivers` leaves it to the platform code.
        let features = driver_features | 1 << F_ACCESS_PLATFORM;
        let set = self.vdev().set_driver_features(features);
        self.note("features", set);
    }

    fn max_queue_size(&mut self, _queue: u16) -> u32 {
        self.vdev().get_vq_num_max().into()
    }

    fn notify(&mut self, queue: u16) {
        self.vdev().kick_vq(queue);
    }

    fn get_status(&self) -> DeviceStatus {
        let status = self
            .note("status", self.vdev().get_status())
            .unwrap_or(S_NEEDS_RESET);
        DeviceStatus::from_bits_truncate(status.into())
    }

    fn set_status(&mut self, status: DeviceStatus) {
        let wanted = status.bits() as u8;
        let got = self.note("status", self.vdev().set_status(wanted));
        if got.is_some_and(|s| wanted & !s & S_FEATURES_OK != 0) {
            self.window
                .note_problem(format!("member {} refused the features", self.vdev().id()));
        }
    }

    fn set_guest_page_size(&mut self, _guest_page_size: u32) {}

    fn requires_legacy_layout(&self) -> bool {
        false
    }

    fn queue_set(
        &mut self,
        queue: u16,
        size: u32,
        desc: PhysAddr,
        driver: PhysAddr,
        device: PhysAddr,
    ) {
        let v = self.vdev();
        let size = u16::try_from(size).unwrap_or(0);
        let set = v
            .set_vq_num(queue, size)
            .and_then(|()| v.set_vq_address(queue, desc, driver, device))
            .and_then(|()| v.set_vq_cb(queue, true))
            .and_then(|()| v.set_vq_ready(queue, true));
        self.note("queue set-up", set);
    }

    fn queue_unset(&mut self, queue: u16) {
        if self.window.is_abandoned() {
            return;
        }
        let v = self.vdev();
        let set = v
            .set_vq_ready(queue, false)
            .and_then(|()| v.set_vq_state(queue, 0));
        self.note("queue stop", set);
    }

    fn queue_used(&mut self, queue: u16) -> bool {
        self.vdev().get_vq_ready(queue)
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        let v = self.vdev();
        let mut status = InterruptStatus::empty();
        // Every queue is asked: asking takes the interrupts.
        let of_queues: u64 = (0..v.vq_count()).map(|q| v.take_vq_interrupts(q)).sum();
        status.set(InterruptStatus::QUEUE_INTERRUPT, of_queues > 0);
        let of_config = v.take_config_interrupts() > 0;
        status.set(InterruptStatus::DEVICE_CONFIGURATION_INTERRUPT, of_config);
        status
    }

    fn read_config_generation(&self) -> u32 {
        self.note("generation", self.vdev().get_generation())
            .unwrap_or(0)
    }

    fn read_config_space<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T, Error> {
        let mut bytes = vec![0; size_of::<T>()];
        let read = self.vdev().get_config(offset, &mut bytes);
        self.note("configuration", read)
            .ok_or(Error::ConfigSpaceTooSmall)?;
        T::read_from_bytes(&bytes).map_err(|_| Error::ConfigSpaceTooSmall)
    }

    fn write_config_space<T: IntoBytes + Immutable>(
        &mut self,
        offset: usize,
        value: T,
    ) -> Result<(), Error> {
        let written = self.vdev().set_config(offset, value.as_bytes());
        self.note("configuration", written)
            .ok_or(Error::ConfigSpaceTooSmall)
    }
}
