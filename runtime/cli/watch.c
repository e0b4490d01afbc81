/* Watching sources, on inotify. See watch.h. What a script itself writes, reports and the like, must
 * not start it again: only files that are code count, and folders that hold some. */
#include "cli/watch.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

enum {
  MOST_DEPTH = 20,
  QUIET = 100,      /* milliseconds without a change: an editor, or a checkout, is done */
  MOST_PAUSES = 20, /* as many of them, while sources change and change */
};

/* IN_CREATE is for folders and links: a file that is made is whole when it is closed. */
static const uint32_t EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                               IN_CREATE | IN_ONLYDIR | IN_EXCL_UNLINK;

typedef struct folder {
  int number; /* inotify's; events carry it */
  char *path;
  bool has_source; /* or has had one */
} folder;

struct cli_watch {
  int fd;
  folder *folders;
  size_t count, room;
  bool has_failed; /* it has been said that not all can be watched */
};

/* ---- names -------------------------------------------------------------------------------- */

static bool is_source(const char *name) {
  static const char *const endings[] = {".lua", ".js", ".mjs", NULL};
  const char *dot = strrchr(name, '.');
  if (dot == NULL || name[0] == '.') return false;
  for (const char *const *ending = endings; *ending != NULL; ending++)
    if (strcmp(dot, *ending) == 0) return true;
  return false;
}

static bool is_skipped(const char *name) {
  return name[0] == '.' || strcmp(name, "node_modules") == 0;
}

static bool join(char path[PATH_MAX], const char *parent, const char *name) {
  int n = snprintf(path, PATH_MAX, "%s/%s", parent, name);
  return n > 0 && n < PATH_MAX;
}

/* ---- the folders that are watched ----------------------------------------------------------- */

static folder *find(const cli_watch *w, int number) {
  for (size_t i = 0; i < w->count; i++)
    if (w->folders[i].number == number) return &w->folders[i];
  return NULL;
}

static bool put(cli_watch *w, int number, const char *path) {
  if (w->count == w->room) {
    size_t room = w->room == 0 ? 16 : w->room * 2;
    folder *more = realloc(w->folders, room * sizeof *more);
    if (more == NULL) return false;
    w->folders = more;
    w->room = room;
  }
  char *copy = strdup(path);
  if (copy == NULL) return false;
  w->folders[w->count++] = (folder){.number = number, .path = copy};
  return true;
}

static void drop(cli_watch *w, folder *gone) {
  free(gone->path);
  *gone = w->folders[--w->count];
}

/* Once: one line, not one for each folder. A folder that has just gone is no failure. */
static void say_unwatched(cli_watch *w, const char *path) {
  if (w->has_failed || errno == ENOENT || errno == ENOTDIR) return;
  w->has_failed = true;
  if (errno == ENOSPC)
    cli_say("--watch: too many folders; sysctl fs.inotify.max_user_watches says how many may be");
  else cli_say("--watch: cannot watch %s: %s", path, strerror(errno));
}

static bool scan(cli_watch *w, const char *path, int depth);

/* One entry of a folder; whether it is a source, or holds one. */
static bool scan_entry(cli_watch *w, folder *in, const char *name, int depth) {
  char path[PATH_MAX];
  struct stat st;
  if (is_skipped(name) || !join(path, in->path, name) || lstat(path, &st) != 0) return false;
  if (S_ISDIR(st.st_mode)) return scan(w, path, depth + 1);
  if (!is_source(name)) return false;
  in->has_source = true;
  return true;
}

/* Watches a folder and all below it; whether there are sources. A link to a folder is not followed:
 * it may lead round in circles. */
static bool scan(cli_watch *w, const char *path, int depth) {
  int number = depth <= MOST_DEPTH ? inotify_add_watch(w->fd, path, EVENTS) : -1;
  if (number < 0 || (find(w, number) == NULL && !put(w, number, path))) {
    if (depth <= MOST_DEPTH) say_unwatched(w, path);
    return false;
  }
  DIR *entries = opendir(path);
  if (entries == NULL) return false;
  bool has_source = false;
  for (struct dirent *e; (e = readdir(entries)) != NULL;)
    if (scan_entry(w, find(w, number), e->d_name, depth)) has_source = true;
  closedir(entries);
  return has_source;
}

/* A folder was moved away: its events are no concern any more. Whether sources went with it. */
static bool forget(cli_watch *w, const char *path) {
  size_t n = strlen(path);
  bool has_source = false;
  for (size_t i = w->count; i-- > 0;) {
    folder *f = &w->folders[i];
    if (strncmp(f->path, path, n) != 0 || (f->path[n] != '/' && f->path[n] != '\0')) continue;
    if (f->has_source) has_source = true;
    inotify_rm_watch(w->fd, f->number);
    drop(w, f);
  }
  return has_source;
}

/* ---- what happens in them ------------------------------------------------------------------- */

static bool is_link(const char *path) {
  struct stat st;
  return lstat(path, &st) == 0 && (S_ISLNK(st.st_mode) || st.st_nlink > 1);
}

/* Whether it is a change of a source. */
static bool take_event(cli_watch *w, const struct inotify_event *event) {
  if ((event->mask & IN_Q_OVERFLOW) != 0) return true;  // nobody knows which: it may be one
  folder *in = find(w, event->wd);
  char path[PATH_MAX];
  if (in != NULL && (event->mask & IN_IGNORED) != 0) {
    drop(w, in);
    return false;
  }
  if (in == NULL || event->len == 0 || !join(path, in->path, event->name)) return false;
  if ((event->mask & IN_ISDIR) != 0) {
    if (is_skipped(event->name)) return false;
    if ((event->mask & IN_MOVED_FROM) != 0) return forget(w, path);
    return (event->mask & (IN_CREATE | IN_MOVED_TO)) != 0 && scan(w, path, 0);
  }
  if (!is_source(event->name)) return false;
  in->has_source = true;
  return (event->mask & IN_CREATE) == 0 || is_link(path);
}

/* Takes all events that are there. */
static bool take(cli_watch *w) {
  char buffer[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
  bool has_changed = false;
  for (ssize_t n; (n = read(w->fd, buffer, sizeof buffer)) > 0;) {
    for (const char *at = buffer; at < buffer + n;) {
      const struct inotify_event *event = (const void *)at;
      if (take_event(w, event)) has_changed = true;
      at += sizeof *event + event->len;
    }
  }
  return has_changed;
}

/* ---- public --------------------------------------------------------------------------------- */

cli_watch *cli_watch_open(void) {
  cli_watch *w = calloc(1, sizeof *w);
  if (w != NULL) w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (w != NULL && w->fd >= 0) return w;
  cli_say("--watch: %s", strerror(errno));
  free(w);
  return NULL;
}

void cli_watch_close(cli_watch *w) {
  if (w == NULL) return;
  while (w->count > 0) drop(w, w->folders);
  free(w->folders);
  close(w->fd);
  free(w);
}

void cli_watch_add(cli_watch *w, const char *path) {
  char copy[PATH_MAX];
  struct stat st;
  if (strlen(path) >= sizeof copy || stat(path, &st) != 0) return;
  snprintf(copy, sizeof copy, "%s", path);
  scan(w, S_ISDIR(st.st_mode) ? copy : dirname(copy), 0);
}

int cli_watch_fd(const cli_watch *w) {
  return w->fd;
}

/* A signal ends the wait for quiet. */
bool cli_watch_has_changed(cli_watch *w) {
  if (!take(w)) return false;
  for (int left = MOST_PAUSES; left > 0; left--)
    if (poll(NULL, 0, QUIET) < 0 || !take(w)) break;
  return true;
}
