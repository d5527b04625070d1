# A block device through virtio_vdpa: raw access, a file system with fio's verified load, and what is left after a remount.
# Prints the SHA-256 of the whole device in the end, to be compared with the file that holds it on the other side.
. /tests/lib.sh
load_driver
modprobe virtio_blk

succeeds "dev add blk0" vdpa dev add name blk0 mgmtdev "$blk_mgmtdev" || give_up "the device exists" blk0 "$(vdpa dev show)"
disk=$(attach blk0 block) || give_up "blk0 has a disk" "a name" "$(ls /sys/bus/virtio/devices)"
ok "blk0 has a disk, $disk"
wait_for 10 test -b "/dev/$disk"
disk_raw "$disk"
disk_ranges "$disk"
disk_files "$disk"
fio_verify fio 2048 "random writes"
disk_kept "$disk" fio

succeeds "dev del blk0" vdpa dev del blk0
wait_for 10 test ! -e "/sys/block/$disk"
is "the disk is gone" no "$([ -e "/sys/block/$disk" ] && echo yes || echo no)"
succeeds "the driver unloads" rmmod "$driver"
finish
