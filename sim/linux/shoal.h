/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shoal management vDPA device: what the files of the driver share.
 *
 * Lock order: shoal.vdevs_lock, shoal_vdev.lock, shoal.vec_lock. Each may be
 * held while an admin command is under way. Spinlocks are leaves.
 */
#ifndef SHOAL_H
#define SHOAL_H

#include <linux/completion.h>
#include <linux/device.h>
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/msi.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/types.h>
#include <linux/vdpa.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "shoal_abi.h"
#include "shoal_compat.h"

/* Vectors of the management device itself. */
enum {
	SHOAL_VEC_ADMIN,
	SHOAL_VEC_FAULT,
	SHOAL_VEC_CONFIG,
	SHOAL_VEC_OWN,
};

/* Virtqueue groups of a device, as the ABI numbers them. */
enum {
	SHOAL_GROUP_DATA,
	SHOAL_GROUP_CONTROL,
	SHOAL_GROUP_RINGS,
};

/*
 * Groups and address spaces as vDPA clients see them. No device has a control
 * queue, so the control group follows the data group; and vhost-vdpa takes group
 * numbers only below the number of queues, so rings come next.
 */
enum {
	SHOAL_VDPA_BUFFERS,
	SHOAL_VDPA_RINGS,
	SHOAL_VDPA_GROUPS,
};

#define SHOAL_VQ_NUM_MIN	2

struct shoal;
struct shoal_vdev;
struct shoal_vector;

/* ---- admin queue ---- */

/**
 * struct shoal_cmd - one admin command
 * @opcode: SHOAL_CMD_*
 * @group: SHOAL_GROUP_SELF or SHOAL_GROUP_MANAGED
 * @member: member id; 0 with SHOAL_GROUP_SELF
 * @data: command data behind the header
 * @data_len: bytes of it
 * @result: where the result behind the header goes
 * @result_len: bytes of it; what the device does not write is zeroed
 * @quiet: the caller expects a refusal, do not log it
 * @err: 0 or -errno, valid when @done is complete
 * @status: status of the device, if it answered
 * @qualifier: status qualifier, if it answered
 * @done: completed when the device has answered, or will not any more
 * @slot: slot of the queue it has
 */
struct shoal_cmd {
	u16 opcode;
	u16 group;
	u32 member;
	const void *data;
	size_t data_len;
	void *result;
	size_t result_len;
	bool quiet;

	int err;
	u16 status;
	u16 qualifier;
	struct completion done;
	unsigned int slot;
};

struct shoal_slot_mem;
struct shoal_desc;
struct shoal_avail;
struct shoal_used;

/**
 * struct shoal_admin - the admin queue, driver side
 * @lock: protects the rest, taken in interrupt context
 * @wait: woken when a slot becomes free or the device is broken
 * @num: entries of the queue; a command takes two of them
 * @nslots: commands that can be in flight
 * @busy: bit n: the device has slot n
 * @cmds: command in each slot; NULL if nobody waits for it any more
 * @avail_idx: next index of the available ring
 * @used_idx: next index of the used ring
 * @mem: rings and slots, one DMA allocation
 * @mem_len: bytes of it
 * @mem_dma: where the device finds it
 * @desc: descriptor table
 * @avail: available ring
 * @used: used ring
 * @slots: memory of each slot
 */
struct shoal_admin {
	spinlock_t lock;
	wait_queue_head_t wait;
	unsigned int num;
	unsigned int nslots;
	unsigned long busy[BITS_TO_LONGS(SHOAL_ADMIN_QUEUE_SIZE / 2)];
	struct shoal_cmd *cmds[SHOAL_ADMIN_QUEUE_SIZE / 2];
	u16 avail_idx;
	u16 used_idx;
	void *mem;
	size_t mem_len;
	dma_addr_t mem_dma;
	struct shoal_desc *desc;
	struct shoal_avail *avail;
	struct shoal_used *used;
	struct shoal_slot_mem *slots;
};

