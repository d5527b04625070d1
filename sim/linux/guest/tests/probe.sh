# The function as the guest's kernel and lspci see it, and the driver on it.
. /tests/lib.sh

slot=$(lspci -n -d 5348:0a10 | head -n 1 | cut -d ' ' -f 1)
[ -n "$slot" ] || give_up "the function is on the bus" "5348:0a10" "$(lspci -n | tr '\n' ';')"
ok "the function is on the bus, at $slot"
lspci -n -vvv -s "$slot"

device=/sys/bus/pci/devices/0000:$slot
seen=$(lspci -n -vvv -s "$slot")
is "class" 0x120000 "$(cat "$device/class")"
is "revision" 0x01 "$(cat "$device/revision")"
size_of() { # size_of LINE: bytes of a BAR, by its line in sysfs
    set -- $(sed -n "$1p" "$device/resource")
    echo $(($2 - $1 + 1))
}
is "bytes of BAR 0, the registers" $((0x10000)) "$(size_of 1)"
is "bytes of BAR 4, the MSI-X table" $((0x10000)) "$(size_of 5)"
doorbells=$(size_of 3)
is "BAR 2, the doorbells, is pages in a power of two" 0 $((doorbells % 4096 + (doorbells & (doorbells - 1))))
has "PCI Express endpoint" "Express (v2) Endpoint" "$seen"
has "function-level reset" "FLReset+" "$seen"
has "MSI-X" "MSI-X: Enable- Count=" "$seen"
has "PASID" "Process Address Space ID (PASID)" "$seen"

load_driver
has "the driver is bound" shoal "$(readlink "$device/driver")"
has "MSI-X is enabled" "MSI-X: Enable+" "$(lspci -n -vvv -s "$slot")"
has "the function is a bus master" "BusMaster+" "$(lspci -n -vvv -s "$slot")"
dmesg | grep -i shoal
succeeds "the driver unloads" rmmod "$driver"
succeeds "the driver loads again" modprobe "$driver"
finish
