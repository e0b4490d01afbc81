/* The command line. See cli.h. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/missing.h"
#include "core/duration.h"

static bool is_same(const char *a, const char *b) {
  return strcmp(a, b) == 0;
}

static int unknown(const char *what, const char *word, const cli_entry *table) {
  const char *name = cli_nearest(table, word);
  if (name != NULL) cli_say("unknown %s '%s' (did you mean '%s'?)", what, word, name);
  else cli_say("unknown %s '%s'; 'moonherd help' lists them", what, word);
  return EXIT_USAGE;
}

/* ---- values ------------------------------------------------------------------------------- */

static bool parse_duration(const char *text, double *seconds) {
  return mh_duration_parse(text, strlen(text), seconds) && *seconds > 0;
}

static int given_twice(const char *flag) {
  cli_say("%s is given twice", flag);
  return EXIT_USAGE;
}

/* "virtual" begins now, "virtual:SECONDS" where another run has ended. */
static int set_clock(cli_options *o, const char *value) {
  static const char name[] = "virtual";
  size_t n = sizeof name - 1;
  char *end = NULL;
  if (o->has_virtual_clock) return given_twice("--clock");
  o->has_virtual_clock = strncmp(value, name, n) == 0;
  o->clock_start = (double)time(NULL);
  if (o->has_virtual_clock && value[n] == '\0') return -1;
  if (o->has_virtual_clock && value[n] == ':' && isdigit((unsigned char)value[n + 1])) {
    o->clock_start = strtod(value + n + 1, &end);
    if (*end == '\0' && o->clock_start < 9e9) return -1;
  }
  cli_say("--clock: '%s' is not virtual, or virtual:SECONDS since 1970", value);
  return EXIT_USAGE;
}

/* Each option once: the second of two would silently win. */
static int set_once(const char **slot, const char *flag, const char *value) {
  if (*slot != NULL) return given_twice(flag);
  if (value[0] == '\0') {
    cli_say("%s: the value is empty", flag);
    return EXIT_USAGE;
  }
  *slot = value;
  return -1;
}

static int set_switch_once(bool *slot, const char *flag) {
  if (*slot) return given_twice(flag);
  *slot = true;
  return -1;
}

static int set_log(cli_options *o, const char *value) {
  static const cli_entry levels[] = {{"error", NULL, NULL}, {"warn", NULL, NULL},
                                     {"info", NULL, NULL},  {"debug", NULL, NULL},
                                     {"json", NULL, NULL},  {NULL, NULL, NULL}};
  if (cli_find(levels, value, strlen(value)) == NULL) {
    const char *name = cli_nearest(levels, value);
    if (name != NULL) cli_say("--log: '%s' is unknown (did you mean '%s'?)", value, name);
    else cli_say("--log: '%s' is not error, warn, info, debug or json", value);
    return EXIT_USAGE;
  }
  if (!is_same(value, "json")) return set_once(&o->log, "--log", value);
  return set_switch_once(&o->logs_json, "--log json");
}

static int set_timeout(cli_options *o, const char *value) {
  if (o->timeout > 0) return given_twice("--timeout");
  if (parse_duration(value, &o->timeout)) return -1;
  cli_say("--timeout: '%s' is not a duration such as 90s or 5m", value);
  return EXIT_USAGE;
}

/* A script that never connects must not hide a mistyped target. What is wrong with a URL is for those
 * to say who read it. */
static int set_target(cli_options *o, const char *value) {
  static const cli_entry targets[] = {
      {"local", NULL, NULL}, {"cloudflare", NULL, NULL}, {NULL, NULL, NULL}};
  bool is_known = is_same(value, "local") || is_same(value, "cloudflare");
  if (value[0] == '\0' || is_known || strstr(value, "://") != NULL)
    return set_once(&o->target, "--target", value);
  const char *name = cli_nearest(targets, value);
  if (name != NULL) cli_say("--target: '%s' is unknown (did you mean '%s'?)", value, name);
  else cli_say("--target: '%s' is not local, cloudflare or a URL", value);
  return EXIT_USAGE;
}

static int set_value(cli_options *o, const char *flag, const char *value) {
  if (is_same(flag, "--target")) return set_target(o, value);
  if (is_same(flag, "--state")) return set_once(&o->state, flag, value);
  if (is_same(flag, "--account")) return set_once(&o->account, flag, value);
  if (is_same(flag, "--guard")) return set_once(&o->guard, flag, value);
  if (is_same(flag, "--result")) return set_once(&o->result, flag, value);
  if (is_same(flag, "--trace")) return set_once(&o->trace, flag, value);
  if (is_same(flag, "--log")) return set_log(o, value);
  if (is_same(flag, "--timeout")) return set_timeout(o, value);
  if (is_same(flag, "--clock")) return set_clock(o, value);
  if (access(value, R_OK) != 0) {
    cli_say("--env-file: cannot open %s: %s", value, strerror(errno));
    return EXIT_USAGE;
  }
  o->env_files[o->env_file_count++] = value;
  return -1;
}

