// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admin commands: sending one and waiting for it.
 */
#include "shoal.h"

/* How often a command that answers EAGAIN is sent. */
#define SHOAL_TRIES 8

/* Says what the device refused. */
void shoal_cmd_log(struct shoal *s, const struct shoal_cmd *cmd)
{
	if (READ_ONCE(s->broken))
		return;
	dev_err_ratelimited(&s->pdev->dev,
			    "command 0x%02x (group 0x%x, member %u): status %u, qualifier %u\n",
			    cmd->opcode, cmd->group, cmd->member, cmd->status, cmd->qualifier);
}

int shoal_exec(struct shoal *s, struct shoal_cmd *cmd)
{
	int err = shoal_cmd_submit(s, cmd);

	return err ?: shoal_cmd_wait(s, cmd);
}

/* As shoal_exec(), with further tries while a drain does not end in time (ABI.md section 6.4). */
int shoal_exec_retry(struct shoal *s, struct shoal_cmd *cmd)
{
	bool quiet = cmd->quiet;
	int tries, err;

	cmd->quiet = true;
	for (tries = 0; tries < SHOAL_TRIES; tries++) {
		err = shoal_exec(s, cmd);
		if (err != -EAGAIN)
			break;
	}
	cmd->quiet = quiet;
	if (err && !quiet)
		shoal_cmd_log(s, cmd);
	return err;
}

/* A command to the management device that has no result. */
int shoal_self_cmd(struct shoal *s, u16 opcode, const void *data, size_t data_len)
{
	struct shoal_cmd cmd = {
		.opcode = opcode,
		.group = SHOAL_GROUP_SELF,
		.data = data,
		.data_len = data_len,
	};

	return shoal_exec(s, &cmd);
}

/* A command to a managed device. */
int shoal_vdev_cmd(struct shoal_vdev *v, u16 opcode, const void *data, size_t data_len,
		   void *result, size_t result_len)
{
	struct shoal_cmd cmd = {
		.opcode = opcode,
		.group = SHOAL_GROUP_MANAGED,
		.member = v->member,
		.data = data,
		.data_len = data_len,
		.result = result,
		.result_len = result_len,
	};

	return shoal_exec_retry(v->shoal, &cmd);
}
