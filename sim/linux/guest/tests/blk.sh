# A block device through virtio_vdpa: raw access, a file system with fio's verified load, and what is left after a remount.
# Prints the SHA-256 of the whole device in the end, to be compared with the file that holds it on the other side.
. /tests/lib.sh
load_driver
modprobe virtio_blk

succeeds "dev add blk0" vdpa dev add name blk0 mgmtdev "$blk_mgmtdev" || give_up "the device exists" blk0 "$(vdpa dev show)"
disk=$(attach blk0 block) || give_up "blk0 has a disk" "a name" "$(ls /sys/bus/virtio/devices)"
ok "blk0 has a disk, $disk"
wait_for 10 test -b "/dev/$disk"
is "its sectors" $((shoal_blk_mib * 2048)) "$(cat "/sys/block/$disk/size")"
bytes=$(($(cat "/sys/block/$disk/size") * 512))
echo "SHOAL-STORE blk0 bytes $bytes"

# A pattern that differs in every sector, beside the page cache: written, read back, compared.
seq 1 200000 | head -c 65536 >/run/pattern
succeeds "64 KiB written" dd if=/run/pattern of="/dev/$disk" bs=16k seek=4 oflag=direct conv=notrunc
dd if="/dev/$disk" of=/run/back bs=16k skip=4 count=4 iflag=direct 2>/dev/null
is "64 KiB read back" "$(sha256sum </run/pattern)" "$(sha256sum </run/back)"
fails "a write behind the end is refused" "" dd if=/run/pattern of="/dev/$disk" bs=512 count=1 seek=$((bytes / 512)) oflag=direct

succeeds "mkfs.ext4" /usr/bin/mkfs.ext4 -q -F -b 1024 "/dev/$disk"
mkdir -p /mnt
succeeds "mount" mount -t ext4 "/dev/$disk" /mnt || give_up "the file system is mounted" yes no
cp /run/pattern /mnt/pattern
fio_size=2M
if report=$(fio --name=verify --filename=/mnt/fio --rw=randwrite --bs=4k-16k --size=$fio_size --ioengine=libaio --iodepth=8 \
    --direct=1 --verify=crc32c --verify_fatal=1 --do_verify=1 --fsync=64 --randseed=1 2>&1); then
    ok "fio, $fio_size of random writes, verified"
    echo "$report" | grep -E '^ +(READ|WRITE):'
else
    not_ok "fio, $fio_size of random writes, verified" "success" "$report"
fi
sum=$(sha256sum </mnt/fio)
sync
succeeds "umount" umount /mnt
succeeds "fsck finds nothing" /usr/bin/fsck.ext4 -f -n "/dev/$disk"
echo 3 >/proc/sys/vm/drop_caches
succeeds "mount again" mount -t ext4 -o ro,noload "/dev/$disk" /mnt
is "the file of fio is as it was" "$sum" "$(sha256sum </mnt/fio)"
is "the pattern is as it was" "$(sha256sum </run/pattern)" "$(sha256sum </mnt/pattern)"
umount /mnt
echo 3 >/proc/sys/vm/drop_caches
echo "SHOAL-STORE blk0 sha256 $(sha256sum "/dev/$disk" | cut -d ' ' -f 1)"

succeeds "dev del blk0" vdpa dev del blk0
wait_for 10 test ! -e "/sys/block/$disk"
is "the disk is gone" no "$([ -e "/sys/block/$disk" ] && echo yes || echo no)"
succeeds "the driver unloads" rmmod "$driver"
finish
