/* What keys do at the prompt beyond what libedit binds them to: completion, pastes, and ways through an
 * entry of several lines. */
#ifndef MH_CLI_PROMPT_KEYS_H
#define MH_CLI_PROMPT_KEYS_H

#include <histedit.h>
#include <stdbool.h>

#include "cli/keys.h"

/* The client data of the editor. */
typedef struct cli_editing {
  cli_keys *keys;
  char text[16];         /* of the prompt */
  bool wants_completion; /* Tab was pressed: what completes runs in Lua, here it is only noted */
  bool goes_on;          /* a key stands for another one, which the editor is to take at once */
} cli_editing;

/* Makes `editing` the client data and binds the keys. */
void cli_prompt_bind(EditLine *el, cli_editing *editing);

#endif
