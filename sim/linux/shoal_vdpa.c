// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device operations of vdpa_config_ops: status, features, configuration.
 *
 * The driver is the only one that changes a device, so status, features and
 * configuration are read from memory. What the device changes by itself,
 * DEVICE_NEEDS_RESET, is told by the fault queue.
 */
#include <linux/string.h>
#include <uapi/linux/vhost_types.h>

#include "shoal.h"

/* Runs until the device is idle, or on again. */
int shoal_vdev_set_stopped(struct shoal_vdev *v, bool stopped)
{
	struct shoal_dev_mode_set_data data = { .flags = stopped ? SHOAL_MODE_STOPPED : 0 };

	return shoal_vdev_cmd(v, SHOAL_CMD_DEV_MODE_SET, &data, sizeof(data), NULL, 0);
}

/*
 * Tells the client that configuration or status has changed. A client resets its
 * device before it goes away, and so waits for the lock.
 */
void shoal_vdev_config_changed(struct shoal_vdev *v)
{
	struct vdpa_callback cb;
	unsigned long flags;

	lockdep_assert_held(&v->lock);
	spin_lock_irqsave(&v->cb_lock, flags);
	cb = v->config_cb;
	spin_unlock_irqrestore(&v->cb_lock, flags);
	if (cb.callback)
		cb.callback(cb.private);
}

/* There was a fault record: looks whether the device needs a reset. */
void shoal_vdev_check(struct shoal_vdev *v)
{
	struct shoal_status_get_result now;

	mutex_lock(&v->lock);
	if (shoal_vdev_live(v) &&
	    !shoal_vdev_cmd(v, SHOAL_CMD_STATUS_GET, NULL, 0, &now, sizeof(now)) &&
	    now.status & ~v->status & SHOAL_S_NEEDS_RESET) {
		WRITE_ONCE(v->status, v->status | SHOAL_S_NEEDS_RESET);
		shoal_vdev_config_changed(v);
	}
	mutex_unlock(&v->lock);
}

static u32 shoal_get_vq_align(struct vdpa_device *vdpa)
{
	return SHOAL_DESC_BYTES;
}

static u32 shoal_get_vq_group(struct vdpa_device *vdpa, u16 idx)
{
	return SHOAL_VDPA_BUFFERS;
}

static u32 shoal_get_vq_desc_group(struct vdpa_device *vdpa, u16 idx)
{
	return SHOAL_VDPA_RINGS;
}

static u64 shoal_get_device_features(struct vdpa_device *vdpa)
{
	return to_shoal(vdpa)->features;
}

static u64 shoal_get_backend_features(const struct vdpa_device *vdpa)
{
	return BIT_ULL(VHOST_BACKEND_F_ENABLE_AFTER_DRIVER_OK);
}

/* Sent with FEATURES_OK. The core may ask for none at all to read a configuration early. */
static int shoal_set_driver_features(struct vdpa_device *vdpa, u64 features)
{
	struct shoal_vdev *v = to_shoal(vdpa);

	if (features & ~v->features)
		return -EINVAL;
	if (READ_ONCE(v->status) & SHOAL_S_FEATURES_OK)
		return features == v->driver_features ? 0 : -EBUSY;
	v->driver_features = features;
	return 0;
}

static u64 shoal_get_driver_features(struct vdpa_device *vdpa)
{
	return to_shoal(vdpa)->driver_features;
}

static void shoal_set_config_cb(struct vdpa_device *vdpa, struct vdpa_callback *cb)
{
	struct shoal_vdev *v = to_shoal(vdpa);
	unsigned long flags;

	spin_lock_irqsave(&v->cb_lock, flags);
	v->config_cb = cb ? *cb : (struct vdpa_callback) {};
	spin_unlock_irqrestore(&v->cb_lock, flags);
}

static u16 shoal_get_vq_num_max(struct vdpa_device *vdpa)
{
	return le16_to_cpu(to_shoal(vdpa)->shoal->caps.max_vq_size);
}

static u16 shoal_get_vq_num_min(struct vdpa_device *vdpa)
{
	return SHOAL_VQ_NUM_MIN;
}

static u32 shoal_get_device_id(struct vdpa_device *vdpa)
{
	return to_shoal(vdpa)->type;
}

