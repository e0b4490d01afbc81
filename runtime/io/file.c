/* Files: the part on the loop thread. See file.h; the work itself is in file_job.c. */
#include "io/file.h"

#include <dirent.h>
#include <errno.h>

#include "io/file_job.h"
#include "moonherd.h"

/* ---- in the pool, and back ------------------------------------------------------------------- */

static void on_work(uv_work_t *work) {
  mh_file_job *job = work->data;
  job->error = job->run(job);
}

static void on_worked(uv_work_t *work, int status);

static void queue(mh_file_job *job) {
  job->loop->open_jobs++;
  uv_queue_work(&job->loop->uv, &job->work, on_work, on_worked);  // cannot fail with a callback
}

static void on_worked(uv_work_t *work, int status) {
  mh_file_job *job = work->data;
  job->loop->open_jobs--;
  mh_loop_event(job->loop);
  if (job->owner == NULL) {
    mh_file_job_free(job);
    return;
  }
  if (status == 0 && job->error == MH_FILE_AGAIN) {
    queue(job);
    return;
  }
  if (status != 0) job->error = status;
  mh_op_ready(&job->owner->op, job->error == 0 ? 0 : MOONHERD_EIO);
}

/* Leaves a job under way to itself. */
static void on_cancel(mh_op *op) {
  mh_file *file = (mh_file *)op;  // op is the first member
  mh_file_job *job = file->job;
  file->job = NULL;
  job->owner = NULL;
  atomic_store_explicit(&job->is_stopped, true, memory_order_relaxed);
  uv_cancel((uv_req_t *)&job->work);  // fails when it has begun: then the flag tells it
}

void mh_file_init(mh_file *file, mh_loop *loop) {
  mh_op_init(&file->op, loop, "file", on_cancel);
  file->job = NULL;
  file->guard = NULL;
}

void mh_file_fini(mh_file *file) {
  mh_op_cancel(&file->op);
  mh_file_job_free(file->job);
  file->job = NULL;
}

/* ---- starting ----------------------------------------------------------------------------- */

static mh_file_job *prepare(mh_file *file, const char *path, int (*run)(mh_file_job *job)) {
  mh_file_fini(file);
  mh_file_job *job = mh_file_job_new(path);
  if (job == NULL) return NULL;
  job->run = run;
  job->loop = file->op.loop;
  job->owner = file;
  job->guard = file->guard;
  job->work.data = job;
  return job;
}

static int start(mh_file *file, mh_file_job *job) {
  file->job = job;
  mh_op_start(&file->op);
  queue(job);
  return 0;
}

int mh_file_read(mh_file *file, const char *path, size_t max) {
  mh_file_job *job = prepare(file, path, mh_file_job_read);
  if (job == NULL) return MOONHERD_ENOMEM;
  job->max = max;
  return start(file, job);
}

int mh_file_write(mh_file *file, const char *path, const char *bytes, size_t n, int mode,
                  bool exclusive) {
  mh_file_job *job = prepare(file, path, mh_file_job_write);
  if (job == NULL || mh_buf_append(&job->bytes, bytes, n) != 0) {
    mh_file_job_free(job);
    return MOONHERD_ENOMEM;
  }
  job->mode = mode;
  job->is_exclusive = exclusive;
  return start(file, job);
}

int mh_file_stat(mh_file *file, const char *path, bool follow_link) {
  mh_file_job *job = prepare(file, path, mh_file_job_stat);
  if (job == NULL) return MOONHERD_ENOMEM;
  job->follows_link = follow_link;
  return start(file, job);
}

int mh_file_realpath(mh_file *file, const char *path) {
  mh_file_job *job = prepare(file, path, mh_file_job_realpath);
  return job == NULL ? MOONHERD_ENOMEM : start(file, job);
}

int mh_file_mkdir(mh_file *file, const char *path, unsigned mode, bool recursive) {
  mh_file_job *job = prepare(file, path, mh_file_job_mkdir);
  if (job == NULL) return MOONHERD_ENOMEM;
  job->mode = (int)mode;
  job->is_recursive = recursive;
  return start(file, job);
}

int mh_file_list(mh_file *file, const char *path, bool with_info) {
  mh_file_job *job = prepare(file, path, mh_file_job_list);
  if (job == NULL) return MOONHERD_ENOMEM;
  job->with_info = with_info;
  return start(file, job);
}

int mh_file_remove(mh_file *file, const char *path) {
  mh_file_job *job = prepare(file, path, mh_file_job_remove);
  return job == NULL ? MOONHERD_ENOMEM : start(file, job);
}

/* ---- results ------------------------------------------------------------------------------ */

int mh_file_error(const mh_file *file) {
  return file->job->error;
}

const char *mh_file_refusal(const mh_file *file) {
  return file->job->error == MH_PLACE_REFUSED ? file->job->place.hint : NULL;
}

const char *mh_file_reason(int error) {
  switch (error) {
    case UV_ENOENT: return "not_found";
    case UV_EEXIST: return "exists";
    case UV_EACCES:
    case UV_EPERM:
    case UV_EROFS: return "permission";
    case UV_EISDIR: return "is_directory";
    case UV_ENOTDIR: return "not_directory";
    case UV_ENOTEMPTY: return "not_empty";
    case UV_ENOSPC:
    case -EDQUOT: return "disk_full";
    case UV_EFBIG: return "too_large";
    default: return "io";
  }
}

const char *mh_file_bytes(const mh_file *file, size_t *n) {
  *n = file->job->bytes.len;
  return *n > 0 ? file->job->bytes.data : "";
}

const mh_file_info *mh_file_get_info(const mh_file *file) {
  return &file->job->info;
}

size_t mh_file_count(const mh_file *file) {
  return file->job->count;
}

const char *mh_file_name(const mh_file *file, size_t i) {
  return file->job->names[i]->d_name;
}

const mh_file_info *mh_file_name_info(const mh_file *file, size_t i) {
  return &file->job->infos[i];
}
