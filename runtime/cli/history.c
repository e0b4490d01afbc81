/* See history.h. */
#include "cli/history.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 256 * 1024, LONGEST_ENTRY = 32 * 1024 };

/* Makes the folders of a path that are missing. */
static void make_folders(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(path, 0700);
    *slash = '/';
  }
}

bool cli_history_find(cli_history *h) {
  const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  bool has_base = base != NULL && base[0] == '/';
  h->path[0] = '\0';
  if (!has_base && home == NULL) return false;
  int n = has_base ? snprintf(h->path, sizeof h->path, "%s/moonherd/history", base)
                   : snprintf(h->path, sizeof h->path, "%s/.local/state/moonherd/history", home);
  if (n < 0 || (size_t)n >= sizeof h->path) h->path[0] = '\0';
  else make_folders(h->path);
  return h->path[0] != '\0';
}

/* ---- the file ----------------------------------------------------------------------------- */

/* Whether the open file still is the one of that path: another session may have cut it meanwhile. */
static bool is_current(int fd, const char *path) {
  struct stat opened, there;
  return fstat(fd, &opened) == 0 && lstat(path, &there) == 0 && opened.st_ino == there.st_ino &&
         opened.st_dev == there.st_dev;
}

/* Opens the file, for its owner alone, and locks it. -1: that is not possible. */
static int open_locked(const cli_history *h) {
  for (int tries = 0; tries < 10 && h->path[0] != '\0'; tries++) {
    int fd = open(h->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return -1;
    bool is_ours = fchmod(fd, 0600) == 0 && flock(fd, LOCK_EX) == 0;
    if (is_ours && is_current(fd, h->path)) return fd;
    close(fd);
    if (!is_ours) return -1;
  }
  return -1;
}

static bool write_whole(int fd, const char *bytes, size_t n) {
  return write(fd, bytes, n) == (ssize_t)n;
}

/* A file with what is kept takes the place of the one that is locked. */
static void replace(const cli_history *h, const char *bytes, size_t n) {
  char path[sizeof h->path + 4];
  snprintf(path, sizeof path, "%s.new", h->path);
  unlink(path);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return;
  bool is_whole = write_whole(fd, bytes, n);
  if (close(fd) != 0 || !is_whole || rename(path, h->path) != 0) unlink(path);
}

/* Where the first entry ends, which may be half a one; NULL: nowhere. */
static const char *first_end(const char *bytes, size_t n) {
  const char *end = memchr(bytes, '\n', n);
  while (end != NULL && end > bytes && end[-1] == '\\')
    end = memchr(end + 1, '\n', n - (size_t)(end + 1 - bytes));
  return end;
}

/* Keeps the newer half. */
static void cut(const cli_history *h, int fd, size_t size) {
  size_t n = MOST_BYTES / 2;
  char *bytes = malloc(n);
  if (bytes != NULL && pread(fd, bytes, n, (off_t)(size - n)) == (ssize_t)n) {
    const char *first = first_end(bytes, n);
    if (first != NULL) replace(h, first + 1, n - (size_t)(first + 1 - bytes));
  }
  free(bytes);
}

/* ---- entries ------------------------------------------------------------------------------ */

/* In the file every line of an entry but its last ends in a backslash, as in a shell. */
static bool goes_on(const char *line, size_t n) {
  return n >= 2 && line[n - 2] == '\\' && line[n - 1] == '\n';
}

/* Adds a line to the entry that is being read. False: more lines belong to it. */
static bool take_line(char **entry, size_t *size, const char *line, size_t n) {
  char *longer = realloc(*entry, *size + n + 1);
  if (longer == NULL) return false;
  *entry = longer;
  memcpy(longer + *size, line, n + 1);
  *size += n;
  if (!goes_on(line, n)) return true;
  (*size)--;
  memcpy(longer + *size - 1, "\n", 2);
  return false;
}

void cli_history_each(const cli_history *h, void (*on_entry)(void *user, const char *entry),
                      void *user) {
  int fd = open_locked(h);
  FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
  char *line = NULL, *entry = NULL;
  size_t room = 0, size = 0;
  for (ssize_t n; file != NULL && (n = getline(&line, &room, file)) > 0;) {
    if (!take_line(&entry, &size, line, (size_t)n)) continue;
    on_entry(user, entry);
    size = 0;
  }
  free(entry);
  free(line);
  if (file != NULL) fclose(file);
  else if (fd >= 0) close(fd);
}

/* The entry as it stands in the file; the caller frees it. NULL without memory. */
static char *written(const char *entry, size_t n, size_t *size) {
  char *text = NULL;
  FILE *out = open_memstream(&text, size);
  if (out == NULL) return NULL;
  for (size_t i = 0; i < n; i++) {
    if (entry[i] == '\n') fputc('\\', out);
    fputc(entry[i], out);
  }
  fputs(n > 0 && entry[n - 1] == '\\' ? " \n" : "\n", out);  // it ends there
  fclose(out);
  return text;
}

/* One write: whoever is killed leaves no half of an entry that another one would go on with. */
void cli_history_add(const cli_history *h, const char *entry, size_t n) {
  struct stat st;
  size_t size = 0;
  char *text = n <= LONGEST_ENTRY ? written(entry, n, &size) : NULL;
  int fd = text != NULL ? open_locked(h) : -1;
  if (fd >= 0) {
    write_whole(fd, text, size);
    if (fstat(fd, &st) == 0 && st.st_size > MOST_BYTES) cut(h, fd, (size_t)st.st_size);
    close(fd);
  }
  free(text);
}
