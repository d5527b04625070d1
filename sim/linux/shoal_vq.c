// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtqueue operations of vdpa_config_ops.
 *
 * Addresses, size and state are kept here until set_vq_ready() sends them in one
 * VQ_SETUP, together with the message of the queue's vector. Callbacks only
 * change in memory: a queue always has its message, and the handler looks
 * whether anybody wants to hear of it.
 */
#include <linux/io.h>
#include <linux/nospec.h>

#include "shoal.h"

static struct shoal_vq *shoal_vq(struct shoal_vdev *v, u16 idx)
{
	return &v->vqs[array_index_nospec(idx, SHOAL_MAX_DEV_VQS)];
}

static bool shoal_vq_bad(struct shoal_vdev *v, u16 idx)
{
	return idx >= v->nvqs;
}

int shoal_vq_set_address(struct vdpa_device *vdpa, u16 idx, u64 desc, u64 driver, u64 device)
{
	struct shoal_vdev *v = to_shoal(vdpa);
	struct shoal_vq *vq = shoal_vq(v, idx);

	if (shoal_vq_bad(v, idx))
		return -EINVAL;
	if (READ_ONCE(vq->ready))
		return -EBUSY;
	vq->desc = desc;
	vq->driver = driver;
	vq->device = device;
	return 0;
}

void shoal_vq_set_num(struct vdpa_device *vdpa, u16 idx, u32 num)
{
	struct shoal_vdev *v = to_shoal(vdpa);

	if (!shoal_vq_bad(v, idx))
		shoal_vq(v, idx)->num = num;
}

/* Any context. A queue that is not there or not ready is no harm to the device. */
void shoal_vq_kick(struct vdpa_device *vdpa, u16 idx)
{
	writel(idx, to_shoal(vdpa)->doorbell);
}

/* The device looks at the index of the queue only. */
void shoal_vq_kick_with_data(struct vdpa_device *vdpa, u32 data)
{
	writel(data, to_shoal(vdpa)->doorbell);
}

/* Any context. */
void shoal_vq_set_cb(struct vdpa_device *vdpa, u16 idx, struct vdpa_callback *cb)
{
	struct shoal_vdev *v = to_shoal(vdpa);
	struct shoal_vq *vq = shoal_vq(v, idx);
	unsigned long flags;

	if (shoal_vq_bad(v, idx))
		return;
	spin_lock_irqsave(&vq->cb_lock, flags);
	vq->cb = cb ? *cb : (struct vdpa_callback) {};
	spin_unlock_irqrestore(&vq->cb_lock, flags);
}

static int shoal_vq_start(struct shoal_vdev *v, struct shoal_vq *vq)
{
	struct shoal *s = v->shoal;
	struct shoal_vq_setup_data data = {
		.vq_index = cpu_to_le16(vq->idx),
		.size = cpu_to_le16(vq->num),
		.group = SHOAL_GROUP_DATA,
		.flags = SHOAL_VQ_READY,
		.last_avail = cpu_to_le16(vq->avail_index),
		.desc = cpu_to_le64(vq->desc),
		.driver = cpu_to_le64(vq->driver),
		.device = cpu_to_le64(vq->device),
		/* Nothing is in flight, so both indices are one; vDPA keeps one. */
		.used_idx = cpu_to_le16(vq->avail_index),
	};
	struct shoal_vector *vec;
	int err;

	if (vq->num > U16_MAX)
		return -EINVAL;
	/* The message must not change between here and the slot. */
	mutex_lock(&s->vec_lock);
	vec = shoal_vector_get(s, vq);
	if (vec) {
		data.msi_ctrl = cpu_to_le32(SHOAL_MSI_VALID);
		data.msi_address = cpu_to_le64((u64)vec->msg.address_hi << 32 |
					       vec->msg.address_lo);
		data.msi_data = cpu_to_le32(vec->msg.data);
	}
	err = shoal_vdev_cmd(v, SHOAL_CMD_VQ_SETUP, &data, sizeof(data), NULL, 0);
	mutex_unlock(&s->vec_lock);
	if (err)
		shoal_vector_put(s, vq);
	return err;
}

static int shoal_vq_state(struct shoal_vdev *v, u16 idx, u16 *avail_index)
{
	struct shoal_vq_state_get_data data = { .vq_index = cpu_to_le16(idx) };
	struct shoal_vq_state_get_result state;
	int err;

	err = shoal_vdev_cmd(v, SHOAL_CMD_VQ_STATE_GET, &data, sizeof(data), &state,
			     sizeof(state));
	/*
	 * Chains are processed one by one and in order: where the two indices
	 * differ a chain is under way, which will be processed again.
	 */
	if (!err)
		*avail_index = le16_to_cpu(state.used_idx);
	return err;
}

