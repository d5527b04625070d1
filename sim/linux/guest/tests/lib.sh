# What the tests share. A check prints one line, `ok - what` or `not ok - what: expected … got …`; `finish` ends a test.

# busybox's shell prefers its own programs of these names.
for program in ip ping modprobe rmmod lspci; do
    eval "$program() { /usr/bin/$program \"\$@\"; }"
done

checks=0
driver=$(cat /etc/driver 2>/dev/null || echo none) # the module's name

ok() { # ok WHAT
    checks=$((checks + 1))
    echo "ok - $1"
}

not_ok() { # not_ok WHAT EXPECTED GOT
    checks=$((checks + 1))
    echo "not ok - $1: expected $2 got $(echo "$3" | tr -s '\n\t ' ' ' | cut -c 1-400)"
    echo "$1" >>/run/failed
}

is() { # is WHAT EXPECTED GOT
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "'$2'" "'$3'"; fi
}

at_least() { # at_least WHAT LEAST GOT
    if [ "${3:-0}" -ge "$2" ] 2>/dev/null; then ok "$1 ($3)"; else not_ok "$1" "at least $2" "'$3'"; fi
}

has() { # has WHAT TEXT OUTPUT: TEXT is in OUTPUT
    case $3 in
    *"$2"*) ok "$1" ;;
    *) not_ok "$1" "'$2'" "'$3'" ;;
    esac
}

succeeds() { # succeeds WHAT COMMAND…
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then ok "$what"; else not_ok "$what" "success" "exit code $?: $output"; return 1; fi
}

fails() { # fails WHAT TEXT COMMAND…: the command fails and says TEXT
    local what=$1 text=$2 output
    shift 2
    if output=$("$@" 2>&1); then not_ok "$what" "a refusal" "success: $output"; else has "$what" "$text" "$output"; fi
}

# Ends a test that has nothing more to try.
give_up() { # give_up WHAT EXPECTED GOT
    not_ok "$@"
    finish
}

# Waits until the command succeeds, for at most so many seconds.
wait_for() { # wait_for SECONDS COMMAND…
    local end=$(($(seconds) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(seconds)" -lt "$end" ] || return 1
        sleep 0.1
    done
}

seconds() {
    cut -d . -f 1 /proc/uptime
}

centiseconds() {
    tr -d . </proc/uptime | cut -d ' ' -f 1
}

timed() { # timed WHAT START COUNT: prints how long it took since START
    local hundredths=$(($(centiseconds) - $2))
    echo "SHOAL-TIME $1 $((hundredths / 100)).$(printf %02d $((hundredths % 100))) s for $3"
}

# Loads the driver and sets net_mgmtdev and blk_mgmtdev to the names of its management devices. vDPA devices get a driver
# only from `attach`.
load_driver() {
    modprobe vdpa
    modprobe virtio_vdpa
    echo 0 >/sys/bus/vdpa/drivers_autoprobe
    succeeds "the driver loads" modprobe "$driver" || finish
    # As large as the stores on the other side.
    [ -z "${shoal_blk_mib:-}" ] || echo "$shoal_blk_mib" >"/sys/module/$driver/parameters/blk_capacity_mib"
    wait_for 10 mgmtdev_of net
    net_mgmtdev=$(mgmtdev_of net)
    blk_mgmtdev=$(mgmtdev_of block)
    [ -n "$net_mgmtdev" ] || give_up "a management device of class net" "one" "$(vdpa mgmtdev show 2>&1)"
    [ -n "$blk_mgmtdev" ] || give_up "a management device of class block" "one" "$(vdpa mgmtdev show 2>&1)"
}

mgmtdev_of() { # mgmtdev_of CLASS: the first management device that supports it
    vdpa mgmtdev show | awk -v class="$1" '
        /^[^ ]/ { name = $1; sub(/:$/, "", name) }
        $1 == "supported_classes" { for (i = 2; i <= NF; i++) if ($i == class) { print name; found = 1; exit } }
        END { exit !found }'
}

# The value behind a word in an output such as `foo: mac 52:54:00:00:00:01 link up`.
value() { # value WORD OUTPUT
    echo "$2" | tr -s ' \n' '\n\n' | awk -v word="$1" 'take { print; exit } $0 == word { take = 1 }'
}

# Binds a vDPA device to virtio_vdpa and prints the interface (CLASS net) or the disk (CLASS block) that comes of it; fails
# if none does. Which virtio device belongs to which vDPA device is not in sysfs: it is the one that is new.
attach() { # attach VDEV CLASS
    before=" $(ls /sys/bus/virtio/devices | tr '\n' ' ')"
    echo "$1" >/sys/bus/vdpa/drivers/virtio_vdpa/bind || return 1
    wait_for 20 new_virtio "$2" && new_virtio "$2"
}

new_virtio() { # new_virtio CLASS
    local device found
    for device in $(ls /sys/bus/virtio/devices); do
        case $before in *" $device "*) continue ;; esac
        found=$(ls "/sys/bus/virtio/devices/$device/$1" 2>/dev/null | head -n 1)
        [ -z "$found" ] || { echo "$found"; return 0; }
    done
    return 1
}

# A pattern that differs in every sector, beside the page cache: written to the disk, read back, compared.
disk_raw() { # disk_raw DISK
    local disk=/dev/$1 sectors
    wait_for 10 test -b "$disk"
    sectors=$(cat "/sys/block/$1/size")
    is "its sectors" $((shoal_blk_mib * 2048)) "$sectors"
    seq 1 200000 | head -c 65536 >/run/pattern
    succeeds "64 KiB written" dd if=/run/pattern of="$disk" bs=16k seek=4 oflag=direct conv=notrunc
    dd if="$disk" of=/run/back bs=16k skip=4 count=4 iflag=direct 2>/dev/null
    is "64 KiB read back" "$(sha256sum </run/pattern)" "$(sha256sum </run/back)"
    fails "a write behind the end is refused" "" dd if=/run/pattern of="$disk" bs=512 count=1 seek="$sectors" oflag=direct
}

# A part of the pattern of disk_raw is discarded; what is around it stays. (WRITE_ZEROES is what mkfs.ext4 uses.)
disk_ranges() { # disk_ranges DISK
    local disk=/dev/$1 queue=/sys/block/$1/queue
    is "most bytes of a discard" 16777216 "$(cat "$queue/discard_max_hw_bytes")"
    is "most bytes of zeroes" 16777216 "$(cat "$queue/write_zeroes_max_bytes")"
    succeeds "8 KiB discarded" blkdiscard -o 69632 -l 8192 "$disk"
    {
        head -c 4096 /run/pattern
        head -c 8192 /dev/zero
        tail -c +12289 /run/pattern | head -c 53248
    } >/run/ranges
    dd if="$disk" of=/run/back bs=16k skip=4 count=4 iflag=direct 2>/dev/null
    is "zeroes where it was discarded, the pattern around it" "$(sha256sum </run/ranges)" "$(sha256sum </run/back)"
}

# A new file system with the pattern of disk_raw, mounted at /mnt.
disk_files() { # disk_files DISK
    succeeds "mkfs.ext4" /usr/bin/mkfs.ext4 -q -F -b 1024 "/dev/$1"
    mkdir -p /mnt
    succeeds "mount" mount -t ext4 "/dev/$1" /mnt || give_up "the file system is mounted" yes no
    cp /run/pattern /mnt/pattern
}

# Random writes all over a file of /mnt, with flushes between them; then all of it is read and verified.
fio_verify() { # fio_verify FILE KIB WHAT
    local report code way
    report=$(fio --name=verify --filename="/mnt/$1" --rw=randwrite --bsrange=4k-16k --size="$2k" --ioengine=libaio --iodepth=8 \
        --direct=1 --verify=crc32c --verify_fatal=1 --do_verify=1 --fsync=64 --randseed=1 2>&1)
    code=$?
    if [ $code = 0 ] && echo "$report" | grep -q "READ: .*, io=$2KiB "; then
        ok "fio, $3, $2 KiB verified"
        echo "$report" | grep -E '^ +(READ|WRITE):'
        for way in write read; do
            rate "$1_$way" "$(echo "$report" | awk -v way="$way:" '$1 == way {
                sub(/IOPS=/, "", $2); sub(/,/, "", $2); n = $2 + 0; if ($2 ~ /k$/) n *= 1000; print n; exit }')" IOPS
        done
    else
        not_ok "fio, $3, $2 KiB verified" "success and as much read" "exit code $code: $report"
    fi
}

