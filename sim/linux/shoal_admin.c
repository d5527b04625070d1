// SPDX-License-Identifier: GPL-2.0-only
/*
 * The admin queue: a split virtqueue of commands (ABI.md section 4), many of
 * them in flight, completed by interrupt.
 *
 * Slot n owns descriptors 2n (readable part) and 2n + 1 (writable part) and a
 * piece of coherent memory for both. A slot whose command timed out stays busy:
 * the device may still write to it.
 */
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "shoal.h"

struct shoal_desc {
	__le64 addr;
	__le32 len;
	__le16 flags;
	__le16 next;
};

struct shoal_avail {
	__le16 flags;
	__le16 idx;
	__le16 ring[];
};

struct shoal_used_elem {
	__le32 id;
	__le32 len;
};

struct shoal_used {
	__le16 flags;
	__le16 idx;
	struct shoal_used_elem ring[];
};

struct shoal_cmd_header {
	__le16 opcode;
	__le16 group_type;
	u8 reserved[12];
	__le64 group_member_id;
};

struct shoal_result_header {
	__le16 status;
	__le16 status_qualifier;
	__le32 reserved;
};

#define SHOAL_PART_BYTES 128

struct shoal_slot_mem {
	union {
		struct shoal_cmd_header header;
		u8 bytes[SHOAL_PART_BYTES];
	} in;
	union {
		struct shoal_result_header header;
		u8 bytes[SHOAL_PART_BYTES];
	} out;
};

static_assert(sizeof(struct shoal_desc) == SHOAL_DESC_BYTES);
static_assert(offsetof(struct shoal_avail, idx) == SHOAL_AVAIL_IDX);
static_assert(offsetof(struct shoal_avail, ring) == SHOAL_AVAIL_RING);
static_assert(offsetof(struct shoal_used, idx) == SHOAL_USED_IDX);
static_assert(offsetof(struct shoal_used, ring) == SHOAL_USED_RING);
static_assert(sizeof(struct shoal_used_elem) == SHOAL_USED_ELEM_BYTES);
static_assert(sizeof(struct shoal_cmd_header) == SHOAL_HEADER_BYTES);
static_assert(sizeof(struct shoal_result_header) == SHOAL_RESULT_HEADER_BYTES);
static_assert(SHOAL_PART_BYTES <= SHOAL_COMMAND_BYTES);
static_assert(SHOAL_HEADER_BYTES + sizeof(struct shoal_dev_create_data) <= SHOAL_PART_BYTES);

int shoal_admin_init(struct shoal *s)
{
	struct shoal_admin *a = &s->admin;
	size_t avail, used, slots;

	spin_lock_init(&a->lock);
	init_waitqueue_head(&a->wait);
	a->num = SHOAL_ADMIN_QUEUE_SIZE;
	a->nslots = a->num / 2;

	avail = a->num * sizeof(*a->desc);
	used = ALIGN(avail + struct_size(a->avail, ring, a->num + 1), sizeof(__le32));
	slots = ALIGN(used + struct_size(a->used, ring, a->num + 1), SHOAL_PART_BYTES);
	a->mem_len = slots + a->nslots * sizeof(*a->slots);
	a->mem = dma_alloc_coherent(&s->pdev->dev, a->mem_len, &a->mem_dma, GFP_KERNEL);
	if (!a->mem)
		return -ENOMEM;
	a->desc = a->mem;
	a->avail = a->mem + avail;
	a->used = a->mem + used;
	a->slots = a->mem + slots;
	return 0;
}

void shoal_admin_free(struct shoal *s)
{
	struct shoal_admin *a = &s->admin;

	dma_free_coherent(&s->pdev->dev, a->mem_len, a->mem, a->mem_dma);
	a->mem = NULL;
}

void shoal_admin_areas(struct shoal *s, u64 *desc, u64 *driver, u64 *device)
{
	struct shoal_admin *a = &s->admin;

	*desc = a->mem_dma;
	*driver = a->mem_dma + ((void *)a->avail - a->mem);
	*device = a->mem_dma + ((void *)a->used - a->mem);
}

