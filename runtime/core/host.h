/* What the realms of one handle share: the loop, the log, and services that start when somebody
 * needs them. Knows nothing of Lua. runtime/handle.c owns it. */
#ifndef MH_HOST_H
#define MH_HOST_H

#include <stdbool.h>

#include "core/log.h"
#include "core/loop.h"

struct mh_events;
struct mh_http;
struct mh_stores;
struct mh_platform;
struct mh_guard;
struct mh_trace;

/* Runs when the handle closes, after its realms are gone and before the loop ends. Embedded in the
 * service that it ends. The newest is called first. Handles it closes
 * are reaped by mh_loop_fini. */
typedef struct mh_closer mh_closer;
struct mh_closer {
  mh_closer *next;
  void (*on_close)(mh_closer *self); /* ends the service; may free itself */
};

/* What clients have asked of the API; see moonherd_counts. */
enum { MH_STATUS_CLASSES = 6 };
typedef struct mh_counts {
  unsigned long long requests, retries, failed, status[MH_STATUS_CLASSES], budget_waits;
  double budget_seconds;
} mh_counts;

typedef struct mh_host mh_host;
struct mh_host {
  mh_loop loop;
  mh_counts counts;
  mh_log *log;
  struct mh_trace *trace;                 /* NULL: nobody asked for a timeline */
  struct mh_http *http;                   /* made by bindings/http.c at the first transfer */
  struct mh_stores *stores;               /* made by bindings/store.c: open databases by path */
  unsigned max_transfers, admit_per_step; /* 0: no limit */
  bool has_budget;                        /* steps are to be short */
  double grace;                           /* seconds */
  struct mh_guard *guard;                 /* what scripts may do; NULL: everything */
  mh_closer *closers;
  void (*on_output)(void *user, int stream, const char *bytes, size_t n); /* may be NULL */
  void (*on_event)(void *user, const char *name, const char *json, size_t n);
  void *user;
  struct mh_events *events; /* from the host to the script */

  /* The embedded platform on a state directory; started when it does not run yet. NULL without
   * memory. Set by runtime/handle.c. */
  struct mh_platform *(*open_platform)(mh_host *host, const char *state);
  /* Whether the socket at this path is one of an embedded platform of this handle. Likewise. */
  bool (*owns_socket)(mh_host *host, const char *path);
  /* Ends it; false while it has yet to end: ask again. Likewise. */
  bool (*close_platform)(mh_host *host, const char *state);
  /* The temporary folder of the handle, made at the first call; NULL when that fails. Likewise. */
  const char *(*scratch_dir)(mh_host *host);
};

static inline void mh_host_on_close(mh_host *host, mh_closer *closer) {
  closer->next = host->closers;
  host->closers = closer;
}

#endif
