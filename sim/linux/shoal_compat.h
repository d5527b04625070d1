/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernel versions, so that the rest has none.
 *
 * Linux 6.18 replaced vdpa_device.dma_dev by a mapping token and gave
 * vdpa_alloc_device() an argument for mapping operations.
 */
#ifndef SHOAL_COMPAT_H
#define SHOAL_COMPAT_H

#include <linux/vdpa.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define shoal_vdpa_alloc(type, member, parent, ops, ngroups, nas, name) \
	vdpa_alloc_device(type, member, parent, ops, NULL, ngroups, nas, name, false)

static inline void shoal_vdpa_set_dma_dev(struct vdpa_device *vdpa, struct device *dev)
{
	vdpa->vmap.dma_dev = dev;
}
#else
#define shoal_vdpa_alloc(type, member, parent, ops, ngroups, nas, name) \
	vdpa_alloc_device(type, member, parent, ops, ngroups, nas, name, false)

static inline void shoal_vdpa_set_dma_dev(struct vdpa_device *vdpa, struct device *dev)
{
	vdpa->dma_dev = dev;
}
#endif

#endif /* SHOAL_COMPAT_H */
