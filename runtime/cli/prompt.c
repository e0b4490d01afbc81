/* The prompt of the REPL: a line that is edited while the loop goes on, on libedit. It is fed a key when
 * one is there; whoever prints meanwhile hides it first and shows it again behind. See prompt.h. */
#include "cli/prompt.h"

#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/history.h"
#include "cli/prompt_keys.h"

enum { HISTORY_SIZE = 1000, COLUMNS_UNLESS_KNOWN = 80, TAB = 8, END_OF_FILE = 4 /* Ctrl-D */ };

struct cli_prompt {
  cli_editing editing;
  EditLine *el;
  History *history;
  cli_history file;
  bool is_dumb; /* the terminal cannot move its cursor */
  bool is_reading, is_hidden;
};

int cli_columns(void) {
  struct winsize size;
  bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return is_known ? size.ws_col : COLUMNS_UNLESS_KNOWN;
}

/* ---- the history -------------------------------------------------------------------------- */

static void enter(void *user, const char *entry) {
  HistEvent event;
  cli_prompt *p = user;
  history(p->history, &event, H_ENTER, entry);
}

bool cli_prompt_remember(cli_prompt *p, const char *entry) {
  bool is_worth_keeping = entry[0] != ' ' && entry[0] != '\n' && entry[0] != '\0';
  if (is_worth_keeping) enter(p, entry);
  return is_worth_keeping;
}

void cli_prompt_keep(const cli_prompt *p, const char *entry, size_t n) {
  cli_history_add(&p->file, entry, n);
}

/* ---- making ------------------------------------------------------------------------------- */

static bool open_editor(cli_prompt *p) {
  HistEvent event;
  p->history = history_init();
  p->el = el_init("moonherd", stdin, stdout, stderr);
  if (p->el == NULL || p->history == NULL) return false;
  history(p->history, &event, H_SETSIZE, HISTORY_SIZE);
  history(p->history, &event, H_SETUNIQUE, 1);
  el_set(p->el, EL_EDITOR, "emacs");
  el_set(p->el, EL_HIST, history, p->history);
  cli_prompt_bind(p->el, &p->editing);
  el_source(p->el, NULL);  // what people have set for all programs on libedit, in ~/.editrc
  return true;
}

cli_prompt *cli_prompt_new(cli_keys *keys) {
  cli_prompt *p = calloc(1, sizeof *p);
  if (p == NULL) return NULL;
  p->editing.keys = keys;
  const char *term = getenv("TERM");
  p->is_dumb = term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
  if (!open_editor(p)) {
    cli_prompt_free(p);
    return NULL;
  }
  if (cli_history_find(&p->file)) cli_history_each(&p->file, enter, p);
  return p;
}

