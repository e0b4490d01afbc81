/* Two handles in one process: they share nothing, the host carries events from one to the other.
 *
 *   cc two.c -o two $(pkg-config --cflags --libs moonherd) && ./two two.lua */
#include <moonherd.h>
#include <stdio.h>

typedef struct player {
  const char *name;
  moonherd *m, *other;
} player;

static void on_output(void *user, int stream, const char *bytes, size_t n) {
  const player *p = user;
  (void)stream;
  printf("%s: %.*s", p->name, (int)n, bytes);
}

/* moonherd_send runs no script: it is allowed in callbacks, for another handle and for the same. */
static void on_event(void *user, const char *name, const char *json, size_t n) {
  const player *p = user;
  moonherd_send(p->other, name, json, n);
}

static int join(player *p, const char *path) {
  moonherd_config config = {
      .size = sizeof config, .user = p, .on_output = on_output, .on_event = on_event};
  p->m = moonherd_new(&config, NULL);
  if (p->m == NULL) return MOONHERD_ENOMEM;
  const char *const argv[] = {path, p->name};
  int e = moonherd_load_file(p->m, path);
  return e == 0 ? moonherd_start(p->m, 2, argv) : e;
}

int main(int argc, char **argv) {
  player ann = {.name = "Ann"}, bob = {.name = "Bob"};
  if (argc != 2 || join(&ann, argv[1]) != 0 || join(&bob, argv[1]) != 0) return 1;
  ann.other = bob.m;
  bob.other = ann.m;
  moonherd_send(ann.m, "ball", "3", 1);
  int a, b;
  do {
    a = moonherd_step(ann.m, 0);
    b = moonherd_step(bob.m, 0);
  } while (a > 0 || b > 0);
  moonherd_close(ann.m);
  moonherd_close(bob.m);
  return 0;
}
