// SPDX-License-Identifier: GPL-2.0-only
/*
 * Creation and destruction of managed devices (ABI.md sections 6.1 and 6.4), and
 * the ids that they take: member id, virtqueue contexts, doorbell page.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "shoal.h"

void shoal_vdev_init(struct shoal_vdev *v, struct shoal *s)
{
	unsigned int n;

	v->shoal = s;
	mutex_init(&v->lock);
	spin_lock_init(&v->cb_lock);
	for (n = 0; n < ARRAY_SIZE(v->vqs); n++) {
		v->vqs[n].vdev = v;
		v->vqs[n].idx = n;
		spin_lock_init(&v->vqs[n].cb_lock);
	}
	shoal_vdpa_set_dma_dev(&v->vdpa, &s->pdev->dev);
}

static int shoal_take_vqs(struct shoal *s, unsigned int nvqs, u32 *base)
{
	unsigned long queues = le32_to_cpu(s->caps.queues);
	unsigned long at;

	mutex_lock(&s->vq_map_lock);
	at = bitmap_find_next_zero_area(s->vq_map, queues, 0, nvqs, 0);
	if (at < queues)
		bitmap_set(s->vq_map, at, nvqs);
	mutex_unlock(&s->vq_map_lock);
	*base = at;
	return at < queues ? 0 : -ENOSPC;
}

static void shoal_give_vqs(struct shoal *s, unsigned int nvqs, u32 base)
{
	mutex_lock(&s->vq_map_lock);
	bitmap_clear(s->vq_map, base, nvqs);
	mutex_unlock(&s->vq_map_lock);
}

/* Member id, virtqueue contexts, doorbell page. */
static int shoal_take_ids(struct shoal_vdev *v)
{
	struct shoal *s = v->shoal;
	int id, err;

	id = ida_alloc_range(&s->members, 1, le32_to_cpu(s->caps.devices), GFP_KERNEL);
	if (id < 0)
		return id;
	v->member = id;
	id = ida_alloc_max(&s->pages, le32_to_cpu(s->caps.doorbell_pages) - 1, GFP_KERNEL);
	if (id < 0) {
		err = id;
		goto free_member;
	}
	v->page = id;
	v->doorbell = s->doorbells + (size_t)v->page * SHOAL_DOORBELL_PAGE_BYTES;
	err = shoal_take_vqs(s, v->nvqs, &v->vq_base);
	if (err)
		goto free_page;
	return 0;

free_page:
	ida_free(&s->pages, v->page);
free_member:
	ida_free(&s->members, v->member);
	return err;
}

static void shoal_give_ids(struct shoal_vdev *v)
{
	shoal_give_vqs(v->shoal, v->nvqs, v->vq_base);
	ida_free(&v->shoal->pages, v->page);
	ida_free(&v->shoal->members, v->member);
}

/* Makes the device that @v describes. */
int shoal_vdev_create(struct shoal_vdev *v)
{
	struct shoal *s = v->shoal;
	struct shoal_dev_create_data data = {
		.type = cpu_to_le16(v->type),
		.vq_count = cpu_to_le16(v->nvqs),
		.features = cpu_to_le64(v->features),
		.asid_data = cpu_to_le32(s->bare_asid),
		.asid_control = cpu_to_le32(s->bare_asid),
		.asid_rings = cpu_to_le32(s->bare_asid),
	};
	unsigned int n;
	int err;

	err = shoal_take_ids(v);
	if (err)
		return err;
	data.vq_base = cpu_to_le32(v->vq_base);
	data.doorbell_page = cpu_to_le32(v->page);
	for (n = 0; n < SHOAL_GROUPS; n++)
		v->group_asid[n] = s->bare_asid;
	memcpy(data.config, v->config, sizeof(data.config));
	err = shoal_vdev_cmd(v, SHOAL_CMD_DEV_CREATE, &data, sizeof(data), NULL, 0);
	if (err)
		goto give_ids;
	mutex_lock(&s->vdevs_lock);
	err = xa_insert(&s->vdevs, v->member, v, GFP_KERNEL);
	mutex_unlock(&s->vdevs_lock);
	if (!err)
		return 0;
	shoal_vdev_cmd(v, SHOAL_CMD_DEV_DESTROY, NULL, 0, NULL, 0);
give_ids:
	shoal_give_ids(v);
	return err;
}

/* The client is gone; maps may be left. */
void shoal_vdev_destroy(struct shoal_vdev *v)
{
	struct shoal *s = v->shoal;
	int err;

	mutex_lock(&s->vdevs_lock);
	xa_erase(&s->vdevs, v->member);
	mutex_unlock(&s->vdevs_lock);

	mutex_lock(&v->lock);
	err = shoal_vdev_cmd(v, SHOAL_CMD_DEV_DESTROY, NULL, 0, NULL, 0);
	shoal_vq_forget(v);
	if (err && !s->broken) {
		/* It may still use what it has, so that stays taken. */
		dev_err(&v->vdpa.dev, "member %u cannot be destroyed: %d\n", v->member, err);
	} else {
		/* A destroyed device accesses nothing. */
		v->status = 0;
		shoal_space_free_all(v);
		shoal_give_ids(v);
	}
	mutex_unlock(&v->lock);
}
