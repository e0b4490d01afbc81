/* The `moonherd` executable: reads the command line, makes a handle, steps it until it is done. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/foresee.h"
#include "cli/lua_init.h"
#include "cli/missing.h"
#include "cli/repl.h"
#include "cli/result.h"
#include "cli/say.h"
#include "cli/signals.h"
#include "cli/trace.h"
#include "cli/watch.h"

/* ---- loading ------------------------------------------------------------------------------ */

/* All that is in a file, with a zero behind it. NULL without memory, or when it cannot be read to its
 * end: half a script is none. */
static char *read_all(FILE *file, size_t *length) {
  size_t n = 0, room = 0;
  char *text = NULL;
  for (;;) {
    if (n + 1 >= room) {
      room = room == 0 ? 64 * 1024 : room * 2;
      char *more = realloc(text, room);
      if (more == NULL) break;
      text = more;
    }
    size_t got = fread(text + n, 1, room - n - 1, file);
    if (got == 0 && ferror(file)) break;
    if (got == 0) {
      text[n] = '\0';
      *length = n;
      return text;
    }
    n += got;
  }
  free(text);  // which leaves errno as it is
  return NULL;
}

/* What runs a command that is written in Lua. The words of the command line go with it: help, the man
 * page and completion are made of them. */
static char *command_chunk(size_t *length) {
  char *text = NULL;
  FILE *out = open_memstream(&text, length);
  if (out == NULL) return NULL;
  fputs("return require 'moonherd.cli' (", out);
  cli_write_table(out);
  fputs(", ...)", out);
  return fclose(out) == 0 ? text : NULL;
}

/* Asked for after the handle has failed to read it, which does not say why. */
static const char *why_unreadable(const char *path) {
  struct stat st;
  if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return "it is a folder";
  return access(path, R_OK) == 0 ? "reading it failed" : strerror(errno);
}

static int say_load_failed(int e, const char *what) {
  if (e == MOONHERD_ESCRIPT) return EXIT_SCRIPT_FAILED;  // on_error has said why
  if (e == MOONHERD_ENOENT) cli_say_missing(what);
  else if (e == MOONHERD_EIO) cli_say("cannot read %s: %s", what, why_unreadable(what));
  else cli_say("cannot load %s", what);
  return EXIT_USAGE;
}

static int say_stdin_failed(void) {
  cli_say("cannot read standard input: %s", strerror(errno));
  return EXIT_USAGE;
}

/* Loads what is to run. Returns -1, or an exit code. `text` holds what the caller frees. */
static int load(moonherd *m, const cli_options *o, cli_output *out, char **text) {
  int e;
  size_t n = 0;
  switch (o->source) {
    case FROM_FILE: e = moonherd_load_file(m, o->script); break;
    case FROM_CODE:
      out->source = o->script;
      e = moonherd_load(m, "=-e", o->script, strlen(o->script));
      break;
    case FROM_STDIN:
      *text = read_all(stdin, &n);
      out->source = *text;
      if (*text == NULL && ferror(stdin)) return say_stdin_failed();
      e = *text != NULL ? moonherd_load(m, "=stdin", *text, n) : MOONHERD_ENOMEM;
      break;
    default:
      *text = command_chunk(&n);
      e = *text != NULL ? moonherd_load(m, "=moonherd", *text, n) : MOONHERD_ENOMEM;
      break;
  }
  return e == 0 ? -1 : say_load_failed(e, o->source == FROM_STDIN ? "standard input" : o->script);
}

/* The command has its copy of the arguments: what may be secret must not stay where every user of the
 * machine can read it. */
static void wipe_values(const cli_options *o) {
  static const char *const flags[] = {"--token", "--json", "--form", "--body", NULL};
  if (o->source != FROM_COMMAND) return;
  for (int i = 0; i < o->arg_count; i++) {
    size_t n = strcspn(o->args[i], "=");
    for (const char *const *flag = flags; *flag != NULL; flag++) {
      if (strlen(*flag) != n || strncmp(o->args[i], *flag, n) != 0) continue;
      char *value = o->args[i][n] == '=' ? o->args[i] + n + 1 : NULL;
      if (value == NULL && i + 1 < o->arg_count) value = o->args[i + 1];
      if (value != NULL) memset(value, 'x', strlen(value));
    }
  }
}

/* What a process has in its memory, credentials and secrets among it, stays there: no core file, and no
 * look into it by other programs of the same user. MOONHERD_CORE=1 is for those who look for a bug. */