static u32 shoal_get_vendor_id(struct vdpa_device *vdpa)
{
	return SHOAL_PCI_VENDOR;
}

static u8 shoal_get_status(struct vdpa_device *vdpa)
{
	return READ_ONCE(to_shoal(vdpa)->status);
}

/*
 * Status 0: drains the device and takes queues, features, messages and callbacks,
 * whose client may be about to go. Maps stay. Of a broken device nothing can come
 * any more, so it counts as reset here.
 */
static int shoal_reset_locked(struct shoal_vdev *v)
{
	struct shoal_status_set_data data = {};
	struct shoal_status_set_result now;
	int err = 0;

	if (v->dirty)
		err = shoal_vdev_cmd(v, SHOAL_CMD_STATUS_SET, &data, sizeof(data), &now,
				     sizeof(now));
	if (err && !v->shoal->broken) {
		dev_err(&v->vdpa.dev, "reset: %d\n", err);
		return err;
	}
	WRITE_ONCE(v->status, 0);
	v->dirty = false;
	v->suspended = false;
	v->driver_features = 0;
	memset(v->group_as, 0, sizeof(v->group_as));
	shoal_vq_forget(v);
	shoal_set_config_cb(&v->vdpa, NULL);
	return err;
}

static int shoal_reset(struct vdpa_device *vdpa)
{
	struct shoal_vdev *v = to_shoal(vdpa);
	int err;

	mutex_lock(&v->lock);
	err = shoal_reset_locked(v);
	mutex_unlock(&v->lock);
	return err;
}

static int shoal_set_status_locked(struct shoal_vdev *v, u8 status)
{
	struct shoal_features_set_data features = {
		.driver_features = cpu_to_le64(v->driver_features),
	};
	struct shoal_status_set_data data = { .status = status & SHOAL_S_WRITABLE };
	struct shoal_status_set_result now;
	u8 rising = status & ~v->status;
	int err = 0;

	v->dirty = true;
	if (rising & SHOAL_S_FEATURES_OK)
		err = shoal_vdev_cmd(v, SHOAL_CMD_FEATURES_SET, &features, sizeof(features), NULL,
				     0);
	if (!err && rising & SHOAL_S_DRIVER_OK)
		err = shoal_space_settle(v);
	if (!err)
		err = shoal_vdev_cmd(v, SHOAL_CMD_STATUS_SET, &data, sizeof(data), &now,
				     sizeof(now));
	/* The device may have left FEATURES_OK out. */
	WRITE_ONCE(v->status, err ? v->status | SHOAL_S_FAILED : now.status);
	return err;
}

static void shoal_set_status(struct vdpa_device *vdpa, u8 status)
{
	struct shoal_vdev *v = to_shoal(vdpa);
	int err;

	mutex_lock(&v->lock);
	err = status ? shoal_set_status_locked(v, status) : shoal_reset_locked(v);
	mutex_unlock(&v->lock);
	if (err && !v->shoal->broken)
		dev_err(&vdpa->dev, "status 0x%02x: %d\n", status, err);
}

static int shoal_set_suspended(struct shoal_vdev *v, bool suspended)
{
	int err = 0;

	mutex_lock(&v->lock);
	if (v->suspended != suspended)
		err = shoal_vdev_set_stopped(v, suspended);
	if (!err)
		v->suspended = suspended;
	mutex_unlock(&v->lock);
	return err;
}

static int shoal_suspend(struct vdpa_device *vdpa)
{
	return shoal_set_suspended(to_shoal(vdpa), true);
}

static int shoal_resume(struct vdpa_device *vdpa)
{
	return shoal_set_suspended(to_shoal(vdpa), false);
}

static size_t shoal_get_config_size(struct vdpa_device *vdpa)
{
	return to_shoal(vdpa)->type == SHOAL_TYPE_NET ? SHOAL_NET_CFG_BYTES : SHOAL_BLK_CFG_BYTES;
}

/* The core reads whole structures, which may be longer than what there is. */
static void shoal_get_config(struct vdpa_device *vdpa, unsigned int offset, void *buf,
			     unsigned int len)
{
	struct shoal_vdev *v = to_shoal(vdpa);
	unsigned int n;

	memset(buf, 0, len);
	if (offset >= sizeof(v->config))
		return;
	n = min_t(unsigned int, len, sizeof(v->config) - offset);
	mutex_lock(&v->lock);
	memcpy(buf, v->config + offset, n);
	mutex_unlock(&v->lock);
}