int shoal_admin_init(struct shoal *s);
void shoal_admin_free(struct shoal *s);
void shoal_admin_areas(struct shoal *s, u64 *desc, u64 *driver, u64 *device);
irqreturn_t shoal_admin_irq(int irq, void *data);
void shoal_admin_abort(struct shoal *s);
int shoal_cmd_submit(struct shoal *s, struct shoal_cmd *cmd);
int shoal_cmd_wait(struct shoal *s, struct shoal_cmd *cmd);
void shoal_cmd_log(struct shoal *s, const struct shoal_cmd *cmd);
int shoal_exec(struct shoal *s, struct shoal_cmd *cmd);
int shoal_exec_retry(struct shoal *s, struct shoal_cmd *cmd);
int shoal_self_cmd(struct shoal *s, u16 opcode, const void *data, size_t data_len);
int shoal_vdev_cmd(struct shoal_vdev *v, u16 opcode, const void *data, size_t data_len,
		   void *result, size_t result_len);

/* ---- interrupts ---- */

/**
 * struct shoal_vector - one vector whose message managed devices use
 * @shoal: the management device
 * @irq: Linux interrupt; 0 if not requested
 * @nvqs: queues on it
 * @claimed: handed to interrupt bypass: it must never be shared
 * @vqs: those queues, walked by the handler without a lock
 * @msg: message that their slots hold
 * @notify: tells when the affinity, and so the message, changes
 * @name: for /proc/interrupts
 */
struct shoal_vector {
	struct shoal *shoal;
	int irq;
	unsigned int nvqs;
	bool claimed;
	struct list_head vqs;
	struct msi_msg msg;
	struct irq_affinity_notify notify;
	char name[32];
};

struct shoal_vq;

int shoal_irq_init(struct shoal *s);
void shoal_irq_free(struct shoal *s);
struct shoal_vector *shoal_vector_get(struct shoal *s, struct shoal_vq *vq);
void shoal_vector_put(struct shoal *s, struct shoal_vq *vq);
void shoal_irq_refresh(struct shoal *s);
int shoal_irq_module_init(void);
void shoal_irq_module_exit(void);

/* ---- faults ---- */

struct shoal_fault_queue {
	void *mem;
	dma_addr_t dma;
	u32 head;
	u32 lost;
};

int shoal_fault_init(struct shoal *s);
void shoal_fault_enable(struct shoal *s);
void shoal_fault_free(struct shoal *s);
irqreturn_t shoal_fault_irq(int irq, void *data);

/* ---- address spaces ---- */

/* Level of the root table in each mode. */
enum {
	SHOAL_LEVEL_SV39 = 2,
	SHOAL_LEVEL_SV48,
};

struct shoal_pt;

/**
 * struct shoal_as - an address space of a managed device
 * @root: page table; NULL: the space has no ASID of its own
 * @level: level of @root, SHOAL_LEVEL_*
 * @asid: ASID on the device, valid with @root
 * @stale: the IOTLB may hold translations that are gone from the table
 */
struct shoal_as {
	struct shoal_pt *root;
	int level;
	u32 asid;
	bool stale;
};

int shoal_pt_create(struct shoal *s, struct shoal_as *as);
int shoal_pt_grow(struct shoal *s, struct shoal_as *as);
void shoal_pt_destroy(struct shoal *s, struct shoal_as *as);
int shoal_pt_map(struct shoal *s, struct shoal_as *as, u64 iova, u64 size, u64 pa, u32 perm,
		 u64 *done);
void shoal_pt_unlink(struct shoal_as *as, u64 iova, u64 size);
void shoal_pt_reap(struct shoal *s, struct shoal_as *as, u64 iova, u64 size);
u64 shoal_pt_limit(int level);
dma_addr_t shoal_pt_root(const struct shoal_as *as);

int shoal_space_init(struct shoal *s);
u64 shoal_space_last(struct shoal *s);
int shoal_space_map(struct shoal_vdev *v, unsigned int asid, u64 iova, u64 size, u64 pa,
		    u32 perm);
