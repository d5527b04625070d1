// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt vectors.
 *
 * The function raises only the first few vectors itself. The others exist so
 * that the system hands out a message for each: the driver stores it in the
 * slots of virtqueues, and the device writes it by itself (ABI.md sections 3.4
 * and 11). A virtqueue has a vector of its own while there are enough.
 *
 * A message changes when the interrupt moves to another CPU. Then every slot
 * that holds it is written anew, and the queues' callbacks are called once for
 * what may have been lost in between.
 */
#include <linux/cpuhotplug.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "shoal.h"

static unsigned int shoal_max_vectors = SHOAL_PCI_DEFAULT_VECTORS;
module_param_named(vectors, shoal_max_vectors, uint, 0444);
MODULE_PARM_DESC(vectors, "most interrupt vectors to use, those of the management device included");

static enum cpuhp_state shoal_cpuhp;

static void shoal_vq_call(struct shoal_vq *vq)
{
	struct vdpa_callback cb;
	unsigned long flags;

	spin_lock_irqsave(&vq->cb_lock, flags);
	cb = vq->cb;
	spin_unlock_irqrestore(&vq->cb_lock, flags);
	if (cb.callback)
		cb.callback(cb.private);
}

/* Which queue of a shared vector it was is not known; a callback too many does no harm. */
static irqreturn_t shoal_vq_irq(int irq, void *data)
{
	struct shoal_vector *vec = data;
	struct shoal_vq *vq;

	/* shoal_vector_put() waits for this handler, which is all the protection it needs. */
	list_for_each_entry_rcu(vq, &vec->vqs, node, true)
		shoal_vq_call(vq);
	return IRQ_HANDLED;
}

/**
 * shoal_vector_get - gives a queue the vector with the fewest queues
 * @s: management device, vec_lock held until the message is in the queue's slot
 * @vq: a queue without vector
 *
 * Return: the vector, or NULL if interrupt bypass has all of them.
 */
struct shoal_vector *shoal_vector_get(struct shoal *s, struct shoal_vq *vq)
{
	struct shoal_vector *best = NULL;
	unsigned int n;

	lockdep_assert_held(&s->vec_lock);
	for (n = 0; n < s->nvectors; n++) {
		struct shoal_vector *vec = &s->vectors[n];

		if (!vec->claimed && (!best || vec->nvqs < best->nvqs))
			best = vec;
	}
	if (!best)
		return NULL;
	if (best->nvqs++ && !s->shared_said) {
		s->shared_said = true;
		dev_info(&s->pdev->dev, "more queues than the %u vectors: they are shared from now on\n",
			 s->nvectors);
	}
	vq->vec = best;
	list_add_tail_rcu(&vq->node, &best->vqs);
	return best;
}

/* Takes the vector from a queue whose slot is not valid any more. May sleep. */
void shoal_vector_put(struct shoal *s, struct shoal_vq *vq)
{
	struct shoal_vector *vec;

	mutex_lock(&s->vec_lock);
	vec = vq->vec;
	if (vec) {
		list_del_rcu(&vq->node);
		synchronize_irq(vec->irq);
		vq->vec = NULL;
		if (!--vec->nvqs)
			vec->claimed = false;
	}
	mutex_unlock(&s->vec_lock);
}

static void shoal_vector_refresh(struct shoal *s, struct shoal_vector *vec)
{
	struct shoal_msi_set_data data = { .ctrl = cpu_to_le32(SHOAL_MSI_VALID) };
	struct msi_msg msg;
	struct shoal_vq *vq;

	if (!vec->irq)
		return;
	get_cached_msi_msg(vec->irq, &msg);
	if (!memcmp(&msg, &vec->msg, sizeof(msg)))
		return;
	vec->msg = msg;
	data.address = cpu_to_le64((u64)msg.address_hi << 32 | msg.address_lo);
	data.data = cpu_to_le32(msg.data);
	list_for_each_entry(vq, &vec->vqs, node) {
		data.vq_index = cpu_to_le16(vq->idx);
		shoal_vdev_cmd(vq->vdev, SHOAL_CMD_MSI_SET, &data, sizeof(data), NULL, 0);
	}
	list_for_each_entry(vq, &vec->vqs, node)
		shoal_vq_call(vq);
}

static void shoal_refresh_work(struct work_struct *work)
{
	struct shoal *s = container_of(to_delayed_work(work), struct shoal, refresh);
	unsigned int n;

	mutex_lock(&s->vec_lock);
	for (n = 0; n < s->nvectors && !s->broken; n++)
		shoal_vector_refresh(s, &s->vectors[n]);
	mutex_unlock(&s->vec_lock);
}

/*
 * Some platforms move an interrupt only when it next arrives, and keep the old
 * message good until the new one is used: look a little later.
 */
static void shoal_affinity_notify(struct irq_affinity_notify *notify, const cpumask_t *mask)
{
	struct shoal_vector *vec = container_of(notify, struct shoal_vector, notify);

	schedule_delayed_work(&vec->shoal->refresh, HZ / 2);
}

