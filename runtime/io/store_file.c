/* The file of a store. See store_file.h. */
#include "io/store_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "core/place.h"

static const char *fail_errno(mh_buf *why, const char *path, const char *what, int e) {
  mh_buf_printf(why, "%s: %s%s", path, what, uv_strerror(uv_translate_sys_error(e)));
  if (e == EROFS) return "read_only";
  if (e == ENOMEM) return "memory";
  return e == ENOSPC || e == EDQUOT ? "disk_full" : "cannot_open";
}

static bool is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Makes the folders above `path`, which is written to meanwhile. Returns 0 or errno. */
static int make_folders(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    int e = mkdir(path, 0700) == 0 ? 0 : errno;
    if (e != 0 && is_folder(path)) e = 0;  // some systems refuse before they look
    *slash = '/';
    if (e != 0) return e == EEXIST ? ENOTDIR : e;
  }
  return 0;
}

/* Not with open and close: closing any descriptor of a file drops all locks that this process holds
 * on it, and another handle may have opened it meanwhile. Returns 0 or errno. */
static int make_node(const char *path, const mh_guard *guard) {
  mh_place place;
  int e = -mh_place_enter(&place, guard, path, MH_PLACE_WRITE);
  if (e == 0 && mknodat(place.folder, place.name, S_IFREG | 0600, 0) != 0) e = errno;
  mh_place_fini(&place);
  return e == EEXIST ? 0 : e == -MH_PLACE_REFUSED ? EACCES : e;
}

/* Returns 0 or errno. */
static int make_folders_of(const char *path) {
  char *copy = strdup(path);
  if (copy == NULL) return ENOMEM;
  int e = make_folders(copy);
  free(copy);
  return e;
}

const char *mh_store_file_make(const char *path, bool makes_folders, const mh_guard *guard,
                               mh_buf *why) {
  struct stat st;
  if (stat(path, &st) == 0) {
    if (S_ISREG(st.st_mode)) return NULL;
    mh_buf_printf(why, "%s: %s", path,
                  S_ISDIR(st.st_mode) ? "is a folder" : "is not a regular file");
    return "cannot_open";
  }
  if (errno != ENOENT) return fail_errno(why, path, "", errno);
  int e = makes_folders && guard == NULL ? make_folders_of(path) : 0;
  if (e != 0) return fail_errno(why, path, "cannot make its folder: ", e);
  e = make_node(path, guard);
  if (e == 0) return NULL;
  return fail_errno(why, path, e == ENOENT ? "its folder is missing: " : "", e);
}
