/* The prompt of the REPL: a line that is edited while the loop goes on, on libedit. It is fed a key when
 * one is there; whoever prints meanwhile hides it first and shows it again behind. See prompt.h. */
#include "cli/prompt.h"

#include <fcntl.h>
#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

enum { HISTORY_SIZE = 1000, COLUMNS_UNLESS_KNOWN = 80, END_OF_FILE = 4 /* Ctrl-D */ };

struct cli_prompt {
  EditLine *el;
  History *history;
  FILE *file; /* where the history is kept, or NULL */
  char text[16];
  bool is_dumb; /* the terminal cannot move its cursor */
  bool is_reading, is_hidden, wants_completion;
};

int cli_columns(void) {
  struct winsize size;
  bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return is_known ? size.ws_col : COLUMNS_UNLESS_KNOWN;
}

/* ---- the history -------------------------------------------------------------------------- */

/* Makes the folders of a path that are missing. */
static void make_folders(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(path, 0700);
    *slash = '/';
  }
}

/* Opens $XDG_STATE_HOME/moonherd/history: only its owner may read it. NULL when that is not possible:
 * then nothing is kept. */
static FILE *open_history(void) {
  char path[4096];
  const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  bool has_base = base != NULL && base[0] == '/';
  if (!has_base && home == NULL) return NULL;
  int n = has_base ? snprintf(path, sizeof path, "%s/moonherd/history", base)
                   : snprintf(path, sizeof path, "%s/.local/state/moonherd/history", home);
  if (n < 0 || (size_t)n >= sizeof path) return NULL;
  make_folders(path);
  int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return NULL;
  FILE *file = fchmod(fd, 0600) == 0 ? fdopen(fd, "a+") : NULL;
  if (file == NULL) close(fd);
  return file;
}

static void enter(cli_prompt *p, const char *line) {
  HistEvent event;
  history(p->history, &event, H_ENTER, line);
}

static void load_history(cli_prompt *p) {
  char *line = NULL;
  size_t room = 0;
  if (p->file == NULL) return;
  rewind(p->file);
  while (getline(&line, &room, p->file) >= 0) enter(p, line);
  free(line);
}

/* A line that begins with a space is kept nowhere: it may hold a secret. */
static void remember(cli_prompt *p, const char *line) {
  if (line[0] == ' ' || line[0] == '\n') return;
  enter(p, line);
  if (p->file == NULL) return;
  fputs(line, p->file);
  fflush(p->file);
}

/* ---- making ------------------------------------------------------------------------------- */

static char *prompt_text(EditLine *el) {
  cli_prompt *p;
  el_get(el, EL_CLIENTDATA, &p);
  return p->text;
}

/* What completes the line runs in Lua: it is only noted here. */
static unsigned char on_tab(EditLine *el, int key) {
  (void)key;
  cli_prompt *p;
  el_get(el, EL_CLIENTDATA, &p);
  p->wants_completion = true;
  return CC_NORM;
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
  el_set(p->el, EL_HIST, history, p->history);
  el_set(p->el, EL_ADDFN, "moonherd-complete", "Complete a name", on_tab);
  el_set(p->el, EL_BIND, "^I", "moonherd-complete", NULL);
  el_set(p->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
  return true;
}

cli_prompt *cli_prompt_new(void) {
  cli_prompt *p = calloc(1, sizeof *p);
  if (p == NULL) return NULL;
  const char *term = getenv("TERM");
  p->is_dumb = term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
  if (!open_editor(p)) {
    cli_prompt_free(p);
    return NULL;
  }
  p->file = open_history();
  load_history(p);
  return p;
}

void cli_prompt_free(cli_prompt *p) {
  if (p == NULL) return;
  cli_prompt_stop(p);
  if (p->el != NULL) el_end(p->el);
  if (p->history != NULL) history_end(p->history);
  if (p->file != NULL) fclose(p->file);
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

/* On which row below its first the cursor stands. */
static int cursor_row(const cli_prompt *p) {
  const LineInfo *info = el_line(p->el);
  int columns = cli_columns(), width = (int)strlen(p->text);
  for (const char *c = info->buffer; c < info->cursor; c++)
    if (((unsigned char)*c & 0xC0) != 0x80) width++;
  return width / columns;
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
