/* See prompt_keys.h. */
#include "cli/prompt_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

static cli_editing *editing_of(EditLine *el) {
  cli_editing *editing;
  el_get(el, EL_CLIENTDATA, &editing);
  return editing;
}

static char *prompt_text(EditLine *el) {
  return editing_of(el)->text;
}

static int take_character(EditLine *el, wchar_t *character) {
  return cli_keys_take(editing_of(el)->keys, character) ? 1 : -1;
}

/* ---- completion --------------------------------------------------------------------------- */

static bool is_at_indentation(EditLine *el) {
  const LineInfo *line = el_line(el);
  const char *at = line->cursor;
  while (at > line->buffer && (at[-1] == ' ' || at[-1] == '\t')) at--;
  return at == line->buffer || at[-1] == '\n';
}

/* A tab with more lines behind it was not typed: a terminal that marks no pastes has sent them. */
static unsigned char on_tab(EditLine *el, int key) {
  cli_editing *editing = editing_of(el);
  (void)key;
  editing->wants_completion = !is_at_indentation(el) && !cli_keys_hold_line(editing->keys);
  if (!editing->wants_completion) el_insertstr(el, "  ");
  return editing->wants_completion ? CC_NORM : CC_REFRESH;
}

/* ---- pastes ------------------------------------------------------------------------------- */

/* Puts a pasted character: line breaks are those of Lua, what steers a terminal is left out. */
static void put_pasted(FILE *out, wchar_t character, wchar_t before) {
  if (character == L'\n' && before == L'\r') return;
  if (character == L'\r') character = L'\n';
  if (character >= L' ' || character == L'\n' || character == L'\t') fputwc(character, out);
}

/* Copies what is pasted up to the mark of its end. False: it does not come. */
static bool copy_paste(cli_keys *keys, FILE *out) {
  static const wchar_t end[] = L"\033[201~";
  size_t matched = 0;
  wchar_t character, before = L'\0';
  while (matched < wcslen(end)) {
    if (!cli_keys_take(keys, &character)) return false;
    if (character == end[matched]) {
      matched++;
      continue;
    }
    for (size_t i = 0; i < matched; i++) put_pasted(out, end[i], L'\0');
    matched = character == end[0] ? 1 : 0;
    if (matched == 0) put_pasted(out, character, before);
    before = character;
  }
  return true;
}

/* All lines become one entry, which waits to be edited and for Enter. */
static unsigned char on_paste(EditLine *el, int key) {
  wchar_t *text = NULL;
  size_t n = 0;
  FILE *out = open_wmemstream(&text, &n);
  (void)key;
  if (out == NULL) return CC_ERROR;
  bool is_whole = copy_paste(editing_of(el)->keys, out);
  bool has_text = fclose(out) == 0;
  while (has_text && n > 0 && text[n - 1] == L'\n') text[--n] = L'\0';
  if (is_whole && has_text && n > 0) el_winsertstr(el, text);
  free(text);
  return is_whole ? CC_REFRESH : CC_NORM;
}

/* ---- up and down -------------------------------------------------------------------------- */

/* The keys under which the editor has its own functions. */
#define PREVIOUS_ENTRY "\020"
#define NEXT_ENTRY "\016"
#define PREVIOUS_LINE "\030\020"
#define NEXT_LINE "\030\016"

static bool holds_line_break(const wchar_t *from, const wchar_t *to) {
  return to > from && wmemchr(from, L'\n', (size_t)(to - from)) != NULL;
}

static unsigned char press(EditLine *el, const char *keys) {
  editing_of(el)->goes_on = true;
  el_push(el, keys);
  return CC_NORM;
}

static unsigned char on_up(EditLine *el, int key) {
  const LineInfoW *line = el_wline(el);
  (void)key;
  return press(el, holds_line_break(line->buffer, line->cursor) ? PREVIOUS_LINE : PREVIOUS_ENTRY);
}

static unsigned char on_down(EditLine *el, int key) {
  const LineInfoW *line = el_wline(el);
  (void)key;
  return press(el, holds_line_break(line->cursor, line->lastchar) ? NEXT_LINE : NEXT_ENTRY);
}

/* ---- within a line ------------------------------------------------------------------------ */

static unsigned char on_home(EditLine *el, int key) {
  const LineInfoW *line = el_wline(el);
  int n = 0;
  (void)key;
  while (line->cursor - n > line->buffer && line->cursor[-n - 1] != L'\n') n++;
  el_cursor(el, -n);
  return CC_CURSOR;
}

static unsigned char on_end(EditLine *el, int key) {
  const LineInfoW *line = el_wline(el);
  int n = 0;
  (void)key;
  while (line->cursor + n < line->lastchar && line->cursor[n] != L'\n') n++;
  el_cursor(el, n);
  return CC_CURSOR;
}

/* ---- binding ------------------------------------------------------------------------------ */

static const struct {
  const char *keys, *command;
} bindings[] = {
    {"^I", "moonherd-complete"},  {"\\e[200~", "moonherd-paste"},
    {"^R", "em-inc-search-prev"}, {"^W", "ed-delete-prev-word"},
    {"^A", "moonherd-home"},      {"^E", "moonherd-end"},
    {"^X^P", "ed-prev-line"},     {"^X^N", "ed-next-line"},
    {"\\e[A", "moonherd-up"},     {"\\e[B", "moonherd-down"},
    {"\\e[H", "moonherd-home"},   {"\\e[F", "moonherd-end"},
    {"\\eOA", "moonherd-up"},  // what some terminals send for the same keys
    {"\\eOB", "moonherd-down"},   {"\\eOH", "moonherd-home"},
    {"\\eOF", "moonherd-end"},    {"\\e[1~", "moonherd-home"},
    {"\\e[4~", "moonherd-end"},   {"\\e[3~", "ed-delete-next-char"},
    {"\\e[1;5D", "ed-prev-word"},                                // Ctrl and an arrow
    {"\\e[1;5C", "em-next-word"}, {"\\e[1;3D", "ed-prev-word"},  // Alt and an arrow
    {"\\e[1;3C", "em-next-word"},
};

void cli_prompt_bind(EditLine *el, cli_editing *editing) {
  el_set(el, EL_CLIENTDATA, editing);
  el_set(el, EL_PROMPT, prompt_text);
  el_wset(el, EL_GETCFN, take_character);
  el_set(el, EL_ADDFN, "moonherd-complete", "Complete a name", on_tab);
  el_set(el, EL_ADDFN, "moonherd-paste", "Insert what is pasted", on_paste);
  el_set(el, EL_ADDFN, "moonherd-up", "The line above, or the entry before", on_up);
  el_set(el, EL_ADDFN, "moonherd-down", "The line below, or the entry behind", on_down);
  el_set(el, EL_ADDFN, "moonherd-home", "The start of the line", on_home);
  el_set(el, EL_ADDFN, "moonherd-end", "The end of the line", on_end);
  for (size_t i = 0; i < sizeof bindings / sizeof bindings[0]; i++)
    el_set(el, EL_BIND, bindings[i].keys, bindings[i].command, NULL);
}