static void shoal_set_config(struct vdpa_device *vdpa, unsigned int offset, const void *buf,
			     unsigned int len)
{
	/* No feature that is offered has a field that a virtio driver may write. */
	dev_dbg(&vdpa->dev, "write of %u bytes at %u of the configuration ignored\n", len, offset);
}

static u32 shoal_get_generation(struct vdpa_device *vdpa)
{
	return READ_ONCE(to_shoal(vdpa)->generation);
}

static struct vdpa_iova_range shoal_get_iova_range(struct vdpa_device *vdpa)
{
	struct vdpa_iova_range range = { .last = shoal_space_last(to_shoal(vdpa)->shoal) };

	return range;
}

static int shoal_set_group_asid(struct vdpa_device *vdpa, unsigned int group, unsigned int asid)
{
	struct shoal_vdev *v = to_shoal(vdpa);
	u8 old;
	int err = 0;

	if (group >= ARRAY_SIZE(v->group_as) || asid >= ARRAY_SIZE(v->as))
		return -EINVAL;
	mutex_lock(&v->lock);
	old = v->group_as[group];
	v->group_as[group] = asid;
	if (shoal_vdev_live(v))
		err = shoal_space_settle(v);
	if (err)
		v->group_as[group] = old;
	mutex_unlock(&v->lock);
	return err;
}

static int shoal_dma_map(struct vdpa_device *vdpa, unsigned int asid, u64 iova, u64 size, u64 pa,
			 u32 perm, void *opaque)
{
	return shoal_space_map(to_shoal(vdpa), asid, iova, size, pa, perm);
}

static int shoal_dma_unmap(struct vdpa_device *vdpa, unsigned int asid, u64 iova, u64 size)
{
	return shoal_space_unmap(to_shoal(vdpa), asid, iova, size);
}

static int shoal_reset_map(struct vdpa_device *vdpa, unsigned int asid)
{
	return shoal_space_reset(to_shoal(vdpa), asid);
}

/* The device is gone already, see shoal_dev.c; the core frees the memory. */
static void shoal_free(struct vdpa_device *vdpa)
{
	mutex_destroy(&to_shoal(vdpa)->lock);
}

const struct vdpa_config_ops shoal_vdpa_ops = {
	.set_vq_address = shoal_vq_set_address,
	.set_vq_num = shoal_vq_set_num,
	.kick_vq = shoal_vq_kick,
	.kick_vq_with_data = shoal_vq_kick_with_data,
	.set_vq_cb = shoal_vq_set_cb,
	.set_vq_ready = shoal_vq_set_ready,
	.get_vq_ready = shoal_vq_get_ready,
	.set_vq_state = shoal_vq_set_state,
	.get_vq_state = shoal_vq_get_state,
	.get_vendor_vq_stats = shoal_vq_stats,
	.get_vq_notification = shoal_vq_get_notification,
	.get_vq_irq = shoal_vq_get_irq,
	.get_vq_align = shoal_get_vq_align,
	.get_vq_group = shoal_get_vq_group,
	.get_vq_desc_group = shoal_get_vq_desc_group,
	.get_device_features = shoal_get_device_features,
	.get_backend_features = shoal_get_backend_features,
	.set_driver_features = shoal_set_driver_features,
	.get_driver_features = shoal_get_driver_features,
	.set_config_cb = shoal_set_config_cb,
	.get_vq_num_max = shoal_get_vq_num_max,
	.get_vq_num_min = shoal_get_vq_num_min,
	.get_device_id = shoal_get_device_id,
	.get_vendor_id = shoal_get_vendor_id,
	.get_status = shoal_get_status,
	.set_status = shoal_set_status,
	.reset = shoal_reset,
	.suspend = shoal_suspend,
	.resume = shoal_resume,
	.get_config_size = shoal_get_config_size,
	.get_config = shoal_get_config,
	.set_config = shoal_set_config,
	.get_generation = shoal_get_generation,
	.get_iova_range = shoal_get_iova_range,
	.set_group_asid = shoal_set_group_asid,
	.dma_map = shoal_dma_map,
	.dma_unmap = shoal_dma_unmap,
	.reset_map = shoal_reset_map,
	.free = shoal_free,
};
