/* See text.h. */
#include "cli/text.h"

#include <string.h>

/* The bytes of the control character at the start of a text, 0 when there is none: those of ASCII, but
 * for line breaks and tabs, and those of Latin-1, which UTF-8 writes in two bytes. */
static size_t control_length(const char *text, const char *end) {
  const unsigned char *p = (const unsigned char *)text;
  if (end - text > 1 && p[0] == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F) return 2;
  return (p[0] < 0x20 && p[0] != '\n' && p[0] != '\t') || p[0] == 0x7F;
}

/* Prints a piece of a text. What steers a terminal is not let through: messages may be a server's. The
 * bytes between go out in one call, as stderr has no buffer. */
static void print_piece(FILE *out, const char *at, const char *end) {
  while (at < end) {
    const char *from = at;
    size_t n = 0;
    while (at < end && (n = control_length(at, end)) == 0) at++;
    fwrite(from, 1, (size_t)(at - from), out);
    if (n > 0) fputc('?', out);
    at += n;
  }
}

void cli_print_text(const char *before, const char *text, size_t n) {
  fputs(before, stderr);
  print_piece(stderr, text, text + n);
  fputc('\n', stderr);
}

void cli_write_string(FILE *out, const char *at, const char *line_break) {
  while (*at != '\0' && *at != '"') {
    const char *end = at + strcspn(at, "\"\\");
    print_piece(out, at, end);
    at = end;
    if (*at != '\\') continue;
    at++;
    if (*at == 'n') fputs(line_break, out);
    else if (*at == 't') fputc('\t', out);
    else if (*at == 'u') at += 4;  // a control character
    else if (*at != 'r') fputc(*at, out);
    at++;
  }
}
