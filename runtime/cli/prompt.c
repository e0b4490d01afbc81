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

enum { HISTORY_SIZE = 1000, COLUMNS_UNLESS_KNOWN = 80, END_OF_FILE = 4 /* Ctrl-D */ };

struct cli_prompt {
  EditLine *el;
  History *history;
  cli_history file;
  cli_keys *keys;
  char text[16];
  bool is_dumb; /* the terminal cannot move its cursor */
  bool is_reading, is_hidden, wants_completion;
  bool is_worth_keeping; /* the last line */
};

int cli_columns(void) {
  struct winsize size;
  bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return is_known ? size.ws_col : COLUMNS_UNLESS_KNOWN;
}

/* ---- the history -------------------------------------------------------------------------- */

static void enter(void *user, const char *line) {
  HistEvent event;
  cli_prompt *p = user;
  history(p->history, &event, H_ENTER, line);
}

/* A line that begins with a space is kept nowhere: it may hold a secret. */
static void remember(cli_prompt *p, const char *line) {
  p->is_worth_keeping = line[0] != ' ' && line[0] != '\n';
  if (p->is_worth_keeping) enter(p, line);
}

void cli_prompt_keep(const cli_prompt *p, const char *line, size_t n) {
  if (p->is_worth_keeping) cli_history_add(&p->file, line, n);
}

/* ---- making ------------------------------------------------------------------------------- */

static char *prompt_text(EditLine *el) {
  cli_prompt *p;
  el_get(el, EL_CLIENTDATA, &p);
  return p->text;
}

/* What completes the line runs in Lua: it is only noted here. A tab with something behind it was not
 * typed but pasted. */
static unsigned char on_tab(EditLine *el, int key) {
  (void)key;
  cli_prompt *p;
  el_get(el, EL_CLIENTDATA, &p);
  p->wants_completion = !cli_keys_are_there(p->keys) || p->keys->bytes[p->keys->at] == '\t';
  if (!p->wants_completion) el_insertstr(el, "  ");
  return p->wants_completion ? CC_NORM : CC_REFRESH;
}

static int take_character(EditLine *el, wchar_t *character) {
  cli_prompt *p;
  el_get(el, EL_CLIENTDATA, &p);
  return cli_keys_take(p->keys, character) ? 1 : -1;
}

static bool open_editor(cli_prompt *p) {
  HistEvent event;
  p->history = history_init();
  p->el = el_init("moonherd", stdin, stdout, stderr);
  if (p->el == NULL || p->history == NULL) return false;
  history(p->history, &event, H_SETSIZE, HISTORY_SIZE);
  history(p->history, &event, H_SETUNIQUE, 1);
  el_set(p->el, EL_CLIENTDATA, p);
  el_set(p->el, EL_EDITOR, "emacs");
  el_set(p->el, EL_PROMPT, prompt_text);
  el_wset(p->el, EL_GETCFN, take_character);
  el_set(p->el, EL_HIST, history, p->history);
  el_set(p->el, EL_ADDFN, "moonherd-complete", "Complete a name", on_tab);
  el_set(p->el, EL_BIND, "^I", "moonherd-complete", NULL);
  el_set(p->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
  return true;
}

cli_prompt *cli_prompt_new(cli_keys *keys) {
  cli_prompt *p = calloc(1, sizeof *p);
  if (p == NULL) return NULL;
  p->keys = keys;
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

/* libedit shows the prompt, and takes the terminal over, when it is told not to wait for lines. */
void cli_prompt_start(cli_prompt *p, const char *text) {
  snprintf(p->text, sizeof p->text, "%s", text);
  el_resize(p->el);
  p->is_reading = true;
  p->is_hidden = false;
  el_set(p->el, EL_UNBUFFERED, 1);
}

void cli_prompt_stop(cli_prompt *p) {
  if (!p->is_reading) return;
  p->is_reading = false;
  el_set(p->el, EL_UNBUFFERED, 0);
}

bool cli_prompt_is_reading(const cli_prompt *p) {
  return p->is_reading;
}

cli_key cli_prompt_key(cli_prompt *p, const char **line) {
  int n = 0;
  *line = el_gets(p->el, &n);
  if (p->wants_completion) {
    p->wants_completion = false;
    return CLI_KEY_COMPLETE;
  }
  if (*line == NULL || n <= 0) return CLI_KEY_NONE;  // an empty line and a failure look the same
  if (n == 1 && (*line)[0] == END_OF_FILE) return CLI_KEY_END;
  if ((*line)[n - 1] != '\n') return CLI_KEY_NONE;
  cli_prompt_stop(p);
  remember(p, *line);
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
 * begin in the last. */
static int width_at(wchar_t character, int column, int columns) {
  int width = character < L' ' ? 2 : wcwidth(character);  // ^A
  if (width < 0) width = 1;
  return width == 2 && column % columns == columns - 1 ? 3 : width;
}

/* On which row below its first the cursor stands. */
static int cursor_row(const cli_prompt *p) {
  const LineInfoW *info = el_wline(p->el);
  int columns = cli_columns(), column = (int)strlen(p->text);
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

void cli_prompt_resize(cli_prompt *p) {
  if (!p->is_reading) return;
  cli_prompt_hide(p);
  el_resize(p->el);
  cli_prompt_show(p);
}
