/* The part of file.h that runs in a worker thread: one whole-file job, done with blocking calls. */
#ifndef MH_FILE_JOB_H
#define MH_FILE_JOB_H

#include <stdatomic.h>
#include <uv.h>

#include "core/buf.h"
#include "core/place.h"
#include "io/file.h"

/* A pipe has nothing to say, or no room, yet: the job is to be run again, behind those that wait for a
 * thread meanwhile. A few silent pipes must not keep everybody from the disk. Not what a place
 * answers: one that is refused is refused for good. */
enum { MH_FILE_AGAIN = MH_PLACE_REFUSED + 1 };

typedef struct mh_file_job mh_file_job;
struct mh_file_job {
  uv_work_t work;
  mh_loop *loop;
  mh_file *owner;         /* loop thread only; NULL: cancelled, frees itself when it is over */
  atomic_bool is_stopped; /* set by the loop thread: give up soon */
  int (*run)(mh_file_job *job); /* may end with MH_FILE_AGAIN */

  const mh_guard *guard; /* NULL: none */
  mh_place place;        /* where the path leads */
  char *path;
  int mode;
  bool is_exclusive, is_recursive, follows_link, with_info;
  size_t max;
  int fd;         /* of a pipe or device between two runs, or -1 */
  size_t written; /* bytes of those that go there directly */

  int error;    /* of run: 0, a negative errno, or MH_PLACE_REFUSED */
  mh_buf bytes; /* what to write, or what was read; counted to no account: another thread */
  mh_file_info info;
  struct dirent **names; /* malloc'ed, each of them too */
  mh_file_info *infos;   /* one a name, or NULL */
  size_t count;
};

int mh_file_job_read(mh_file_job *job);
int mh_file_job_write(mh_file_job *job);
int mh_file_job_stat(mh_file_job *job);
int mh_file_job_realpath(mh_file_job *job);
int mh_file_job_mkdir(mh_file_job *job);
int mh_file_job_list(mh_file_job *job);
int mh_file_job_remove(mh_file_job *job);

mh_file_job *mh_file_job_new(const char *path); /* NULL without memory */
void mh_file_job_free(mh_file_job *job);

#endif
