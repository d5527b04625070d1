// SPDX-License-Identifier: GPL-2.0-only
/*
 * Start and end of the management device (ABI.md section 3.1).
 */
#include <linux/delay.h>
#include <linux/jiffies.h>

#include "shoal.h"

/* Time between looks at a register that something is waited for in. */
#define SHOAL_POLL_MS 5

static void shoal_set_status(struct shoal *s, u8 status)
{
	u32 keep = shoal_read(s, SHOAL_REG_STATUS_QUEUE_SELECT) & GENMASK(31, SHOAL_QUEUE_SELECT_LSB);

	shoal_write(s, SHOAL_REG_STATUS_QUEUE_SELECT, keep | status);
}

static u8 shoal_get_status(struct shoal *s)
{
	return shoal_read(s, SHOAL_REG_STATUS_QUEUE_SELECT);
}

/* The config vector: DEVICE_NEEDS_RESET of the management device is its only reason. */
irqreturn_t shoal_config_irq(int irq, void *data)
{
	struct shoal *s = data;

	if (!s->broken && shoal_get_status(s) & SHOAL_S_NEEDS_RESET)
		shoal_break(s, "the device asks for a reset (admin queue fault)");
	return IRQ_HANDLED;
}

/* Waits for READY, with @reset also for status 0. */
static int shoal_wait_ready(struct shoal *s, bool reset)
{
	unsigned long end = jiffies + msecs_to_jiffies(shoal_timeout_ms);
	u32 ready;

	for (;;) {
		bool last = time_after(jiffies, end);

		ready = shoal_read(s, SHOAL_REG_READY);
		if (PCI_POSSIBLE_ERROR(ready))
			return -ENODEV;
		if (ready & 1 && (!reset || !shoal_get_status(s)))
			return 0;
		if (last)
			return -ETIMEDOUT;
		msleep(SHOAL_POLL_MS);
	}
}

static int shoal_reset(struct shoal *s)
{
	int err = shoal_wait_ready(s, false);

	if (err)
		return err;
	/* The end shows as a change of the status to 0, so it must not be 0 before. */
	shoal_set_status(s, SHOAL_S_ACKNOWLEDGE);
	shoal_write(s, SHOAL_REG_STATUS_QUEUE_SELECT, 0);
	return shoal_wait_ready(s, true);
}

static int shoal_negotiate(struct shoal *s)
{
	u8 status = SHOAL_S_ACKNOWLEDGE | SHOAL_S_DRIVER | SHOAL_S_FEATURES_OK;
	u64 offered = 0;
	int n;

	for (n = 0; n < 2; n++) {
		shoal_write(s, SHOAL_REG_DEVICE_FEATURE_SELECT, n);
		offered |= (u64)shoal_read(s, SHOAL_REG_DEVICE_FEATURE) << (32 * n);
	}
	if ((offered & SHOAL_MGMT_FEATURES) != SHOAL_MGMT_FEATURES)
		return -ENODEV;
	for (n = 0; n < 2; n++) {
		shoal_write(s, SHOAL_REG_DRIVER_FEATURE_SELECT, n);
		shoal_write(s, SHOAL_REG_DRIVER_FEATURE, SHOAL_MGMT_FEATURES >> (32 * n));
	}
	shoal_set_status(s, status);
	return shoal_get_status(s) == status ? 0 : -ENODEV;
}

static int shoal_start_queue(struct shoal *s)
{
	u32 sized = s->admin.num | SHOAL_VEC_ADMIN << SHOAL_QUEUE_VECTOR_LSB;
	u16 index = shoal_read(s, SHOAL_REG_ADMIN_QUEUE);
	u64 desc, driver, device;

	shoal_write(s, SHOAL_REG_CONFIG_VECTOR_NUM_QUEUES, SHOAL_VEC_CONFIG);
	shoal_write(s, SHOAL_REG_STATUS_QUEUE_SELECT,
		    shoal_get_status(s) | (u32)index << SHOAL_QUEUE_SELECT_LSB);
	shoal_write(s, SHOAL_REG_QUEUE_SIZE_VECTOR, sized);
	/* A vector that could not be mapped reads back as NO_VECTOR. */
	if (shoal_read(s, SHOAL_REG_QUEUE_SIZE_VECTOR) != sized)
		return -EIO;
	shoal_admin_areas(s, &desc, &driver, &device);
	shoal_write64(s, SHOAL_REG_QUEUE_DESC_LO, SHOAL_REG_QUEUE_DESC_HI, desc);
	shoal_write64(s, SHOAL_REG_QUEUE_DRIVER_LO, SHOAL_REG_QUEUE_DRIVER_HI, driver);
	shoal_write64(s, SHOAL_REG_QUEUE_DEVICE_LO, SHOAL_REG_QUEUE_DEVICE_HI, device);
	shoal_write(s, SHOAL_REG_QUEUE_ENABLE_NOTIFY_OFF, 1);
	return 0;
}

