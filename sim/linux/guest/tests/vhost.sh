# A block device handed to a user process through vhost_vdpa: its memory in page tables of the device, its rings, its doorbell page,
# a second address space; then the same device under the kernel's own driver.
. /tests/lib.sh
load_driver
modprobe vhost_vdpa
modprobe virtio_blk
echo 2 >"/sys/module/$driver/parameters/blk_queues"

succeeds "dev add blk0" vdpa dev add name blk0 mgmtdev "$blk_mgmtdev"
echo blk0 >/sys/bus/vdpa/drivers/vhost_vdpa/bind
wait_for 10 test -c /dev/vhost-vdpa-0
# It prints lines of its own, ok and not ok.
/tests/vhost_vdpa /dev/vhost-vdpa-0 2>&1 | tee /run/client
is "failures of the user process" 0 "$(grep -c '^not ok' /run/client)"
is "the user process ran to its end" yes "$(grep -q 'finds the device reset' /run/client && echo yes)"

echo blk0 >/sys/bus/vdpa/drivers/vhost_vdpa/unbind
disk=$(attach blk0 block) || give_up "blk0 has a disk" "a name" "$(ls /sys/bus/virtio/devices)"
wait_for 10 test -b "/dev/$disk"
seq 1 100000 | head -c 65536 >/run/pattern
dd if=/run/pattern of="/dev/$disk" bs=16k oflag=direct 2>/dev/null
is "virtio_blk on it gives back what was written" "$(sha256sum </run/pattern)" \
    "$(dd if="/dev/$disk" bs=16k count=4 iflag=direct 2>/dev/null | sha256sum)"
succeeds "the driver unloads with the device in use" rmmod "$driver"
finish