static void shoal_affinity_release(struct kref *ref)
{
}

/* A CPU went away and its interrupts have moved. */
static int shoal_cpu_dead(unsigned int cpu, struct hlist_node *node)
{
	struct shoal *s = hlist_entry(node, struct shoal, cpuhp);

	schedule_delayed_work(&s->refresh, 0);
	return 0;
}

static int shoal_request_slot_vector(struct shoal *s, unsigned int n)
{
	struct shoal_vector *vec = &s->vectors[n];
	int irq = pci_irq_vector(s->pdev, SHOAL_PCI_FIRST_SLOT_VECTOR + n);
	int err;

	if (irq < 0)
		return irq;
	vec->shoal = s;
	INIT_LIST_HEAD(&vec->vqs);
	snprintf(vec->name, sizeof(vec->name), "shoal-vq%u@%s", n, pci_name(s->pdev));
	err = request_irq(irq, shoal_vq_irq, 0, vec->name, vec);
	if (err)
		return err;
	vec->irq = irq;
	/* The message is composed when the interrupt is requested, not before. */
	get_cached_msi_msg(irq, &vec->msg);
	vec->notify.notify = shoal_affinity_notify;
	vec->notify.release = shoal_affinity_release;
	return irq_set_affinity_notifier(irq, &vec->notify);
}

static int shoal_request_vectors(struct shoal *s)
{
	static const struct {
		const char *name;
		irq_handler_t handler;
		irq_handler_t thread;
	} own[] = {
		[SHOAL_VEC_ADMIN] = { "admin", shoal_admin_irq, NULL },
		[SHOAL_VEC_FAULT] = { "fault", NULL, shoal_fault_irq },
		[SHOAL_VEC_CONFIG] = { "config", NULL, shoal_config_irq },
	};
	unsigned int n;
	int irq, err;

	for (n = 0; n < ARRAY_SIZE(own); n++) {
		irq = pci_irq_vector(s->pdev, n);
		snprintf(s->irq_names[n], sizeof(s->irq_names[n]), "shoal-%s@%s", own[n].name,
			 pci_name(s->pdev));
		err = request_threaded_irq(irq, own[n].handler, own[n].thread,
					   own[n].thread ? IRQF_ONESHOT : 0, s->irq_names[n], s);
		if (err)
			return err;
		s->irqs[n] = irq;
	}
	for (n = 0; n < s->nvectors; n++) {
		err = shoal_request_slot_vector(s, n);
		if (err)
			return err;
	}
	return 0;
}

int shoal_irq_init(struct shoal *s)
{
	unsigned int max = clamp_t(unsigned int, shoal_max_vectors,
				   SHOAL_PCI_FIRST_SLOT_VECTOR + 1, SHOAL_PCI_MAX_VECTORS);
	int n, err;

	INIT_DELAYED_WORK(&s->refresh, shoal_refresh_work);
	n = pci_alloc_irq_vectors(s->pdev, SHOAL_PCI_FIRST_SLOT_VECTOR + 1, max, PCI_IRQ_MSIX);
	if (n < 0)
		return dev_err_probe(&s->pdev->dev, n, "no MSI-X vectors\n");
	s->nvectors = n - SHOAL_PCI_FIRST_SLOT_VECTOR;
	s->vectors = kcalloc(s->nvectors, sizeof(*s->vectors), GFP_KERNEL);
	if (!s->vectors) {
		pci_free_irq_vectors(s->pdev);
		return -ENOMEM;
	}
	err = shoal_request_vectors(s);
	if (!err)
		err = cpuhp_state_add_instance_nocalls(shoal_cpuhp, &s->cpuhp);
	if (err) {
		shoal_irq_free(s);
		return dev_err_probe(&s->pdev->dev, err, "interrupts cannot be requested\n");
	}
	return 0;
}

/* Also after a failure on the way through shoal_irq_init(). */
void shoal_irq_free(struct shoal *s)
{
	unsigned int n;

	if (!hlist_unhashed(&s->cpuhp))
		cpuhp_state_remove_instance_nocalls(shoal_cpuhp, &s->cpuhp);
	for (n = 0; n < s->nvectors; n++) {
		if (s->vectors[n].irq)
			irq_set_affinity_notifier(s->vectors[n].irq, NULL);
	}
	cancel_delayed_work_sync(&s->refresh);
	for (n = 0; n < s->nvectors; n++) {
		if (s->vectors[n].irq)
			free_irq(s->vectors[n].irq, &s->vectors[n]);
	}
	for (n = 0; n < ARRAY_SIZE(s->irqs); n++) {
		if (s->irqs[n])
			free_irq(s->irqs[n], s);
	}
	kfree(s->vectors);
	pci_free_irq_vectors(s->pdev);
}

int shoal_irq_module_init(void)
{
	int state = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN, "shoal:dead", NULL,
					    shoal_cpu_dead);

	if (state < 0)
		return state;
	shoal_cpuhp = state;
	return 0;
}

void shoal_irq_module_exit(void)
{
	cpuhp_remove_multi_state(shoal_cpuhp);
}
