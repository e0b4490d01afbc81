/* A host with a Lua of its own, which it exports: here a function that must never be called. It loads
 * moonherd as moonherd.h says. Compiled in tests/e2e/library.sh; argument: the library. */
#include <dlfcn.h>
#include <moonherd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The functions of moonherd, each as `name` below. */
#define FUNCTIONS(X) \
  X(new)             \
  X(load)            \
  X(start)           \
  X(run)             \
  X(exit_code)       \
  X(close)
#define MEMBER(name) __typeof__(&moonherd_##name) name;
static struct { FUNCTIONS(MEMBER) } api;

void *luaL_newstate(void);
void *luaL_newstate(void) {
  fprintf(stderr, "the host's own luaL_newstate was called\n");
  exit(1);
}

void *lua_newstate(void *allocator, void *user);
void *lua_newstate(void *allocator, void *user) {
  (void)allocator, (void)user;
  return luaL_newstate();
}

static void *find(void *library, const char *name) {
  void *function = dlsym(library, name);
  if (function != NULL) return function;
  fprintf(stderr, "%s\n", dlerror());
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 2) return 1;
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  if (library == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
#define FIND(name) *(void **)&api.name = find(library, "moonherd_" #name);
  FUNCTIONS(FIND)
  static const char code[] = "return require 'moonherd'.json.decode '[7]'[1]";
  moonherd_config config = {.size = sizeof config, .options = "{\"log\": \"error\"}"};
  moonherd *m = api.new(&config, NULL);
  if (m == NULL || api.load(m, "=test", code, strlen(code)) != 0) return 1;
  api.start(m, 0, NULL);
  api.run(m);
  int exit_code = api.exit_code(m);
  api.close(m);
  return exit_code == 7 ? 0 : 1;
}
