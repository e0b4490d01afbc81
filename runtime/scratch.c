/* Temporary folders. See scratch.h. */
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char PREFIX[] = "moonherd-dry-"; /* then the process, "-", and what mkdtemp makes up */

enum { OPEN_FOLDERS = 8 }; /* at once, while a tree is removed */

static const char *parent_dir(void) {
  const char *dir = getenv("TMPDIR");
  return dir != NULL && dir[0] == '/' ? dir : "/tmp";
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *place) {
  (void)st, (void)type, (void)place;
  remove(path);
  return 0;
}

static void remove_tree(const char *path) {
  nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Whether an entry is a folder of ours whose process is gone. */
static bool is_left_over(DIR *dir, const char *name) {
  if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0) return false;
  char *end;
  long pid = strtol(name + sizeof PREFIX - 1, &end, 10);
  if (pid <= 0 || pid > INT_MAX || *end != '-') return false;
  struct stat st;
  if (fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) != 0) return false;
  bool is_ours = S_ISDIR(st.st_mode) && st.st_uid == getuid();
  return is_ours && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static void sweep(const char *parent) {
  DIR *dir = opendir(parent);
  if (dir == NULL) return;
  for (struct dirent *e; (e = readdir(dir)) != NULL;) {
    char path[PATH_MAX];
    if (!is_left_over(dir, e->d_name)) continue;
    int n = snprintf(path, sizeof path, "%s/%s", parent, e->d_name);
    if (n > 0 && (size_t)n < sizeof path) remove_tree(path);
  }
  closedir(dir);
}

char *mh_scratch_new(void) {
  char path[PATH_MAX];
  const char *parent = parent_dir();
  sweep(parent);
  int n = snprintf(path, sizeof path, "%s/%s%ld-XXXXXX", parent, PREFIX, (long)getpid());
  if (n < 0 || (size_t)n >= sizeof path || mkdtemp(path) == NULL) return NULL;
  char *copy = strdup(path);
  if (copy == NULL) rmdir(path);
  return copy;
}

void mh_scratch_free(char *path) {
  if (path != NULL) remove_tree(path);
  free(path);
}
