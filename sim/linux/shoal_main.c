// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI function (ABI.md section 3.4): probe and remove.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "shoal.h"

unsigned int shoal_timeout_ms = 10000;
module_param_named(timeout_ms, shoal_timeout_ms, uint, 0644);
MODULE_PARM_DESC(timeout_ms, "milliseconds until an admin command or a reset counts as lost");

/*
 * The device does not answer, or not sensibly. Without bus mastering it cannot
 * reach memory any more, so that everything it had can be freed.
 */
void shoal_break(struct shoal *s, const char *why)
{
	unsigned long flags;
	bool first;

	spin_lock_irqsave(&s->admin.lock, flags);
	first = !s->broken;
	WRITE_ONCE(s->broken, true);
	spin_unlock_irqrestore(&s->admin.lock, flags);
	if (first) {
		dev_err(&s->pdev->dev, "given up: %s\n", why);
		pci_clear_master(s->pdev);
	}
	shoal_admin_abort(s);
}

static void shoal_ids_free(struct shoal *s)
{
	ida_destroy(&s->members);
	ida_destroy(&s->pages);
	ida_destroy(&s->asids);
	bitmap_free(s->vq_map);
	xa_destroy(&s->vdevs);
}

static int shoal_ids_init(struct shoal *s)
{
	s->vq_map = bitmap_zalloc(le32_to_cpu(s->caps.queues), GFP_KERNEL);
	return s->vq_map ? 0 : -ENOMEM;
}

static int shoal_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct shoal *s;
	int err;

	s = devm_kzalloc(dev, sizeof(*s), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	s->pdev = pdev;
	mutex_init(&s->vec_lock);
	mutex_init(&s->vq_map_lock);
	mutex_init(&s->vdevs_lock);
	ida_init(&s->members);
	ida_init(&s->pages);
	ida_init(&s->asids);
	xa_init(&s->vdevs);
	pci_set_drvdata(pdev, s);

	err = pcim_enable_device(pdev);
	if (err)
		return dev_err_probe(dev, err, "cannot be enabled\n");
	s->regs = pcim_iomap_region(pdev, SHOAL_PCI_BAR_REGS, "shoal");
	s->doorbells = pcim_iomap_region(pdev, SHOAL_PCI_BAR_DOORBELLS, "shoal");
	if (IS_ERR(s->regs) || IS_ERR(s->doorbells) ||
	    pci_resource_len(pdev, SHOAL_PCI_BAR_REGS) < SHOAL_PCI_BAR_REGS_BYTES)
		return dev_err_probe(dev, -ENXIO, "BARs are missing\n");
	err = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (err)
		return dev_err_probe(dev, err, "no 64-bit DMA\n");
	err = shoal_admin_init(s);
	if (err)
		return err;
	err = shoal_fault_init(s);
	if (err)
		goto free_admin;
	pci_set_master(pdev);
	err = shoal_irq_init(s);
	if (err)
		goto clear_master;
	err = shoal_start(s);
	if (err)
		goto stop;
	err = shoal_ids_init(s);
	if (err)
		goto stop;
	err = shoal_space_init(s);
	if (err)
		goto stop;
	err = shoal_mgmt_init(s);
	if (err)
		goto stop;
	return 0;

stop:
	shoal_stop(s);
	shoal_irq_free(s);
clear_master:
	pci_clear_master(pdev);
	shoal_fault_free(s);
free_admin:
	shoal_admin_free(s);
	shoal_ids_free(s);
	return err;
}

static void shoal_remove(struct pci_dev *pdev)
{
	struct shoal *s = pci_get_drvdata(pdev);

	/* Nothing has to be waited for if the function is gone. */
	if (shoal_read(s, SHOAL_REG_MAGIC) != SHOAL_MAGIC_VALUE)
		shoal_break(s, "the function is gone");
	shoal_mgmt_exit(s);
	shoal_stop(s);
	shoal_irq_free(s);
	shoal_fault_free(s);
	shoal_admin_free(s);
	shoal_ids_free(s);
}

static void shoal_shutdown(struct pci_dev *pdev)
{
	shoal_stop(pci_get_drvdata(pdev));
}

static const struct pci_device_id shoal_pci_ids[] = {
	{ PCI_DEVICE(SHOAL_PCI_VENDOR, SHOAL_PCI_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, shoal_pci_ids);

static struct pci_driver shoal_driver = {
	.name = "shoal",
	.id_table = shoal_pci_ids,
	.probe = shoal_probe,
	.remove = shoal_remove,
	.shutdown = shoal_shutdown,
};

static int __init shoal_init(void)
{
	int err = shoal_irq_module_init();

	if (err)
		return err;
	err = pci_register_driver(&shoal_driver);
	if (err)
		shoal_irq_module_exit();
	return err;
}

static void __exit shoal_exit(void)
{
	pci_unregister_driver(&shoal_driver);
	shoal_irq_module_exit();
}

module_init(shoal_init);
module_exit(shoal_exit);

MODULE_DESCRIPTION("Shoal management vDPA device");
MODULE_LICENSE("GPL");
