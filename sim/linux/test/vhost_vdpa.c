// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vhost-vdpa client for tests: drives one block device, of at least 1 MiB and with
 * two queues, through /dev/vhost-vdpa-N by ioctl alone, as a VMM would, and tries what a client must
 * not be able to do. Prints `ok - what` or `not ok - what` for each check.
 *
 * gcc -O1 -static -Wall -o vhost_vdpa vhost_vdpa.c && ./vhost_vdpa /dev/vhost-vdpa-0
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vhost.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>

#define VQ_NUM		64
#define MEM_BYTES	(4UL << 20)
#define BUF_AT		(2UL << 20)	/* buffers in memory; rings are at 0 */
#define LOW		0x10000000ULL	/* IOVA below 2^38 */
#define HIGH		(1ULL << 40)	/* IOVA above 2^38 */
#define FEATURES	(1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_F_ACCESS_PLATFORM)
#define ASID		(1ULL << VHOST_BACKEND_F_IOTLB_MSG_V2 | 1ULL << VHOST_BACKEND_F_IOTLB_ASID)
#define BACKEND		(ASID | BACKEND_SUSPEND | BACKEND_RESUME | BACKEND_ENABLE_AFTER_DRIVER_OK)
#define GROUP_RINGS	1
#define WAIT_MS		5000

/* Not in the headers of older distributions. */
#define BACKEND_SUSPEND			(1ULL << 4)
#define BACKEND_RESUME			(1ULL << 5)
#define BACKEND_ENABLE_AFTER_DRIVER_OK	(1ULL << 6)
#ifndef VHOST_VDPA_RESUME
#define VHOST_VDPA_RESUME _IO(VHOST_VIRTIO, 0x7E)
#endif
#ifndef VHOST_VDPA_GET_VRING_DESC_GROUP
#define VHOST_VDPA_GET_VRING_DESC_GROUP _IOWR(VHOST_VIRTIO, 0x7F, struct vhost_vring_state)
#endif

static const char *path;
static int fd, call_fd, config_fd, failed;
static uint8_t *mem;
static struct vring ring;
static uint16_t last_used;

static void check(bool good, const char *what)
{
	printf("%sok - %s\n", good ? "" : "not ", what);
	failed += !good;
}

static uint8_t status(void)
{
	uint8_t s = 0;

	ioctl(fd, VHOST_VDPA_GET_STATUS, &s);
	return s;
}

static int set_status(uint8_t s)
{
	return ioctl(fd, VHOST_VDPA_SET_STATUS, &s);
}

static int iotlb(uint8_t type, uint32_t asid, uint64_t iova, uint64_t size, void *at)
{
	struct vhost_msg_v2 msg = {
		.type = VHOST_IOTLB_MSG_V2,
		.asid = asid,
		.iotlb = { iova, size, (uintptr_t)at, VHOST_ACCESS_RW, type },
	};

	return write(fd, &msg, sizeof(msg)) == sizeof(msg) ? 0 : -errno;
}

static int map(uint32_t asid, uint64_t iova, uint64_t size, void *at)
{
	return iotlb(VHOST_IOTLB_UPDATE, asid, iova, size, at);
}

static int unmap(uint32_t asid, uint64_t iova, uint64_t size)
{
	return iotlb(VHOST_IOTLB_INVALIDATE, asid, iova, size, NULL);
}

static void open_device(void)
{
	uint64_t backend = 0;

	fd = open(path, O_RDWR);
	if (fd < 0) {
		perror(path);
		exit(2);
	}
	check(!ioctl(fd, VHOST_SET_OWNER), "owner");
	ioctl(fd, VHOST_GET_BACKEND_FEATURES, &backend);
	backend &= BACKEND;
	check(backend == BACKEND && !ioctl(fd, VHOST_SET_BACKEND_FEATURES, &backend),
	      "backend features");
}

/* Up to FEATURES_OK. */
static void begin(void)
{
	uint64_t features = 0, wanted = FEATURES;

	set_status(0);
	set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE);
	set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	ioctl(fd, VHOST_GET_FEATURES, &features);
	check((features & wanted) == wanted && !ioctl(fd, VHOST_SET_FEATURES, &wanted), "features");
	set_status(status() | VIRTIO_CONFIG_S_FEATURES_OK);
	check(status() & VIRTIO_CONFIG_S_FEATURES_OK, "FEATURES_OK is kept");
}

static void set_base(uint16_t base)
{
	struct vhost_vring_state s = { 0, base };

	ioctl(fd, VHOST_SET_VRING_BASE, &s);
}

static int get_base(void)
{
	struct vhost_vring_state s = { 0, 0 };

	return ioctl(fd, VHOST_GET_VRING_BASE, &s) ? -1 : (int)s.num;
}

static void enable(bool on)
{
	struct vhost_vring_state s = { 0, on };

	ioctl(fd, VHOST_VDPA_SET_VRING_ENABLE, &s);
}

