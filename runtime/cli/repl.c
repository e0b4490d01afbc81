/* The REPL's end of the terminal: sends lines to the script (lua/moonherd/cli/repl.lua), which runs
 * them, and asks it to complete names. The loop goes on while a line is edited.
 *
 * To the script: repl.line {text, columns, colour, ascii}, repl.complete TEXT, repl.cancel.
 * From it: repl.ready PROMPT, when the next line may come, repl.insert TEXT, repl.failed, when a line has,
 * and repl.quit, when the session is to end. */
#include "cli/repl.h"

#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/prompt.h"
#include "cli/signals.h"
#include "cli/text.h"

typedef struct repl {
  moonherd *m;
  cli_output *out;
  cli_prompt *prompt; /* NULL: standard input is no terminal, lines are read from it */
  cli_keys keys;
  char *entry;        /* the lines that are one, to be kept in the history; NULL: none */
  bool is_ascii;      /* what the terminal shows */
  bool is_ready;      /* the script waits for a line */
  bool is_completing; /* the name before the cursor: keys wait until that is done */
  bool is_over;       /* there will be no more */
  bool is_unfinished; /* the script waits for the rest of an entry */
  bool has_failed;    /* a line has; who reads from a pipe or a file is told in the exit code */
  bool is_terminated; /* by a signal */
} repl;

/* ---- to the script ------------------------------------------------------------------------ */

static void send_text(repl *r, const char *event, const char *text, size_t n, bool is_line) {
  char *json = NULL, *copy = strndup(text, n);
  size_t size = 0;
  FILE *out = open_memstream(&json, &size);
  if (out == NULL || copy == NULL) {
    r->is_completing = false;
    free(copy);
    return;
  }
  if (is_line)
    fprintf(out, "{\"columns\":%d,\"colour\":%s,\"ascii\":%s,\"text\":", cli_columns(),
            r->out->stdout_is_terminal && r->out->has_colour ? "true" : "false",
            r->is_ascii ? "true" : "false");
  cli_put_json_string(out, copy);
  if (is_line) fputc('}', out);
  fclose(out);
  if (moonherd_send(r->m, event, json, size) != 0) {
    cli_say("the line is too long, or not UTF-8");
    r->has_failed = r->is_ready = true;
    r->is_completing = false;
    if (is_line && r->prompt != NULL) cli_prompt_start(r->prompt, "> ");
  }
  free(json);
  free(copy);
}

static void send_line(repl *r, const char *line, size_t n) {
  r->is_ready = r->out->bars.is_covered = false;
  while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) n--;
  send_text(r, "repl.line", line, n, true);
}

/* ---- the history -------------------------------------------------------------------------- */

static void add_to_entry(repl *r, const char *line) {
  size_t size = r->entry != NULL ? strlen(r->entry) : 0;
  char *longer = realloc(r->entry, size + strlen(line) + 1);
  if (longer == NULL) return;
  r->entry = longer;
  memcpy(longer + size, line, strlen(line) + 1);
  r->out->source = longer;
}

static void drop_entry(repl *r) {
  free(r->entry);
  r->out->source = r->entry = NULL;
}

static void on_masked(void *user, const char *entry, size_t n) {
  cli_prompt_keep(user, entry, n);
}

/* Behind the entry's end, when all secrets that it has brought are known. */
static void keep_entry(repl *r) {
  if (r->entry == NULL) return;
  size_t n = strlen(r->entry);
  while (n > 0 && (r->entry[n - 1] == '\n' || r->entry[n - 1] == '\r')) n--;
  r->entry[n] = '\0';
  if (cli_prompt_remember(r->prompt, r->entry))
    moonherd_mask(r->m, r->entry, n, on_masked, r->prompt);
  drop_entry(r);
}

/* ---- the end ------------------------------------------------------------------------------ */

static void finish(repl *r) {
  if (r->is_over) return;
  keep_entry(r);
  r->is_over = true;
  if (r->prompt != NULL) {
    bool is_within_line = cli_prompt_is_reading(r->prompt) || !r->out->is_at_line_start;
    cli_prompt_stop(r->prompt);
    cli_signals_hold_terminal(false);
    r->out->prompt = NULL;
    if (is_within_line) fputc('\n', stdout);
    fflush(stdout);
  }
  moonherd_cancel(r->m, "the session is over");
}

