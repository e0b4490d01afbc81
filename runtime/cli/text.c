/* See text.h. */
#include "cli/text.h"

/* The bytes of the control character at the start of a text, 0 when there is none: those of ASCII, but
 * for line breaks and tabs, and those of Latin-1, which UTF-8 writes in two bytes. */
static size_t control_length(const char *text) {
  const unsigned char *p = (const unsigned char *)text;
  if (p[0] == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F) return 2;
  return (p[0] < 0x20 && p[0] != '\n' && p[0] != '\t') || p[0] == 0x7F;
}

/* Prints the character at *at, or its first byte, and moves on. What steers a terminal is not let
 * through: messages may be a server's. */
static void print_character(FILE *out, const char **at) {
  size_t n = control_length(*at);
  fputc(n > 0 ? '?' : **at, out);
  *at += n > 0 ? n : 1;
}

void cli_print_text(const char *before, const char *text, size_t n) {
  fputs(before, stderr);
  for (const char *end = text + n; text < end;) print_character(stderr, &text);
  fputc('\n', stderr);
}

void cli_write_string(FILE *out, const char *at, const char *line_break) {
  while (*at != '\0' && *at != '"') {
    if (*at != '\\') {
      print_character(out, &at);
      continue;
    }
    at++;
    if (*at == 'n') fputs(line_break, out);
    else if (*at == 't') fputc('\t', out);
    else if (*at == 'u') at += 4;  // a control character
    else if (*at != 'r') fputc(*at, out);
    at++;
  }
}
