# Everything that the `vdpa` tool offers on both management devices, and what they must refuse.
. /tests/lib.sh
load_driver

mac=52:54:00:12:34:56
shown=$(vdpa mgmtdev show)
echo "$shown"
of_net=$(vdpa mgmtdev show "$net_mgmtdev")
of_blk=$(vdpa mgmtdev show "$blk_mgmtdev")
has "mgmtdev show lists the net one" "$net_mgmtdev:" "$shown"
has "mgmtdev show lists the block one" "$blk_mgmtdev:" "$shown"
is "class of the net one" net "$(value supported_classes "$of_net")"
is "class of the block one" block "$(value supported_classes "$of_blk")"
at_least "virtqueues of a net device" 2 "$(value max_supported_vqs "$of_net")"
at_least "virtqueues of a block device" 1 "$(value max_supported_vqs "$of_blk")"
for feature in MAC MTU VERSION_1 ACCESS_PLATFORM; do
    has "net offers $feature" "$feature" "$of_net"
done
has "block offers VERSION_1" VERSION_1 "$of_blk"
is "there is no device yet" "" "$(vdpa dev show)"

succeeds "dev add, net with mac and mtu" vdpa dev add name net0 mgmtdev "$net_mgmtdev" mac $mac mtu 1400 max_vqp 1
succeeds "dev add, block" vdpa dev add name blk0 mgmtdev "$blk_mgmtdev"
succeeds "dev add, net with nothing said" vdpa dev add name net1 mgmtdev "$net_mgmtdev"
vdpa dev show

net0=$(vdpa dev show net0)
has "dev show, type of net0" "type network" "$net0"
is "dev show, mgmtdev of net0" "$net_mgmtdev" "$(value mgmtdev "$net0")"
is "dev show, vendor of net0" $((0x5348)) "$(value vendor_id "$net0")"
at_least "dev show, virtqueues of net0" 2 "$(value max_vqs "$net0")"
at_least "dev show, entries of its virtqueues" 256 "$(value max_vq_size "$net0")"
blk0=$(vdpa dev show blk0)
has "dev show, type of blk0" "type block" "$blk0"
is "dev show, mgmtdev of blk0" "$blk_mgmtdev" "$(value mgmtdev "$blk0")"
is "dev show, three devices" 3 "$(vdpa dev show | grep -c .)"
is "three devices on the bus" "blk0 net0 net1" "$(ls /sys/bus/vdpa/devices | sort | tr '\n' ' ' | sed 's/ $//')"

config=$(vdpa dev config show net0)
echo "$config"
is "dev config show, mac of net0" $mac "$(value mac "$config")"
is "dev config show, mtu of net0" 1400 "$(value mtu "$config")"
is "dev config show, link of net0" up "$(value link "$config")"
# iproute2 has no words for the configuration of a block device.
has "dev config show of blk0" "blk0:" "$(vdpa dev config show blk0)"
is "two net devices have two addresses" 2 \
    "$( (value mac "$(vdpa dev config show net0)"; value mac "$(vdpa dev config show net1)") | sort -u | grep -c .)"

refused() { # refused WHAT TEXT ARGUMENTS…: dev add refuses, and there are as many devices as before
    local what=$1 text=$2
    shift 2
    fails "$what is refused" "$text" vdpa dev add "$@"
    is "$what leaves three devices" 3 "$(vdpa dev show | grep -c .)"
}
refused "a name that is taken" "File exists" name net0 mgmtdev "$net_mgmtdev"
refused "a name that is taken by the other class" "File exists" name net0 mgmtdev "$blk_mgmtdev"
refused "an unknown management device" "No such device" name net9 mgmtdev pci/none
refused "a mac for a block device" "not supported" name blk9 mgmtdev "$blk_mgmtdev" mac $mac
refused "an mtu below 68" "" name net9 mgmtdev "$net_mgmtdev" mtu 20
refused "more queue pairs than there are" "" name net9 mgmtdev "$net_mgmtdev" max_vqp 65535
fails "dev del of no device is refused" "No such device" vdpa dev del net9
fails "dev show of no device is refused" "No such device" vdpa dev show net9
fails "dev config show of no device is refused" "No such device" vdpa dev config show net9

# With a driver on it, what was negotiated is shown and queues have statistics.
modprobe virtio_net
interface=$(attach net0 net)
has "virtio_net drives net0" virtio_vdpa "$(readlink /sys/bus/vdpa/devices/net0/driver)"
is "its interface has the mac" $mac "$(cat "/sys/class/net/$interface/address")"
is "its interface has the mtu" 1400 "$(cat "/sys/class/net/$interface/mtu")"
config=$(vdpa dev config show net0)
has "negotiated features have VERSION_1" VERSION_1 "$config"
ip link set "$interface" up
ip address add 192.0.2.1/24 dev "$interface"
# Its neighbour request goes out, answered or not.
/usr/bin/ping -c 1 -W 1 192.0.2.2 >/dev/null 2>&1
for queue in "0 rx" "1 tx"; do
    stats=$(vdpa dev vstats show net0 qidx ${queue% *} 2>&1)
    echo "$stats"
    is "dev vstats show, type of queue ${queue% *}" "${queue#* }" "$(value queue_type "$stats")"
done
at_least "dev vstats show, chains sent" 1 "$(value chains "$(vdpa dev vstats show net0 qidx 1 2>/dev/null)")"
at_least "dev vstats show, kicks of the sender" 1 "$(value kicks "$(vdpa dev vstats show net0 qidx 1 2>/dev/null)")"
has "dev vstats show of no queue is refused" "answers" "$(vdpa dev vstats show net0 qidx 999 2>&1)"

for name in net0 blk0 net1; do
    succeeds "dev del $name" vdpa dev del $name
done
is "no device is left" "" "$(vdpa dev show)"
is "no device is left on the bus" "" "$(ls /sys/bus/vdpa/devices)"
succeeds "a name can be used again" vdpa dev add name net0 mgmtdev "$blk_mgmtdev"
succeeds "dev del of that" vdpa dev del net0
echo 1 >/sys/bus/vdpa/drivers_autoprobe
succeeds "dev add, with drivers_autoprobe" vdpa dev add name net2 mgmtdev "$net_mgmtdev"
has "it gets a driver by itself" virtio_vdpa "$(readlink /sys/bus/vdpa/devices/net2/driver)"
succeeds "dev del of a device in use" vdpa dev del net2
succeeds "the driver unloads" rmmod "$driver"
is "no management device is left" "" "$(vdpa mgmtdev show)"
finish
