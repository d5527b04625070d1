// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fault queue (ABI.md section 10): records of devices that were put into
 * DEVICE_NEEDS_RESET. A record is logged, and its device asked for its status,
 * since it may have been reset meanwhile. Devices have no configuration message:
 * the fault queue tells the only change that does not come from this driver.
 */
#include <linux/bitfield.h>
#include <linux/dma-mapping.h>
#include <linux/ratelimit.h>

#include "shoal.h"

/* The most that FQ_CTRL takes. */
#define SHOAL_FQ_RECORDS BIT(SHOAL_FQ_LOG2_MAX)

struct shoal_fault {
	__le64 what;
	__le64 vq;
	__le64 iova;
	__le64 reserved;
};

static_assert(sizeof(struct shoal_fault) == SHOAL_FAULT_BYTES);

static const char *shoal_cause(u16 cause)
{
	switch (cause) {
	case SHOAL_CAUSE_READ_ACCESS:
		return "read access";
	case SHOAL_CAUSE_WRITE_ACCESS:
		return "write access";
	case SHOAL_CAUSE_READ_PAGE:
		return "read page fault";
	case SHOAL_CAUSE_WRITE_PAGE:
		return "write page fault";
	case SHOAL_CAUSE_ASID_OFF:
		return "ASID off";
	case SHOAL_CAUSE_TABLE_ACCESS:
		return "page table access";
	case SHOAL_CAUSE_AVAIL_JUMP:
		return "avail.idx too far ahead";
	case SHOAL_CAUSE_DESC_INDEX:
		return "descriptor index out of range";
	case SHOAL_CAUSE_CHAIN_LONG:
		return "chain longer than the queue";
	case SHOAL_CAUSE_DESC_ORDER:
		return "readable descriptor after a writable one";
	case SHOAL_CAUSE_INDIRECT:
		return "misplaced INDIRECT";
	case SHOAL_CAUSE_INDIRECT_TABLE:
		return "bad indirect table";
	case SHOAL_CAUSE_CHAIN_BYTES:
		return "chain of too many bytes";
	default:
		return "unknown cause";
	}
}

int shoal_fault_init(struct shoal *s)
{
	s->faults.mem = dma_alloc_coherent(&s->pdev->dev, SHOAL_FQ_RECORDS * SHOAL_FAULT_BYTES,
					   &s->faults.dma, GFP_KERNEL);
	return s->faults.mem ? 0 : -ENOMEM;
}

void shoal_fault_enable(struct shoal *s)
{
	struct shoal_fault_queue *q = &s->faults;

	shoal_write(s, SHOAL_REG_FQ_CTRL, 0);
	shoal_write64(s, SHOAL_REG_FQ_BASE_LO, SHOAL_REG_FQ_BASE_HI, q->dma);
	/* The tail stands over a change of FQ_CTRL: start where it is. */
	q->head = shoal_read(s, SHOAL_REG_FQ_TAIL) % SHOAL_FQ_RECORDS;
	q->lost = shoal_read(s, SHOAL_REG_FQ_LOST);
	shoal_write(s, SHOAL_REG_FQ_HEAD, q->head);
	shoal_write(s, SHOAL_REG_FQ_CTRL,
		    SHOAL_FQ_ENABLE | SHOAL_FQ_LOG2_MAX << SHOAL_FQ_LOG2_LSB |
		    SHOAL_VEC_FAULT << SHOAL_FQ_VECTOR_LSB);
}

/* The device must not write any more. */
void shoal_fault_free(struct shoal *s)
{
	dma_free_coherent(&s->pdev->dev, SHOAL_FQ_RECORDS * SHOAL_FAULT_BYTES, s->faults.mem,
			  s->faults.dma);
}

static void shoal_fault_one(struct shoal *s, const struct shoal_fault *f)
{
	static DEFINE_RATELIMIT_STATE(rs, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
	u64 what = le64_to_cpu(f->what);
	u32 member = FIELD_GET(SHOAL_FAULT_MEMBER_MASK, what);
	u16 cause = FIELD_GET(SHOAL_FAULT_CAUSE_MASK, what);
	struct shoal_vdev *v;

	mutex_lock(&s->vdevs_lock);
	v = xa_load(&s->vdevs, member);
	if (__ratelimit(&rs))
		dev_err(&s->pdev->dev,
			"fault of member %u (%s) queue %llu: %s (%u) on a %s at IOVA 0x%llx, ASID %llu\n",
			member, v ? dev_name(&v->vdpa.dev) : "gone",
			le64_to_cpu(f->vq) & SHOAL_FAULT_VQ_MASK, shoal_cause(cause), cause,
			FIELD_GET(SHOAL_FAULT_ACCESS_MASK, what) == SHOAL_FAULT_WRITE ? "write" : "read",
			le64_to_cpu(f->iova), FIELD_GET(SHOAL_FAULT_ASID_MASK, what));
	if (v)
		shoal_vdev_check(v);
	mutex_unlock(&s->vdevs_lock);
}

/* Records were lost: any device can be concerned. */
static void shoal_fault_check_all(struct shoal *s)
{
	struct shoal_vdev *v;
	unsigned long member;

	mutex_lock(&s->vdevs_lock);
	xa_for_each(&s->vdevs, member, v)
		shoal_vdev_check(v);
	mutex_unlock(&s->vdevs_lock);
}

/* Threaded: it reads registers and sends commands. */
irqreturn_t shoal_fault_irq(int irq, void *data)
{
	struct shoal *s = data;
	struct shoal_fault_queue *q = &s->faults;
	struct shoal_fault *records = q->mem;
	u32 tail, lost;

	while (!s->broken) {
		tail = shoal_read(s, SHOAL_REG_FQ_TAIL);
		if (PCI_POSSIBLE_ERROR(tail) || tail % SHOAL_FQ_RECORDS == q->head)
			break;
		/* Records are read after the register that announces them. */
		dma_rmb();
		while (q->head != tail % SHOAL_FQ_RECORDS) {
			shoal_fault_one(s, &records[q->head]);
			q->head = (q->head + 1) % SHOAL_FQ_RECORDS;
		}
		shoal_write(s, SHOAL_REG_FQ_HEAD, q->head);
	}
	if (s->broken)
		return IRQ_HANDLED;
	lost = shoal_read(s, SHOAL_REG_FQ_LOST);
	if (lost != q->lost && !PCI_POSSIBLE_ERROR(lost)) {
		dev_warn_ratelimited(&s->pdev->dev, "%u fault records lost\n", lost - q->lost);
		q->lost = lost;
		shoal_fault_check_all(s);
	}
	return IRQ_HANDLED;
}
