#!/usr/bin/env bash
# Brings what a Linux guest needs into build/guest, from Debian's archive through apt, without changing the system's apt:
#   qemu/     QEMU 10.1 or later (its vfio-user client) with every library of its own, from trixie-backports
#   kernel/   Linux 6.12 for the guest, with the headers to build a module for it
#   tools/    the guest's programs, from this system's release
#   bin/      qemu-system-x86_64, qemu-img and qemu-io, to be called from any folder
# Says each version that it fetches. A part that is there is not fetched again; `rm -rf build/guest` starts afresh.
set -euo pipefail

cd "$(dirname "$0")/.."
guest=$PWD/build/guest
PATH=$PATH:/usr/sbin:/sbin
log=$guest/setup.log

die() {
    echo "guest-setup: $*" >&2
    exit 1
}

set -E
trap 'die "line $LINENO failed, see build/guest/setup.log"' ERR

[ "$(uname -m)" = x86_64 ] || die "the guest is x86_64, this machine is $(uname -m)"
command -v apt-get >/dev/null || die "no apt-get here: Debian 12 or 13 is needed"
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
# The kernel is one that this release built, so that its modules can be built with this release's compiler.
case $release in
bookworm) kernel_from=bookworm-backports compiler=gcc-12 ;;
trixie) kernel_from=trixie compiler=gcc-14 ;;
*) die "Debian 12 (bookworm) or 13 (trixie) is needed, this is '$release'" ;;
esac
tools=(busybox-static kmod iproute2 iperf3 fio e2fsprogs pciutils iputils-ping)
qemu=(qemu-system-x86 qemu-utils qemu-block-extra libblkio1)

# Each part and what it is made of: a part with another list than this one's is fetched anew.
declare -A contents=(
    [qemu]="trixie-backports: ${qemu[*]}"
    [kernel]="$kernel_from: linux-image-cloud-amd64 and its headers"
    [tools]="$release: ${tools[*]}"
)

is_ready() { # is_ready PART
    [ -e "$guest/$1.ready" ] && [ "$(sed -n 2p "$guest/$1.ready")" = "${contents[$1]}" ]
}

if is_ready qemu && is_ready kernel && is_ready tools; then
    echo "guest-setup: nothing to do, build/guest has $(sed -n 1p "$guest/qemu.ready"), $(sed -n 1p "$guest/kernel.ready")"
    exit 0
fi

mkdir -p "$guest"
exec 9>"$guest/lock"
flock -n 9 || die "another guest-setup is at work in build/guest"
: >"$log"

