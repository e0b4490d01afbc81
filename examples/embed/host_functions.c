/* A host with functions of its own in C. One counts the primes up to a number on a thread: scripts call
 * it like any other function, and other tasks run until it answers.
 *
 *   cc host_functions.c -o host_functions $(pkg-config --cflags --libs moonherd lua5.4) -lpthread */
#include <moonherd.h>
#include <moonherd_lua.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

/* ---- host.version() ----------------------------------------------------------------------- */

static int f_version(lua_State *L) {
  const char *program = moonherd_user(L);
  lua_pushstring(L, program);
  return 1;
}

/* ---- host.primes(limit) ------------------------------------------------------------------- */

/* What the function and its thread share. */
typedef struct counting {
  lua_Integer limit, count;
  atomic_bool is_stopped;
} counting;

static bool is_prime(lua_Integer n) {
  for (lua_Integer d = 2; d * d <= n; d++)
    if (n % d == 0) return false;
  return n > 1;
}

/* On a thread: no Lua here. */
static void *count(void *job) {
  counting *c = job;
  for (lua_Integer n = 2; n <= c->limit && !c->is_stopped; n++) c->count += is_prime(n);
  moonherd_ready(c, 0);  // behind this the job is no longer ours
  return NULL;
}

static int counted(lua_State *L, void *job, int status) {
  const counting *c = job;
  if (status != 0) return luaL_error(L, "no thread to count on");
  lua_pushinteger(L, c->count);
  return 1;
}

static void stop(void *job) {
  ((counting *)job)->is_stopped = true;
}

static const moonherd_work counting_primes = {"primes", sizeof(counting), counted, stop, NULL};

static int f_primes(lua_State *L) {
  lua_Integer limit = luaL_checkinteger(L, 1);
  luaL_argcheck(L, limit >= 0, 1, "below zero");
  counting *c = moonherd_begin(L, &counting_primes);
  c->limit = limit;
  pthread_t thread;
  if (pthread_create(&thread, NULL, count, c) == 0) pthread_detach(thread);
  else moonherd_ready(c, MOONHERD_ENOMEM);
  return moonherd_wait(L, c);
}

/* ---- the host ----------------------------------------------------------------------------- */

static const luaL_Reg functions[] = {{"version", f_version}, {"primes", f_primes}, {NULL, NULL}};

static void on_output(void *user, int stream, const char *bytes, size_t n) {
  (void)user;
  fwrite(bytes, 1, n, stream == MOONHERD_STDOUT ? stdout : stderr);
}

static void on_error(void *user, const moonherd_error *error) {
  (void)user;
  fprintf(stderr, "script: %s\n", moonherd_error_message(error));
}

int main(int argc, char **argv) {
  static char program[] = "Prime Machine 2";
  moonherd_config config = {
      .size = sizeof config, .user = program, .on_output = on_output, .on_error = on_error};
  moonherd *m = moonherd_new(&config, NULL);
  if (m == NULL || moonherd_register(m, "host", functions) != 0) return 1;
  if (argc != 2 || moonherd_load_file(m, argv[1]) != 0) return 1;
  moonherd_start(m, 1, (const char *const *)argv + 1);
  moonherd_run(m);
  int code = moonherd_exit_code(m);
  moonherd_close(m);
  return code;
}
