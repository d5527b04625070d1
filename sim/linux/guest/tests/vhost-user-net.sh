# Two guests, each with a stock virtio network device that QEMU takes from a vhost-user server: ping and TCP between them, over
# the device's switch. shoal_guest is 1 or 2; guest 1 begins, guest 2 answers and is done first.
. /tests/lib.sh
modprobe virtio_net

me=$shoal_guest
other=$((3 - me))
before=
wait_for 20 new_virtio net || give_up "there is an interface" "a name" "$(ls /sys/bus/virtio/devices)"
interface=$(new_virtio net)
ok "there is an interface, $interface"
is "its mac" "52:54:00:00:00:0$me" "$(cat "/sys/class/net/$interface/address")"

# Who answers a ping answers these too: they listen before there is an address.
if [ "$me" = 2 ]; then
    iperf3 -s --forceflush >/run/iperf3 2>&1 &
    wait_for 20 grep -q listening /run/iperf3
    nc -l -p 4000 >/run/heard &
fi
ip address add "192.0.2.$me/24" dev "$interface"
ip link set "$interface" up

answers() {
    ping -c 1 -W 1 "192.0.2.$other"
}
is_gone() {
    ! answers
}
# The other may have a slower start.
wait_for 200 answers || give_up "guest $other answers" yes no
succeeds "ping" ping -c 5 -i 0.2 -W 10 "192.0.2.$other"
succeeds "ping with full frames and pattern" ping -c 5 -i 0.2 -W 10 -s 1472 -p a55a "192.0.2.$other"

packets() { # packets rx|tx
    cat "/sys/class/net/$interface/statistics/$1_packets"
}
if [ "$me" = 1 ]; then
    began=$(centiseconds)
    before=$(($(packets tx) + $(packets rx)))
    tcp_load "1 to 2, 2 MiB" timeout 120 iperf3 -c 192.0.2.2 -n 2M
    tcp_load "2 to 1, 2 MiB" timeout 120 iperf3 -c 192.0.2.2 -n 2M -R
    tcp_load "two streams, 1 MiB" timeout 120 iperf3 -c 192.0.2.2 -n 1M -P 2
    rate packets $((($(packets tx) + $(packets rx) - before) * 100 / ($(centiseconds) - began))) packets/s
    say_done() {
        echo "guest 1 is done" | nc -w 5 192.0.2.2 4000
    }
    succeeds "guest 2 can be told" wait_for 30 say_done
    # What it does not get it is sent again, as long as this one is there.
    succeeds "guest 2 is done" wait_for 60 is_gone
else
    wait_for 300 test -s /run/heard
    is "what guest 1 says" "guest 1 is done" "$(cat /run/heard)"
fi
at_least "frames in" 1500 "$(packets rx)"
at_least "frames out" 1500 "$(packets tx)"
errors=$(cat "/sys/class/net/$interface/statistics/rx_errors" "/sys/class/net/$interface/statistics/tx_errors" | tr '\n' ' ')
is "errors" "0 0 " "$errors"
finish
