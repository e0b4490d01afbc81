/* The jobs of file.h, in a worker thread. See file_job.h. They return 0 or a negative errno. */
#include "io/file_job.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  PIECE = 1 << 20,   /* bytes moved between two looks at is_stopped */
  POLL_MS = 50,      /* a turn of waiting for a pipe or terminal, which may never have anything */
  NAME_ATTEMPTS = 16 /* at a free name for a temporary file: one is enough but for a miracle */
};

mh_file_job *mh_file_job_new(const char *path) {
  mh_file_job *job = calloc(1, sizeof *job);
  char *copy = strdup(path);
  if (job == NULL || copy == NULL) {
    free(job);
    free(copy);
    return NULL;
  }
  job->path = copy;
  job->place.folder = AT_FDCWD;
  job->fd = -1;
  atomic_init(&job->is_stopped, false);
  mh_buf_init(&job->bytes, NULL);
  return job;
}

void mh_file_job_free(mh_file_job *job) {
  if (job == NULL) return;
  if (job->fd >= 0) close(job->fd);
  mh_place_fini(&job->place);
  for (size_t i = 0; i < job->count; i++) free(job->names[i]);
  free(job->names);
  free(job->infos);
  mh_buf_fini(&job->bytes);
  free(job->path);
  free(job);
}

static bool is_stopped(mh_file_job *job) {
  return atomic_load_explicit(&job->is_stopped, memory_order_relaxed);
}

/* Finds the place of the job's path, or of one that is above it. */
static int enter(mh_file_job *job, const char *path, unsigned how) {
  mh_place_fini(&job->place);
  return mh_place_enter(&job->place, job->guard, path, how);
}

/* Looks at the place itself. Returns 0 or a negative errno. */
static int look_at(const mh_place *place, bool follows_link, struct stat *st) {
  int flags = follows_link && !place->is_guarded ? 0 : AT_SYMLINK_NOFOLLOW;
  return fstatat(place->folder, place->name, st, flags) == 0 ? 0 : -errno;
}

/* Waits until the descriptor can be read or written; plain files always can. For others it may end
 * with MH_FILE_AGAIN. */
