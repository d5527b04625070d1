// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables of the device MMU: RISC-V Sv39 and Sv48 (ABI.md section 7).
 *
 * Each leaf holds the DMA address of its pages, so that the table is also the
 * record of what has to be given back to the DMA API. Taking a range away has
 * three steps: shoal_pt_unlink() clears the valid bits, the caller invalidates
 * the IOTLB, shoal_pt_reap() releases what is not valid any more. Between the
 * first and the last the device may still use the pages, and walk the tables.
 */
#include <linux/dma-mapping.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "shoal.h"

#define SHOAL_PT_SHIFT		12
#define SHOAL_PT_BITS		9
#define SHOAL_PT_ENTRIES	BIT(SHOAL_PT_BITS)
#define SHOAL_PT_BYTES		BIT(SHOAL_PT_SHIFT)
/* Level of the largest leaf in use: 2 MiB. */
#define SHOAL_PT_TOP_LEAF	1

#define SHOAL_PTE_PPN	GENMASK_ULL(SHOAL_PTE_PPN_LSB + SHOAL_PTE_PPN_W - 1, SHOAL_PTE_PPN_LSB)

static_assert(sizeof(dma_addr_t) == sizeof(u64));

/**
 * struct shoal_pt - a table
 * @pte: its entries, coherent memory
 * @dma: where the device finds it
 * @valid: valid entries
 * @child: tables below it; not there in tables of level 0
 */
struct shoal_pt {
	__le64 *pte;
	dma_addr_t dma;
	unsigned int valid;
	struct shoal_pt *child[];
};

static unsigned int shoal_pt_shift(int level)
{
	return SHOAL_PT_SHIFT + SHOAL_PT_BITS * level;
}

static unsigned int shoal_pt_index(u64 iova, int level)
{
	return (iova >> shoal_pt_shift(level)) % SHOAL_PT_ENTRIES;
}

/* IOVAs from here on are not used: the upper half would need sign extension. */
u64 shoal_pt_limit(int level)
{
	return BIT_ULL(shoal_pt_shift(level + 1) - 1);
}

dma_addr_t shoal_pt_root(const struct shoal_as *as)
{
	return as->root->dma;
}

static u64 shoal_pte_get(const struct shoal_pt *pt, unsigned int n)
{
	return le64_to_cpu(READ_ONCE(pt->pte[n]));
}

/* The device reads entries of eight bytes at once. */
static void shoal_pte_set(struct shoal_pt *pt, unsigned int n, u64 pte)
{
	WRITE_ONCE(pt->pte[n], cpu_to_le64(pte));
}

static u64 shoal_pte_make(dma_addr_t dma, u64 flags)
{
	return (u64)dma >> SHOAL_PT_SHIFT << SHOAL_PTE_PPN_LSB | flags | SHOAL_PTE_V;
}

static dma_addr_t shoal_pte_dma(u64 pte)
{
	return (pte & SHOAL_PTE_PPN) >> SHOAL_PTE_PPN_LSB << SHOAL_PT_SHIFT;
}

static bool shoal_pte_leaf(u64 pte)
{
	return pte & (SHOAL_PTE_R | SHOAL_PTE_X);
}

static enum dma_data_direction shoal_pte_dir(u64 pte)
{
	return pte & SHOAL_PTE_W ? DMA_BIDIRECTIONAL : DMA_TO_DEVICE;
}

static struct shoal_pt *shoal_pt_alloc(struct shoal *s, int level)
{
	struct shoal_pt *pt;

	pt = kzalloc(struct_size(pt, child, level ? SHOAL_PT_ENTRIES : 0), GFP_KERNEL_ACCOUNT);
	if (!pt)
		return NULL;
	pt->pte = dma_alloc_coherent(&s->pdev->dev, SHOAL_PT_BYTES, &pt->dma, GFP_KERNEL);
	if (!pt->pte) {
		kfree(pt);
		return NULL;
	}
	return pt;
}

static void shoal_pt_free(struct shoal *s, struct shoal_pt *pt)
{
	dma_free_coherent(&s->pdev->dev, SHOAL_PT_BYTES, pt->pte, pt->dma);
	kfree(pt);
}

