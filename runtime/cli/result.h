/* --result FILE: how a run ended, as JSON for CI. */
#ifndef MH_CLI_RESULT_H
#define MH_CLI_RESULT_H

#include "cli/cli.h"

/* Whether the file can be written, as far as that can be known before. When not, that has been said. */
bool cli_result_can_be_written(const char *path);

/* Writes the file whole or not at all. Returns false when that failed: it has been said. */
bool cli_write_result(const cli_output *out, int code, double seconds);

#endif
