/* See missing.h. */
#include "cli/missing.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

enum { MOST_NAMES = 1000 };

/* A name without its ending; the caller frees it. */
static char *stem_of(const char *name) {
  const char *dot = strrchr(name, '.');
  return strndup(name, dot != NULL && dot > name ? (size_t)(dot - name) : strlen(name));
}

static bool is_script(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot != NULL && dot > name && strcmp(dot, ".lua") == 0;
}

/* The stems of a folder's scripts, as a table that ends with a NULL name; how many there are. */
static int list_stems(const char *folder, cli_entry table[MOST_NAMES + 1]) {
  int count = 0;
  DIR *entries = opendir(folder);
  if (entries == NULL) return 0;
  for (struct dirent *e; count < MOST_NAMES && (e = readdir(entries)) != NULL;) {
    if (!is_script(e->d_name)) continue;
    table[count].name = stem_of(e->d_name);
    if (table[count].name != NULL) count++;
  }
  closedir(entries);
  return count;
}

/* The script of a folder that is nearest to a name, whatever that ends in; the caller frees it. NULL:
 * none is near. To a single letter all would be. */
static char *nearest_in(const char *folder, const char *name) {
  cli_entry *table = calloc(MOST_NAMES + 1, sizeof *table);
  char *stem = stem_of(name), *found = NULL;
  if (table != NULL && stem != NULL && strlen(stem) > 1) {
    int count = list_stems(folder, table);
    const char *nearest = cli_nearest(table, stem);
    if (nearest != NULL && asprintf(&found, "%s.lua", nearest) < 0) found = NULL;
    while (count > 0) free((char *)table[--count].name);
  }
  free(stem);
  free(table);
  return found;
}

/* The script that may be meant: "a/deploy.lua" for "a/deploy", "a/deply.lua" and "a/deploy.ts". The
 * caller frees it; NULL: there is none. */
static char *find_script(const char *path) {
  const char *last = strrchr(path, '/');
  int n = last != NULL ? (int)(last - path) + 1 : 0;
  char *folder = NULL, *found = NULL;
  if (asprintf(&found, "%s.lua", path) < 0) return NULL;
  if (access(found, R_OK) == 0) return found;
  free(found);
  if (asprintf(&folder, "%.*s.", n, path) < 0) return NULL;
  char *name = nearest_in(folder, path + n);
  free(folder);
  if (name == NULL || asprintf(&found, "%.*s%s", n, path, name) < 0) found = NULL;
  free(name);
  return found;
}

void cli_say_missing(const char *path) {
  char *meant = find_script(path);
  if (meant == NULL) cli_say("cannot open %s: no such file", path);
  else cli_say("cannot open %s: no such file (did you mean '%s'?)", path, meant);
  free(meant);
}

void cli_say_unknown(const char *word, const char *command) {
  char *script = find_script(word);
  bool is_whole = script != NULL && strncmp(script, word, strlen(word)) == 0;
  const char *meant = command == NULL || is_whole ? script : command;
  if (meant != NULL) cli_say("unknown command '%s' (did you mean '%s'?)", word, meant);
  else cli_say("unknown command '%s'; 'moonherd help' lists them", word);
  free(script);
}
