/* moonherd in a frame loop.
 *
 *   frames uploads SCRIPT STATE [FRAMES [TASKS [REST]]]   uploads in flight, budget 1 ms; REST: ms
 *   frames send                                           moonherd_send of 4 KiB
 *   frames idle                                           a step with nothing to do, and uv_run
 *
 * Times are CPU time of the thread that steps. */
#include <string.h>
#include <uv.h>

#include "frames.h"
#include "moonherd.h"
#include "moonherd_lua.h"

enum { WARM_UP = 10000 /* uploads that are not counted */ };

static void on_error(void *user, const moonherd_error *error) {
  (void)user;
  fprintf(stderr, "frames: %s\n%s\n", moonherd_error_message(error), moonherd_error_trace(error));
  exit(1);
}

static moonherd *open_with(moonherd_config config) {
  config.size = sizeof config;
  config.on_error = on_error;
  const char *why = NULL;
  moonherd *m = moonherd_new(&config, &why);
  if (m != NULL) return m;
  fprintf(stderr, "frames: %s\n", why);
  exit(1);
}

static void start_text(moonherd *m, const char *text) {
  if (moonherd_load(m, "=bench", text, strlen(text)) != 0) exit(1);
  moonherd_start(m, 0, NULL);
}

/* ---- uploads ------------------------------------------------------------------------------ */

typedef struct game {
  long frame, first;     /* the one that runs; the first that counts */
  long uploads, slowest; /* slowest: in frames */
} game;

static int f_frame(lua_State *L) {
  const game *g = moonherd_user(L);
  lua_pushinteger(L, g->frame);
  return 1;
}

static int f_uploaded(lua_State *L) {
  game *g = moonherd_user(L);
  long frames = (long)luaL_checkinteger(L, 1);
  g->uploads++;
  if (g->frame - frames < g->first)
    return 0;  // it began in the warm-up, whose frames are no frames
  if (frames > g->slowest) g->slowest = frames;
  return 0;
}

static const luaL_Reg functions[] = {{"frame", f_frame}, {"uploaded", f_uploaded}, {NULL, NULL}};

static double step(moonherd *m) {
  double start = thread_us();
  if (moonherd_step(m, 0) < 0) exit(1);
  return thread_us() - start;
}

/* Until the platform's log of requests is full, which would look like memory that is lost. */
static void warm_up(moonherd *m, game *g) {
  while (g->uploads < WARM_UP) {
    step(m);
    g->frame++;
  }
  g->uploads = g->slowest = 0;
  g->first = g->frame;
}

static void run_frames(moonherd *m, game *g, long frames, double rest_ms, times *steps) {
  long memory = memory_kb();
  for (long end = g->frame + frames; g->frame < end; g->frame++) {
    times_add(steps, step(m));
    rest(rest_ms);
  }
  printf("memory ratio %.3f: %ld KB at first, %ld KB at the end\n",
         (double)memory_kb() / (double)memory, memory, memory_kb());
}

static void bench_uploads(const char *script, const char *state, long frames, const char *tasks,
                          double rest_ms) {
  char options[512];
  snprintf(options, sizeof options, "{\"target\":\"local\",\"state\":\"%s\",\"log\":\"error\"}",
           state);
  game g = {0};
  times steps = times_new((size_t)frames);
  moonherd *m = open_with((moonherd_config){.user = &g, .budget = 0.001, .options = options});
  moonherd_register(m, "host", functions);
  const char *const argv[] = {script, tasks};
  if (moonherd_load_file(m, script) != 0) exit(1);
  moonherd_start(m, 2, argv);
  warm_up(m, &g);
  run_frames(m, &g, frames, rest_ms, &steps);
  moonherd_send(m, "stop", NULL, 0);
  while (moonherd_step(m, -1) > 0) {
  }
  moonherd_close(m);
  times_print(&steps, "step");
  printf("%ld uploads, %.2f a frame, slowest %ld frames\n", g.uploads,
         (double)g.uploads / (double)frames, g.slowest);
}

/* ---- events ------------------------------------------------------------------------------- */

static void bench_send(void) {
  enum { COUNT = 10000, SIZE = 4096 };
  char json[SIZE];
  memset(json, 'x', sizeof json);
  memcpy(json, "[1.5,{\"a\":true},\"", 17);
  memcpy(json + SIZE - 2, "\"]", 2);
  times sends = times_new(COUNT);
  moonherd *m = open_with((moonherd_config){0});
  start_text(m, "require 'moonherd'.on('event', function () end)");
  for (int i = 0; i < COUNT; i++) {
    double start = thread_us();
    if (moonherd_send(m, "event", json, sizeof json) != 0) exit(1);
    times_add(&sends, thread_us() - start);
    step(m);
  }
  moonherd_close(m);
  times_print(&sends, "send");
}

/* ---- nothing to do ------------------------------------------------------------------------ */

enum { IDLE_STEPS = 20000, IDLE_ROUNDS = 5 };

static double idle_step(const char *tasks) {
  char text[128];
  snprintf(text, sizeof text,
           "local m = require 'moonherd' for i = 1, %s do m.spawn(m.sleep, '1h') end", tasks);
  moonherd *m = open_with((moonherd_config){.budget = 0.001});
  start_text(m, text);
  for (int i = 0; i < 10000; i++) moonherd_step(m, 0);
  double best = 1e9;
  for (int round = 0; round < IDLE_ROUNDS; round++) {
    double start = thread_us();
    for (int i = 0; i < IDLE_STEPS; i++) moonherd_step(m, 0);
    double us = (thread_us() - start) / IDLE_STEPS;
    if (us < best) best = us;
  }
  moonherd_close(m);
  return best;
}

static void on_timer(uv_timer_t *timer) {
  (void)timer;
}

static double idle_uv(void) {
  uv_loop_t loop;
  uv_timer_t timer;
  uv_loop_init(&loop);
  uv_timer_init(&loop, &timer);
  uv_timer_start(&timer, on_timer, 3600 * 1000, 0);
  double best = 1e9;
  for (int round = 0; round < IDLE_ROUNDS; round++) {
    double start = thread_us();
    for (int i = 0; i < IDLE_STEPS; i++) uv_run(&loop, UV_RUN_NOWAIT);
    double us = (thread_us() - start) / IDLE_STEPS;
    if (us < best) best = us;
  }
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  return best;
}

static void bench_idle(void) {
  double uv = idle_uv(), one = idle_step("1"), many = idle_step("10000");
  printf("uv_run %.3f us, step %.3f us, step with 10000 sleeping tasks %.3f us\n", uv, one, many);
  printf("above uv_run %.3f us; above with 10000 %.3f us\n", one - uv, many - uv);
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "uploads") == 0 && argc > 3)
    bench_uploads(argv[2], argv[3], argc > 4 ? strtol(argv[4], NULL, 10) : 6000,
                  argc > 5 ? argv[5] : "500", argc > 6 ? strtod(argv[6], NULL) : 4);
  else if (strcmp(what, "send") == 0) bench_send();
  else if (strcmp(what, "idle") == 0) bench_idle();
  else return fprintf(stderr, "usage: frames uploads SCRIPT STATE … | send | idle\n"), 2;
  return 0;
}
