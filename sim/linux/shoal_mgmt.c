// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two vDPA management devices, one for each device class. The vDPA core
 * refuses provisioning of device features where a mgmtdev has several classes.
 */
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_net.h>

#include "shoal.h"

static unsigned int shoal_blk_capacity_mib = 64;
module_param_named(blk_capacity_mib, shoal_blk_capacity_mib, uint, 0644);
MODULE_PARM_DESC(blk_capacity_mib, "capacity of block devices added from now on, MiB");

static unsigned int shoal_blk_queues = 1;
module_param_named(blk_queues, shoal_blk_queues, uint, 0644);
MODULE_PARM_DESC(blk_queues, "queues of block devices added from now on");

/* Data segments of a block request; header and status come on top. */
#define SHOAL_BLK_SEG_MAX 62
#define SHOAL_MTU_DEFAULT 1500

static_assert(SHOAL_TYPE_NET == VIRTIO_ID_NET && SHOAL_TYPE_BLK == VIRTIO_ID_BLOCK);
static_assert(SHOAL_NET_MTU_MIN == ETH_MIN_MTU);

/**
 * struct shoal_mgmt - a mgmtdev
 * @dev: a device without a bus, whose name is the handle of the mgmtdev
 * @shoal: the management device
 * @mdev: what the vDPA core sees
 * @ids: the one class, and a terminator
 */
struct shoal_mgmt {
	struct device dev;
	struct shoal *shoal;
	struct vdpa_mgmt_dev mdev;
	struct virtio_device_id ids[2];
};

static struct shoal_mgmt *to_mgmt(struct vdpa_mgmt_dev *mdev)
{
	return container_of(mdev, struct shoal_mgmt, mdev);
}

static int shoal_configure_net(struct shoal_vdev *v, const struct vdpa_dev_set_config *config)
{
	u16 mtu = SHOAL_MTU_DEFAULT, pairs = 1;

	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU))
		mtu = config->net.mtu;
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MAX_VQP))
		pairs = config->net.max_vq_pairs;
	if (mtu < SHOAL_NET_MTU_MIN)
		return -EINVAL;
	if (pairs > 1 && !(v->features & BIT_ULL(VIRTIO_NET_F_MQ)))
		return -EOPNOTSUPP;
	v->nvqs = 2 * pairs;
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR))
		ether_addr_copy(v->config + SHOAL_NET_CFG_MAC, config->net.mac);
	else
		eth_random_addr(v->config + SHOAL_NET_CFG_MAC);
	put_unaligned_le16(SHOAL_NET_S_LINK_UP, v->config + SHOAL_NET_CFG_STATUS);
	put_unaligned_le16(pairs, v->config + SHOAL_NET_CFG_MAX_VQ_PAIRS);
	put_unaligned_le16(mtu, v->config + SHOAL_NET_CFG_MTU);
	return 0;
}

static int shoal_configure_blk(struct shoal_vdev *v)
{
	u64 capacity = (u64)shoal_blk_capacity_mib << 20;

	v->nvqs = clamp_t(unsigned int, shoal_blk_queues, 1, SHOAL_MAX_DEV_VQS);
	put_unaligned_le64(capacity / SHOAL_BLK_SECTOR_BYTES, v->config + SHOAL_BLK_CFG_CAPACITY);
	put_unaligned_le32(SHOAL_BLK_SEG_MAX, v->config + SHOAL_BLK_CFG_SEG_MAX);
	put_unaligned_le32(SHOAL_BLK_SECTOR_BYTES, v->config + SHOAL_BLK_CFG_BLK_SIZE);
	put_unaligned_le16(v->nvqs, v->config + SHOAL_BLK_CFG_NUM_QUEUES);
	put_unaligned_le32(SHOAL_BLK_RANGE_SECTORS,
			   v->config + SHOAL_BLK_CFG_MAX_DISCARD_SECTORS);
	put_unaligned_le32(SHOAL_BLK_RANGE_SEGMENTS, v->config + SHOAL_BLK_CFG_MAX_DISCARD_SEG);
	put_unaligned_le32(1, v->config + SHOAL_BLK_CFG_DISCARD_SECTOR_ALIGNMENT);
	put_unaligned_le32(SHOAL_BLK_RANGE_SECTORS,
			   v->config + SHOAL_BLK_CFG_MAX_WRITE_ZEROES_SECTORS);
	put_unaligned_le32(SHOAL_BLK_RANGE_SEGMENTS,
			   v->config + SHOAL_BLK_CFG_MAX_WRITE_ZEROES_SEG);
	v->config[SHOAL_BLK_CFG_WRITE_ZEROES_MAY_UNMAP] = 1;
	return 0;
}

/* Features, queues and configuration space of a device to be. */
static int shoal_configure(struct shoal_vdev *v, struct shoal_mgmt *m,
			   const struct vdpa_dev_set_config *config)
{
	int err;

	v->type = m->ids[0].device;
	/* Stores are writable unless the administrator says that they are not. */
	v->features = m->mdev.supported_features;
	if (v->type == SHOAL_TYPE_BLK)
		v->features &= ~BIT_ULL(SHOAL_F_BLK_RO);
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_FEATURES)) {
		if (config->device_features & ~m->mdev.supported_features ||
		    ~config->device_features & SHOAL_REQUIRED_FEATURES)
			return -EINVAL;
		v->features = config->device_features;
	}
	err = v->type == SHOAL_TYPE_NET ? shoal_configure_net(v, config) :
					  shoal_configure_blk(v);
	if (!err && v->nvqs > m->mdev.max_supported_vqs)
		err = -EINVAL;
	return err;
}

