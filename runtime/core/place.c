/* Files under a guard. See place.h. */
#include "core/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char UNKNOWN[] = "where its path leads cannot be found out";

/* ---- the real path ------------------------------------------------------------------------ */

/* Where the last name of a path begins; slashes at the end are not part of it. */
static size_t last_name(const char *path, size_t n) {
  while (n > 1 && path[n - 1] == '/') n--;
  while (n > 0 && path[n - 1] != '/') n--;
  return n;
}

static bool has_dots(const char *rest) {
  for (const char *s = rest; *s != '\0';) {
    size_t n = strcspn(s, "/");
    if (n == 2 && s[0] == '.' && s[1] == '.') return true;
    s += n;
    s += strspn(s, "/");
  }
  return false;
}

static char *join(const char *folder, const char *rest) {
  char *path;
  rest += strspn(rest, "/");
  bool is_root = folder[1] == '\0';
  if (*rest == '\0') return strdup(folder);
  return asprintf(&path, "%s/%s", is_root ? "" : folder, rest) < 0 ? NULL : path;
}

/* The real path of the first `n` bytes of `path`, what follows them put behind it. */
static char *join_real(const char *path, size_t n) {
  char *folder = n == 0 ? strdup(".") : strndup(path, n);
  char *real = folder != NULL ? realpath(folder, NULL) : NULL;
  char *joined = real != NULL ? join(real, path + n) : NULL;
  free(real);
  free(folder);
  return joined;
}

/* The real path of what is there or, as far as it is not, would be. NULL: nobody can tell. */
static char *real_path(const char *path, bool own_link) {
  size_t n = strlen(path);
  if (n == 0) return NULL;
  if (own_link) n = last_name(path, n);
  for (;;) {
    if (has_dots(path + n)) return NULL;
    char *real = join_real(path, n);
    if (real != NULL || (errno != ENOENT && errno != ENOTDIR)) return real;
    if (n == 0) return NULL;
    n = last_name(path, n);
  }
}

/* ---- the folder --------------------------------------------------------------------------- */

static int open_next(int folder, const char *name, size_t n) {
  char text[NAME_MAX + 1];
  if (n > NAME_MAX) return -ENAMETOOLONG;
  memcpy(text, name, n);
  text[n] = '\0';
  int fd = openat(folder, text, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return fd >= 0 ? fd : -errno;
}

/* Opens the folder above the last name of a real path. */
static int open_folder(const char *path, size_t name) {
  int folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return -errno;
  for (const char *s = path + strspn(path, "/"); s < path + name;) {
    size_t n = strcspn(s, "/");
    int next = open_next(folder, s, n);
    close(folder);
    if (next < 0) return next;
    folder = next;
    s += n;
    s += strspn(s, "/");
  }
  return folder;
}

/* ---- places ------------------------------------------------------------------------------- */

static void trim(char *path) {
  size_t n = strlen(path);
  while (n > 1 && path[n - 1] == '/') path[--n] = '\0';
}

char *mh_place_real(const char *path) {
  return real_path(path, false);
}

int mh_place_enter(mh_place *place, const mh_guard *guard, const char *path, unsigned how) {
  *place = (mh_place){.folder = AT_FDCWD, .name = path, .is_guarded = guard != NULL};
  if (guard == NULL) return 0;
  place->path = real_path(path, (how & MH_PLACE_OWN_LINK) != 0);
  place->hint = place->path == NULL
                    ? UNKNOWN
                    : mh_guard_real_path(guard, place->path, (how & MH_PLACE_WRITE) != 0);
  if (place->hint != NULL) return MH_PLACE_REFUSED;
  trim(place->path);
  size_t name = last_name(place->path, strlen(place->path));
  int folder = open_folder(place->path, name);
  if (folder < 0) return folder;
  place->folder = folder;
  place->name = place->path[name] != '\0' ? place->path + name : ".";
  return 0;
}

void mh_place_fini(mh_place *place) {
  if (place->folder >= 0) close(place->folder);
  place->folder = AT_FDCWD;
  free(place->path);
  place->path = NULL;
}

int mh_place_open(const mh_place *place, int flags, unsigned mode) {
  if (place->is_guarded) flags |= O_NOFOLLOW;
  int fd = openat(place->folder, place->name, flags | O_CLOEXEC, mode);
  return fd >= 0 ? fd : -errno;
}

const char *mh_place_check(const mh_guard *guard, const char *path, bool is_write) {
  if (guard == NULL) return NULL;
  char *real = real_path(path, false);
  const char *hint = real == NULL ? UNKNOWN : mh_guard_real_path(guard, real, is_write);
  free(real);
  return hint;
}