static void keep_memory_private(void) {
  if (getenv("MOONHERD_CORE") == NULL) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* ---- running ------------------------------------------------------------------------------ */

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The system keeps the lowest byte of an exit code: what a script counts must not become success. */
static int process_code(int code) {
  return code != 0 && (code & 0xff) == 0 ? 255 : code;
}

/* One step that may wait `seconds` (below 0: for ever); with --watch a change ends the wait too. */
static int step(moonherd *m, const cli_output *out, double seconds) {
  if (out->watch == NULL) return moonherd_step(m, seconds);
  struct pollfd fds[] = {{.fd = moonherd_fd(m), .events = POLLIN},
                         {.fd = cli_watch_fd(out->watch), .events = POLLIN}};
  int timeout = moonherd_timeout(m), left = seconds < 0 ? -1 : (int)(seconds * 1000) + 1;
  poll(fds, 2, left >= 0 && (timeout < 0 || left < timeout) ? left : timeout);
  return moonherd_step(m, 0);
}

static void say_changed(const char *path) {
  cli_note("%s has changed: again", path);
}

/* What ends a run before its time. */
typedef struct ending {
  double end; /* of --timeout; 0: none */
  bool is_late, is_interrupted, is_cancelled;
} ending;

/* The first of them cancels the run, the others let it finish its cleanup: another cancel would cut that
 * short. Whoever cannot wait sends a second signal. */
static void cancel(moonherd *m, ending *e, const char *reason) {
  if (!e->is_cancelled) moonherd_cancel(m, reason);
  e->is_cancelled = true;
}

static void take_endings(moonherd *m, cli_output *out, ending *e) {
  const char *changed = out->watch != NULL ? cli_watch_changed(out->watch, true) : NULL;
  if (changed != NULL) {
    if (!out->has_changed) say_changed(changed);
    out->has_changed = true;
    cancel(m, e, "a source has changed");
  }
  if (cli_signals_have_come() && !e->is_interrupted) {
    e->is_interrupted = true;
    cancel(m, e, "interrupted");
  }
  if (e->end > 0 && !e->is_late && now() >= e->end) {
    e->is_late = true;
    cli_signals_limit(0);
    cancel(m, e, "--timeout is over");
  }
}

/* Steps until the script has ended; returns the exit code. */
static int run(moonherd *m, const cli_options *o, cli_output *out) {
  ending e = {.end = o->timeout > 0 ? now() + o->timeout : 0};
  int r;
  cli_signals_limit(o->timeout);
  do {
    double left = e.end > 0 && !e.is_late ? fmax(e.end - now(), 0) : -1;
    r = step(m, out, left);
    if (cli_signals_take_dump()) moonherd_dump(m);
    take_endings(m, out, &e);
  } while (r == MOONHERD_WAITING || r == MOONHERD_READY);
  cli_signals_limit(0);
  bool has_served = o->source == FROM_COMMAND && moonherd_exit_code(m) == 0;
  if (e.is_interrupted && !has_served) return cli_signals_exit_code();
  if (e.is_late) cli_say("timed out after %g s", o->timeout);
  if (e.is_late) return EXIT_TIMED_OUT;
  if (out->stdout_is_closed) return EXIT_PIPE_CLOSED;
  if (out->stdout_has_failed) return EXIT_SCRIPT_FAILED;
  return out->had_usage_error ? EXIT_USAGE : process_code(moonherd_exit_code(m));
}

/* LUA_INIT, to its end. Returns -1, or an exit code: then the script is not to run. */
static int run_init(moonherd *m, const cli_options *o, cli_output *out) {
  if (!cli_init_is_there(o)) return -1;
  if (cli_init_start(m, o) != 0) {
    cli_say("not enough memory");
    return EXIT_SCRIPT_FAILED;
  }
  int code = run(m, o, out);
  return cli_init_is_done(m) && code == process_code(moonherd_exit_code(m)) ? -1 : code;
}

/* The text of the guard's file; NULL: there is none, or it cannot be read and that has been said. */
static char *read_guard(const char *path) {
  FILE *file = path != NULL ? fopen(path, "r") : NULL;
  if (path == NULL) return NULL;
  size_t n = 0;
  char *text = file != NULL ? read_all(file, &n) : NULL;
  bool is_read = text != NULL && strlen(text) == n;
  if (text != NULL && !is_read) errno = EINVAL;  // it holds a zero byte
  if (!is_read) cli_say("--guard: cannot read %s: %s", path, strerror(errno));
  if (file != NULL) fclose(file);
  if (is_read) return text;
  free(text);
  return NULL;
}

static int start_and_run(const cli_options *o, cli_output *out, const char *json,
                         const char *guard) {
  moonherd_config config = {
      .size = sizeof config,
      .user = out,
      .on_output = cli_on_output,
      .on_log = cli_on_log,
      .on_error = cli_on_error,
      .on_event = cli_repl_on_event,
      .options = json,
      .flags = o->flags,
      .guard = guard,
      .on_trace = out->trace != NULL ? cli_on_trace : NULL,
  };
  const char *why = NULL;
  moonherd *m = moonherd_new(&config, &why);
  if (m == NULL) {
    cli_say("%s", why);
    return EXIT_USAGE;
  }
  out->handle = m;
  cli_signals_catch(m);
  char *text = NULL;
  int code = run_init(m, o, out);
  if (code < 0) code = load(m, o, out, &text);
  if (code < 0 && moonherd_start(m, o->arg_count, (const char *const *)o->args) != 0) {
    cli_say("not enough memory");
    code = EXIT_SCRIPT_FAILED;
  }
  wipe_values(o);
  bool is_repl = o->source == FROM_COMMAND && strcmp(o->script, "repl") == 0;
  cli_signals_end_loops(is_repl);
  if (code < 0) code = is_repl ? cli_repl(m, out) : run(m, o, out);
  out->counts.size = sizeof out->counts;
  moonherd_count(m, &out->counts);
  cli_bars_hide(&out->bars);
  cli_signals_release();
  moonherd_close(m);
  free(text);
  return code == 0 && out->stdout_has_failed ? EXIT_SCRIPT_FAILED : code;
}

/* A run that could not tell all that was asked for has not gone well. */
static int run_with_trace(const cli_options *o, cli_output *out, const char *json,
                          const char *guard) {
  if (o->trace == NULL) return start_and_run(o, out, json, guard);
  out->trace = cli_trace_open(o->trace);
  if (out->trace == NULL) return EXIT_USAGE;
  int code = start_and_run(o, out, json, guard);
  bool is_written = cli_trace_close(out->trace);
  out->trace = NULL;
  return code == 0 && !is_written ? EXIT_SCRIPT_FAILED : code;
}

/* Likewise. */
static int run_with_result(const cli_options *o, cli_output *out, const char *json,
                           const char *guard) {
  if (o->result != NULL && !cli_result_can_be_written(o->result)) return EXIT_USAGE;
  double began = now();
  int code = run_with_trace(o, out, json, guard);
  if (o->result != NULL && !cli_write_result(out, code, now() - began) && code == 0)
    code = EXIT_SCRIPT_FAILED;
  free(out->error);
  return code;
}

/* Until a source has changed; false when a signal came first. */
static bool wait_for_change(cli_watch *watch) {
  while (cli_signals_wait(cli_watch_fd(watch))) {
    const char *changed = cli_watch_changed(watch, false);
    if (changed == NULL) continue;
    say_changed(changed);
    return true;
  }
  return false;
}

/* The script's folder, also that of the file which a link stands for; for tests the working folder, and
 * what is named. */
static cli_watch *watch_sources(const cli_options *o, bool is_test) {
  cli_watch *watch = cli_watch_open();
  if (watch == NULL) return NULL;
  char target[PATH_MAX];
  cli_watch_add(watch, is_test ? "." : o->script);
  if (!is_test && realpath(o->script, target) != NULL) cli_watch_add(watch, target);
  for (int i = 1; is_test && i < o->arg_count; i++)
    if (o->args[i][0] != '-') cli_watch_add(watch, o->args[i]);
  return watch;
}

/* --watch: a new handle for every run, so that nothing of the last one is left. */
static int run_again(const cli_options *o, cli_output *out, const char *json, const char *guard) {
  bool is_test = o->source == FROM_COMMAND && strcmp(o->script, "test") == 0;
  char path[PATH_MAX] = ".";
  if (!is_test) snprintf(path, sizeof path, "%s", o->script);
  const char *folder = is_test ? path : dirname(path);
  cli_watch *watch = watch_sources(o, is_test);
  if (watch == NULL) return EXIT_USAGE;
  do {
    cli_output_init(out, o);
    out->watch = watch;
    int code = run_with_result(o, out, json, guard);
    if (cli_signals_have_come()) break;
    if (!out->has_changed) cli_note("ended with %d; watching %s, Ctrl-C leaves", code, folder);
  } while (out->has_changed || wait_for_change(watch));
  cli_watch_close(watch);
  return cli_signals_exit_code();
}

/* Seconds between two looks of a bar. */
static const double BAR_INTERVAL = 0.1;

/* A process that is started without one of its standard streams would open a file, or a socket, in
 * its place, and print into it; and libuv ends a process that closes one. */
static void fill_standard_streams(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) close(fd);
}

