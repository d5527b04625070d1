// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address spaces of managed devices (ABI.md section 7).
 *
 * A kernel client (virtio_vdpa) gives DMA addresses: all such devices share one
 * ASID in bare mode. Any other client maps what its device may reach: its
 * address spaces have ASIDs and page tables of their own, made by the first
 * dma_map or, if there is none, empty when the device starts. So pass-through is
 * never in the hands of a user process.
 *
 * A device without DRIVER_OK accesses nothing, since its last reset has drained
 * it. Invalidations are then put off until it starts (shoal_as.stale).
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "shoal.h"

static int shoal_asid_set(struct shoal *s, u32 asid, u32 mode, u64 root)
{
	struct shoal_asid_set_data data = {
		.asid = cpu_to_le32(asid),
		.flags = cpu_to_le32(mode),
		.root = cpu_to_le64(root),
	};

	return shoal_self_cmd(s, SHOAL_CMD_ASID_SET, &data, sizeof(data));
}

/* Drops translations of an ASID, of all of it if @size is 0. */
static int shoal_invalidate(struct shoal *s, u32 asid, u64 iova, u64 size)
{
	struct shoal_iotlb_invalidate_data data = {
		.kind = cpu_to_le32(size ? SHOAL_IOTLB_RANGE : SHOAL_IOTLB_ASID),
		.asid = cpu_to_le32(asid),
		.iova = cpu_to_le64(iova),
		.len = cpu_to_le64(size),
	};
	struct shoal_cmd cmd = {
		.opcode = SHOAL_CMD_IOTLB_INVALIDATE,
		.group = SHOAL_GROUP_SELF,
		.data = &data,
		.data_len = sizeof(data),
	};
	int err = shoal_exec_retry(s, &cmd);

	/* Memory is about to be freed whatever happens: the device must not reach it. */
	if (err)
		shoal_break(s, "translations cannot be dropped");
	return err;
}

static u32 shoal_as_mode(const struct shoal_as *as)
{
	return as->level == SHOAL_LEVEL_SV39 ? SHOAL_MODE_SV39 : SHOAL_MODE_SV48;
}

/* Gives the space an ASID with an empty table. */
static int shoal_as_create(struct shoal *s, struct shoal_as *as)
{
	int asid, err;

	asid = ida_alloc_max(&s->asids, le32_to_cpu(s->caps.asids) - 1, GFP_KERNEL);
	if (asid < 0)
		return asid;
	err = shoal_pt_create(s, as);
	if (err)
		goto free_asid;
	/* Who had the ASID before has invalidated it. */
	err = shoal_asid_set(s, asid, shoal_as_mode(as), shoal_pt_root(as));
	if (err)
		goto free_table;
	as->asid = asid;
	as->stale = false;
	return 0;

free_table:
	shoal_pt_destroy(s, as);
free_asid:
	ida_free(&s->asids, asid);
	return err;
}

/* Takes the ASID back. No group of a live device may have it. */
static void shoal_as_free(struct shoal *s, struct shoal_as *as)
{
	int err;

	if (!as->root)
		return;
	err = shoal_asid_set(s, as->asid, SHOAL_MODE_OFF, 0);
	if (!err)
		err = shoal_invalidate(s, as->asid, 0, 0);
	else
		shoal_break(s, "an address space cannot be switched off");
	shoal_pt_destroy(s, as);
	if (!err)
		ida_free(&s->asids, as->asid);
	as->stale = false;
}

int shoal_space_init(struct shoal *s)
{
	u32 needed = BIT(SHOAL_MODE_BARE);
	u32 tables = BIT(SHOAL_MODE_SV39) | BIT(SHOAL_MODE_SV48);
	u32 modes = le32_to_cpu(s->caps.modes);
	int asid;

	if ((modes & needed) != needed || !(modes & tables))
		return dev_err_probe(&s->pdev->dev, -ENODEV, "modes 0x%x do not suffice\n", modes);
	asid = ida_alloc_max(&s->asids, le32_to_cpu(s->caps.asids) - 1, GFP_KERNEL);
	if (asid < 0)
		return asid;
	s->bare_asid = asid;
	return shoal_asid_set(s, asid, SHOAL_MODE_BARE, 0);
}

/* Last IOVA that can be mapped. */
u64 shoal_space_last(struct shoal *s)
{
	bool sv48 = le32_to_cpu(s->caps.modes) & BIT(SHOAL_MODE_SV48);

	return shoal_pt_limit(sv48 ? SHOAL_LEVEL_SV48 : SHOAL_LEVEL_SV39) - 1;
}

/* Kernel clients map for themselves, by the DMA API. */
static bool shoal_kernel_client(const struct shoal_vdev *v)
{
	const struct device_driver *drv = v->vdpa.dev.driver;

	return drv && !strcmp(drv->name, "virtio_vdpa");
}

static int shoal_bind_group(struct shoal_vdev *v, unsigned int group, u32 asid)
{
	struct shoal_group_asid_set_data data = {
		.group = cpu_to_le32(group),
		.asid = cpu_to_le32(asid),
	};
	int err;

	if (v->group_asid[group] == asid)
		return 0;
	err = shoal_vdev_cmd(v, SHOAL_CMD_GROUP_ASID_SET, &data, sizeof(data), NULL, 0);
	if (!err)
		v->group_asid[group] = asid;
	return err;
}

static int shoal_bind_groups(struct shoal_vdev *v)
{
	bool kernel = shoal_kernel_client(v);
	unsigned int g;
	int err;

	for (g = 0; g < SHOAL_GROUPS; g++) {
		unsigned int from = g == SHOAL_GROUP_RINGS ? SHOAL_VDPA_RINGS : SHOAL_VDPA_BUFFERS;
		const struct shoal_as *as = &v->as[v->group_as[from]];

		err = shoal_bind_group(v, g, kernel ? v->shoal->bare_asid : as->asid);
		if (err)
			return err;
	}
	return 0;
}

