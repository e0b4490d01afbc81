/* What the executable itself says, by cli_say of cli.h: lines of text, or with --log json objects. */
#ifndef MH_CLI_SAY_H
#define MH_CLI_SAY_H

#include <stdbool.h>
#include <stdio.h>

/* From now on each is one JSON object, like those of the log. */
void cli_say_in_json(bool on);

/* The last that was said; NULL: nothing. Good until the next one. */
const char *cli_last_said(void);

/* The beginning of such an object: time, level and message. */
void cli_put_line_head(FILE *out, const char *level, const char *message);

#endif
