/* What stands at the bottom of a terminal, bars and the prompt, makes room for what is printed. */
#ifndef MH_CLI_ROOM_H
#define MH_CLI_ROOM_H

#include "cli/cli.h"

void cli_make_room(cli_output *out);
void cli_fill_room(cli_output *out); /* it comes back behind that */

#endif
