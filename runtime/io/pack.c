/* Many files in one job. See pack.h. */
#include "io/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "core/buf.h"
#include "core/place.h"
#include "io/codec.h"
#include "io/hash.h"
#include "moonherd.h"

enum {
  BLOCK = 48 * 1024, /* bytes between two looks at is_stopped; a multiple of three, for base64 */
  PIECE = 256 * 1024 /* bytes of text that are worth a way through the loop */
};

/* A file as the job keeps it: its strings stand one after the other in job->strings. */
typedef struct entry {
  mh_pack_file file; /* without its pointers */
  size_t at;         /* of the text, the path with its zero byte, the suffix */
  bool has_path;
} entry;

struct mh_pack_job {
  uv_work_t work;
  mh_loop *loop;
  const mh_guard *guard;
  mh_pack *owner;         /* loop thread only; NULL: cancelled, frees itself when it is over */
  atomic_bool is_stopped; /* set by the loop thread: give up soon */
  bool is_reading;        /* text is made and hashes are compared; else they are kept */
  bool is_text_done;      /* the text in front of the current file is out */
  int error;
  uint64_t max;

  mh_buf strings;
  mh_digest prefixed; /* has been fed the prefix */
  entry *entries;
  size_t count, room;

  size_t current;
  int fd;           /* of the current file; -1: not open */
  mh_digest digest; /* of the current file */
  uint64_t size;    /* bytes of it that were read */
  uint64_t left;    /* bytes of it that are to be read, as it was when it was opened */
  mh_buf out;       /* counted to no account: another thread */
  char block[BLOCK];
};

/* ---- in a worker thread ---------------------------------------------------------------------- */

static const char *path_of(const struct mh_pack_job *job, const entry *e) {
  return job->strings.data + e->at + e->file.text_n;
}

static const char *suffix_of(const struct mh_pack_job *job, const entry *e) {
  return path_of(job, e) + e->file.path_n + 1;
}

static void close_current(struct mh_pack_job *job) {
  if (job->fd >= 0) close(job->fd);
  job->fd = -1;
}

static int open_current(struct mh_pack_job *job, const entry *e) {
  mh_place place;
  int entered = mh_place_enter(&place, job->guard, path_of(job, e), 0);
  // Without O_NONBLOCK a pipe that nobody writes to would hold the thread for ever.
  job->fd = entered == 0 ? mh_place_open(&place, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0) : entered;
  mh_place_fini(&place);
  if (entered == MH_PLACE_REFUSED) job->fd = -EACCES;
  if (job->fd < 0) return job->fd;
  struct stat st;
  if (fstat(job->fd, &st) != 0) return -errno;
  if (!S_ISREG(st.st_mode)) return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
  if (!job->is_reading && (uint64_t)st.st_size > job->max) return -EFBIG;
  job->size = 0;
  job->left = st.st_size > 0 ? (uint64_t)st.st_size : UINT64_MAX;  // some files do not know it
  return mh_digest_copy(&job->digest, &job->prefixed) == 0 ? 0 : -ENOMEM;
}

/* Fills the block unless the file ends before; returns the number of bytes. Then `left` is 0. */
static ssize_t read_block(struct mh_pack_job *job) {
  size_t most = job->left < BLOCK ? (size_t)job->left : BLOCK, n = 0;
  while (n < most) {
    ssize_t got = read(job->fd, job->block + n, most - n);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    if (got == 0) break;
    n += (size_t)got;
  }
  job->left = n < most ? 0 : job->left - n;
  return (ssize_t)n;
}

static int append_base64(struct mh_pack_job *job, size_t n) {
  size_t length = mh_base64_length(n, false);
  if (mh_buf_reserve(&job->out, length) != 0) return -ENOMEM;
  job->out.len += mh_base64_encode(job->block, n, false, job->out.data + job->out.len);
  return 0;
}

/* Takes the hash of a file that has been read, or compares it. */
static int settle(struct mh_pack_job *job, entry *e) {
  unsigned char digest[MH_SHA256_SIZE];
  if (mh_digest_update(&job->digest, suffix_of(job, e), e->file.suffix_n) != 0 ||
      mh_digest_end(&job->digest, digest) != 0)
    return -ENOMEM;
  close_current(job);
  if (!job->is_reading) {
    e->file.size = job->size;
    memcpy(e->file.hash, digest, sizeof e->file.hash);
    return 0;
  }
  bool is_same =
      job->size == e->file.size && memcmp(digest, e->file.hash, sizeof e->file.hash) == 0;
  return is_same ? 0 : MH_PACK_CHANGED;
}

/* One block of the current file; behind the last one the next file is current. */
static int step_file(struct mh_pack_job *job, entry *e) {
  int error = job->fd < 0 ? open_current(job, e) : 0;
  if (error != 0) return error;
  ssize_t n = read_block(job);
  if (n < 0) return (int)n;
  job->size += (uint64_t)n;
  if (job->is_reading && job->size > e->file.size) return MH_PACK_CHANGED;
  if (!job->is_reading && job->size > job->max) return -EFBIG;
  if (mh_digest_update(&job->digest, job->block, (size_t)n) != 0) return -ENOMEM;
  if (job->is_reading && append_base64(job, (size_t)n) != 0) return -ENOMEM;
  if (job->left > 0) return 0;
  error = settle(job, e);
  if (error == 0) job->current++;
  job->is_text_done = false;
  return error;
}