/* Rings at @iova, a fresh queue, DRIVER_OK. */
static void go(uint64_t iova)
{
	struct vhost_vring_state num = { 0, VQ_NUM };
	struct vhost_vring_file call = { 0, call_fd };
	struct vhost_vring_addr addr = { .index = 0 };

	memset(mem, 0, BUF_AT);
	vring_init(&ring, VQ_NUM, mem, 4096);
	last_used = 0;
	addr.desc_user_addr = iova;
	addr.avail_user_addr = iova + ((uint8_t *)ring.avail - mem);
	addr.used_user_addr = iova + ((uint8_t *)ring.used - mem);
	check(!ioctl(fd, VHOST_SET_VRING_NUM, &num) && !ioctl(fd, VHOST_SET_VRING_ADDR, &addr) &&
	      !ioctl(fd, VHOST_SET_VRING_CALL, &call) &&
	      !ioctl(fd, VHOST_VDPA_SET_CONFIG_CALL, &config_fd), "queue is set up");
	set_base(0);
	enable(true);
	set_status(status() | VIRTIO_CONFIG_S_DRIVER_OK);
	check((status() & ~VIRTIO_CONFIG_S_NEEDS_RESET) ==
	      (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |
	       VIRTIO_CONFIG_S_DRIVER_OK), "DRIVER_OK");
}

static void kick(volatile uint16_t *doorbell)
{
	static int kick_fd = -1;
	struct vhost_vring_file file = { 0, 0 };

	__sync_synchronize();
	if (doorbell) {
		*doorbell = 0;
		return;
	}
	if (kick_fd < 0)
		kick_fd = eventfd(0, 0);
	file.fd = kick_fd;
	ioctl(fd, VHOST_SET_VRING_KICK, &file);
	eventfd_write(kick_fd, 1);
}

static bool arrives(int event, int ms)
{
	struct pollfd p = { .fd = event, .events = POLLIN };
	eventfd_t n;

	return poll(&p, 1, ms) == 1 && !eventfd_read(event, &n);
}

/* Puts a request for one sector into the ring; buffers are at @iova. */
static void put(uint32_t type, uint64_t sector, uint64_t iova)
{
	struct virtio_blk_outhdr *hdr = (void *)(mem + BUF_AT);
	uint16_t data_flags = type == VIRTIO_BLK_T_IN ? VRING_DESC_F_WRITE : 0;

	*hdr = (struct virtio_blk_outhdr) { .type = type, .sector = sector };
	mem[BUF_AT + 8192] = 0xff;
	ring.desc[0] = (struct vring_desc) { iova, sizeof(*hdr), VRING_DESC_F_NEXT, 1 };
	ring.desc[1] = (struct vring_desc) { iova + 4096, 512, VRING_DESC_F_NEXT | data_flags, 2 };
	ring.desc[2] = (struct vring_desc) { iova + 8192, 1, VRING_DESC_F_WRITE, 0 };
	ring.avail->ring[ring.avail->idx % VQ_NUM] = 0;
	__sync_synchronize();
	ring.avail->idx++;
}

/* The request in the ring is answered, with an interrupt, and its status is OK. */
static bool answered(void)
{
	bool irq = arrives(call_fd, WAIT_MS);

	__sync_synchronize();
	return irq && *(volatile uint16_t *)&ring.used->idx == ++last_used &&
	       !mem[BUF_AT + 8192];
}

static bool request(uint32_t type, uint64_t sector, uint64_t iova)
{
	put(type, sector, iova);
	kick(NULL);
	return answered();
}

static bool write_and_read(uint8_t pattern, uint64_t iova)
{
	uint8_t *data = mem + BUF_AT + 4096;
	int n;

	memset(data, pattern, 512);
	if (!request(VIRTIO_BLK_T_OUT, pattern, iova))
		return false;
	memset(data, 0, 512);
	if (!request(VIRTIO_BLK_T_IN, pattern, iova))
		return false;
	for (n = 0; n < 512; n++) {
		if (data[n] != pattern)
			return false;
	}
	return true;
}

static bool faulted(void)
{
	return arrives(config_fd, WAIT_MS) && status() & VIRTIO_CONFIG_S_NEEDS_RESET;
}

static void limits(void)
{
	struct vhost_vdpa_iova_range range = { 0, 0 };
	struct vhost_vring_state s = { 0, 0 };
	uint32_t id = 0, groups = 0, spaces = 0;
	struct { struct vhost_vdpa_config c; uint8_t b[8]; } cfg = { { 0, 8 }, { 0 } };
	uint64_t sectors;

	ioctl(fd, VHOST_VDPA_GET_DEVICE_ID, &id);
	check(id == VIRTIO_ID_BLOCK, "device id");
	ioctl(fd, VHOST_VDPA_GET_GROUP_NUM, &groups);
	ioctl(fd, VHOST_VDPA_GET_AS_NUM, &spaces);
	check(groups == 2 && spaces == 2, "groups and address spaces");
	ioctl(fd, VHOST_VDPA_GET_IOVA_RANGE, &range);
	check(!range.first && range.last == (1ULL << 47) - 1, "IOVA range");
	check(!ioctl(fd, VHOST_VDPA_GET_VRING_GROUP, &s) && s.num == 0, "group of buffers");
	check(!ioctl(fd, VHOST_VDPA_GET_VRING_DESC_GROUP, &s) && s.num == GROUP_RINGS,
	      "group of rings");
	check(!ioctl(fd, VHOST_VDPA_GET_CONFIG, &cfg), "configuration");
	memcpy(&sectors, cfg.c.buf, 8);
	check(sectors >= 2048, "capacity");
}

