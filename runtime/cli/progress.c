/* The bars at the bottom of a terminal, one for each progress that is being told. Everything else that
 * is printed scrolls above them: whoever prints hides the bars first and shows them again behind. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/cli.h"
#include "cli/text.h"

enum {
  CELLS = 20,          /* of a bar */
  ROOM_FOR_CELLS = 60, /* columns from which it is worth its place */
  COLUMNS_UNLESS_KNOWN = 80,
};

/* Lines must not wrap, or hiding them would leave their ends behind. */
static const char WRAP_OFF[] = "\033[?7l", WRAP_ON[] = "\033[?7h";
static const char ERASE_BELOW[] = "\r\033[J", LINE_UP[] = "\033[A";

static int columns_of_terminal(void) {
  struct winsize size;
  bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return is_known ? size.ws_col : COLUMNS_UNLESS_KNOWN;
}

/* ---- drawing ------------------------------------------------------------------------------ */

static void draw_cells(FILE *out, double fraction) {
  int full = (int)(fraction * CELLS);
  fputc('[', out);
  for (int i = 0; i < CELLS; i++) fputc(i < full ? '#' : '-', out);
  fputs("] ", out);
}

/* The bytes of the character at the start of a text, and its columns. What is no UTF-8 has one. */
static size_t measure(const char *text, int *columns) {
  mbstate_t state = {0};
  wchar_t c;
  size_t n = mbrtowc(&c, text, strlen(text), &state);
  bool is_character = n > 0 && n < (size_t)-2;
  int width = is_character ? wcwidth(c) : 1;
  *columns = width < 0 ? 1 : width;
  return is_character ? n : 1;
}

/* As much of a text as has room. */
static void draw_text(FILE *out, const char *text, int room) {
  while (*text != '\0') {
    int columns;
    size_t n = measure(text, &columns);
    if (columns > room) return;
    room -= columns;
    fwrite(*text == '\t' ? " " : text, 1, n, out);
    text += n;
  }
}

static void draw(FILE *out, const cli_bar *bar, int columns) {
  bool has_cells = bar->fraction >= 0 && columns >= ROOM_FOR_CELLS;
  if (has_cells) draw_cells(out, bar->fraction);
  draw_text(out, bar->text, columns - 1 - (has_cells ? CELLS + 3 : 0));
}

/* In one write: a terminal that shows half a line flickers. */
static void redraw(cli_bars *bars, bool is_visible) {
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream(&text, &n);
  if (out == NULL) return;
  int columns = columns_of_terminal();
  locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  locale_t before = uselocale(utf8);  // only here: it is Lua's, too
  for (int i = 1; i < bars->drawn; i++) fputs(LINE_UP, out);
  if (bars->drawn > 0) fputs(ERASE_BELOW, out);
  bars->drawn = is_visible ? bars->count : 0;
  if (bars->drawn > 0) fputs(WRAP_OFF, out);
  for (int i = 0; i < bars->drawn; i++) {
    if (i > 0) fputc('\n', out);
    draw(out, &bars->bars[i], columns);
  }
  if (bars->drawn > 0) fputs(WRAP_ON, out);
  uselocale(before);
  if (utf8 != (locale_t)0) freelocale(utf8);
  fclose(out);
  fwrite(text, 1, n, stderr);
  free(text);
}

void cli_bars_hide(cli_bars *bars) {
  if (bars->drawn > 0) redraw(bars, false);
}

void cli_bars_show(cli_bars *bars) {
  if (bars->count > 0) redraw(bars, true);
}

/* ---- what the log tells ------------------------------------------------------------------- */

/* Copies the JSON string that follows `before`, as it is; false when there is none. */
static bool copy_string(char *to, size_t size, const char *json, const char *before) {
  const char *at = strstr(json, before);
  if (at == NULL) return false;
  at += strlen(before);
  size_t n = 0;
  for (; *at != '\0' && *at != '"' && n + 2 < size; at++) {
    to[n++] = *at;
    if (*at == '\\' && at[1] != '\0') to[n++] = *++at;
  }
  to[n] = '\0';
  return true;
}

/* The buffer is full of zeroes, of which one stays. */
static void read_text(cli_bar *bar, const char *json) {
  const char *at = strstr(json, "\"message\":\"");
  FILE *out = at == NULL ? NULL : fmemopen(bar->text, sizeof bar->text - 1, "w");
  if (out == NULL) return;
  cli_write_string(out, at + strlen("\"message\":\""), " ");
  fclose(out);
}

static int find(const cli_bars *bars, const char *name) {
  int i = 0;
  while (i < bars->count && strcmp(bars->bars[i].name, name) != 0) i++;
  return i;
}

static void drop(cli_bars *bars, int i) {
  if (i == bars->count) return;
  bars->count--;
  memmove(&bars->bars[i], &bars->bars[i + 1], sizeof bars->bars[0] * (size_t)(bars->count - i));
}

bool cli_bars_take(cli_bars *bars, const char *json) {
  if (!bars->is_on) return false;
  /* Within a string the quotes would be escaped. */
  const char *progress = strstr(json, "\"progress\":{");
  cli_bar bar = {.fraction = -1};
  if (progress == NULL || !copy_string(bar.name, sizeof bar.name, progress, "\"name\":\""))
    return false;
  int i = find(bars, bar.name);
  if (strstr(progress, "\"ended\":true") != NULL) {
    drop(bars, i);
    return false;  // the last line stays, like any other
  }
  if (i == MOST_BARS || bars->is_covered) return true;
  const char *fraction = strstr(progress, "\"fraction\":");
  if (fraction != NULL) bar.fraction = strtod(fraction + strlen("\"fraction\":"), NULL);
  read_text(&bar, json);
  bars->bars[i] = bar;
  if (i == bars->count) bars->count++;
  redraw(bars, true);
  return true;
}