static int shoal_dev_add(struct vdpa_mgmt_dev *mdev, const char *name,
			 const struct vdpa_dev_set_config *config)
{
	struct shoal_mgmt *m = to_mgmt(mdev);
	struct shoal_vdev *v;
	int err;

	if (m->shoal->broken)
		return -EIO;
	v = shoal_vdpa_alloc(struct shoal_vdev, vdpa, &m->dev, &shoal_vdpa_ops,
			     SHOAL_VDPA_GROUPS, SHOAL_VDPA_GROUPS, name);
	if (IS_ERR(v))
		return PTR_ERR(v);
	shoal_vdev_init(v, m->shoal);
	v->vdpa.mdev = mdev;
	err = shoal_configure(v, m, config);
	if (err)
		goto put;
	err = shoal_vdev_create(v);
	if (err)
		goto put;
	err = _vdpa_register_device(&v->vdpa, v->nvqs);
	if (err) {
		shoal_vdev_destroy(v);
		goto put;
	}
	return 0;

put:
	put_device(&v->vdpa.dev);
	return err;
}

static void shoal_dev_del(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa)
{
	struct shoal_vdev *v = to_shoal(vdpa);

	get_device(&vdpa->dev);
	_vdpa_unregister_device(vdpa);
	shoal_vdev_destroy(v);
	put_device(&vdpa->dev);
}

/* The MAC address of a device that exists. */
static int shoal_dev_set_attr(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa,
			      const struct vdpa_dev_set_config *config)
{
	struct shoal_vdev *v = to_shoal(vdpa);
	struct shoal_config_set_data data = {
		.bytes = cpu_to_le64(GENMASK_ULL(SHOAL_NET_CFG_MAC + ETH_ALEN - 1,
						 SHOAL_NET_CFG_MAC)),
	};
	int err;

	if (config->mask != BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR) || v->type != SHOAL_TYPE_NET ||
	    !(v->features & BIT_ULL(SHOAL_F_NET_MAC)))
		return -EOPNOTSUPP;
	ether_addr_copy(data.config + SHOAL_NET_CFG_MAC, config->net.mac);
	mutex_lock(&v->lock);
	err = shoal_vdev_cmd(v, SHOAL_CMD_CONFIG_SET, &data, sizeof(data), NULL, 0);
	if (!err) {
		ether_addr_copy(v->config + SHOAL_NET_CFG_MAC, config->net.mac);
		WRITE_ONCE(v->generation, v->generation + 1);
		if (shoal_vdev_live(v))
			shoal_vdev_config_changed(v);
	}
	mutex_unlock(&v->lock);
	return err;
}

static const struct vdpa_mgmtdev_ops shoal_mgmtdev_ops = {
	.dev_add = shoal_dev_add,
	.dev_del = shoal_dev_del,
	.dev_set_attr = shoal_dev_set_attr,
};

static void shoal_mgmt_release(struct device *dev)
{
	kfree(container_of(dev, struct shoal_mgmt, dev));
}

static struct shoal_mgmt *shoal_mgmt_add(struct shoal *s, const char *class, u16 type)
{
	bool net = type == SHOAL_TYPE_NET;
	struct shoal_mgmt *m;
	int err;

	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return ERR_PTR(-ENOMEM);
	device_initialize(&m->dev);
	m->dev.parent = &s->pdev->dev;
	m->dev.release = shoal_mgmt_release;
	m->shoal = s;
	m->ids[0].device = type;
	m->ids[0].vendor = VIRTIO_DEV_ANY_ID;
	m->mdev.device = &m->dev;
	m->mdev.ops = &shoal_mgmtdev_ops;
	m->mdev.id_table = m->ids;
	/* The vdpa bus has no operation to reset one queue. */
	m->mdev.supported_features = (le64_to_cpu(s->caps.common_features) &
				      ~BIT_ULL(SHOAL_F_RING_RESET)) |
				     le64_to_cpu(net ? s->caps.net_features :
						       s->caps.blk_features);
	m->mdev.max_supported_vqs = le16_to_cpu(s->caps.max_dev_vqs);
	m->mdev.config_attr_mask = BIT_ULL(VDPA_ATTR_DEV_FEATURES);
	if (net)
		m->mdev.config_attr_mask |= BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR) |
					    BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU) |
					    BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MAX_VQP);
	if (net && !(m->mdev.supported_features & BIT_ULL(VIRTIO_NET_F_MQ)))
		m->mdev.max_supported_vqs = 2;

	err = dev_set_name(&m->dev, "shoal_%s-%s", class, pci_name(s->pdev));
	if (!err)
		err = device_add(&m->dev);
	if (err)
		goto put;
	err = vdpa_mgmtdev_register(&m->mdev);
	if (err)
		goto del;
	return m;

del:
	device_del(&m->dev);
put:
	put_device(&m->dev);
	return ERR_PTR(err);
}

/* Removes the managed devices too. */
static void shoal_mgmt_del(struct shoal_mgmt *m)
{
	vdpa_mgmtdev_unregister(&m->mdev);
	device_unregister(&m->dev);
}

int shoal_mgmt_init(struct shoal *s)
{
	s->net = shoal_mgmt_add(s, "net", SHOAL_TYPE_NET);
	if (IS_ERR(s->net))
		return PTR_ERR(s->net);
	s->blk = shoal_mgmt_add(s, "blk", SHOAL_TYPE_BLK);
	if (IS_ERR(s->blk)) {
		shoal_mgmt_del(s->net);
		return PTR_ERR(s->blk);
	}
	return 0;
}

void shoal_mgmt_exit(struct shoal *s)
{
	shoal_mgmt_del(s->blk);
	shoal_mgmt_del(s->net);
}