/* ---- the line ----------------------------------------------------------------------------- */

static int set_flag_once(unsigned *flags, unsigned bit, const char *flag) {
  if ((*flags & bit) != 0) return given_twice(flag);
  *flags |= bit;
  return -1;
}

static int set_switch(cli_options *o, const char *flag) {
  if (is_same(flag, "--read-only")) return set_flag_once(&o->flags, MOONHERD_READ_ONLY, flag);
  if (is_same(flag, "--dry-run")) return set_flag_once(&o->flags, MOONHERD_DRY_RUN, flag);
  if (is_same(flag, "--watch")) return set_switch_once(&o->watches, flag);
  return set_switch_once(&o->allows_insecure_base_url, flag);
}

/* Reads the flag at argv[*i] and moves past it. */
static int read_flag(int argc, char **argv, int *i, cli_options *o) {
  const char *arg = argv[(*i)++];
  size_t n = strcspn(arg, "=");
  const cli_entry *flag = cli_find(cli_flags, arg, n);
  if (flag == NULL) return unknown("option", arg, cli_flags);
  const char *value = arg[n] == '=' ? arg + n + 1 : NULL;
  if (flag->arguments == NULL) {
    if (value == NULL) return set_switch(o, flag->name);
    cli_say("%s takes no value", flag->name);
    return EXIT_USAGE;
  }
  if (value == NULL && *i < argc) value = argv[(*i)++];
  if (value != NULL) return set_value(o, flag->name, value);
  cli_say("%s needs a value", flag->name);
  return EXIT_USAGE;
}

static int help(void) {
  cli_print_help(stdout);
  return 0;
}

static int version(void) {
  puts("moonherd " MOONHERD_VERSION);
  return 0;
}

/* `version`, and what stands behind it: nothing should. */
static int version_command(int argc, char **argv, int i) {
  if (i + 1 >= argc) return version();
  cli_say("version takes no arguments, got '%s'", argv[i + 1]);
  return EXIT_USAGE;
}

static bool is_command(const char *word) {
  return cli_find(cli_commands, word, strlen(word)) != NULL;
}

/* Whoever writes them behind the script must not find that it has run for real. The script sees them
 * too: it may have such an option of its own. */
static void take_safety_flags(cli_options *o) {
  for (int i = 1; i < o->arg_count && !is_same(o->args[i], "--"); i++) {
    if (is_same(o->args[i], "--dry-run")) o->flags |= MOONHERD_DRY_RUN;
    if (is_same(o->args[i], "--read-only")) o->flags |= MOONHERD_READ_ONLY;
  }
}

static void take_script(int argc, char **argv, int i, cli_options *o) {
  o->source = is_same(argv[i], "-") ? FROM_STDIN : FROM_FILE;
  o->script = argv[i];
  o->args = argv + i;
  o->arg_count = argc - i;
  take_safety_flags(o);
}

/* What all commands share; --help and --version are each one's own, and so is the --timeout of
 * `moonherd test`: that of a single test. */
static bool is_common_flag(const cli_options *o, const char *arg) {
  const cli_entry *flag = cli_find(cli_flags, arg, strcspn(arg, "="));
  if (flag == NULL) return false;
  if (is_same(flag->name, "--timeout")) return !is_same(o->script, "test");
  return !is_same(flag->name, "--help") && !is_same(flag->name, "--version");
}

/* `help --target` asks for what `help target` does. */
static void take_help_of_option(int argc, char **argv, int i) {
  if (!is_same(argv[i], "help") || i + 2 != argc) return;
  char *word = argv[i + 1];
  if (strncmp(word, "--", 2) == 0 && word[2] != '\0' && !is_same(word, "--help"))
    argv[i + 1] = word + 2;
}

/* A command that is written in Lua: the options all commands share are taken out of its arguments,
 * the others are its own. */
static int take_command(int argc, char **argv, int i, cli_options *o) {
  o->source = FROM_COMMAND;
  o->script = argv[i];
  o->args = argv + i;
  take_help_of_option(argc, argv, i);
  int kept = i + 1;
  for (int at = i + 1; at < argc;) {
    if (!is_common_flag(o, argv[at])) {
      argv[kept++] = argv[at++];
      continue;
    }
    int r = read_flag(argc, argv, &at, o);
    if (r >= 0) return r;
  }
  o->arg_count = kept - i;
  /* Tests meet no account unless they are told to. */
  if (is_same(o->script, "test") && o->target == NULL) o->target = "local";
  return -1;
}

