#!/usr/bin/env bash
# Builds the driver of sim/linux for the guest's kernel and packs the guest's file system, as make would: only if a part of
# it is newer.
#   build/guest/initrd.cpio       busybox, the programs and modules of the tests, init and tests of sim/linux/guest
#   build/guest/initrd-fio.cpio   the same and fio, which brings 80 MB of libraries
set -euo pipefail

programs=(bin/kmod bin/ip sbin/vdpa sbin/mke2fs sbin/e2fsck bin/ping usr/bin/iperf3 usr/bin/lspci)
links=(modprobe:kmod rmmod:kmod insmod:kmod mkfs.ext4:mke2fs fsck.ext4:e2fsck)
modules=(vdpa virtio_vdpa vhost_vdpa virtio_net virtio_blk veth pktgen)

cd "$(dirname "$0")/.."
guest=$PWD/build/guest
tools=$guest/tools
root=$guest/root
log=$guest/image.log
PATH=$PATH:/usr/sbin:/sbin

die() {
    echo "guest-image: $*" >&2
    exit 1
}

for part in qemu kernel tools; do
    [ -e "$guest/$part.ready" ] || die "build/guest is not set up: run 'make guest-setup'"
done
version=$(cat "$guest/kernel/version")

image=$guest/initrd-fio.cpio # the last that is written
if [ -e "$image" ] && [ -z "$(find sim/linux scripts/guest-image.sh "$guest"/*.ready -newer "$image" -print -quit)" ]; then
    exit 0
fi
exec 9>"$guest/lock"
flock 9
: >"$log"

# The driver is built in a copy: the kernel's build system writes beside the sources.
build_driver() {
    rm -rf "$guest/driver"
    if [ ! -e sim/linux/Kbuild ]; then
        echo "guest-image: no sim/linux/Kbuild: the image is without the driver" >&2
        return
    fi
    mkdir "$guest/driver"
    cp sim/linux/{Kbuild,*.[ch]} "$guest/driver"
    make -C "$guest/kernel/headers" M="$guest/driver" CONFIG_DEBUG_INFO_BTF_MODULES= modules >>"$log" 2>&1 ||
        die "the driver cannot be built: $(grep -m 1 -E 'error:|ERROR:|No such|No rule' "$log" || tail -n 1 "$log")"
}

# add_program PATH: a program of build/guest/tools and the libraries that it loads.
add_program() {
    local libraries=$tools/lib/x86_64-linux-gnu:$tools/usr/lib/x86_64-linux-gnu:$tools/usr/lib/x86_64-linux-gnu/ceph
    local file=$tools/$1 loaded library
    [ -e "$file" ] || file=$tools/usr/$1
    cp -L "$file" "$root/usr/bin/"
    loaded=$("$tools/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --library-path "$libraries" --list "$file") ||
        die "cannot list the libraries of $1"
    for library in $(awk '$2 == "=>" { print $3 }' <<<"$loaded"); do
        [ "${library#"$tools"}" != "$library" ] || [ "${library##*/}" = ld-linux-x86-64.so.2 ] ||
            die "$1 needs ${library##*/}, which is not in build/guest/tools"
        [ -e "$root/lib/${library##*/}" ] || cp -L "$library" "$root/lib/"
    done
}

# add_module NAME: a module of the kernel and those that it needs, uncompressed because the emulated guest is slow.
add_module() {
    local tree=$guest/kernel/lib/modules/$version file
    for file in $(sed -n "s/^\([^:]*\/$1\.ko[^:/]*\): *\(.*\)/\2 \1/p" "$tree/modules.dep"); do
        mkdir -p "$root/lib/modules/$version/${file%/*}"
        case $file in
        *.xz) xz -dc "$tree/$file" >"$root/lib/modules/$version/${file%.xz}" ;;
        *) cp "$tree/$file" "$root/lib/modules/$version/$file" ;;
        esac
    done
    [ -n "${file:-}" ] || die "the kernel has no module $1"
}

add_modules() {
    local name
    depmod -b "$guest/kernel" "$version" 2>>"$log" || die "depmod: $(tail -n 1 "$log")"
    mkdir -p "$root/lib/modules/$version/extra"
    cp "$guest/kernel/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$version/"
    for name in "${modules[@]}"; do
        add_module "$name"
    done
    if [ -d "$guest/driver" ]; then
        cp "$guest/driver"/*.ko "$root/lib/modules/$version/extra/"
        basename "$guest/driver"/*.ko .ko >"$root/etc/driver"
    fi
    depmod -b "$root" "$version" 2>>"$log" || die "depmod: $(tail -n 1 "$log")"
}

add_files() {
    local pair
    mkdir -p "$root"/{bin,dev,etc,lib,lib64,proc,run,sys,tests,tmp,usr/bin,usr/lib}
    ln -s ../../lib "$root/usr/lib/x86_64-linux-gnu"
    cp "$tools/bin/busybox" "$root/bin/"
    cp -L "$tools/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" "$root/lib64/"
    for pair in "${programs[@]}"; do
        add_program "$pair"
    done
    for pair in "${links[@]}"; do
        ln -s "${pair#*:}" "$root/usr/bin/${pair%:*}"
    done
    cp "$tools/etc/mke2fs.conf" "$root/etc/"
    cp sim/linux/guest/init "$root/init"
    cp sim/linux/guest/tests/*.sh "$root/tests/"
    gcc -static -O2 -Wall -Werror -o "$root/tests/vhost_vdpa" sim/linux/test/vhost_vdpa.c 2>>"$log" ||
        die "the vhost-vdpa client cannot be built: $(tail -n 1 "$log")"
    chmod +x "$root/init"
}

pack() { # pack FILE: root becomes an archive for the kernel, not compressed: unpacking it is slow when emulated
    (cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible) >"$1.part" 2>>"$log" ||
        die "cpio: $(tail -n 1 "$log")"
    mv "$1.part" "$1"
}

build_driver
rm -rf "$root"
add_files
add_modules
pack "$guest/initrd.cpio"
add_program usr/bin/fio
pack "$guest/initrd-fio.cpio"
echo "guest-image: build/guest/initrd.cpio for Linux $version, $(du -h "$guest/initrd.cpio" | cut -f 1)"