/* Queue and buffers where a VMM would have them, both depths of the table. */
static void plain(void)
{
	volatile uint16_t *page;
	int base;

	begin();
	check(!map(0, LOW, MEM_BYTES, mem), "map");
	check(map(0, 1ULL << 47, MEM_BYTES, mem), "a map outside the range is refused");
	go(LOW);
	check(write_and_read(0x11, LOW + BUF_AT), "write and read");
	check(!map(0, HIGH, MEM_BYTES, mem), "map above 2^38 while it runs");
	check(write_and_read(0x22, HIGH + BUF_AT), "write and read above 2^38");
	check(write_and_read(0x33, LOW + BUF_AT), "write and read below again");

	page = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0);
	check(page != MAP_FAILED, "doorbell page");
	if (page != MAP_FAILED) {
		put(VIRTIO_BLK_T_IN, 0x33, LOW + BUF_AT);
		kick(page);
		check(answered() && mem[BUF_AT + 4096] == 0x33, "kick by the doorbell page");
		munmap((void *)page, 4096);
	}

	check(!ioctl(fd, VHOST_VDPA_SUSPEND), "suspend");
	base = get_base();
	check(base == last_used, "ring state while suspended");
	put(VIRTIO_BLK_T_IN, 0x22, LOW + BUF_AT);
	kick(NULL);
	check(!arrives(call_fd, 300), "a suspended device answers nothing");
	check(!ioctl(fd, VHOST_VDPA_RESUME), "resume");
	check(answered() && mem[BUF_AT + 4096] == 0x22, "what waited is answered then");

	enable(false);
	check(get_base() == last_used, "ring state of a stopped queue");
	put(VIRTIO_BLK_T_IN, 0x11, LOW + BUF_AT);
	kick(NULL);
	check(!arrives(call_fd, 300), "a stopped queue answers nothing");
	enable(true);
	check(answered() && mem[BUF_AT + 4096] == 0x11, "the queue goes on where it was");
}

static void isolation(void)
{
	check(!unmap(0, LOW, MEM_BYTES), "unmap while it runs");
	put(VIRTIO_BLK_T_IN, 0, HIGH + BUF_AT);
	kick(NULL);
	check(faulted(), "rings that are unmapped are a fault");

	begin();
	check(!map(0, LOW, BUF_AT, mem), "map of the rings only");
	check(!unmap(0, HIGH, MEM_BYTES), "unmap of all else");
	go(LOW);
	put(VIRTIO_BLK_T_IN, 0, LOW + BUF_AT);
	kick(NULL);
	check(faulted(), "a buffer that is not mapped is a fault");
	check(!arrives(call_fd, 100), "and not answered");
	check(!unmap(0, LOW, BUF_AT), "unmap of the last");

	begin();
	go(LOW);
	kick(NULL);
	check(faulted(), "without any map even the ring is a fault");
	set_status(0);
	check(!status(), "reset");
}

/* Rings in an address space where buffers are not, as a shadow queue has them. */
static void two_spaces(void)
{
	struct vhost_vring_state s = { GROUP_RINGS, 1 };

	begin();
	check(!ioctl(fd, VHOST_VDPA_SET_GROUP_ASID, &s), "group of rings in space 1");
	check(!map(1, LOW, BUF_AT, mem) && !map(0, LOW, BUF_AT, mem + BUF_AT), "maps of both");
	go(LOW);
	check(write_and_read(0x44, LOW), "the same IOVA is the ring and a buffer");
	set_status(0);
	check(!unmap(0, LOW, BUF_AT) && !unmap(1, LOW, BUF_AT), "unmaps of both");
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s /dev/vhost-vdpa-N\n", argv[0]);
		return 2;
	}
	path = argv[1];
	mem = mmap(NULL, 2 * MEM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return 2;
	/* So that large pages are possible, and large leaves with them. */
	mem = (uint8_t *)(((uintptr_t)mem + BUF_AT - 1) & ~(BUF_AT - 1));
	madvise(mem, MEM_BYTES, MADV_HUGEPAGE);
	memset(mem, 0, MEM_BYTES);
	call_fd = eventfd(0, EFD_NONBLOCK);
	config_fd = eventfd(0, EFD_NONBLOCK);

	open_device();
	limits();
	plain();
	isolation();
	two_spaces();
	close(fd);

	open_device();
	begin();
	check(!map(0, LOW, MEM_BYTES, mem), "map after a new open");
	go(LOW);
	check(write_and_read(0x55, LOW + BUF_AT), "write and read after a new open");
	put(VIRTIO_BLK_T_IN, 0, LOW + BUF_AT);
	kick(NULL);
	close(fd);	/* with a request under way */
	open_device();
	check(!status(), "a new open finds the device reset");
	close(fd);
	return failed ? 1 : 0;
}