/* `-e CODE [ARG…]`: the code's own name takes the place of a script's. */
static int take_code(int argc, char **argv, int i, cli_options *o) {
  if (i + 1 >= argc) {
    cli_say("-e needs a line of Lua");
    return EXIT_USAGE;
  }
  o->source = FROM_CODE;
  o->script = argv[i + 1];
  argv[i + 1] = argv[i];
  o->args = argv + i + 1;
  o->arg_count = argc - i - 1;
  take_safety_flags(o);
  return -1;
}

/* A word that is neither a command nor a file. */
static int not_found(const char *word) {
  bool looks_like_file = strchr(word, '/') != NULL || strchr(word, '.') != NULL;
  if (!looks_like_file) cli_say_unknown(word, cli_nearest(cli_commands, word));
  else if (errno == ENOENT) cli_say_missing(word);
  else cli_say("cannot open %s: %s", word, strerror(errno));
  return EXIT_USAGE;
}

/* Without opening it: who writes into a FIFO would lose what he wrote. */
static bool is_file(const char *path) {
  return access(path, R_OK) == 0;
}

/* Without a word, on a terminal. */
static int take_repl(cli_options *o) {
  static char name[] = "repl";
  static char *args[] = {name, NULL};
  o->source = FROM_COMMAND;
  o->script = name;
  o->args = args;
  o->arg_count = 1;
  return -1;
}

static int parse(int argc, char **argv, cli_options *o) {
  bool has_run = false;
  for (int i = 1; i < argc;) {
    const char *arg = argv[i];
    if (is_same(arg, "-e")) return take_code(argc, argv, i, o);
    if (is_same(arg, "--help") || is_same(arg, "-h")) return help();
    if (is_same(arg, "--version")) return version();
    if (arg[0] == '-' && arg[1] != '\0') {
      int r = read_flag(argc, argv, &i, o);
      if (r >= 0) return r;
      continue;
    }
    if (!has_run && is_same(arg, "run")) {
      has_run = true;
      i++;
      continue;
    }
    if (!has_run && is_same(arg, "help") && i + 1 >= argc) return help();
    if (!has_run && is_same(arg, "version")) return version_command(argc, argv, i);
    bool is_other_command = !has_run && is_command(arg);
    if (!has_run && !is_other_command && !is_same(arg, "-") && !is_file(arg)) return not_found(arg);
    if (is_other_command) return take_command(argc, argv, i, o);
    take_script(argc, argv, i, o);
    return -1;
  }
  bool has_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  if (!has_run && has_terminal) return take_repl(o);
  if (has_run) cli_say("run needs a script");
  else cli_print_help(stderr);
  return EXIT_USAGE;
}

/* Options that some of what can be run has no use for: whoever gave one would wait for its effect. */
static int check_fit(const cli_options *o) {
  bool is_command = o->source == FROM_COMMAND;
  bool is_test = is_command && is_same(o->script, "test");
  if (o->watches && o->source != FROM_FILE && !is_test) {
    cli_say("--watch is for scripts that are files, and for test");
    return EXIT_USAGE;
  }
  if (o->guard != NULL && is_command) {
    cli_say("--guard is for scripts, not for moonherd %s", o->script);
    return EXIT_USAGE;
  }
  return -1;
}

int cli_parse(int argc, char **argv, cli_options *o) {
  memset(o, 0, sizeof *o);
  o->env_files = calloc((size_t)argc + 1, sizeof *o->env_files);
  if (o->env_files == NULL) return EXIT_SCRIPT_FAILED;
  o->env_files[o->env_file_count++] = "--env-file";
  int code = parse(argc, argv, o);
  return code >= 0 ? code : check_fit(o);
}

/* ---- the handle's options ------------------------------------------------------------------ */

void cli_put_json_string(FILE *out, const char *text) {
  fputc('"', out);
  for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
    if (*c == '"' || *c == '\\') fprintf(out, "\\%c", *c);
    else if (*c < 0x20) fprintf(out, "\\u%04x", *c);
    else fputc(*c, out);
  }
  fputc('"', out);
}

static void put_string(FILE *out, const char *name, const char *value) {
  if (value == NULL) return;
  fprintf(out, ",\"%s\":", name);
  cli_put_json_string(out, value);
}

char *cli_config_json(const cli_options *o, double progress) {
  char *json = NULL;
  size_t n = 0;
  FILE *out = open_memstream(&json, &n);
  if (out == NULL) return NULL;
  fprintf(out, "{\"insecure_base_url\":%s", o->allows_insecure_base_url ? "true" : "false");
  if (o->has_virtual_clock)
    fprintf(out, ",\"clock\":{\"virtual\":true,\"start\":%.6f}", o->clock_start);
  if (progress > 0) fprintf(out, ",\"progress\":%g", progress);
  put_string(out, "target", o->target);
  put_string(out, "state", o->state);
  put_string(out, "account", o->account);
  put_string(out, "log", o->log);
  fputc('}', out);
  fclose(out);
  return json;
}