static int shoal_errno(u16 status)
{
	switch (status) {
	case SHOAL_STATUS_OK:
		return 0;
	case SHOAL_STATUS_EAGAIN:
		return -EAGAIN;
	case SHOAL_STATUS_EBUSY:
		return -EBUSY;
	case SHOAL_STATUS_EEXIST:
		return -EEXIST;
	case SHOAL_STATUS_EINVAL:
		return -EINVAL;
	default:
		return -EPROTO;
	}
}

/* The device has returned @slot with @len bytes written. */
static void shoal_slot_done(struct shoal_admin *a, unsigned int slot, u32 len)
{
	struct shoal_slot_mem *mem = &a->slots[slot];
	struct shoal_cmd *cmd = a->cmds[slot];
	size_t n;

	if (cmd && len < sizeof(mem->out.header)) {
		cmd->err = -EPROTO;
	} else if (cmd) {
		cmd->status = le16_to_cpu(mem->out.header.status);
		cmd->qualifier = le16_to_cpu(mem->out.header.status_qualifier);
		cmd->err = shoal_errno(cmd->status);
		n = min_t(size_t, len - sizeof(mem->out.header), cmd->result_len);
		if (!cmd->err && cmd->result_len) {
			memset(cmd->result, 0, cmd->result_len);
			memcpy(cmd->result, &mem->out.header + 1, n);
		}
	}
	a->cmds[slot] = NULL;
	__clear_bit(slot, a->busy);
	if (cmd)
		complete(&cmd->done);
}

/* Takes what the device has used; false if a used element makes no sense. Under the lock. */
static bool shoal_admin_reap(struct shoal_admin *a)
{
	u16 idx = le16_to_cpu(READ_ONCE(a->used->idx));

	/* Elements and results are read after the index that announces them. */
	dma_rmb();
	while (a->used_idx != idx) {
		struct shoal_used_elem *e = &a->used->ring[a->used_idx % a->num];
		u32 id = le32_to_cpu(e->id);
		u32 len = le32_to_cpu(e->len);

		if (id >= a->num || id % 2 || !test_bit(id / 2, a->busy) ||
		    len > SHOAL_PART_BYTES)
			return false;
		shoal_slot_done(a, id / 2, len);
		a->used_idx++;
	}
	return true;
}

irqreturn_t shoal_admin_irq(int irq, void *data)
{
	struct shoal *s = data;
	struct shoal_admin *a = &s->admin;
	unsigned long flags;
	bool sane;

	spin_lock_irqsave(&a->lock, flags);
	sane = s->broken || shoal_admin_reap(a);
	spin_unlock_irqrestore(&a->lock, flags);
	if (!sane)
		shoal_break(s, "the admin queue returned a descriptor that it did not have");
	wake_up_all(&a->wait);
	return IRQ_HANDLED;
}

/* Ends every command in flight: the device is broken and answers no more. */
void shoal_admin_abort(struct shoal *s)
{
	struct shoal_admin *a = &s->admin;
	unsigned long flags;
	unsigned int n;

	spin_lock_irqsave(&a->lock, flags);
	for (n = 0; n < a->nslots; n++) {
		if (!a->cmds[n])
			continue;
		a->cmds[n]->err = -EIO;
		complete(&a->cmds[n]->done);
		a->cmds[n] = NULL;
	}
	spin_unlock_irqrestore(&a->lock, flags);
	wake_up_all(&a->wait);
}