int shoal_space_unmap(struct shoal_vdev *v, unsigned int asid, u64 iova, u64 size);
int shoal_space_reset(struct shoal_vdev *v, unsigned int asid);
int shoal_space_settle(struct shoal_vdev *v);
void shoal_space_free_all(struct shoal_vdev *v);

/* ---- managed devices ---- */

/**
 * struct shoal_vq - a virtqueue of a managed device
 * @vdev: the device
 * @idx: index within it
 * @node: on shoal_vector.vqs
 * @vec: vector whose message it has; NULL if not set up
 * @cb_lock: protects @cb, taken in interrupt context
 * @cb: callback of the client
 * @desc: IOVA of the descriptor table
 * @driver: IOVA of the available ring
 * @device: IOVA of the used ring
 * @num: entries
 * @avail_index: where the queue goes on when it is set up
 * @ready: the device has it
 */
struct shoal_vq {
	struct shoal_vdev *vdev;
	u16 idx;
	struct list_head node;
	struct shoal_vector *vec;
	spinlock_t cb_lock;
	struct vdpa_callback cb;
	u64 desc;
	u64 driver;
	u64 device;
	u32 num;
	u16 avail_index;
	bool ready;
};

/**
 * struct shoal_vdev - a managed device
 * @vdpa: what the vDPA core sees; first, so that the core frees all of it
 * @shoal: the management device
 * @lock: protects everything below but callbacks
 * @type: virtio device type
 * @nvqs: virtqueues
 * @member: member id
 * @vq_base: first virtqueue context
 * @page: doorbell page
 * @doorbell: the same, mapped
 * @dirty: something was set since the last reset
 * @suspended: stopped by suspend
 * @status: device status, as last answered, and NEEDS_RESET when a fault said so
 * @features: features offered
 * @driver_features: features of the driver, sent along with FEATURES_OK
 * @generation: configuration generation
 * @config: configuration space; the device keeps the same bytes and never looks at them
 * @cb_lock: protects @config_cb
 * @config_cb: callback of the client
 * @as: address spaces
 * @group_as: address space of each group of SHOAL_VDPA_*
 * @group_asid: ASID that the device has for each group of SHOAL_GROUP_*
 * @vqs: virtqueues
 */
struct shoal_vdev {
	struct vdpa_device vdpa;
	struct shoal *shoal;
	struct mutex lock;
	u16 type;
	u16 nvqs;
	u32 member;
	u32 vq_base;
	u32 page;
	void __iomem *doorbell;
	bool dirty;
	bool suspended;
	u8 status;
	u64 features;
	u64 driver_features;
	u8 generation;
	u8 config[SHOAL_CONFIG_BYTES];
	spinlock_t cb_lock;
	struct vdpa_callback config_cb;
	struct shoal_as as[SHOAL_VDPA_GROUPS];
	u8 group_as[SHOAL_VDPA_GROUPS];
	u32 group_asid[SHOAL_GROUPS];
	struct shoal_vq vqs[SHOAL_MAX_DEV_VQS];
};

static inline struct shoal_vdev *to_shoal(struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct shoal_vdev, vdpa);
}

static inline bool shoal_vdev_live(const struct shoal_vdev *v)
{
	return v->status & SHOAL_S_DRIVER_OK;
}

extern const struct vdpa_config_ops shoal_vdpa_ops;

void shoal_vdev_init(struct shoal_vdev *v, struct shoal *s);
int shoal_vdev_create(struct shoal_vdev *v);
void shoal_vdev_destroy(struct shoal_vdev *v);
int shoal_vdev_set_stopped(struct shoal_vdev *v, bool stopped);
void shoal_vdev_config_changed(struct shoal_vdev *v);
void shoal_vdev_check(struct shoal_vdev *v);

