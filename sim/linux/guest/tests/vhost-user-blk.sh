# A stock virtio disk that QEMU takes from a vhost-user server: raw access, a file system with fio's verified load, and the same
# load again while the server is killed and started again. Prints the SHA-256 of the whole disk in the end, to be compared with
# the file that holds it on the other side.
. /tests/lib.sh
modprobe virtio_blk

before=
wait_for 20 new_virtio block || give_up "there is a disk" "a name" "$(ls /sys/bus/virtio/devices)"
disk=$(new_virtio block)
ok "there is a disk, $disk"
disk_raw "$disk"
disk_ranges "$disk"
disk_files "$disk"
fio_verify fio 1024 "random writes"

# The server goes when fio has written for a while, and requests wait until it is back.
completed() {
    set -- $(cat "/sys/block/$disk/stat")
    echo $(($1 + $5))
}
waiting() {
    set -- $(cat "/sys/block/$disk/inflight")
    echo $(($1 + $2))
}
has_completed() { # has_completed N
    [ "$(completed)" -ge "$1" ]
}
stands_still() {
    local seen
    seen=$(completed)
    sleep 0.5
    [ "$(waiting)" -gt 0 ] && has_completed "$seen" && ! has_completed $((seen + 1))
}
at=$(completed)
fio_verify fault 4096 "random writes while the server is killed" &
load=$!
wait_for 60 has_completed $((at + 100))
at_least "requests before the server is killed" 100 $(($(completed) - at))
echo "SHOAL-DO restart-server"
start=$(centiseconds)
if wait_for 30 stands_still; then
    ok "$(waiting) requests wait for the server"
else
    not_ok "requests wait for the server" "a disk that stands still" "$(cat "/sys/block/$disk/inflight" "/sys/block/$disk/stat")"
fi
at=$(completed)
if wait_for 60 has_completed $((at + 1)); then
    ok "the disk goes on"
else
    not_ok "the disk goes on" "more than $at requests" "$(completed)"
fi
timed outage "$start" "a server killed and started again"
wait $load
# It counted in a shell of its own.
checks=$((checks + 1))

disk_kept "$disk" fio fault
finish
