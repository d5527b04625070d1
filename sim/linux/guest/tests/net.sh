# Two network devices through virtio_vdpa, each in a network namespace of its own: ping, TCP and pktgen between them, and both
# with the station outside, whose address is in shoal_station.
. /tests/lib.sh
load_driver
modprobe virtio_net

for k in 1 2; do
    succeeds "dev add net$k" vdpa dev add name "net$k" mgmtdev "$net_mgmtdev" mac "52:54:00:00:00:0$k" mtu 1500 ||
        give_up "both devices exist" 2 "$(vdpa dev show)"
    interface=$(attach "net$k" net) || give_up "net$k has an interface" "a name" "$(ls /sys/bus/virtio/devices)"
    is "mac of net$k" "52:54:00:00:00:0$k" "$(cat "/sys/class/net/$interface/address")"
    ip netns add "ns$k"
    ip link set "$interface" netns "ns$k" name "port$k"
    ip -n "ns$k" address add "192.0.2.$k/24" dev "port$k"
    ip -n "ns$k" link set lo up
    ip -n "ns$k" link set "port$k" up
done

in_ns() { # in_ns K COMMAND…
    local k=$1
    shift
    ip netns exec "ns$k" "$@"
}

packets() { # packets K rx|tx: that port K counted
    in_ns "$1" cat "/sys/class/net/port$1/statistics/$2_packets"
}

succeeds "ping" in_ns 1 ping -c 5 -i 0.2 -W 10 192.0.2.2
succeeds "ping the other way" in_ns 2 ping -c 5 -i 0.2 -W 10 192.0.2.1
succeeds "ping with full frames and pattern" in_ns 1 ping -c 5 -i 0.2 -W 10 -s 1472 -p a55a 192.0.2.2

# TCP, each way. The server ends after one test.
tcp() { # tcp WHAT IPERF3-ARGUMENTS…
    local what=$1
    shift
    in_ns 2 iperf3 -s -1 --forceflush >/run/server 2>&1 &
    wait_for 10 grep -q listening /run/server
    tcp_load "$what" in_ns 1 timeout 120 iperf3 -c 192.0.2.2 -n "$@"
    kill $! 2>/dev/null
    wait $! 2>/dev/null
}
began=$(centiseconds)
before=$(($(packets 1 tx) + $(packets 1 rx)))
tcp "1 to 2, 1 MiB" 1M
tcp "2 to 1, 1 MiB" 1M -R
tcp "two streams, 1 MiB" 1M -P 2
rate packets $((($(packets 1 tx) + $(packets 1 rx) - before) * 100 / ($(centiseconds) - began))) packets/s

# The station outside answers ping; its TCP services are echo and discard.
station=${shoal_station:-}
[ -n "$station" ] || give_up "the address of a station" "shoal_station=ADDRESS" "$(cat /proc/cmdline)"
head -c 262144 /dev/urandom >/run/sent
for k in 1 2; do
    succeeds "port$k: ping the station" in_ns $k ping -c 5 -i 0.2 -W 10 "$station"
    succeeds "port$k: ping the station with full frames and pattern" in_ns $k ping -c 5 -i 0.2 -W 10 -s 1472 -p 5aa5 "$station"
    in_ns $k timeout 120 nc "$station" 7 </run/sent >/run/back
    is "port$k: 256 KiB come back from the station" "$(sha256sum </run/sent)" "$(sha256sum </run/back)"
    succeeds "port$k: the station takes 256 KiB" in_ns $k timeout 120 nc "$station" 9 </run/sent
done

# pktgen puts frames into the driver without a stack; the switch brings them to the other port. They come faster than that port's
# queue is served, so a burst is one that the switch can hold (256 frames of a port).
frames=500
burst=$((frames / 2))
modprobe pktgen
before=$(packets 2 rx)
for n in 1 2; do
    in_ns 1 sh -c "
        set -e
        echo 'rem_device_all' >/proc/net/pktgen/kpktgend_0
        echo 'add_device port1' >/proc/net/pktgen/kpktgend_0
        for line in 'count $burst' 'pkt_size 200' 'delay 100000' 'dst 192.0.2.2' 'dst_mac 52:54:00:00:00:02'; do
            echo \"\$line\" >/proc/net/pktgen/port1
        done
        echo start >/proc/net/pktgen/pgctrl
        grep -q '^Result: OK' /proc/net/pktgen/port1
    " && ok "pktgen sends $burst frames" || not_ok "pktgen sends $burst frames" "Result: OK" "$(in_ns 1 cat /proc/net/pktgen/port1)"
    # What is on its way arrives.
    for _ in $(seq 20); do
        [ $(($(packets 2 rx) - before)) -ge $((n * burst)) ] && break
        sleep 1
    done
done
at_least "frames of pktgen that arrive" $frames $(($(packets 2 rx) - before))
in_ns 1 sh -c "echo rem_device_all >/proc/net/pktgen/kpktgend_0"
succeeds "ping after that" in_ns 1 ping -c 3 -i 0.2 -W 10 192.0.2.2

for k in 1 2; do
    errors=$(in_ns $k cat /sys/class/net/port$k/statistics/rx_errors /sys/class/net/port$k/statistics/tx_errors | tr '\n' ' ')
    is "errors of port$k" "0 0 " "$errors"
    echo "port$k: $(packets $k tx) packets out, $(packets $k rx) in"
done
for k in 1 2; do
    succeeds "dev del net$k" vdpa dev del "net$k"
    ip netns del "ns$k"
done
succeeds "the driver unloads" rmmod "$driver"
finish