int shoal_vq_set_address(struct vdpa_device *vdpa, u16 idx, u64 desc, u64 driver, u64 device);
void shoal_vq_set_num(struct vdpa_device *vdpa, u16 idx, u32 num);
void shoal_vq_kick(struct vdpa_device *vdpa, u16 idx);
void shoal_vq_kick_with_data(struct vdpa_device *vdpa, u32 data);
void shoal_vq_set_cb(struct vdpa_device *vdpa, u16 idx, struct vdpa_callback *cb);
void shoal_vq_set_ready(struct vdpa_device *vdpa, u16 idx, bool ready);
bool shoal_vq_get_ready(struct vdpa_device *vdpa, u16 idx);
int shoal_vq_set_state(struct vdpa_device *vdpa, u16 idx, const struct vdpa_vq_state *state);
int shoal_vq_get_state(struct vdpa_device *vdpa, u16 idx, struct vdpa_vq_state *state);
int shoal_vq_get_irq(struct vdpa_device *vdpa, u16 idx);
struct vdpa_notification_area shoal_vq_get_notification(struct vdpa_device *vdpa, u16 idx);
void shoal_vq_forget(struct shoal_vdev *v);
int shoal_vq_stats(struct vdpa_device *vdpa, u16 idx, struct sk_buff *msg,
		   struct netlink_ext_ack *extack);

/* ---- management device ---- */

struct shoal_mgmt;

/**
 * struct shoal - a management device
 * @pdev: its PCI function
 * @regs: BAR of the registers
 * @doorbells: BAR of the doorbell pages
 * @broken: it does not answer; nothing is asked of it any more
 * @caps: its limits and features, from CAPS
 * @admin: admin queue
 * @faults: fault queue
 * @irqs: interrupts of the vectors SHOAL_VEC_*, 0 if not requested
 * @irq_names: their names, for /proc/interrupts
 * @vectors: vectors for managed devices
 * @nvectors: how many
 * @vec_lock: protects the queues' vectors and the messages in their slots
 * @shared_said: it was logged that vectors are shared
 * @refresh: stores changed messages anew
 * @cpuhp: instance of the CPU hotplug state
 * @members: member ids in use
 * @pages: doorbell pages in use
 * @asids: ASIDs in use
 * @vq_map: virtqueue contexts in use
 * @vq_map_lock: protects @vq_map
 * @bare_asid: the ASID in bare mode that kernel clients share
 * @vdevs: managed devices by member id
 * @vdevs_lock: protects @vdevs
 * @net: mgmtdev of network devices
 * @blk: mgmtdev of block devices
 */
struct shoal {
	struct pci_dev *pdev;
	void __iomem *regs;
	void __iomem *doorbells;
	bool broken;
	struct shoal_caps_result caps;
	struct shoal_admin admin;
	struct shoal_fault_queue faults;
	int irqs[SHOAL_VEC_OWN];
	char irq_names[SHOAL_VEC_OWN][32];
	struct shoal_vector *vectors;
	unsigned int nvectors;
	struct mutex vec_lock;
	bool shared_said;
	struct delayed_work refresh;
	struct hlist_node cpuhp;
	struct ida members;
	struct ida pages;
	struct ida asids;
	unsigned long *vq_map;
	struct mutex vq_map_lock;
	u32 bare_asid;
	struct xarray vdevs;
	struct mutex vdevs_lock;
	struct shoal_mgmt *net;
	struct shoal_mgmt *blk;
};

static inline u32 shoal_read(struct shoal *s, u32 reg)
{
	return readl(s->regs + reg);
}

static inline void shoal_write(struct shoal *s, u32 reg, u32 value)
{
	writel(value, s->regs + reg);
}

static inline void shoal_write64(struct shoal *s, u32 lo, u32 hi, u64 value)
{
	shoal_write(s, lo, lower_32_bits(value));
	shoal_write(s, hi, upper_32_bits(value));
}

extern unsigned int shoal_timeout_ms;

void shoal_break(struct shoal *s, const char *why);
int shoal_start(struct shoal *s);
void shoal_stop(struct shoal *s);
irqreturn_t shoal_config_irq(int irq, void *data);

int shoal_mgmt_init(struct shoal *s);
void shoal_mgmt_exit(struct shoal *s);

#endif /* SHOAL_H */