static int step(struct mh_pack_job *job) {
  entry *e = &job->entries[job->current];
  if (job->is_reading && !job->is_text_done) {
    if (mh_buf_append(&job->out, job->strings.data + e->at, e->file.text_n) != 0) return -ENOMEM;
    job->is_text_done = e->has_path;
    if (!e->has_path) job->current++;
    return 0;
  }
  return step_file(job, e);
}

static void on_work(uv_work_t *work) {
  struct mh_pack_job *job = work->data;
  while (job->error == 0 && job->current < job->count && job->out.len < PIECE) {
    bool is_stopped = atomic_load_explicit(&job->is_stopped, memory_order_relaxed);
    job->error = is_stopped ? -ECANCELED : step(job);
  }
  if (job->error != 0) close_current(job);
}

/* ---- on the loop thread ---------------------------------------------------------------------- */

static void free_job(struct mh_pack_job *job) {
  if (job == NULL) return;
  close_current(job);
  mh_digest_fini(&job->digest);
  mh_digest_fini(&job->prefixed);
  mh_buf_fini(&job->strings);
  mh_buf_fini(&job->out);
  free(job->entries);
  free(job);
}

static void on_worked(uv_work_t *work, int status) {
  struct mh_pack_job *job = work->data;
  job->loop->open_jobs--;
  mh_loop_event(job->loop);
  if (job->owner == NULL) {
    free_job(job);
    return;
  }
  if (status != 0) job->error = status;
  mh_op_ready(&job->owner->op, job->error == 0 ? 0 : MOONHERD_EIO);
}

/* Leaves a job under way to itself. */
static void on_cancel(mh_op *op) {
  mh_pack *pack = (mh_pack *)op;  // op is the first member
  struct mh_pack_job *job = pack->job;
  pack->job = NULL;
  job->owner = NULL;
  atomic_store_explicit(&job->is_stopped, true, memory_order_relaxed);
  uv_cancel((uv_req_t *)&job->work);  // fails when it has begun: then the flag tells it
}

void mh_pack_init(mh_pack *pack, mh_loop *loop) {
  mh_op_init(&pack->op, loop, "files", on_cancel);
  pack->job = NULL;
  pack->guard = NULL;
}

void mh_pack_fini(mh_pack *pack) {
  mh_op_cancel(&pack->op);
  free_job(pack->job);
  pack->job = NULL;
}

int mh_pack_begin(mh_pack *pack, const char *prefix, size_t n) {
  mh_pack_fini(pack);
  struct mh_pack_job *job = calloc(1, sizeof *job);
  if (job == NULL) return MOONHERD_ENOMEM;
  atomic_init(&job->is_stopped, false);
  mh_buf_init(&job->strings, NULL);
  mh_buf_init(&job->out, NULL);
  job->fd = -1;
  job->work.data = job;
  job->loop = pack->op.loop;
  job->guard = pack->guard;
  job->owner = pack;
  pack->job = job;
  int e = mh_digest_init(&job->prefixed);
  return e != 0 ? e : mh_digest_update(&job->prefixed, prefix, n);
}

static int grow(struct mh_pack_job *job) {
  size_t room = job->room == 0 ? 16 : 2 * job->room;
  entry *entries = realloc(job->entries, room * sizeof *entries);
  if (entries == NULL) return MOONHERD_ENOMEM;
  job->entries = entries;
  job->room = room;
  return 0;
}

int mh_pack_add(mh_pack *pack, const mh_pack_file *file) {
  struct mh_pack_job *job = pack->job;
  mh_buf *to = &job->strings;
  entry added = {.file = *file, .at = to->len, .has_path = file->path != NULL};
  if (job->count == job->room && grow(job) != 0) return MOONHERD_ENOMEM;
  if (mh_buf_append(to, file->text, file->text_n) != 0 ||
      mh_buf_append(to, file->path, file->path_n) != 0 || mh_buf_putc(to, '\0') != 0 ||
      mh_buf_append(to, file->suffix, file->suffix_n) != 0)
    return MOONHERD_ENOMEM;
  added.file.path = added.file.text = added.file.suffix = NULL;
  job->entries[job->count++] = added;
  return 0;
}

static void start(mh_pack *pack) {
  struct mh_pack_job *job = pack->job;
  mh_op_start(&pack->op);
  job->loop->open_jobs++;
  uv_queue_work(&job->loop->uv, &job->work, on_work, on_worked);  // cannot fail with a callback
}

void mh_pack_hash(mh_pack *pack, uint64_t max) {
  pack->job->max = max;
  start(pack);
}

void mh_pack_read(mh_pack *pack) {
  pack->job->is_reading = true;
  mh_buf_clear(&pack->job->out);
  start(pack);
}

/* ---- results --------------------------------------------------------------------------------- */

int mh_pack_error(const mh_pack *pack) {
  return pack->job->error;
}

const char *mh_pack_failed_path(const mh_pack *pack) {
  return path_of(pack->job, &pack->job->entries[pack->job->current]);
}

const mh_pack_file *mh_pack_get(const mh_pack *pack, size_t i) {
  return &pack->job->entries[i].file;
}

bool mh_pack_has_ended(const mh_pack *pack) {
  return pack->job->current == pack->job->count && pack->job->out.len == 0;
}

const char *mh_pack_piece(const mh_pack *pack, size_t *n) {
  *n = pack->job->out.len;
  return *n > 0 ? pack->job->out.data : "";
}
