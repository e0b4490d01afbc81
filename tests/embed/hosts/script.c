/* Runs the script named by its argument: a host as small as they get, compiled in tests/e2e/library.sh
 * against what was installed. */
#include <moonherd.h>
#include <stdio.h>

static void on_output(void *user, int stream, const char *bytes, size_t n) {
  (void)user;
  fwrite(bytes, 1, n, stream == MOONHERD_STDOUT ? stdout : stderr);
}

static void on_error(void *user, const moonherd_error *error) {
  (void)user;
  fprintf(stderr, "%s\n", moonherd_error_message(error));
}

int main(int argc, char **argv) {
  moonherd_config config = {.size = sizeof config};
  config.on_output = on_output;
  config.on_error = on_error;
  const char *why;
  moonherd *m = moonherd_new(&config, &why);
  if (m == NULL) {
    fprintf(stderr, "%s\n", why);
    return 1;
  }
  if (argc < 2 || moonherd_load_file(m, argv[1]) != 0) return 1;
  moonherd_start(m, argc - 1, (const char *const *)argv + 1);
  moonherd_run(m);
  int code = moonherd_exit_code(m);
  moonherd_close(m);
  return code;
}
