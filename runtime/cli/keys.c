/* See keys.h. */
#include "cli/keys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool cli_keys_read(cli_keys *k) {
  memmove(k->bytes, k->bytes + k->at, k->n - k->at);
  k->n -= k->at;
  k->at = 0;
  if (k->n == sizeof k->bytes) return true;
  ssize_t n = read(STDIN_FILENO, k->bytes + k->n, sizeof k->bytes - k->n);
  if (n > 0) k->n += (size_t)n;
  return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

bool cli_keys_are_there(const cli_keys *k) {
  return k->at < k->n;
}

bool cli_keys_hold_line(const cli_keys *k) {
  const char *from = k->bytes + k->at;
  return memchr(from, '\r', k->n - k->at) != NULL || memchr(from, '\n', k->n - k->at) != NULL;
}

void cli_keys_drop(cli_keys *k) {
  k->at = k->n = 0;
}

/* Bytes that are no character are left out. */
bool cli_keys_take(cli_keys *k, wchar_t *character) {
  for (;;) {
    mbstate_t state = {0};
    size_t n = mbrtowc(character, k->bytes + k->at, k->n - k->at, &state);
    if (k->at < k->n && n != (size_t)-1 && n != (size_t)-2) {
      k->at += n > 0 ? n : 1;
      return true;
    }
    if (k->at < k->n && n == (size_t)-1) k->at++;
    else if (!k->wait(k->user)) return false;
  }
}