/* An empty table of the smallest depth that the device has. */
int shoal_pt_create(struct shoal *s, struct shoal_as *as)
{
	bool sv39 = le32_to_cpu(s->caps.modes) & BIT(SHOAL_MODE_SV39);

	as->level = sv39 ? SHOAL_LEVEL_SV39 : SHOAL_LEVEL_SV48;
	as->root = shoal_pt_alloc(s, as->level);
	return as->root ? 0 : -ENOMEM;
}

/* Puts an Sv48 root over the Sv39 one; translations stay the same. */
int shoal_pt_grow(struct shoal *s, struct shoal_as *as)
{
	struct shoal_pt *root = shoal_pt_alloc(s, SHOAL_LEVEL_SV48);

	if (!root)
		return -ENOMEM;
	root->child[0] = as->root;
	root->valid = 1;
	shoal_pte_set(root, 0, shoal_pte_make(as->root->dma, 0));
	/* The table is whole before the command that makes the device look. */
	dma_wmb();
	as->root = root;
	as->level = SHOAL_LEVEL_SV48;
	return 0;
}

static u64 shoal_pt_flags(u32 perm)
{
	/* W without R is reserved, so write-only becomes read and write. */
	return SHOAL_PTE_R | SHOAL_PTE_A | SHOAL_PTE_D |
	       (perm & VHOST_MAP_WO ? SHOAL_PTE_W : 0);
}

/* Maps the pages of one leaf. False: not as one piece. */
static bool shoal_pt_set_leaf(struct shoal *s, struct shoal_pt *pt, unsigned int n, int level,
			      u64 pa, u64 flags)
{
	size_t bytes = BIT_ULL(shoal_pt_shift(level));
	struct device *dev = &s->pdev->dev;
	dma_addr_t dma;

	dma = dma_map_page(dev, pfn_to_page(PHYS_PFN(pa)), offset_in_page(pa), bytes,
			   shoal_pte_dir(flags));
	if (dma_mapping_error(dev, dma))
		return false;
	if (!IS_ALIGNED(dma, bytes) || dma >> (SHOAL_PTE_PPN_W + SHOAL_PT_SHIFT)) {
		dma_unmap_page(dev, dma, bytes, shoal_pte_dir(flags));
		return false;
	}
	shoal_pte_set(pt, n, shoal_pte_make(dma, flags));
	pt->valid++;
	return true;
}

/* Maps one leaf at @iova, as large as fits into @left. Returns its bytes or -errno. */
static s64 shoal_pt_map_one(struct shoal *s, struct shoal_as *as, u64 iova, u64 pa, u64 left,
			    u64 flags)
{
	struct shoal_pt *pt = as->root;
	int level;

	for (level = as->level;; level--) {
		unsigned int n = shoal_pt_index(iova, level);
		u64 bytes = BIT_ULL(shoal_pt_shift(level));
		u64 old = shoal_pte_get(pt, n);
		struct shoal_pt *child;

		if (old && (!level || shoal_pte_leaf(old)))
			return -EEXIST;
		if (level <= SHOAL_PT_TOP_LEAF && !old && IS_ALIGNED(iova | pa, bytes) &&
		    left >= bytes && shoal_pt_set_leaf(s, pt, n, level, pa, flags))
			return bytes;
		if (!level)
			return -EIO;
		child = pt->child[n];
		if (!child) {
			child = shoal_pt_alloc(s, level - 1);
			if (!child)
				return -ENOMEM;
			/* The table is empty before the device finds it. */
			dma_wmb();
			pt->child[n] = child;
			pt->valid++;
			shoal_pte_set(pt, n, shoal_pte_make(child->dma, 0));
		}
		pt = child;
	}
}

/**
 * shoal_pt_map - maps a range to physical memory
 * @s: management device
 * @as: address space with a table that is deep enough
 * @iova: first IOVA, a multiple of 4 KiB
 * @size: bytes, a multiple of 4 KiB
 * @pa: physical address, a multiple of 4 KiB
 * @perm: VHOST_MAP_*
 * @done: bytes mapped, also after an error
 *
 * Return: 0 or -errno.
 */
