/* Watching sources, on inotify. See watch.h. What a script itself writes, reports and the like, must
 * not start it again: only files that are code count, and folders that hold some. */
#include "cli/watch.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
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

/* A source that has been seen to change. */
typedef struct source {
  char *path;
  uint64_t digest; /* of its content, as it was when all was quiet; 0: there was none */
  bool has_event;  /* since then */
} source;

struct cli_watch {
  int fd;
  folder *folders;
  size_t count, room;
  source *sources;
  size_t source_count, source_room;
  char changed[PATH_MAX]; /* the first source that has, since the last call; "": none */
  bool has_event;         /* of a source, while events are taken */
  bool is_new;            /* one was not seen before, or a folder of some came or went */
  bool has_failed;        /* it has been said that not all can be watched */
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

/* The list with room for one more; NULL without memory, then it is as it was. */
static void *grow(void *list, size_t count, size_t *room, size_t size) {
  if (count < *room) return list;
  size_t more = *room == 0 ? 16 : *room * 2;
  void *grown = realloc(list, more * size);
  if (grown != NULL) *room = more;
  return grown;
}

static bool put(cli_watch *w, int number, const char *path) {
  folder *folders = grow(w->folders, w->count, &w->room, sizeof *folders);
  if (folders == NULL) return false;
  w->folders = folders;
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

/* ---- sources that change ------------------------------------------------------------------- */

/* FNV-1a: enough to tell two versions of a file apart. */
static uint64_t digest_of(const char *path) {
  uint64_t digest = 0xcbf29ce484222325u;
  unsigned char block[16 * 1024];
  struct stat st;
  if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) return 0;  // a FIFO would have to be waited for
  FILE *file = fopen(path, "re");
  if (file == NULL) return 0;
  for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
    for (size_t i = 0; i < n; i++) digest = (digest ^ block[i]) * 0x100000001b3u;
  fclose(file);
  return digest;
}

static source *source_at(cli_watch *w, const char *path) {
  for (size_t i = 0; i < w->source_count; i++)
    if (strcmp(w->sources[i].path, path) == 0) return &w->sources[i];
  source *sources = grow(w->sources, w->source_count, &w->source_room, sizeof *sources);
  if (sources == NULL) return NULL;
  w->sources = sources;
  char *copy = strdup(path);
  if (copy == NULL) return NULL;
  w->is_new = true;  // nobody knows how it was
  w->sources[w->source_count] = (source){.path = copy};
  return &w->sources[w->source_count++];
}

static void note(cli_watch *w, const char *path) {
  if (w->changed[0] == '\0') snprintf(w->changed, sizeof w->changed, "%s", path);
  w->has_event = true;
}

static void note_source(cli_watch *w, const char *path) {
  note(w, path);
  source *known = source_at(w, path);
  if (known != NULL) known->has_event = true;
  else w->is_new = true;
}

static void note_folder(cli_watch *w, const char *path) {
  note(w, path);
  w->is_new = true;
}

/* Whether one of those that had events is not as it was before. */
static bool compare(cli_watch *w) {
  bool is_other = w->is_new;
  for (source *s = w->sources; s < w->sources + w->source_count; s++) {
    if (!s->has_event) continue;
    uint64_t digest = digest_of(s->path);
    if (digest != s->digest) is_other = true;
    s->digest = digest;
    s->has_event = false;
  }
  return is_other;
}

/* ---- what happens in them ------------------------------------------------------------------- */

static bool is_link(const char *path) {
  struct stat st;
  return lstat(path, &st) == 0 && (S_ISLNK(st.st_mode) || st.st_nlink > 1);
}

static void take_folder_event(cli_watch *w, const struct inotify_event *event, const char *path) {
  bool has_source = false;
  if (is_skipped(event->name)) return;
  if ((event->mask & IN_MOVED_FROM) != 0) has_source = forget(w, path);
  else if ((event->mask & (IN_CREATE | IN_MOVED_TO)) != 0) has_source = scan(w, path, 0);
  if (has_source) note_folder(w, path);
}

static void take_event(cli_watch *w, const struct inotify_event *event) {
  folder *in = find(w, event->wd);
  char path[PATH_MAX];
  if ((event->mask & IN_Q_OVERFLOW) != 0) note_folder(w, ".");  // nobody knows which: it may be one
  if (in == NULL) return;
  if ((event->mask & IN_IGNORED) != 0) {
    drop(w, in);
    return;
  }
  if (event->len == 0 || !join(path, in->path, event->name)) return;
  if ((event->mask & IN_ISDIR) != 0) {
    take_folder_event(w, event, path);
  } else if (is_source(event->name)) {
    in->has_source = true;
    if ((event->mask & IN_CREATE) == 0 || is_link(path)) note_source(w, path);
  }
}

/* Takes all events that are there; whether there were any of sources. */
static bool take(cli_watch *w) {
  char buffer[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
  w->has_event = false;
  for (ssize_t n; (n = read(w->fd, buffer, sizeof buffer)) > 0;) {
    for (const char *at = buffer; at < buffer + n;) {
      const struct inotify_event *event = (const void *)at;
      take_event(w, event);
      at += sizeof *event + event->len;
    }
  }
  return w->has_event;
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
  while (w->count > 0) free(w->folders[--w->count].path);
  while (w->source_count > 0) free(w->sources[--w->source_count].path);
  free(w->folders);
  free(w->sources);
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
const char *cli_watch_changed(cli_watch *w, bool is_running) {
  w->changed[0] = '\0';
  w->is_new = false;
  if (!take(w)) return NULL;
  for (int left = MOST_PAUSES; left > 0; left--)
    if (poll(NULL, 0, QUIET) < 0 || !take(w)) break;
  return compare(w) || !is_running ? w->changed : NULL;
}
