/* A script that is not there: what is said of it, and which one may have been meant. */
#ifndef MH_CLI_MISSING_H
#define MH_CLI_MISSING_H

/* One line on stderr. */
void cli_say_missing(const char *path);

/* Likewise for a word that is no command, either; `command` is the nearest, or NULL. */
void cli_say_unknown(const char *word, const char *command);

#endif