/* A command line that cannot be read leaves its result, too: the one of the last run would be taken for
 * that of this one. */
static int end_unread(const cli_foreseen *seen, int code) {
  cli_options options = {.result = seen->result, .source = FROM_FILE};
  cli_output output;
  if (code != EXIT_USAGE || seen->result == NULL) return code;
  cli_output_init(&output, &options);
  if (cli_result_can_be_written(seen->result)) cli_write_result(&output, code, 0);
  return code;
}

int main(int argc, char **argv) {
  fill_standard_streams();
  keep_memory_private();
  cli_options options;
  cli_foreseen seen = cli_foresee(argc, argv);
  cli_say_in_json(seen.logs_json);
  int code = cli_parse(argc, argv, &options);
  if (code < 0 && !cli_load_env_files(options.env_files, options.env_file_count)) code = EXIT_USAGE;
  free(options.env_files);
  if (code >= 0) return end_unread(&seen, code);
  cli_output output;
  cli_output_init(&output, &options);
  char *json = cli_config_json(&options, output.bars.is_on ? BAR_INTERVAL : 0);
  if (json == NULL) {
    cli_say("not enough memory");
    return EXIT_SCRIPT_FAILED;
  }
  char *guard = read_guard(options.guard);
  bool has_guard = guard != NULL || options.guard == NULL;
  if (!has_guard) code = end_unread(&seen, EXIT_USAGE);
  else if (options.watches) code = run_again(&options, &output, json, guard);
  else code = run_with_result(&options, &output, json, guard);
  free(guard);
  free(json);
  return code;
}
