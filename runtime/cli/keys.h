/* Keys that have been pressed: bytes of standard input, read when they are there, and taken by the line
 * editor one character after the other. The editor may ask for the rest of a sequence that has not come
 * yet, as after a lone ESC: then the loop goes on until it comes. */
#ifndef MH_CLI_KEYS_H
#define MH_CLI_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

typedef struct cli_keys {
  char bytes[4096];
  size_t at, n; /* those not taken yet: from `at` up to `n` */
  bool (*wait)(
      void *user); /* goes on until there may be more; false: there is nothing to wait for */
  void *user;
} cli_keys;

/* Reads what is there. False at the end of the input. */
bool cli_keys_read(cli_keys *k);

bool cli_keys_are_there(const cli_keys *k);
bool cli_keys_hold_line(const cli_keys *k); /* whether a line ends in them */
void cli_keys_drop(cli_keys *k);

/* The next character, waiting for it; false: none comes. */
bool cli_keys_take(cli_keys *k, wchar_t *character);

#endif
