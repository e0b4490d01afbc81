/* A script is replaced while its program runs: the new one is loaded beside the old one, so that one
 * with a mistake in it changes nothing, and finds what the old one has kept.
 *
 *   cc reload.c -o reload $(pkg-config --cflags --libs moonherd) && ./reload reload.lua */
#include <moonherd.h>
#include <stdio.h>
#include <string.h>

static void on_output(void *user, int stream, const char *bytes, size_t n) {
  (void)user;
  fwrite(bytes, 1, n, stream == MOONHERD_STDOUT ? stdout : stderr);
}

static void on_error(void *user, const moonherd_error *error) {
  (void)user;
  printf("error: %s\n", moonherd_error_message(error));
}

/* Some frames of a program, in which its script counts the hits. */
static void play(moonherd *m, int hits) {
  for (int i = 0; i < hits; i++) moonherd_send(m, "hit", NULL, 0);
  while (moonherd_step(m, 0) == MOONHERD_READY) {
  }
}

/* The new text of the script takes over, or the old one goes on. */
static void edit(moonherd *m, const char *text) {
  if (moonherd_load(m, "=edited", text, strlen(text)) != 0) {
    printf("the old script goes on\n");
    return;
  }
  moonherd_reload(m);
  moonherd_start(m, 0, NULL);
  printf("the new script runs\n");
}

int main(int argc, char **argv) {
  moonherd_config config = {.size = sizeof config, .on_output = on_output, .on_error = on_error};
  moonherd *m = moonherd_new(&config, NULL);
  if (m == NULL || argc != 2 || moonherd_load_file(m, argv[1]) != 0) return 1;
  moonherd_start(m, 0, NULL);
  play(m, 2);
  edit(m, "this is no Lua");
  play(m, 1);
  edit(m,
       "local moonherd = require 'moonherd'\n"
       "local score = moonherd.kept 'score'\n"
       "moonherd.on('hit', function () score = score + 10 print('score', score) end)\n");
  play(m, 2);
  moonherd_cancel(m, "the window was closed");
  moonherd_close(m);
  return 0;
}
