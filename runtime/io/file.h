/* Whole files and directories, off the loop thread: each call is one job in libuv's thread pool.
 * Knows nothing of Lua.
 *
 *   mh_file_init(&file, loop);
 *   mh_file_read(&file, "tenants.json", 1 << 20);   // starts file.op
 *   … when file.op is done: mh_file_error, mh_file_bytes …
 *   mh_file_fini(&file);
 *
 * A job owns all it works with, the bytes to write included. When its operation is cancelled it goes
 * on alone, stops at its next look at the flag, and cleans up behind itself: descriptors closed,
 * temporary file removed. A write that was cancelled has happened as a whole or not at all. */
#ifndef MH_FILE_H
#define MH_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/guard.h"
#include "core/op.h"

struct mh_file_job;

typedef struct mh_file {
  mh_op op;
  struct mh_file_job *job; /* the newest; NULL: none, or cancelled */
  const mh_guard *guard;   /* set it before a start; NULL: none */
} mh_file;

typedef struct mh_file_info {
  const char *type; /* "file", "directory", "link", "fifo", "socket", "device" */
  uint64_t size;
  unsigned mode;         /* permission bits */
  int64_t modified;      /* its bytes: nanoseconds since 1970 */
  int64_t changed;       /* its bytes, name or attributes: the same; no program can set it back */
  uint64_t device, node; /* what makes two names the same file */
  bool is_link;          /* in a list: the name is one, and the rest says what it leads to */
} mh_file_info;

void mh_file_init(mh_file *file, mh_loop *loop);
void mh_file_fini(mh_file *file); /* cancels; frees the results */

/* These copy their arguments, free the results of the last call and start file->op. They return 0 or
 * MOONHERD_ENOMEM; everything else is known when the operation is done. */

/* Up to `max` bytes; a larger file fails. Also reads what is not a plain file, until its end. */
int mh_file_read(mh_file *file, const char *path, size_t max);
/* Writes a temporary file beside the target, syncs it, and renames it over the target, following
 * links. `mode`: permission bits, or -1: those of the file that is replaced, else 0666 less the
 * umask. What is not a plain file (a device, a pipe) is written to directly. `exclusive`: fails when
 * anything has that name, decided at the rename: of several writers one succeeds. */
int mh_file_write(mh_file *file, const char *path, const char *bytes, size_t n, int mode,
                  bool exclusive);
int mh_file_stat(mh_file *file, const char *path, bool follow_link);
int mh_file_realpath(mh_file *file, const char *path); /* its bytes: the path without links */
/* With `recursive` parents are made as well, and a directory that is there already is fine. */
int mh_file_mkdir(mh_file *file, const char *path, unsigned mode, bool recursive);
/* The names in a directory in byte order; with `with_info` what it is itself, and what each of them
 * is, links followed unless they lead nowhere. */
int mh_file_list(mh_file *file, const char *path, bool with_info);
int mh_file_remove(mh_file *file, const char *path); /* a file, a link, or an empty directory */

/* ---- results: valid when the operation is done, until the next call on `file` ------------------- */

int mh_file_error(const mh_file *file);           /* 0, or a negative errno, as libuv's codes are */
const char *mh_file_refusal(const mh_file *file); /* the guard's hint, or NULL; first of all */
/* The fixed word for it: not_found, exists, permission, is_directory, not_directory, not_empty,
 * disk_full, too_large, io. */
const char *mh_file_reason(int error);
const char *mh_file_bytes(const mh_file *file, size_t *n);
const mh_file_info *mh_file_get_info(const mh_file *file);
size_t mh_file_count(const mh_file *file);               /* names in the list */
const char *mh_file_name(const mh_file *file, size_t i); /* the i-th, from 0 */
const mh_file_info *mh_file_name_info(const mh_file *file, size_t i);

#endif
