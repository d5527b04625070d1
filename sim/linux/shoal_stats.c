// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of a virtqueue for `vdpa dev vstats show`.
 */
#include <linux/netlink.h>
#include <net/netlink.h>
#include <uapi/linux/vdpa.h>

#include "shoal.h"

static int shoal_put_stat(struct sk_buff *msg, const char *name, u64 value)
{
	if (nla_put_string(msg, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, name) ||
	    nla_put_u64_64bit(msg, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, value, VDPA_ATTR_PAD))
		return -EMSGSIZE;
	return 0;
}

int shoal_vq_stats(struct vdpa_device *vdpa, u16 idx, struct sk_buff *msg,
		   struct netlink_ext_ack *extack)
{
	struct shoal_vdev *v = to_shoal(vdpa);
	struct shoal_stats_get_data data = { .vq_index = cpu_to_le16(idx) };
	struct shoal_stats_get_result stats;
	unsigned int sharing = 0;
	int err;

	if (idx >= v->nvqs) {
		NL_SET_ERR_MSG_MOD(extack, "no such queue");
		return -EINVAL;
	}
	err = shoal_vdev_cmd(v, SHOAL_CMD_STATS_GET, &data, sizeof(data), &stats, sizeof(stats));
	if (err) {
		NL_SET_ERR_MSG_MOD(extack, "the device does not tell");
		return err;
	}
	mutex_lock(&v->shoal->vec_lock);
	if (v->vqs[idx].vec)
		sharing = v->vqs[idx].vec->nvqs;
	mutex_unlock(&v->shoal->vec_lock);

	if (shoal_put_stat(msg, "kicks", le32_to_cpu(stats.kicks)) ||
	    shoal_put_stat(msg, "chains", le32_to_cpu(stats.chains)) ||
	    shoal_put_stat(msg, "interrupts", le32_to_cpu(stats.interrupts)) ||
	    shoal_put_stat(msg, "drops", le32_to_cpu(stats.drops)) ||
	    shoal_put_stat(msg, "faults", le32_to_cpu(stats.faults)) ||
	    shoal_put_stat(msg, "queues_on_vector", sharing))
		return -EMSGSIZE;
	return 0;
}
