/* A host of moonherd.h that keeps what a script prints, logs and fails with. */
#ifndef SCRIPT_HOST_H
#define SCRIPT_HOST_H

#include "moonherd.h"

typedef struct script_host {
  moonherd *m;
  char out[4096], err[1024], log[4096]; /* cut short when longer */
  char events[4096];                    /* what the script emits: "NAME JSON\n" */
  int errors;                           /* how many were reported; the last one: */
  char message[4096], kind[64], reason[64], trace[4096], json[65536];
} script_host;

extern const char VIRTUAL_CLOCK[]; /* for moonherd_config.options */

/* The callbacks of `config` are set; no config: the default. */
moonherd *script_host_open(script_host *h, const moonherd_config *config);
void script_host_start(script_host *h, const char *code); /* the chunk is called "script" */
int script_host_run(script_host *h, const char *code);    /* returns the exit code */

#endif