int shoal_pt_map(struct shoal *s, struct shoal_as *as, u64 iova, u64 size, u64 pa, u32 perm,
		 u64 *done)
{
	u64 flags = shoal_pt_flags(perm);
	s64 bytes;

	for (*done = 0; *done < size; *done += bytes) {
		bytes = shoal_pt_map_one(s, as, iova + *done, pa + *done, size - *done, flags);
		if (bytes < 0)
			return bytes;
		cond_resched();
	}
	/* Entries come before the doorbell that makes the device use them. */
	dma_wmb();
	return 0;
}

/* First and last byte of entry @n of the table that @first is in. */
static void shoal_pt_span(u64 first, unsigned int n, int level, u64 *lo, u64 *hi)
{
	u64 base = first >> shoal_pt_shift(level + 1) << shoal_pt_shift(level + 1);

	*lo = base + ((u64)n << shoal_pt_shift(level));
	*hi = *lo + BIT_ULL(shoal_pt_shift(level)) - 1;
}

static void shoal_pt_unlink_in(struct shoal_pt *pt, int level, u64 first, u64 last)
{
	unsigned int n;
	u64 lo, hi;

	for (n = shoal_pt_index(first, level); n <= shoal_pt_index(last, level); n++) {
		u64 pte = shoal_pte_get(pt, n);

		if (!(pte & SHOAL_PTE_V))
			continue;
		shoal_pt_span(first, n, level, &lo, &hi);
		if (level && !shoal_pte_leaf(pte)) {
			shoal_pt_unlink_in(pt->child[n], level - 1, max(lo, first),
					   min(hi, last));
			if (pt->child[n]->valid)
				continue;
		}
		/*
		 * The DMA API takes mappings back as a whole. Clients do the
		 * same; if one does not, it loses more than it said.
		 */
		WARN_ON_ONCE(shoal_pte_leaf(pte) && (lo < first || hi > last));
		shoal_pte_set(pt, n, pte & ~(u64)SHOAL_PTE_V);
		pt->valid--;
		cond_resched();
	}
}

/* First step: no new translation of the range is found after the next invalidation. */
void shoal_pt_unlink(struct shoal_as *as, u64 iova, u64 size)
{
	shoal_pt_unlink_in(as->root, as->level, iova, iova + size - 1);
	/* Entries come before the command that drops translations. */
	dma_wmb();
}

static void shoal_pt_reap_in(struct shoal *s, struct shoal_pt *pt, int level, u64 first, u64 last)
{
	unsigned int n;
	u64 lo, hi;

	for (n = shoal_pt_index(first, level); n <= shoal_pt_index(last, level); n++) {
		u64 pte = shoal_pte_get(pt, n);

		if (!pte)
			continue;
		shoal_pt_span(first, n, level, &lo, &hi);
		if (level && !shoal_pte_leaf(pte)) {
			/* All of a table that is not linked any more is to go. */
			bool linked = pte & SHOAL_PTE_V;

			shoal_pt_reap_in(s, pt->child[n], level - 1,
					 linked ? max(lo, first) : lo,
					 linked ? min(hi, last) : hi);
			if (linked)
				continue;
			shoal_pt_free(s, pt->child[n]);
			pt->child[n] = NULL;
		} else if (pte & SHOAL_PTE_V) {
			continue;
		} else {
			dma_unmap_page(&s->pdev->dev, shoal_pte_dma(pte),
				       BIT_ULL(shoal_pt_shift(level)), shoal_pte_dir(pte));
		}
		shoal_pte_set(pt, n, 0);
		cond_resched();
	}
}

/* Last step: gives back pages and tables that were unlinked before an invalidation. */
void shoal_pt_reap(struct shoal *s, struct shoal_as *as, u64 iova, u64 size)
{
	shoal_pt_reap_in(s, as->root, as->level, iova, iova + size - 1);
}

/* Gives everything back. No device may use the table. */
void shoal_pt_destroy(struct shoal *s, struct shoal_as *as)
{
	shoal_pt_unlink(as, 0, shoal_pt_limit(as->level));
	shoal_pt_reap(s, as, 0, shoal_pt_limit(as->level));
	shoal_pt_free(s, as->root);
	as->root = NULL;
}
