/* Texts of others: a server's messages, a script's names. What steers a terminal is not let through. */
#ifndef MH_CLI_TEXT_H
#define MH_CLI_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* A line on stderr, with `before` in front. */
void cli_print_text(const char *before, const char *text, size_t n);

/* What is in a JSON string that begins at `at`, up to its end; `line_break` stands for each of its
 * own. */
void cli_write_string(FILE *out, const char *at, const char *line_break);

#endif