/* Chooses all legal opcodes of both groups and reads the limits. */
static int shoal_read_caps(struct shoal *s)
{
	static const u16 groups[] = { SHOAL_GROUP_SELF, SHOAL_GROUP_MANAGED };
	struct shoal_list_query_result list[ARRAY_SIZE(groups)];
	struct shoal_cmd cmd[ARRAY_SIZE(groups)];
	struct shoal_cmd caps = {
		.opcode = SHOAL_CMD_CAPS,
		.group = SHOAL_GROUP_SELF,
		.result = &s->caps,
		.result_len = sizeof(s->caps),
	};
	int n, err;

	for (n = 0; n < ARRAY_SIZE(groups); n++) {
		cmd[n] = (struct shoal_cmd) {
			.opcode = SHOAL_CMD_LIST_QUERY,
			.group = groups[n],
			.result = &list[n],
			.result_len = sizeof(list[n]),
		};
		err = shoal_exec(s, &cmd[n]);
		if (err)
			return err;
		cmd[n] = (struct shoal_cmd) {
			.opcode = SHOAL_CMD_LIST_USE,
			.group = groups[n],
			.data = &list[n],
			.data_len = sizeof(list[n]),
		};
		err = shoal_exec(s, &cmd[n]);
		if (err)
			return err;
	}
	err = shoal_exec(s, &caps);
	if (err)
		return err;
	dev_info(&s->pdev->dev, "%u devices, %u queues of %u, %u address spaces; vectors for queues: %u\n",
		 le32_to_cpu(s->caps.devices), le32_to_cpu(s->caps.queues),
		 le16_to_cpu(s->caps.max_vq_size), le32_to_cpu(s->caps.asids), s->nvectors);
	if (le16_to_cpu(s->caps.max_dev_vqs) > SHOAL_MAX_DEV_VQS ||
	    le32_to_cpu(s->caps.config_bytes) != SHOAL_CONFIG_BYTES)
		return -EPROTO;
	return 0;
}

int shoal_start(struct shoal *s)
{
	struct device *dev = &s->pdev->dev;
	u32 magic = shoal_read(s, SHOAL_REG_MAGIC);
	u32 abi = shoal_read(s, SHOAL_REG_ABI);
	int err;

	if (magic != SHOAL_MAGIC_VALUE || abi != SHOAL_ABI_VERSION) {
		/* Whatever it is, it is not touched any more. */
		s->broken = true;
		return dev_err_probe(dev, -ENODEV, "MAGIC reads 0x%08x, ABI %u; wanted ABI %u\n",
				     magic, abi, SHOAL_ABI_VERSION);
	}
	err = shoal_reset(s);
	if (err)
		return dev_err_probe(dev, err, "the device does not become ready\n");
	shoal_set_status(s, SHOAL_S_ACKNOWLEDGE);
	shoal_set_status(s, SHOAL_S_ACKNOWLEDGE | SHOAL_S_DRIVER);
	err = shoal_negotiate(s);
	if (err)
		return dev_err_probe(dev, err, "features are refused\n");
	err = shoal_start_queue(s);
	if (err)
		return dev_err_probe(dev, err, "the admin queue cannot be set up\n");
	shoal_set_status(s, shoal_get_status(s) | SHOAL_S_DRIVER_OK);
	shoal_fault_enable(s);
	err = shoal_read_caps(s);
	if (err)
		return dev_err_probe(dev, err, "the first commands fail\n");
	return 0;
}

/* Ends all DMA and messages. Only then may memory be freed. */
void shoal_stop(struct shoal *s)
{
	if (!s->broken && shoal_reset(s))
		shoal_break(s, "the last reset does not end");
	WRITE_ONCE(s->broken, true);
	pci_clear_master(s->pdev);
}