static int wait_for(mh_file_job *job, int fd, short events) {
  struct pollfd p = {.fd = fd, .events = events};
  for (;;) {
    if (is_stopped(job)) return -ECANCELED;
    int n = poll(&p, 1, POLL_MS);
    if (n > 0) return 0;
    if (n == 0) return MH_FILE_AGAIN;
    if (errno != EINTR) return -errno;
  }
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Reads one piece; 1: there may be more, 0: the end. */
static int read_piece(mh_file_job *job, int fd) {
  mh_buf *b = &job->bytes;
  size_t room = b->cap - b->len;
  if (room == 0) {
    if (mh_buf_reserve(b, PIECE) != 0) return -ENOMEM;
    room = b->cap - b->len;
  }
  ssize_t n = read(fd, b->data + b->len, room < PIECE ? room : PIECE);
  if (n < 0) return errno == EINTR || errno == EAGAIN ? 1 : -errno;
  b->len += (size_t)n;
  if (b->len > job->max) return -EFBIG;
  return n > 0;
}

static int prepare_to_read(mh_file_job *job) {
  struct stat st;
  if (fstat(job->fd, &st) != 0) return -errno;
  if (S_ISDIR(st.st_mode)) return -EISDIR;
  size_t size = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : 0;
  if (size > job->max) return -EFBIG;
  // One byte more than the size: the read that finds the end needs no more room.
  return mh_buf_reserve(&job->bytes, size + 1) != 0 ? -ENOMEM : 0;
}

static int read_rest(mh_file_job *job) {
  for (;;) {
    int e = wait_for(job, job->fd, POLLIN);
    if (e != 0) return e;
    e = read_piece(job, job->fd);
    if (e <= 0) return e;
  }
}

static int open_to_read(mh_file_job *job) {
  int e = enter(job, job->path, 0);
  if (e != 0) return e;
  // Without O_NONBLOCK a pipe that nobody writes to would hold the thread for ever.
  job->fd = mh_place_open(&job->place, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
  return job->fd < 0 ? job->fd : prepare_to_read(job);
}

int mh_file_job_read(mh_file_job *job) {
  int e = job->fd < 0 ? open_to_read(job) : 0;
  if (e == 0) e = read_rest(job);
  if (e == MH_FILE_AGAIN || job->fd < 0) return e;
  close(job->fd);
  job->fd = -1;
  return e;
}

/* ---- writing ------------------------------------------------------------------------------ */

static int write_bytes(mh_file_job *job, int fd) {
  while (job->written < job->bytes.len) {
    int e = wait_for(job, fd, POLLOUT);
    if (e != 0) return e;
    size_t left = job->bytes.len - job->written;
    ssize_t n = write(fd, job->bytes.data + job->written, left < PIECE ? left : PIECE);
    if (n < 0 && errno != EINTR && errno != EAGAIN) return -errno;
    if (n > 0) job->written += (size_t)n;
  }
  return 0;
}

static int close_written(int fd, int e) {
  int closed = close(fd) == 0 || errno == EINTR ? 0 : -errno;
  return e != 0 ? e : closed;
}

static int write_open(mh_file_job *job) {
  int fd = job->fd, e = write_bytes(job, fd);
  if (e == MH_FILE_AGAIN) return e;
  job->fd = -1;
  return close_written(fd, e);
}

static int write_directly(mh_file_job *job, bool is_pipe) {
  job->fd = mh_place_open(&job->place, O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
  if (job->fd >= 0) return write_open(job);
  if (job->fd != -ENXIO || !is_pipe) return job->fd;
  poll(NULL, 0, POLL_MS);  // nobody has opened the pipe for reading yet
  return MH_FILE_AGAIN;
}

/* Bytes of `path` up to the last slash, that included; 0: it is in the current directory. */
static size_t folder_length(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? 0 : (size_t)(slash + 1 - path);
}

/* Opens a new file beside the place and writes its name to `temp`. */
static int open_temp(const mh_place *place, mode_t mode, mh_buf *temp) {
  for (int i = 0; i < NAME_ATTEMPTS; i++) {
    unsigned long long random;
    int e = uv_random(NULL, NULL, &random, sizeof random, 0, NULL);
    if (e != 0) return e;
    mh_buf_clear(temp);
    if (mh_buf_append(temp, place->name, folder_length(place->name)) != 0 ||
        mh_buf_printf(temp, ".moonherd-%016llx.tmp", random) != 0 || mh_buf_cstr(temp) == NULL)
      return -ENOMEM;
    int fd = openat(place->folder, temp->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd >= 0 || errno != EEXIST) return fd >= 0 ? fd : -errno;
  }
  return -EEXIST;
}

/* The new file takes over permissions and, where we may, the owner. A mode that was asked for must
 * hold: it may protect a key. */
static int copy_rights(const mh_file_job *job, int fd, const struct stat *old) {
  if (old != NULL && (old->st_uid != geteuid() || old->st_gid != getegid())) {
    if (fchown(fd, old->st_uid, old->st_gid) != 0) errno = 0;
  }
  if (job->mode >= 0) return fchmod(fd, (mode_t)job->mode) == 0 ? 0 : -errno;
  if (old != NULL && fchmod(fd, old->st_mode & 0777) != 0) errno = 0;
  return 0;
}

static int sync_file(int fd) {
  return fsync(fd) == 0 || errno == EINVAL ? 0 : -errno;  // EINVAL: this file system cannot
}

/* Makes the rename last. The file itself is safe already, so failing here is no failure. */
static void sync_folder(const mh_place *place) {
  size_t n = folder_length(place->name);
  char *folder = n == 0 ? strdup(".") : strndup(place->name, n);
  int fd = -1;
  if (folder != NULL) fd = openat(place->folder, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  free(folder);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

/* Gives the finished file its name; with is_exclusive only if nothing has that name yet. */
static int publish(const mh_file_job *job, const char *temp) {
  int folder = job->place.folder;
  const char *name = job->place.name;
  if (!job->is_exclusive) return renameat(folder, temp, folder, name) == 0 ? 0 : -errno;
  if (renameat2(folder, temp, folder, name, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL) return -errno;
  // NFS knows no such rename, but links
  if (linkat(folder, temp, folder, name, 0) != 0) return -errno;
  unlinkat(folder, temp, 0);
  return 0;
}

static int replace(mh_file_job *job, const struct stat *old) {
  const mh_place *place = &job->place;
  mode_t mode = job->mode >= 0 ? (mode_t)job->mode : old != NULL ? old->st_mode & 0777 : 0666;
  mh_buf temp;
  mh_buf_init(&temp, NULL);
  int fd = open_temp(place, mode, &temp);
  int e = fd;
  if (fd >= 0) {
    e = copy_rights(job, fd, old);
    if (e == 0) e = write_bytes(job, fd);
    if (e == 0) e = sync_file(fd);
    e = close_written(fd, e);
    if (e == 0 && is_stopped(job)) e = -ECANCELED;
    if (e == 0) e = publish(job, temp.data);
    if (e == 0) sync_folder(place);
    else unlinkat(place->folder, temp.data, 0);
  }
  mh_buf_fini(&temp);
  return e;
}

static int write_to_place(mh_file_job *job) {
  struct stat old;
  int e = look_at(&job->place, true, &old);
  if (e != 0) return e == -ENOENT ? replace(job, NULL) : e;
  if (S_ISDIR(old.st_mode)) return -EISDIR;
  if (!S_ISREG(old.st_mode)) return write_directly(job, S_ISFIFO(old.st_mode));
  // A rename asks the folder alone: a file that may not be written must stay as it is.
  if (faccessat(job->place.folder, job->place.name, W_OK, AT_EACCESS) != 0) return -errno;
  return replace(job, &old);
}

static int write_exclusively(mh_file_job *job) {
  struct stat st;
  int e = enter(job, job->path, MH_PLACE_WRITE | MH_PLACE_OWN_LINK);
  if (e != 0) return e;
  return look_at(&job->place, false, &st) == 0 ? -EEXIST : replace(job, NULL);
}

int mh_file_job_write(mh_file_job *job) {
  if (job->fd >= 0) return write_open(job);
  if (job->is_exclusive) return write_exclusively(job);
  char *target = realpath(job->path, NULL);  // of a link: what it points to is replaced
  int e = enter(job, target != NULL ? target : job->path, MH_PLACE_WRITE);
  if (e == 0) e = write_to_place(job);
  mh_place_fini(&job->place);  // without a guard its name is in `target`
  free(target);
  return e;
}

/* ---- names -------------------------------------------------------------------------------- */

static const char *type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return "file";
    case S_IFDIR: return "directory";
    case S_IFLNK: return "link";
    case S_IFIFO: return "fifo";
    case S_IFSOCK: return "socket";
    default: return "device";
  }
}

static int64_t nanoseconds(const struct timespec *t) {
  return (int64_t)t->tv_sec * INT64_C(1000000000) + t->tv_nsec;
}

static void fill_info(mh_file_info *info, const struct stat *st) {
  info->type = type_of(st->st_mode);
  info->size = (uint64_t)st->st_size;
  info->mode = st->st_mode & 07777;
  info->modified = nanoseconds(&st->st_mtim);
  info->changed = nanoseconds(&st->st_ctim);
  info->device = st->st_dev;
  info->node = st->st_ino;
}

int mh_file_job_stat(mh_file_job *job) {
  struct stat st;
  int e = enter(job, job->path, job->follows_link ? 0 : MH_PLACE_OWN_LINK);
  if (e == 0) e = look_at(&job->place, job->follows_link, &st);
  if (e == 0) fill_info(&job->info, &st);
  return e;
}

int mh_file_job_realpath(mh_file_job *job) {
  int e = enter(job, job->path, 0);
  if (e != 0) return e;
  char *path = realpath(job->path, NULL);
  if (path == NULL) return -errno;
  e = mh_buf_puts(&job->bytes, path) == 0 ? 0 : -ENOMEM;
  free(path);
  return e;
}

static bool is_directory(const mh_place *place) {
  struct stat st;
  return look_at(place, true, &st) == 0 && S_ISDIR(st.st_mode);
}

static int make_directory(mh_file_job *job, const char *path, mode_t mode);

static int make_parent(mh_file_job *job, const char *path) {
  size_t n = strlen(path);
  while (n > 0 && path[n - 1] == '/') n--;
  while (n > 0 && path[n - 1] != '/') n--;
  while (n > 0 && path[n - 1] == '/') n--;
  if (n == 0) return -ENOENT;
  char *parent = strndup(path, n);
  if (parent == NULL) return -ENOMEM;
  int e = make_directory(job, parent, 0777);
  free(parent);
  return e;
}

static int make_one(mh_file_job *job, const char *path, mode_t mode) {
  int e = enter(job, path, MH_PLACE_WRITE);
  if (e != 0 || mkdirat(job->place.folder, job->place.name, mode) == 0) return e;
  e = -errno;
  // When it is recursive it may be there already, or somebody else was faster.
  return e != -ENOENT && job->is_recursive && is_directory(&job->place) ? 0 : e;
}

/* From the end: the folders near the root are there, and asking to make them may be refused. */
static int make_directory(mh_file_job *job, const char *path, mode_t mode) {
  int e = make_one(job, path, mode);
  if (e != -ENOENT || !job->is_recursive) return e;
  e = make_parent(job, path);
  return e != 0 ? e : make_one(job, path, mode);
}

int mh_file_job_mkdir(mh_file_job *job) {
  return make_directory(job, job->path, (mode_t)job->mode);
}

int mh_file_job_remove(mh_file_job *job) {
  struct stat st;
  int e = enter(job, job->path, MH_PLACE_WRITE | MH_PLACE_OWN_LINK);
  if (e == 0) e = look_at(&job->place, false, &st);
  if (e != 0) return e;
  int flags = S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0;
  return unlinkat(job->place.folder, job->place.name, flags) == 0 ? 0 : -errno;
}

/* ---- directories -------------------------------------------------------------------------- */

static int is_name(const struct dirent *entry) {
  return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static void forget(mh_file_job *job, size_t i) {
  free(job->names[i]);
  memmove(job->names + i, job->names + i + 1, (job->count - i - 1) * sizeof job->names[0]);
  job->count--;
}

/* Not every file system says in the directory what a name is. */
static bool is_link(int fd, const struct dirent *entry) {
  struct stat st;
  if (entry->d_type != DT_UNKNOWN) return entry->d_type == DT_LNK;
  return fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* Whether what a name in the folder leads to is inside of the guard's folders, if it is a link. */
static bool may_follow(const mh_file_job *job, int fd, const struct dirent *entry) {
  if (job->guard == NULL || !is_link(fd, entry)) return true;
  char *path;
  if (asprintf(&path, "%s/%s", job->path, entry->d_name) < 0) return false;
  bool is_inside = mh_place_check(job->guard, path, false) == NULL;
  free(path);
  return is_inside;
}

/* A name that has gone meanwhile is left out of the list. */
static int inspect(mh_file_job *job, int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0) return -errno;
  fill_info(&job->info, &st);
  job->infos = calloc(job->count + 1, sizeof job->infos[0]);
  if (job->infos == NULL) return -ENOMEM;
  for (size_t i = 0; i < job->count;) {
    if (is_stopped(job)) return -ECANCELED;
    const char *name = job->names[i]->d_name;
    bool is_there = (may_follow(job, fd, job->names[i]) && fstatat(fd, name, &st, 0) == 0) ||
                    fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_there) {
      fill_info(&job->infos[i], &st);
      job->infos[i].is_link = is_link(fd, job->names[i]);
      i++;
    } else if (errno == ENOENT) {
      forget(job, i);
    } else {
      return -errno;
    }
  }
  return 0;
}

int mh_file_job_list(mh_file_job *job) {
  int e = enter(job, job->path, 0);
  if (e != 0) return e;
  int fd = mh_place_open(&job->place, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0) return fd;
  int n = scandirat(fd, ".", &job->names, is_name, by_bytes);
  e = n < 0 ? -errno : 0;
  job->count = n < 0 ? 0 : (size_t)n;
  if (e == 0 && job->with_info) e = inspect(job, fd);
  close(fd);
  return e;
}