void cli_prompt_free(cli_prompt *p) {
  if (p == NULL) return;
  cli_prompt_stop(p);
  if (p->el != NULL) el_end(p->el);
  if (p->history != NULL) history_end(p->history);
  free(p);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Pastes are marked by the terminal, when it can: all their lines come as one entry. */
static void mark_pastes(const cli_prompt *p, bool on) {
  if (p->is_dumb) return;
  fputs(on ? "\033[?2004h" : "\033[?2004l", stdout);
  fflush(stdout);
}

/* libedit shows the prompt, and takes the terminal over, when it is told not to wait for lines. */
static void take_terminal(cli_prompt *p) {
  el_resize(p->el);
  mark_pastes(p, true);
  p->is_reading = true;
  p->is_hidden = false;
  el_set(p->el, EL_UNBUFFERED, 1);
}

void cli_prompt_start(cli_prompt *p, const char *text) {
  snprintf(p->editing.text, sizeof p->editing.text, "%s", text);
  take_terminal(p);
}

void cli_prompt_stop(cli_prompt *p) {
  if (!p->is_reading) return;
  p->is_reading = false;
  el_set(p->el, EL_UNBUFFERED, 0);
  mark_pastes(p, false);
}

bool cli_prompt_is_reading(const cli_prompt *p) {
  return p->is_reading;
}

cli_key cli_prompt_key(cli_prompt *p, const char **line) {
  int n = 0;
  do {
    p->editing.goes_on = false;
    *line = el_gets(p->el, &n);
  } while (p->editing.goes_on);
  if (p->editing.wants_completion) {
    p->editing.wants_completion = false;
    return CLI_KEY_COMPLETE;
  }
  if (*line == NULL || n <= 0) return CLI_KEY_NONE;  // an empty line and a failure look the same
  if (n == 1 && (*line)[0] == END_OF_FILE) return CLI_KEY_END;
  if ((*line)[n - 1] != '\n') return CLI_KEY_NONE;
  cli_prompt_stop(p);
  return CLI_KEY_LINE;
}

const char *cli_prompt_before_cursor(const cli_prompt *p, size_t *n) {
  const LineInfo *info = el_line(p->el);
  *n = (size_t)(info->cursor - info->buffer);
  return info->buffer;
}

void cli_prompt_insert(cli_prompt *p, const char *text) {
  if (!p->is_reading) return;
  el_insertstr(p->el, text);
  cli_prompt_hide(p);
  cli_prompt_show(p);
}

/* ---- making room -------------------------------------------------------------------------- */

/* How many columns a character takes that begins in `column`. One that is two columns wide does not
 * begin in the last; a line break takes the rest of its row. */
static int width_at(wchar_t character, int column, int columns) {
  int left = columns - column % columns;
  if (character == L'\n') return left;
  if (character == L'\t') {
    int to_stop = TAB - column % columns % TAB;
    return to_stop < left ? to_stop : left;
  }
  int width = character < L' ' ? 2 : wcwidth(character);  // ^A
  if (width < 0) width = 1;
  return width == 2 && left == 1 ? 3 : width;
}

/* On which row below its first the cursor stands. */
static int cursor_row(const cli_prompt *p) {
  const LineInfoW *info = el_wline(p->el);
  int columns = cli_columns(), column = (int)strlen(p->editing.text);
  for (const wchar_t *c = info->buffer; c < info->cursor; c++)
    column += width_at(*c, column, columns);
  return column / columns;
}

void cli_prompt_hide(cli_prompt *p) {
  if (!p->is_reading || p->is_hidden) return;
  p->is_hidden = true;
  int row = cursor_row(p);
  if (p->is_dumb) fputc('\n', stdout);
  else if (row > 0) fprintf(stdout, "\r\033[%dA\033[J", row);
  else fputs("\r\033[J", stdout);
  fflush(stdout);
}

void cli_prompt_show(cli_prompt *p) {
  if (!p->is_reading || !p->is_hidden) return;
  p->is_hidden = false;
  el_set(p->el, EL_REFRESH);
}

void cli_prompt_go_to_end(cli_prompt *p) {
  const LineInfoW *info = el_wline(p->el);
  if (info->cursor == info->lastchar) return;
  cli_prompt_hide(p);
  el_cursor(p->el, (int)(info->lastchar - info->cursor));
  cli_prompt_show(p);
}

void cli_prompt_resize(cli_prompt *p) {
  if (!p->is_reading) return;
  cli_prompt_hide(p);
  el_resize(p->el);
  cli_prompt_show(p);
}

/* ---- stopping the process ----------------------------------------------------------------- */

void cli_prompt_pause(cli_prompt *p, void (*stop)(void)) {
  const LineInfoW *info = el_wline(p->el);
  size_t n = (size_t)(info->lastchar - info->buffer);
  int behind = (int)(info->lastchar - info->cursor);
  wchar_t *text = calloc(n + 1, sizeof *text);
  if (text != NULL) wmemcpy(text, info->buffer, n);
  cli_prompt_hide(p);
  cli_prompt_stop(p);
  if (stop != NULL) stop();
  take_terminal(p);
  cli_prompt_hide(p);
  if (text != NULL && n > 0) el_winsertstr(p->el, text);
  el_cursor(p->el, -behind);
  cli_prompt_show(p);
  free(text);
}