/**
 * shoal_space_settle - makes the device's groups use what their client has set up
 * @v: device, locked, about to get DRIVER_OK or with DRIVER_OK
 *
 * Return: 0 or -errno.
 */
int shoal_space_settle(struct shoal_vdev *v)
{
	bool stop = shoal_vdev_live(v) && !v->suspended;
	unsigned int n;
	int err, resumed;

	if (!shoal_kernel_client(v)) {
		for (n = 0; n < ARRAY_SIZE(v->group_as); n++) {
			struct shoal_as *as = &v->as[v->group_as[n]];

			err = as->root ? 0 : shoal_as_create(v->shoal, as);
			if (err)
				return err;
		}
	}
	for (n = 0; n < ARRAY_SIZE(v->as); n++) {
		struct shoal_as *as = &v->as[n];

		if (!as->root || !as->stale)
			continue;
		err = shoal_invalidate(v->shoal, as->asid, 0, 0);
		if (err)
			return err;
		as->stale = false;
	}
	if (!stop)
		return shoal_bind_groups(v);

	/* A group is bound anew only while nothing is under way. */
	err = shoal_vdev_set_stopped(v, true);
	if (err)
		return err;
	err = shoal_bind_groups(v);
	resumed = shoal_vdev_set_stopped(v, false);
	return err ?: resumed;
}

/* What was unlinked before is given back once no translation of it is left. */
static void shoal_space_release(struct shoal_vdev *v, struct shoal_as *as, u64 iova, u64 size)
{
	bool all = size == shoal_pt_limit(as->level);

	if (shoal_vdev_live(v))
		shoal_invalidate(v->shoal, as->asid, iova, all ? 0 : size);
	else
		as->stale = true;
	shoal_pt_reap(v->shoal, as, iova, size);
}

static int shoal_space_check(struct shoal_vdev *v, unsigned int asid, u64 iova, u64 size)
{
	if (asid >= ARRAY_SIZE(v->as) || !size || !IS_ALIGNED(iova | size, PAGE_SIZE))
		return -EINVAL;
	if (iova > shoal_space_last(v->shoal) || size - 1 > shoal_space_last(v->shoal) - iova)
		return -ERANGE;
	return 0;
}

int shoal_space_map(struct shoal_vdev *v, unsigned int asid, u64 iova, u64 size, u64 pa,
		    u32 perm)
{
	int err = shoal_space_check(v, asid, iova, size);
	struct shoal_as *as;
	bool fresh;
	u64 done;

	if (err)
		return err;
	if (!IS_ALIGNED(pa, PAGE_SIZE))
		return -EINVAL;
	mutex_lock(&v->lock);
	as = &v->as[asid];
	fresh = !as->root;
	err = fresh ? shoal_as_create(v->shoal, as) : 0;
	if (!err && iova + size > shoal_pt_limit(as->level)) {
		err = shoal_pt_grow(v->shoal, as);
		if (!err)
			err = shoal_asid_set(v->shoal, as->asid, shoal_as_mode(as),
					     shoal_pt_root(as));
		if (!err)
			err = shoal_invalidate(v->shoal, as->asid, 0, 0);
	}
	if (!err) {
		err = shoal_pt_map(v->shoal, as, iova, size, pa, perm, &done);
		if (err && done) {
			shoal_pt_unlink(as, iova, done);
			shoal_space_release(v, as, iova, done);
		}
	}
	/* A device that runs already gets the space now, others when they start. */
	if (!err && fresh && shoal_vdev_live(v))
		err = shoal_space_settle(v);
	mutex_unlock(&v->lock);
	return err;
}

int shoal_space_unmap(struct shoal_vdev *v, unsigned int asid, u64 iova, u64 size)
{
	int err = shoal_space_check(v, asid, iova, size);
	struct shoal_as *as;

	if (err)
		return err;
	mutex_lock(&v->lock);
	as = &v->as[asid];
	if (as->root && iova < shoal_pt_limit(as->level)) {
		size = min(size, shoal_pt_limit(as->level) - iova);
		shoal_pt_unlink(as, iova, size);
		shoal_space_release(v, as, iova, size);
	}
	mutex_unlock(&v->lock);
	return 0;
}

/*
 * Back to the default: pass-through when a kernel client starts the device. While
 * the device runs the space stays, but empty.
 */
int shoal_space_reset(struct shoal_vdev *v, unsigned int asid)
{
	struct shoal_as *as;
	unsigned int g;
	int err = 0;

	if (asid >= ARRAY_SIZE(v->as))
		return -EINVAL;
	mutex_lock(&v->lock);
	as = &v->as[asid];
	if (as->root && shoal_vdev_live(v)) {
		shoal_pt_unlink(as, 0, shoal_pt_limit(as->level));
		shoal_space_release(v, as, 0, shoal_pt_limit(as->level));
	} else if (as->root) {
		for (g = 0; g < SHOAL_GROUPS && !err; g++) {
			if (v->group_asid[g] == as->asid)
				err = shoal_bind_group(v, g, v->shoal->bare_asid);
		}
		if (err)
			shoal_break(v->shoal, "a group cannot be bound");
		shoal_as_free(v->shoal, as);
	}
	mutex_unlock(&v->lock);
	return err;
}

/* The device is destroyed. */
void shoal_space_free_all(struct shoal_vdev *v)
{
	unsigned int n;

	for (n = 0; n < ARRAY_SIZE(v->as); n++)
		shoal_as_free(v->shoal, &v->as[n]);
}
