/* Watching sources, on inotify. See watch.h. What a script itself writes, reports and the like, must
 * not start it again: only files that are code count. */
#include "cli/watch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cli/cli.h"

enum { MOST_DEPTH = 20, QUIET = 100 /* milliseconds without a change: it is whole */ };

static const uint32_t EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;

static void add(int fd, const char *folder, int depth) {
  if (depth > MOST_DEPTH || inotify_add_watch(fd, folder, EVENTS) < 0) return;
  DIR *entries = opendir(folder);
  if (entries == NULL) return;
  for (struct dirent *e; (e = readdir(entries)) != NULL;) {
    char path[PATH_MAX];
    bool is_skipped = e->d_name[0] == '.' || strcmp(e->d_name, "node_modules") == 0;
    if (e->d_type != DT_DIR || is_skipped) continue;
    int n = snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    if (n > 0 && (size_t)n < sizeof path) add(fd, path, depth + 1);
  }
  closedir(entries);
}

int cli_watch_open(const char *folder) {
  int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd >= 0) add(fd, folder, 0);
  else cli_say("--watch: %s", strerror(errno));
  return fd;
}

static bool is_source(const char *name) {
  static const char *const endings[] = {".lua", ".js", ".mjs", NULL};
  const char *dot = strrchr(name, '.');
  if (dot == NULL || name[0] == '.') return false;
  for (const char *const *ending = endings; *ending != NULL; ending++)
    if (strcmp(dot, *ending) == 0) return true;
  return false;
}

/* Takes all events that are there. */
static bool take(int fd) {
  char buffer[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
  bool has_changed = false;
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) {
    for (const char *at = buffer; at < buffer + n;) {
      const struct inotify_event *event = (const void *)at;
      if (event->len > 0 && is_source(event->name)) has_changed = true;
      at += sizeof *event + event->len;
    }
  }
  return has_changed;
}

bool cli_watch_has_changed(int fd) {
  bool has_changed = take(fd);
  while (has_changed && poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, QUIET) > 0) take(fd);
  return has_changed;
}