/* VQ_RESET forgets the ring state, so that is read first, in a short stop. */
static int shoal_vq_stop(struct shoal_vdev *v, struct shoal_vq *vq)
{
	struct shoal_vq_reset_data data = { .vq_index = cpu_to_le16(vq->idx) };
	bool stop = shoal_vdev_live(v) && !v->suspended && !(v->status & SHOAL_S_NEEDS_RESET);
	u16 avail_index = vq->avail_index;
	int err;

	if (stop && shoal_vdev_set_stopped(v, true))
		stop = false;
	shoal_vq_state(v, vq->idx, &avail_index);
	err = shoal_vdev_cmd(v, SHOAL_CMD_VQ_RESET, &data, sizeof(data), NULL, 0);
	if (stop)
		shoal_vdev_set_stopped(v, false);
	if (err && !v->shoal->broken)
		return err;
	vq->avail_index = avail_index;
	shoal_vector_put(v->shoal, vq);
	return 0;
}

void shoal_vq_set_ready(struct vdpa_device *vdpa, u16 idx, bool ready)
{
	struct shoal_vdev *v = to_shoal(vdpa);
	struct shoal_vq *vq = shoal_vq(v, idx);
	int err = 0;

	if (shoal_vq_bad(v, idx))
		return;
	mutex_lock(&v->lock);
	if (vq->ready != ready) {
		v->dirty = true;
		err = ready ? shoal_vq_start(v, vq) : shoal_vq_stop(v, vq);
		if (!err)
			WRITE_ONCE(vq->ready, ready);
	}
	mutex_unlock(&v->lock);
	if (err && !v->shoal->broken)
		dev_err(&vdpa->dev, "queue %u cannot be %s: %d\n", idx,
			ready ? "set up" : "stopped", err);
}

bool shoal_vq_get_ready(struct vdpa_device *vdpa, u16 idx)
{
	struct shoal_vdev *v = to_shoal(vdpa);

	return !shoal_vq_bad(v, idx) && READ_ONCE(shoal_vq(v, idx)->ready);
}

int shoal_vq_set_state(struct vdpa_device *vdpa, u16 idx, const struct vdpa_vq_state *state)
{
	struct shoal_vdev *v = to_shoal(vdpa);
	struct shoal_vq *vq = shoal_vq(v, idx);

	if (shoal_vq_bad(v, idx))
		return -EINVAL;
	if (READ_ONCE(vq->ready))
		return -EBUSY;
	vq->avail_index = state->split.avail_index;
	return 0;
}

/* Exact while the device is suspended or the queue not ready. */
int shoal_vq_get_state(struct vdpa_device *vdpa, u16 idx, struct vdpa_vq_state *state)
{
	struct shoal_vdev *v = to_shoal(vdpa);
	struct shoal_vq *vq = shoal_vq(v, idx);
	u16 avail_index;
	int err = 0;

	if (shoal_vq_bad(v, idx))
		return -EINVAL;
	mutex_lock(&v->lock);
	avail_index = vq->avail_index;
	if (vq->ready)
		err = shoal_vq_state(v, idx, &avail_index);
	mutex_unlock(&v->lock);
	state->split.avail_index = avail_index;
	return err;
}

/*
 * The interrupt of a queue that has it alone. It may now be delivered without the
 * handler, so nobody else gets the vector. Some are kept for everybody else.
 */
int shoal_vq_get_irq(struct vdpa_device *vdpa, u16 idx)
{
	struct shoal_vdev *v = to_shoal(vdpa);
	struct shoal *s = v->shoal;
	struct shoal_vector *vec;
	unsigned int n, left = 0;
	int irq = -EINVAL;

	if (shoal_vq_bad(v, idx))
		return irq;
	mutex_lock(&s->vec_lock);
	vec = shoal_vq(v, idx)->vec;
	for (n = 0; n < s->nvectors; n++)
		left += !s->vectors[n].claimed;
	if (vec && vec->nvqs == 1 && (vec->claimed || left > s->nvectors / 2)) {
		vec->claimed = true;
		irq = vec->irq;
	}
	mutex_unlock(&s->vec_lock);
	return irq;
}

/* The page belongs to this device alone and can be given to its client. */
struct vdpa_notification_area shoal_vq_get_notification(struct vdpa_device *vdpa, u16 idx)
{
	struct shoal_vdev *v = to_shoal(vdpa);
	struct vdpa_notification_area area = {
		.addr = pci_resource_start(v->shoal->pdev, SHOAL_PCI_BAR_DOORBELLS) +
			(resource_size_t)v->page * SHOAL_DOORBELL_PAGE_BYTES,
		.size = SHOAL_DOORBELL_PAGE_BYTES,
	};

	return area;
}

/* The device has been reset: no queue is ready, no slot valid, no callback wanted. */
void shoal_vq_forget(struct shoal_vdev *v)
{
	unsigned int n;

	for (n = 0; n < v->nvqs; n++) {
		struct shoal_vq *vq = &v->vqs[n];

		shoal_vector_put(v->shoal, vq);
		shoal_vq_set_cb(&v->vdpa, n, NULL);
		vq->avail_index = 0;
		WRITE_ONCE(vq->ready, false);
	}
}