/* ---- from the script ---------------------------------------------------------------------- */

/* Bars are for who waits: behind a line they would stand where the next one is typed. */
static void cover_bars(cli_bars *bars) {
  cli_bars_hide(bars);
  bars->count = 0;
  bars->is_covered = true;
}

static void start_prompt(repl *r, const char *text) {
  if (!r->is_unfinished) keep_entry(r);
  cover_bars(&r->out->bars);
  if (!r->out->is_at_line_start) fputc('\n', stdout);
  r->out->is_at_line_start = true;
  cli_signals_hold_terminal(true);
  cli_prompt_start(r->prompt, text);
}

static void insert_completion(repl *r, const char *text) {
  r->is_completing = false;
  if (text[0] != '\0') cli_prompt_insert(r->prompt, text);
}

static void take_ready(repl *r, const char *prompt) {
  r->is_ready = true;
  r->is_unfinished = strcmp(prompt, ">> ") == 0;
  if (r->prompt != NULL) start_prompt(r, prompt);
}

/* What is in a JSON string; the caller frees it. NULL without memory. */
static char *text_of(const char *json) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (out == NULL) return NULL;
  if (json[0] == '"') cli_write_string(out, json + 1, "\n");
  fclose(out);
  return text;
}

void cli_repl_on_event(void *user, const char *name, const char *json, size_t n) {
  repl *r = ((cli_output *)user)->repl;
  char *text = n > 0 ? text_of(json) : NULL;
  if (text != NULL && r != NULL && !r->is_over) {
    if (strcmp(name, "repl.ready") == 0) take_ready(r, text);
    if (strcmp(name, "repl.failed") == 0) r->has_failed = true;
    if (strcmp(name, "repl.quit") == 0) finish(r);
    if (strcmp(name, "repl.insert") == 0 && r->prompt != NULL) insert_completion(r, text);
  }
  free(text);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static void end_of_input(repl *r) {
  if (r->is_unfinished) {
    cli_say("standard input ends within a statement, which has not run");
    r->has_failed = true;
  }
  finish(r);
}

static void read_line(repl *r) {
  char *line = NULL;
  size_t room = 0;
  ssize_t n = getline(&line, &room, stdin);
  if (n >= 0) send_line(r, line, (size_t)n);
  else end_of_input(r);
  free(line);
}

static bool is_typing(const repl *r) {
  return r->prompt != NULL && cli_prompt_is_reading(r->prompt);
}

/* Whether keys are taken now, as they come. */
static bool takes_keys(const repl *r) {
  return is_typing(r) && !r->is_completing;
}

static void cancel(repl *r) {
  r->is_ready = false;
  moonherd_send(r->m, "repl.cancel", NULL, 0);
}

/* Drops what is being typed, with the lines before it that it belongs to. */
static void drop_line(repl *r, const char *shown) {
  cli_prompt_go_to_end(r->prompt);
  cli_prompt_stop(r->prompt);
  cli_signals_hold_terminal(false);
  drop_entry(r);
  fprintf(stdout, "%s\n", shown);
  fflush(stdout);
  cancel(r);
}

/* Ctrl-C: what is being typed is dropped, what runs is cancelled. */
static void interrupt(repl *r) {
  r->is_completing = false;
  if (is_typing(r)) {
    drop_line(r, "^C");
  } else {
    cli_keys_drop(&r->keys);  // lines that were pasted behind the one that runs
    cancel(r);
  }
}

/* Ctrl-D on an empty line: the end of an entry that is not whole, else that of the session. */
static void end(repl *r) {
  if (r->entry != NULL) drop_line(r, "");
  else finish(r);
}

static void take_key(repl *r) {
  const char *line;
  size_t n;
  switch (cli_prompt_key(r->prompt, &line)) {
    case CLI_KEY_LINE:
      cli_signals_hold_terminal(false);
      add_to_entry(r, line);
      send_line(r, line, strlen(line));
      break;
    case CLI_KEY_COMPLETE:
      r->is_completing = true;
      line = cli_prompt_before_cursor(r->prompt, &n);
      send_text(r, "repl.complete", line, n, false);
      break;
    case CLI_KEY_END: end(r); break;
    default: break;
  }
}

/* Returns whether a key may be there. */
static bool wait_for_something(repl *r, int timeout) {
  struct pollfd fds[] = {{.fd = moonherd_fd(r->m), .events = POLLIN},
                         {.fd = STDIN_FILENO, .events = POLLIN}};
  bool is_reading = takes_keys(r);
  if (poll(fds, is_reading ? 2 : 1, timeout) <= 0 || !is_reading || fds[1].revents == 0)
    return false;
  bool has_ended = (fds[1].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
  if (has_ended || !cli_keys_read(&r->keys)) finish(r);
  return !r->is_over;
}

/* Ctrl-Z, and what makes the process go on. */
static void take_stop(repl *r) {
  int stop = cli_signals_take_stop();
  if (stop == CLI_STOP_NONE) return;
  void (*wait)(void) = stop == CLI_STOP_WANTED ? cli_signals_stop : NULL;
  if (is_typing(r)) cli_prompt_pause(r->prompt, wait);
  else if (wait != NULL) wait();
}

/* What has come while the loop went on. */
static void take_signals(repl *r, bool is_over) {
  int signal = cli_signals_take();
  if (signal == CLI_SIGNAL_INTERRUPT && !is_over) interrupt(r);
  if (signal == CLI_SIGNAL_TERMINATE) {
    r->is_terminated = true;
    finish(r);
  }
  take_stop(r);
  if (cli_signals_take_dump()) moonherd_dump(r->m);
  if (cli_signals_take_resize() && r->prompt != NULL) cli_prompt_resize(r->prompt);
}

/* The line editor waits for the rest of a sequence of keys: the loop goes on. False: no key comes, as
 * the line was dropped. */
static bool wait_for_key(void *user) {
  repl *r = user;
  bool has_key = wait_for_something(r, moonherd_timeout(r->m));
  moonherd_step(r->m, 0);
  take_signals(r, false);
  return is_typing(r) && (has_key || !r->is_over);
}

/* The editor needs characters. Where the locale has no more than bytes, UTF-8 is what scripts are made
 * of, and what a terminal sends. */
static void set_locale(repl *r) {
  setlocale(LC_CTYPE, "");
  r->is_ascii = MB_CUR_MAX == 1;
  if (r->is_ascii) setlocale(LC_CTYPE, "C.UTF-8");
}

int cli_repl(moonherd *m, cli_output *out) {
  repl r = {.m = m, .out = out};
  r.keys.wait = wait_for_key;
  r.keys.user = &r;
  set_locale(&r);
  bool has_terminal = isatty(STDIN_FILENO) && out->stdout_is_terminal;
  if (has_terminal) r.prompt = cli_prompt_new(&r.keys);
  if (r.prompt != NULL) puts("moonherd " MOONHERD_VERSION "; :help says more, Ctrl-D leaves");
  out->repl = &r;
  out->prompt = r.prompt;
  out->is_at_line_start = true;
  int result = MOONHERD_READY;
  while (result == MOONHERD_WAITING || result == MOONHERD_READY) {
    if (r.prompt == NULL && r.is_ready && !r.is_over) read_line(&r);
    bool has_line = r.prompt == NULL && r.is_ready,
         has_key = takes_keys(&r) && cli_keys_are_there(&r.keys);
    bool is_waiting = result == MOONHERD_WAITING && !has_line && !has_key;
    if (wait_for_something(&r, is_waiting ? moonherd_timeout(m) : 0) || (has_key && takes_keys(&r)))
      take_key(&r);
    bool was_typing = is_typing(&r);
    result = moonherd_step(m, 0);
    take_signals(&r, !was_typing && is_typing(&r));  // it has ended a line that did not wait
  }
  out->prompt = NULL;
  out->repl = NULL;
  bool tells_failures = r.prompt == NULL && r.has_failed;
  cli_prompt_free(r.prompt);
  drop_entry(&r);
  if (r.is_terminated) return EXIT_TERMINATED;
  if (r.is_over) return tells_failures ? EXIT_SCRIPT_FAILED : 0;
  return out->had_usage_error ? EXIT_USAGE : moonherd_exit_code(m);  // its options were wrong
}
