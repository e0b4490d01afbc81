/* A game, as far as moonherd sees it: sixty frames a second, and in each at most two milliseconds for
 * scripts. While they deploy to the embedded platform the game goes on.
 *
 *   cc frame.c -o frame $(pkg-config --cflags --libs moonherd) && ./frame frame.lua */
#include <moonherd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct game {
  int frames, deployed;
} game;

static void on_output(void *user, int stream, const char *bytes, size_t n) {
  (void)user;
  fwrite(bytes, 1, n, stream == MOONHERD_STDOUT ? stdout : stderr);
}

static void on_error(void *user, const moonherd_error *error) {
  (void)user;
  fprintf(stderr, "script: %s\n", moonherd_error_message(error));
}

/* The script tells how far it is; a real game would draw that. */
static void on_event(void *user, const char *name, const char *json, size_t n) {
  (void)n;
  game *g = user;
  if (strcmp(name, "deployed") == 0) g->deployed = atoi(json);
}

static void update_and_draw(game *g) {
  static const struct timespec rest_of_frame = {.tv_nsec = 14000000};
  g->frames++;
  nanosleep(&rest_of_frame, NULL);
}

int main(int argc, char **argv) {
  game g = {0};
  moonherd_config config = {
      .size = sizeof config,
      .user = &g,
      .on_output = on_output,
      .on_error = on_error,
      .on_event = on_event,
      .budget = 0.002,
      .options = "{\"target\":\"local\"}",
  };
  const char *why = NULL;
  moonherd *m = moonherd_new(&config, &why);
  if (m == NULL) {
    fprintf(stderr, "%s\n", why);
    return 1;
  }
  if (argc != 2 || moonherd_load_file(m, argv[1]) != 0) return 1;
  moonherd_start(m, 1, (const char *const *)argv + 1);
  bool is_running = true;
  while (is_running) {
    is_running = moonherd_step(m, 0) > 0;  // never blocks
    update_and_draw(&g);
  }
  int code = moonherd_exit_code(m);
  moonherd_close(m);
  printf("%d deployed, the game went on: %s\n", g.deployed, g.frames > 2 ? "yes" : "no");
  return code;
}