# What the system itself needs: to unpack, to build the module and to make the guest's file system.
host_needs() {
    local missing=()
    need() { # need COMMAND PACKAGE
        command -v "$1" >/dev/null || missing+=("$2")
    }
    need cpio cpio
    need xz xz-utils
    need depmod kmod
    need gpgv gpgv
    need "$compiler" "$compiler"
    need make make
    [ -e /usr/include/string.h ] || missing+=(libc6-dev)
    ldconfig -p | grep -q 'libelf\.so\.1 ' || missing+=(libelf1)
    [ -e /usr/share/keyrings/debian-archive-trixie-automatic.gpg ] || missing+=(debian-archive-keyring)
    [ ${#missing[@]} -gt 0 ] || return 0
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || die "not root: run 'sudo apt-get install ${missing[*]}', then this again"
        as_root=(sudo -n)
    fi
    echo "guest-setup: installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq >>"$log" 2>&1 || die "apt-get update failed: $(tail -n 1 "$log")"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" >>"$log" 2>&1 || die "cannot install ${missing[*]}: $(tail -n 1 "$log")"
}

# The system's own address of Debian's archive, or of its security archive.
mirror() { # mirror LABEL
    apt-get indextargets --format '$(LABEL)|$(SITE)' "Created-By: Packages" | sed -n "s/^$1|//p" | sort -u | head -n 1
}

# private_apt PART RELEASE: an apt of its own for PART, with an empty system; the lists of a release are shared.
private_apt() {
    local dir=$guest/apt/$1 lists=$guest/apt/lists-$2 debian security options
    debian=$(mirror Debian)
    security=$(mirror Debian-Security)
    [ -n "$debian" ] || die "apt has no source for Debian here: see /etc/apt/sources.list"
    mkdir -p "$dir/archives/partial" "$lists/partial"
    : >"$dir/status"
    options="[arch=amd64 target=Packages pdiffs=no signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    {
        printf "deb $options %s %s main\n" "$debian" "$2" "$debian" "$2-updates" "$debian" "$2-backports"
        [ -z "$security" ] || echo "deb $options $security $2-security main"
    } >"$dir/sources.list"
    cat >"$dir/apt.conf" <<-END
	#clear APT::Update::Post-Invoke;
	#clear APT::Update::Post-Invoke-Success;
	APT::Architecture "amd64";
	APT::Architectures { "amd64"; };
	APT::Default-Release "";
	APT::Sandbox::User "root";
	APT::Update::Error-Mode "any";
	Acquire::Languages "none";
	Acquire::Retries "3";
	Dir::State "$dir";
	Dir::State::lists "$lists";
	Dir::State::status "$dir/status";
	Dir::Cache "$dir";
	Dir::Cache::archives "$dir/archives";
	Dir::Cache::pkgcache "pkgcache.bin";
	Dir::Etc::sourcelist "$dir/sources.list";
	Dir::Etc::sourceparts "/dev/null";
	Dir::Etc::preferences "/dev/null";
	Dir::Etc::preferencesparts "/dev/null";
	END
    # Lists of an interrupted setup that are older name packages that may have left the archive.
    [ -z "$(find "$lists/updated" -mmin -60 2>/dev/null)" ] || return 0
    echo "guest-setup: reading the package lists of $2"
    apt-get -c "$dir/apt.conf" -qq update >>"$log" 2>&1 || die "package lists of $2: $(last_error)"
    touch "$lists/updated"
}

last_error() {
    grep -m 1 '^E: ' "$log" || tail -n 1 "$log"
}

# fetch PART ARGUMENTS…: packages into the archives of the part's apt, which checks sizes and hashes.
fetch() {
    local dir=$guest/apt/$1
    shift
    apt-get -c "$dir/apt.conf" -qq autoclean >>"$log" 2>&1 || true
    (cd "$dir/archives" && apt-get -c "$dir/apt.conf" -qq -y "$@") >>"$log" 2>&1 || die "cannot fetch: $(last_error)"
}

# unpack PART: the packages that were fetched become build/guest/PART, without documentation.
unpack() {
    local into=$guest/$1.part deb d
    rm -rf "$into" "${guest:?}/$1" "$guest/$1.ready"
    mkdir -p "$into"
    for deb in "$guest/apt/$1/archives"/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$into" --no-same-owner \
            --exclude=./usr/share/{doc,man,locale,info,lintian,doc-base} || die "cannot unpack ${deb##*/}"
    done
    # Debian 13 has everything below usr, Debian 12 not yet.
    for d in bin sbin lib lib64; do
        [ -e "$into/$d" ] || [ ! -e "$into/usr/$d" ] || ln -s "usr/$d" "$into/$d"
    done
    mv "$into" "$guest/$1"
}

version_of() { # version_of PART PACKAGE: of the package that was fetched
    local debs=("$guest/apt/$1/archives/$2"_*.deb)
    dpkg-deb --field "${debs[0]}" Version
}

# ready PART WHAT: PART is complete; its packages are not needed any more.
ready() {
    echo "guest-setup: $2, $(du -sh "$guest/$1" | cut -f 1)"
    printf '%s\n' "$2" "${contents[$1]}" >"$guest/$1.ready.part"
    mv "$guest/$1.ready.part" "$guest/$1.ready"
    rm -rf "${guest:?}/apt/$1"
}

wrapper() { # wrapper PROGRAM
    cat >"$guest/bin/$1.part" <<-'END'
	#!/bin/sh
	# Runs QEMU's PROGRAM with the libraries, modules and firmware that came with it.
	qemu=$(dirname "$(dirname "$(readlink -f "$0")")")/qemu
	export QEMU_MODULE_DIR="$qemu/usr/lib/x86_64-linux-gnu/qemu"
	exec "$qemu/lib64/ld-linux-x86-64.so.2" --library-path "$qemu/usr/lib/x86_64-linux-gnu" \
	    "$qemu/usr/bin/PROGRAM" ARGS"$@"
	END
    local args=
    [ "$1" != qemu-system-x86_64 ] || args='-L "$qemu/usr/share/qemu" -L "$qemu/usr/share/seabios" '
    sed -i -e "s/PROGRAM/$1/" -e "s|ARGS|$args|" "$guest/bin/$1.part"
    chmod +x "$guest/bin/$1.part"
    mv "$guest/bin/$1.part" "$guest/bin/$1"
}

setup_qemu() {
    local version program
    private_apt qemu trixie
    echo "guest-setup: fetching QEMU from trixie-backports"
    fetch qemu install --download-only --no-install-recommends -t trixie-backports "${qemu[@]}"
    version=$(version_of qemu qemu-system-x86)
    dpkg --compare-versions "$version" ge 1:10.1 || die "QEMU $version has no vfio-user client: 10.1 is needed"
    unpack qemu
    mkdir -p "$guest/bin"
    for program in qemu-system-x86_64 qemu-img qemu-io; do
        wrapper $program
        "$guest/bin/$program" --version >>"$log" 2>&1 || die "$program does not run: $(tail -n 1 "$log")"
    done
    "$guest/bin/qemu-system-x86_64" -device help 2>>"$log" | grep -q '"vfio-user-pci"' ||
        die "QEMU $version has no vfio-user-pci"
    ready qemu "QEMU $version"
}

depends_of() { # depends_of PART PACKAGE/RELEASE PATTERN: the dependencies of a package that match
    apt-cache -c "$guest/apt/$1/apt.conf" show "$2" 2>>"$log" |
        sed -n 's/^Depends: //p' | head -n 1 | tr ',' '\n' | sed 's/^ *//; s/ .*//' | grep -E "$3" || true
}

setup_kernel() {
    local image depends version
    private_apt kernel "$release"
    echo "guest-setup: fetching Linux from $kernel_from"
    # The metapackage's own dependency is the newest kernel of the archive; those of the headers complete it.
    image=$(depends_of kernel "linux-image-cloud-amd64/$kernel_from" '^linux-image-[0-9]')
    [ -n "$image" ] || die "no kernel in $kernel_from"
    depends=$(depends_of kernel "linux-headers-${image#linux-image-}/$kernel_from" '^linux-(headers|kbuild)-')
    fetch kernel download "$image/$kernel_from" "linux-headers-${image#linux-image-}/$kernel_from" \
        $(printf "%s/$kernel_from " $depends)
    version=$(version_of kernel "$image")
    unpack kernel
    # The headers' Makefile names the place that the package is installed to; from here on it is where they are.
    sed -i 's#include /usr/src/#include $(dir $(lastword $(MAKEFILE_LIST)))../#' \
        "$guest/kernel/usr/src/linux-headers-${image#linux-image-}/Makefile"
    ln -s "usr/src/linux-headers-${image#linux-image-}" "$guest/kernel/headers"
    ln -s "boot/vmlinuz-${image#linux-image-}" "$guest/kernel/vmlinuz"
    echo "${image#linux-image-}" >"$guest/kernel/version"
    ready kernel "Linux $version"
}

setup_tools() {
    private_apt tools "$release"
    echo "guest-setup: fetching the guest's programs from $release"
    fetch tools install --download-only --no-install-recommends "${tools[@]}"
    local tool
    for tool in "${tools[@]}"; do
        echo "guest-setup:   $tool $(version_of tools "$tool")"
    done
    unpack tools
    ready tools "the guest's programs"
}

host_needs
is_ready qemu || setup_qemu
is_ready kernel || setup_kernel
is_ready tools || setup_tools
rm -rf "$guest/apt"
echo "guest-setup: build/guest is ready, $(du -sh "$guest" | cut -f 1)"