/* Puts the command into a free slot and the slot into the ring. False: no slot is free. */
static bool shoal_cmd_try_submit(struct shoal *s, struct shoal_cmd *cmd)
{
	struct shoal_admin *a = &s->admin;
	struct shoal_slot_mem *mem;
	unsigned long flags;
	unsigned int slot;
	dma_addr_t dma;

	spin_lock_irqsave(&a->lock, flags);
	slot = find_first_zero_bit(a->busy, a->nslots);
	if (slot == a->nslots || s->broken) {
		spin_unlock_irqrestore(&a->lock, flags);
		return false;
	}
	__set_bit(slot, a->busy);
	a->cmds[slot] = cmd;
	cmd->slot = slot;

	mem = &a->slots[slot];
	memset(mem, 0, sizeof(*mem));
	mem->in.header.opcode = cpu_to_le16(cmd->opcode);
	mem->in.header.group_type = cpu_to_le16(cmd->group);
	mem->in.header.group_member_id = cpu_to_le64(cmd->member);
	memcpy(&mem->in.bytes[SHOAL_HEADER_BYTES], cmd->data, cmd->data_len);

	dma = a->mem_dma + ((void *)mem - a->mem);
	a->desc[2 * slot] = (struct shoal_desc) {
		.addr = cpu_to_le64(dma + offsetof(struct shoal_slot_mem, in)),
		.len = cpu_to_le32(round_up(SHOAL_HEADER_BYTES + cmd->data_len, 8)),
		.flags = cpu_to_le16(SHOAL_DESC_F_NEXT),
		.next = cpu_to_le16(2 * slot + 1),
	};
	a->desc[2 * slot + 1] = (struct shoal_desc) {
		.addr = cpu_to_le64(dma + offsetof(struct shoal_slot_mem, out)),
		.len = cpu_to_le32(round_up(SHOAL_RESULT_HEADER_BYTES + cmd->result_len, 8)),
		.flags = cpu_to_le16(SHOAL_DESC_F_WRITE),
	};
	a->avail->ring[a->avail_idx % a->num] = cpu_to_le16(2 * slot);
	/* Descriptors and ring entry come before the index that offers them. */
	dma_wmb();
	WRITE_ONCE(a->avail->idx, cpu_to_le16(++a->avail_idx));
	spin_unlock_irqrestore(&a->lock, flags);

	/* writel() orders the ring before the notification. */
	shoal_write(s, SHOAL_REG_NOTIFY, 0);
	return true;
}

/**
 * shoal_cmd_submit - sends a command
 * @s: management device
 * @cmd: the command; it and its result stay untouched until shoal_cmd_wait()
 *
 * Sleeps while all slots are taken.
 *
 * Return: 0, then shoal_cmd_wait() must be called; -EIO or -ETIMEDOUT from a
 * broken device.
 */
int shoal_cmd_submit(struct shoal *s, struct shoal_cmd *cmd)
{
	bool sent = false;

	if (WARN_ON(cmd->data_len > SHOAL_PART_BYTES - SHOAL_HEADER_BYTES ||
		    cmd->result_len > SHOAL_PART_BYTES - SHOAL_RESULT_HEADER_BYTES))
		return -EINVAL;
	init_completion(&cmd->done);
	cmd->err = -EIO;
	wait_event_timeout(s->admin.wait,
			   READ_ONCE(s->broken) || (sent = shoal_cmd_try_submit(s, cmd)),
			   msecs_to_jiffies(shoal_timeout_ms));
	if (sent)
		return 0;
	if (READ_ONCE(s->broken))
		return -EIO;
	shoal_break(s, "the admin queue is full and nothing completes");
	return -ETIMEDOUT;
}

/**
 * shoal_cmd_wait - waits for the answer of a command
 * @s: management device
 * @cmd: a command that shoal_cmd_submit() has sent
 *
 * Return: 0, what the device refused with, or -ETIMEDOUT; the device then counts
 * as broken.
 */
int shoal_cmd_wait(struct shoal *s, struct shoal_cmd *cmd)
{
	struct shoal_admin *a = &s->admin;
	unsigned long flags;
	bool late;

	if (wait_for_completion_timeout(&cmd->done, msecs_to_jiffies(shoal_timeout_ms)))
		goto done;

	/* An answer without its interrupt is worth knowing from no answer. */
	spin_lock_irqsave(&a->lock, flags);
	shoal_admin_reap(a);
	late = completion_done(&cmd->done);
	if (!late && a->cmds[cmd->slot] == cmd)
		a->cmds[cmd->slot] = NULL;
	spin_unlock_irqrestore(&a->lock, flags);
	wake_up_all(&a->wait);
	if (!late) {
		dev_err(&s->pdev->dev,
			"command 0x%02x (group 0x%x, member %u): no answer in %u ms\n",
			cmd->opcode, cmd->group, cmd->member, shoal_timeout_ms);
		shoal_break(s, "an admin command timed out");
		return -ETIMEDOUT;
	}
	dev_warn_ratelimited(&s->pdev->dev, "command 0x%02x was answered without an interrupt\n",
			     cmd->opcode);
done:
	if (cmd->err && !cmd->quiet)
		shoal_cmd_log(s, cmd);
	return cmd->err;
}