# The files of disk_files and of fio survive that the disk is unmounted and mounted again. Prints the SHA-256 of the disk, which
# is compared with the store outside.
disk_kept() { # disk_kept DISK FILE…
    local disk=/dev/$1 file
    shift
    (cd /mnt && sha256sum pattern "$@") >/run/sums
    sync
    succeeds "umount" umount /mnt
    succeeds "fsck finds nothing" /usr/bin/fsck.ext4 -f -n "$disk"
    echo 3 >/proc/sys/vm/drop_caches
    succeeds "mount again" mount -t ext4 -o ro,noload "$disk" /mnt
    is "the pattern is as it was" "$(sha256sum </run/pattern)" "$(sha256sum </mnt/pattern)"
    for file in "$@"; do
        is "the file $file is as it was" "$(grep " $file\$" /run/sums | cut -d ' ' -f 1)" "$(sha256sum <"/mnt/$file" | cut -d ' ' -f 1)"
    done
    umount /mnt
    echo 3 >/proc/sys/vm/drop_caches
    echo "SHOAL-STORE blk0 sha256 $(sha256sum "$disk" | cut -d ' ' -f 1)"
}

# A figure of the run, in wall time: of the guest and of the simulation around it, not of the device's own clock.
rate() { # rate NAME VALUE UNIT
    echo "SHOAL-RATE $1 $2 $3"
}

tcp_load() { # tcp_load WHAT COMMAND…: the command is an iperf3 that sends or receives
    local what=$1 report
    shift
    if report=$("$@" 2>&1); then
        ok "iperf3, $what:$(echo "$report" | grep receiver | tail -n 1 | cut -d ']' -f 2)"
    else
        not_ok "iperf3, $what" "success" "$report"
    fi
}

# What the kernel complained about since the start.
complaints() {
    dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace|general protection|blocked for more than|refcount' || true
}

finish() {
    is "the kernel's log has no complaint" "" "$(complaints)"
    [ "$checks" -gt 1 ] || not_ok "the test checked something" "checks" "none"
    if [ -s /run/failed ]; then
        echo "the end of the kernel's log:"
        dmesg | tail -n 30
        exit 1
    fi
    exit 0
}
