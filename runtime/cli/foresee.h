/* What a command line that cannot be read has said about how that is to be told. */
#ifndef MH_CLI_FORESEE_H
#define MH_CLI_FORESEE_H

#include <stdbool.h>

typedef struct cli_foreseen {
  const char *result; /* of --result; NULL: none */
  bool logs_json;
} cli_foreseen;

/* Looks through the line as far as its options are moonherd's, also behind one that is wrong. */
cli_foreseen cli_foresee(int argc, char **argv);

#endif
