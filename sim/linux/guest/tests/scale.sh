# Many devices, by shoal_n: three of four are network devices, one is a block device. All are created and deleted, with the
# time that takes; a sample of them gets virtio drivers and traffic.
. /tests/lib.sh
n=${shoal_n:-64}
# Groups of four devices that are used, of each two network devices and the block device.
sample=$((n / 40 > 4 ? n / 40 : 4))
[ "$sample" -le 25 ] || sample=25
load_driver
modprobe virtio_net
modprobe virtio_blk

class_of() { # class_of K
    if [ $(($1 % 4)) -eq 0 ]; then echo blk; else echo net; fi
}

start=$(centiseconds)
k=1
created=0
while [ $k -le "$n" ]; do
    class=$(class_of $k)
    [ $class = net ] && mgmtdev=$net_mgmtdev || mgmtdev=$blk_mgmtdev
    if vdpa dev add name "$class$k" mgmtdev "$mgmtdev" >>/run/add 2>&1; then created=$((created + 1)); fi
    k=$((k + 1))
done
timed create "$start" "$n"
is "devices created" "$n" "$created"
[ "$created" = "$n" ] || tail -n 1 /run/add
is "devices that dev show lists" "$n" "$(vdpa dev show | grep -c .)"

# The sample is spread over all devices: pairs of network devices that ping each other, and block devices that are written.
start=$(centiseconds)
bound=0
ping_pair() { # ping_pair FIRST SECOND
    local name interface side=1
    for name in "$1" "$2"; do
        interface=$(attach "$name" net) || { not_ok "$name has an interface" "a name" none; return; }
        ip netns add "ns-$name"
        ip link set "$interface" netns "ns-$name" name port
        ip -n "ns-$name" address add "192.0.2.$side/24" dev port
        ip -n "ns-$name" link set port up
        bound=$((bound + 1)) side=$((side + 1))
    done
    succeeds "ping $1 to $2" ip netns exec "ns-$1" ping -c 3 -i 0.2 -W 10 192.0.2.2
    ip netns del "ns-$1"
    ip netns del "ns-$2"
}
write_disk() { # write_disk NAME
    local disk
    disk=$(attach "$1" block) || { not_ok "$1 has a disk" "a name" none; return; }
    wait_for 10 test -b "/dev/$disk"
    bound=$((bound + 1))
    seq "$bound" 100000 | head -c 16384 >/run/pattern
    dd if=/run/pattern of="/dev/$disk" bs=4k oflag=direct 2>/dev/null
    is "$1 gives back what was written" "$(sha256sum </run/pattern)" \
        "$(dd if="/dev/$disk" bs=4k count=4 iflag=direct 2>/dev/null | sha256sum)"
}
fours=$((n / 4))
step=$(((fours + sample - 1) / sample))
[ $step -gt 0 ] || step=1
four=0
while [ $four -lt $fours ]; do
    ping_pair "net$((four * 4 + 1))" "net$((four * 4 + 3))"
    write_disk "blk$((four * 4 + 4))"
    four=$((four + step))
done
timed traffic "$start" "$bound"

start=$(centiseconds)
k=1
deleted=0
while [ $k -le "$n" ]; do
    if vdpa dev del "$(class_of $k)$k" >>/run/del 2>&1; then deleted=$((deleted + 1)); fi
    k=$((k + 1))
done
timed delete "$start" "$n"
is "devices deleted" "$n" "$deleted"
is "no device is left" "" "$(vdpa dev show)"
succeeds "the driver unloads" rmmod "$driver"
finish
