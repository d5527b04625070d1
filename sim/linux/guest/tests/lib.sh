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
