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
  POLL_MS = 50,      /* the same for pipes and terminals, which may never have anything */
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
  atomic_init(&job->is_stopped, false);
  mh_buf_init(&job->bytes, NULL);
  return job;
}

void mh_file_job_free(mh_file_job *job) {
  if (job == NULL) return;
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

/* Waits until the descriptor can be read or written; plain files always can. */
static int wait_for(mh_file_job *job, int fd, short events) {
  struct pollfd p = {.fd = fd, .events = events};
  for (;;) {
    if (is_stopped(job)) return -ECANCELED;
    int n = poll(&p, 1, POLL_MS);
    if (n > 0) return 0;
    if (n < 0 && errno != EINTR) return -errno;
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

static int read_open(mh_file_job *job, int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0) return -errno;
  if (S_ISDIR(st.st_mode)) return -EISDIR;
  size_t size = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : 0;
  if (size > job->max) return -EFBIG;
  // One byte more than the size: the read that finds the end needs no more room.
  if (mh_buf_reserve(&job->bytes, size + 1) != 0) return -ENOMEM;
  for (;;) {
    int e = wait_for(job, fd, POLLIN);
    if (e == 0) e = read_piece(job, fd);
    if (e <= 0) return e;
  }
}

int mh_file_job_read(mh_file_job *job) {
  // Without O_NONBLOCK a pipe that nobody writes to would hold the thread for ever.
  int fd = open(job->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return -errno;
  int e = read_open(job, fd);
  close(fd);
  return e;
}

/* ---- writing ------------------------------------------------------------------------------ */

static int write_bytes(mh_file_job *job, int fd) {
  for (size_t at = 0; at < job->bytes.len;) {
    int e = wait_for(job, fd, POLLOUT);
    if (e != 0) return e;
    size_t left = job->bytes.len - at;
    ssize_t n = write(fd, job->bytes.data + at, left < PIECE ? left : PIECE);
    if (n < 0 && errno != EINTR && errno != EAGAIN) return -errno;
    if (n > 0) at += (size_t)n;
  }
  return 0;
}

static int close_written(int fd, int e) {
  int closed = close(fd) == 0 || errno == EINTR ? 0 : -errno;
  return e != 0 ? e : closed;
}

static int write_directly(mh_file_job *job, const char *path, bool is_pipe) {
  int fd;
  while ((fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) < 0) {
    if (errno != ENXIO || !is_pipe) return -errno;
    if (is_stopped(job)) return -ECANCELED;
    poll(NULL, 0, POLL_MS);  // nobody has opened the pipe for reading yet
  }
  return close_written(fd, write_bytes(job, fd));
}

/* Bytes of `path` up to the last slash, that included; 0: it is in the current directory. */
static size_t folder_length(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? 0 : (size_t)(slash + 1 - path);
}

/* Opens a new file in the folder of `path` and writes its name to `temp`. */
static int open_temp(const char *path, mode_t mode, mh_buf *temp) {
  for (int i = 0; i < NAME_ATTEMPTS; i++) {
    unsigned long long random;
    int e = uv_random(NULL, NULL, &random, sizeof random, 0, NULL);
    if (e != 0) return e;
    mh_buf_clear(temp);
    if (mh_buf_append(temp, path, folder_length(path)) != 0 ||
        mh_buf_printf(temp, ".moonherd-%016llx.tmp", random) != 0 || mh_buf_cstr(temp) == NULL)
      return -ENOMEM;
    int fd = open(temp->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
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
static void sync_folder(const char *path) {
  size_t n = folder_length(path);
  char *folder = n == 0 ? strdup(".") : strndup(path, n);
  int fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  free(folder);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

/* Gives the finished file its name; with is_exclusive only if nothing has that name yet. */
static int publish(const mh_file_job *job, const char *temp, const char *path) {
  if (!job->is_exclusive) return rename(temp, path) == 0 ? 0 : -errno;
  if (renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL) return -errno;
  if (link(temp, path) != 0) return -errno;  // NFS knows no such rename, but links
  unlink(temp);
  return 0;
}

static int replace(mh_file_job *job, const char *path, const struct stat *old) {
  mode_t mode = job->mode >= 0 ? (mode_t)job->mode : old != NULL ? old->st_mode & 0777 : 0666;
  mh_buf temp;
  mh_buf_init(&temp, NULL);
  int fd = open_temp(path, mode, &temp);
  int e = fd;
  if (fd >= 0) {
    e = copy_rights(job, fd, old);
    if (e == 0) e = write_bytes(job, fd);
    if (e == 0) e = sync_file(fd);
    e = close_written(fd, e);
    if (e == 0 && is_stopped(job)) e = -ECANCELED;
    if (e == 0) e = publish(job, temp.data, path);
    if (e == 0) sync_folder(path);
    else unlink(temp.data);
  }
  mh_buf_fini(&temp);
  return e;
}

static int write_to(mh_file_job *job, const char *path) {
  struct stat old;
  if (stat(path, &old) != 0) return errno == ENOENT ? replace(job, path, NULL) : -errno;
  if (S_ISDIR(old.st_mode)) return -EISDIR;
  if (!S_ISREG(old.st_mode)) return write_directly(job, path, S_ISFIFO(old.st_mode));
  // A rename asks the folder alone: a file that may not be written must stay as it is.
  if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0) return -errno;
  return replace(job, path, &old);
}

int mh_file_job_write(mh_file_job *job) {
  if (job->is_exclusive) {
    struct stat st;
    return lstat(job->path, &st) == 0 ? -EEXIST : replace(job, job->path, NULL);
  }
  char *target = realpath(job->path, NULL);  // of a link: what it points to is replaced
  int e = write_to(job, target != NULL ? target : job->path);
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
  int flags = job->follows_link ? 0 : AT_SYMLINK_NOFOLLOW;
  if (fstatat(AT_FDCWD, job->path, &st, flags) != 0) return -errno;
  fill_info(&job->info, &st);
  return 0;
}

int mh_file_job_realpath(mh_file_job *job) {
  char *path = realpath(job->path, NULL);
  if (path == NULL) return -errno;
  int e = mh_buf_puts(&job->bytes, path) == 0 ? 0 : -ENOMEM;
  free(path);
  return e;
}

static bool is_directory(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int make_directory(const char *path, mode_t mode, bool is_recursive);

static int make_parent(const char *path) {
  size_t n = strlen(path);
  while (n > 0 && path[n - 1] == '/') n--;
  while (n > 0 && path[n - 1] != '/') n--;
  while (n > 0 && path[n - 1] == '/') n--;
  if (n == 0) return -ENOENT;
  char *parent = strndup(path, n);
  if (parent == NULL) return -ENOMEM;
  int e = make_directory(parent, 0777, true);
  free(parent);
  return e;
}

/* From the end: the folders near the root are there, and asking to make them may be refused. */
static int make_directory(const char *path, mode_t mode, bool is_recursive) {
  if (mkdir(path, mode) == 0) return 0;
  int e = -errno;
  if (!is_recursive) return e;
  if (e != -ENOENT) return is_directory(path) ? 0 : e;
  e = make_parent(path);
  if (e != 0) return e;
  if (mkdir(path, mode) == 0 || is_directory(path)) return 0;  // or somebody else was faster
  return -errno;
}

int mh_file_job_mkdir(mh_file_job *job) {
  return make_directory(job->path, (mode_t)job->mode, job->is_recursive);
}

int mh_file_job_remove(mh_file_job *job) {
  struct stat st;
  if (lstat(job->path, &st) != 0) return -errno;
  int e = S_ISDIR(st.st_mode) ? rmdir(job->path) : unlink(job->path);
  return e == 0 ? 0 : -errno;
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
    bool is_there =
        fstatat(fd, name, &st, 0) == 0 || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
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
  int fd = open(job->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int n = scandirat(fd, ".", &job->names, is_name, by_bytes);
  int e = n < 0 ? -errno : 0;
  job->count = n < 0 ? 0 : (size_t)n;
  if (e == 0 && job->with_info) e = inspect(job, fd);
  close(fd);
  return e;
}
