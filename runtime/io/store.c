/* The threads of a store, their queues, and the way back to the loop. See store.h.
 *
 * The lock of a store guards its queues and the states of its jobs. A finished job goes to `done`,
 * and one message to the loop fetches all that are there. */
#include "io/store.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/place.h"
#include "io/store_conn.h"
#include "io/store_rows_state.h"
#include "moonherd.h"

/* Bounds of one transaction: how long the first list in it can wait for the last. */
static const size_t BATCH_LISTS = 256;
static const size_t BATCH_BYTES = (size_t)4 << 20;

enum { DEFAULT_READERS = 2, MOST_READERS = 16 };
static const uint64_t DEFAULT_LOCK_WAIT = 5 * MH_SECOND;

typedef struct queue {
  mh_store_job *head, *tail;
} queue;

struct mh_store {
  mh_store *next; /* in stores->first */
  mh_stores *stores;
  mh_loop *loop;
  char *path;
  uint64_t lock_wait;
  bool makes_folders, is_temporary;
  const mh_guard *guard;
  unsigned users;      /* 0: it is ending */
  mh_store_job *ended; /* is done when the threads have ended; or NULL */
  mh_post post;
  uv_thread_t threads[1 + MOST_READERS]; /* the writer, then the readers */
  unsigned thread_count;

  uv_mutex_t lock; /* guards what follows, and the states of all jobs */
  uv_cond_t has_write, has_read, has_finished, has_ended;
  queue writes, reads, done;
  queue inner;          /* of transactions */
  uint64_t transaction; /* the one the writer has open, or 0 */
  bool is_left;         /* it is to be rolled back */
  uint64_t submitted;   /* jobs so far */
  unsigned running;     /* threads that have not ended */
  bool is_closing, is_posted;
};

struct mh_stores {
  mh_closer closer;
  mh_host *host;
  mh_store *first;
};

/* ---- queues -------------------------------------------------------------------------------- */

static void push(queue *q, mh_store_job *job) {
  job->next = NULL;
  job->prev = q->tail;
  if (q->tail != NULL) q->tail->next = job;
  else q->head = job;
  q->tail = job;
}

static void take_out(queue *q, mh_store_job *job) {
  if (job->prev != NULL) job->prev->next = job->next;
  else q->head = job->next;
  if (job->next != NULL) job->next->prev = job->prev;
  else q->tail = job->prev;
  job->next = job->prev = NULL;
}

static queue *queue_of(mh_store *store, const mh_store_job *job) {
  if (job->transaction != 0) return &store->inner;
  bool is_read = job->verb == MH_STORE_READ || job->verb == MH_STORE_PAGE;
  return is_read ? &store->reads : &store->writes;
}

/* ---- on the threads ------------------------------------------------------------------------ */

/* The signals of the process are the host's business: its threads take them. */
static void block_signals(void) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static void post(mh_store *store) {
  if (store->is_posted) return;
  store->is_posted = true;
  mh_loop_post(store->loop, &store->post);
}

static void finish(mh_store *store, mh_store_job *job) {
  job->is_finished = true;
  push(&store->done, job);
  uv_cond_broadcast(&store->has_finished);
  post(store);
}

static mh_store_job *take(queue *q) {
  mh_store_job *job = q->head;
  take_out(q, job);
  job->state = MH_JOB_TAKEN;
  return job;
}

/* The next job, or NULL when the store closes and none is left. */
static mh_store_job *wait_for_read(mh_store *store) {
  while (store->reads.head == NULL && !store->is_closing)
    uv_cond_wait(&store->has_read, &store->lock);
  return store->reads.head != NULL ? take(&store->reads) : NULL;
}

/* `first` and the writes that wait behind it, as many as one transaction may hold, linked by next. */
static void take_batch(mh_store *store, mh_store_job *first) {
  size_t lists = 1, bytes = first->bytes;
  mh_store_job *last = first;
  if (first->transaction != 0) return;
  while (first->verb == MH_STORE_WRITE && lists < BATCH_LISTS && bytes < BATCH_BYTES) {
    mh_store_job *job = store->writes.head;
    if (job == NULL || job->verb != MH_STORE_WRITE) break;
    last->next = take(&store->writes);
    last = job;
    lists++;
    bytes += job->bytes;
  }
}

static void end_transaction(mh_store *store) {
  store->transaction = 0;
  store->is_left = false;
}

static void roll_back(mh_store *store, mh_store_conn *conn) {
  uv_mutex_unlock(&store->lock);
  mh_store_roll_back(conn);
  uv_mutex_lock(&store->lock);
  end_transaction(store);
}

/* While a transaction is open, nothing but its jobs. Those of one that is over fail at once. */
static mh_store_job *wait_for_write(mh_store *store, mh_store_conn *conn) {
  for (;;) {
    bool is_open = store->transaction != 0;
    if (is_open && (store->is_left || store->is_closing)) roll_back(store, conn);
    else if (store->inner.head != NULL) return take(&store->inner);
    else if (!is_open && store->writes.head != NULL) return take(&store->writes);
    else if (store->is_closing) return NULL;
    else uv_cond_wait(&store->has_write, &store->lock);
  }
}

static bool is_of_transaction(const mh_store_job *job) {
  return job->transaction != 0 || job->verb == MH_STORE_BEGIN;
}

static void run_for_writer(mh_store_conn *conn, mh_store_job *job, bool is_over) {
  if (job->verb == MH_STORE_OPEN) mh_store_run_open(conn, job);
  else if (is_of_transaction(job)) mh_store_run_inner(conn, job, is_over);
  else mh_store_run_writes(conn, job);
}

static void note_transaction(mh_store *store, const mh_store_job *job) {
  if (job->verb == MH_STORE_BEGIN && job->reason == NULL) store->transaction = job->number;
  else if (job->verb == MH_STORE_COMMIT && job->transaction == store->transaction)
    end_transaction(store);
}

static void finish_batch(mh_store *store, mh_store_job *first) {
  while (first != NULL) {
    mh_store_job *next = first->next;
    finish(store, first);
    first = next;
  }
}

static void end_thread(mh_store *store) {
  store->running--;
  uv_cond_broadcast(&store->has_ended);
  if (store->running == 0) post(store);
}

static void write_main(void *arg) {
  mh_store *store = arg;
  mh_store_conn conn;
  block_signals();
  mh_store_conn_init(&conn, store->path, false, store->lock_wait, store->guard);
  conn.makes_folders = store->makes_folders;
  conn.is_temporary = store->is_temporary;
  uv_mutex_lock(&store->lock);
  mh_store_job *job;
  while ((job = wait_for_write(store, &conn)) != NULL) {
    take_batch(store, job);
    bool is_over = job->transaction != store->transaction;
    uv_mutex_unlock(&store->lock);
    run_for_writer(&conn, job, is_over);
    uv_mutex_lock(&store->lock);
    note_transaction(store, job);
    finish_batch(store, job);
    uv_mutex_unlock(&store->lock);
    mh_store_conn_checkpoint(&conn);  // after the answers: it takes a while
    uv_mutex_lock(&store->lock);
  }
  // Last to close, so that it is the one that can copy the log into the database.
  while (store->running > 1) uv_cond_wait(&store->has_ended, &store->lock);
  uv_mutex_unlock(&store->lock);
  mh_store_conn_fini(&conn);
  uv_mutex_lock(&store->lock);
  end_thread(store);
  uv_mutex_unlock(&store->lock);
}

/* Ends the snapshot unless the next list may run on it: a list that was handed in after the snapshot
 * was made may have to see more. */
static void refresh(mh_store *store, mh_store_conn *conn, uint64_t last) {
  if (!mh_store_has_snapshot(conn)) return;
  if (store->reads.head != NULL && store->reads.head->number <= last) return;
  uv_mutex_unlock(&store->lock);
  mh_store_end_snapshot(conn);
  uv_mutex_lock(&store->lock);
}

/* Rows that go on keep the connection they began on: then the thread takes a new one. */
static void run_for_reader(mh_store *store, mh_store_conn **conn, mh_store_job *job,
                           bool others_wait) {
  if (*conn == NULL) *conn = mh_store_conn_new(store->path, store->lock_wait, store->guard);
  if (*conn == NULL) mh_store_fail(job, "memory", "not enough memory");
  else if (job->verb == MH_STORE_PAGE) mh_store_run_page(conn, job);
  else mh_store_run_read(*conn, job, others_wait);
}

/* Making a snapshot costs more than most lists: one serves all that wait when it is made. */
static void read_main(void *arg) {
  mh_store *store = arg;
  mh_store_conn *conn = NULL;
  uint64_t last = 0; /* the newest list that may run on the snapshot */
  block_signals();
  uv_mutex_lock(&store->lock);
  mh_store_job *job;
  while ((job = wait_for_read(store)) != NULL) {
    if (!mh_store_has_snapshot(conn)) last = store->submitted;
    bool others_wait = store->reads.head != NULL;
    uv_mutex_unlock(&store->lock);
    run_for_reader(store, &conn, job, others_wait);
    uv_mutex_lock(&store->lock);
    finish(store, job);
    refresh(store, conn, last);
  }
  uv_mutex_unlock(&store->lock);
  mh_store_conn_free(conn);
  uv_mutex_lock(&store->lock);
  end_thread(store);
  uv_mutex_unlock(&store->lock);
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static void settle(mh_store_job *job) {
  if (job->rows != NULL) job->rows->on_settled(job->rows);
}

/* Takes the job back unless a thread has it. */
static bool withdraw(mh_store_job *job) {
  mh_store *store = job->store;
  uv_mutex_lock(&store->lock);
  bool is_queued = job->state == MH_JOB_QUEUED;
  if (is_queued) {
    take_out(queue_of(store, job), job);
    job->state = MH_JOB_IDLE;
  }
  uv_mutex_unlock(&store->lock);
  if (!is_queued) return false;
  store->loop->open_jobs--;
  settle(job);
  return true;
}

void mh_store_leave(mh_store *store, uint64_t transaction) {
  uv_mutex_lock(&store->lock);
  bool is_open = transaction != 0 && store->transaction == transaction;
  if (is_open) store->is_left = true;
  uv_mutex_unlock(&store->lock);
  if (is_open) uv_cond_signal(&store->has_write);
}

static void abandon(mh_store_job *job) {
  if (job->verb == MH_STORE_BEGIN) mh_store_leave(job->store, job->number);
  if (job->on_abandoned != NULL) job->on_abandoned(job);
}

static void on_cancel(mh_op *op) {
  mh_store_job *job = (mh_store_job *)op;  // its first member
  if (withdraw(job)) abandon(job);
  else atomic_store(&job->is_unwanted, true);
}

static const char *const WHAT[] = {
    [MH_STORE_OPEN] = "store open",   [MH_STORE_READ] = "store read",
    [MH_STORE_PAGE] = "store rows",   [MH_STORE_WRITE] = "store write",
    [MH_STORE_BEGIN] = "store begin", [MH_STORE_COMMIT] = "store commit",
    [MH_STORE_CLOSE] = "store close",
};

size_t mh_store_job_size(size_t statements, size_t params) {
  size_t most = SIZE_MAX / 4 / sizeof(mh_store_statement);
  if (statements > most || params > most) return 0;
  return sizeof(mh_store_job) + statements * sizeof(mh_store_statement) +
         params * sizeof(mh_store_value);
}

void mh_store_job_init(mh_store_job *job, mh_store *store, mh_store_verb verb, size_t statements,
                       size_t params) {
  memset(job, 0, mh_store_job_size(statements, params));
  mh_op_init(&job->op, store->loop, WHAT[verb], on_cancel);
  mh_buf_init(&job->results, NULL);
  job->store = store;
  job->verb = verb;
  job->count = statements;
  job->statements = (mh_store_statement *)(job + 1);
  mh_store_value *values = (mh_store_value *)(job->statements + statements);
  for (size_t i = 0; i < statements; i++) {
    job->statements[i].params = values;
    job->statements[i].expect = MH_STORE_ANY;
  }
  atomic_init(&job->is_unwanted, false);
}

/* Waits until the thread is done with the job, and takes back its answer. */
static void recall(mh_store_job *job) {
  mh_store *store = job->store;
  store->loop->open_jobs--;
  job->state = MH_JOB_IDLE;
  if (store->ended == job) {
    store->ended = NULL;
    return;
  }
  uv_mutex_lock(&store->lock);
  while (!job->is_finished) uv_cond_wait(&store->has_finished, &store->lock);
  take_out(&store->done, job);
  uv_mutex_unlock(&store->lock);
  settle(job);
  if (job->verb == MH_STORE_BEGIN) mh_store_leave(store, job->number);
}

void mh_store_job_fini(mh_store_job *job) {
  job->on_abandoned = NULL;
  mh_op_cancel(&job->op);  // withdraws it, or asks the thread to stop
  if (job->state == MH_JOB_TAKEN) recall(job);
  mh_buf_fini(&job->results);
}

static size_t bytes_of(const mh_store_job *job) {
  size_t bytes = 0;
  for (size_t i = 0; i < job->count; i++) {
    const mh_store_statement *statement = &job->statements[i];
    for (size_t k = 0; k < statement->param_count; k++) {
      mh_store_type type = statement->params[k].type;
      if (type == MH_STORE_TEXT || type == MH_STORE_BLOB) bytes += statement->params[k].n;
    }
  }
  return bytes;
}

void mh_store_submit(mh_store_job *job) {
  mh_store *store = job->store;
  assert(job->state == MH_JOB_IDLE && store->users > 0);
  job->bytes = bytes_of(job);
  if (job->rows != NULL) job->rows->is_busy = true;
  mh_op_start(&job->op);
  store->loop->open_jobs++;
  uv_mutex_lock(&store->lock);
  job->state = MH_JOB_QUEUED;
  job->number = ++store->submitted;
  push(queue_of(store, job), job);
  uv_mutex_unlock(&store->lock);
  // Without the lock: a thread that is woken while it is held falls asleep again at once.
  uv_cond_signal(queue_of(store, job) == &store->reads ? &store->has_read : &store->has_write);
}

const char *mh_store_job_message(mh_store_job *job) {
  const char *message = job->results.len > 0 ? mh_buf_cstr(&job->results) : NULL;
  return message != NULL ? message : "not enough memory";
}

/* ---- back on the loop thread --------------------------------------------------------------- */

static void deliver(mh_store *store, mh_store_job *job) {
  store->loop->open_jobs--;
  job->state = MH_JOB_DONE;
  job->next = job->prev = NULL;
  settle(job);
  if (job->op.is_open) mh_op_ready(&job->op, job->reason == NULL ? 0 : MOONHERD_EIO);
  else abandon(job);
}

static void unlink_store(mh_store *store) {
  mh_store **link = &store->stores->first;
  while (*link != store) link = &(*link)->next;
  *link = store->next;
}

static void free_store(mh_store *store) {
  uv_cond_destroy(&store->has_ended);
  uv_cond_destroy(&store->has_finished);
  uv_cond_destroy(&store->has_read);
  uv_cond_destroy(&store->has_write);
  uv_mutex_destroy(&store->lock);
  free(store->path);
  free(store);
}

static void end_store(mh_store *store) {
  for (unsigned i = 0; i < store->thread_count; i++) uv_thread_join(&store->threads[i]);
  store->loop->open_handles--;
  unlink_store(store);
  if (store->ended != NULL) deliver(store, store->ended);
  free_store(store);
}

static void on_post(mh_post *message) {
  mh_store *store = (mh_store *)((char *)message - offsetof(mh_store, post));
  uv_mutex_lock(&store->lock);
  mh_store_job *job = store->done.head;
  store->done = (queue){NULL, NULL};
  store->is_posted = false;
  bool has_ended = store->running == 0;
  uv_mutex_unlock(&store->lock);
  while (job != NULL) {
    mh_store_job *next = job->next;
    deliver(store, job);
    job = next;
  }
  if (has_ended) end_store(store);
}

/* ---- stores -------------------------------------------------------------------------------- */

/* Absolute, because readers open the file later, when the process may have gone elsewhere; and so
 * that SQLite sees a file in every name (":memory:"). */
static char *absolute(const char *path) {
  char here[4096];
  size_t n = sizeof here;
  if (path[0] == '/') return strdup(path);
  if (uv_cwd(here, &n) != 0) return NULL;
  char *whole = malloc(n + 1 + strlen(path) + 1);
  if (whole == NULL) return NULL;
  memcpy(whole, here, n);
  whole[n] = '/';
  memcpy(whole + n + 1, path, strlen(path) + 1);
  return whole;
}

static mh_store *find(mh_stores *stores, const char *path) {
  for (mh_store *store = stores->first; store != NULL; store = store->next)
    if (store->users > 0 && strcmp(store->path, path) == 0) return store;
  return NULL;
}

static mh_store *new_store(mh_stores *stores, char *path, const mh_store_options *options) {
  mh_store *store = calloc(1, sizeof *store);
  if (store == NULL) return NULL;
  store->stores = stores;
  store->loop = &stores->host->loop;
  store->path = path;
  store->lock_wait = options->lock_wait != 0 ? options->lock_wait : DEFAULT_LOCK_WAIT;
  store->makes_folders = options->makes_folders;
  store->is_temporary = options->is_temporary;
  store->guard = options->guard;
  store->post.on_post = on_post;
  bool failed = uv_mutex_init(&store->lock) != 0;
  failed = uv_cond_init(&store->has_write) != 0 || failed;
  failed = uv_cond_init(&store->has_read) != 0 || failed;
  failed = uv_cond_init(&store->has_finished) != 0 || failed;
  failed = uv_cond_init(&store->has_ended) != 0 || failed;
  if (!failed) return store;
  free(store);
  return NULL;
}

static void start_thread(mh_store *store, void (*run)(void *)) {
  if (uv_thread_create(&store->threads[store->thread_count], run, store) != 0) return;
  store->thread_count++;
}

/* One that does not start leaves fewer readers; without the writer or any reader it is a failure. */
static bool start_threads(mh_store *store, unsigned readers) {
  if (readers == 0) readers = DEFAULT_READERS;
  if (readers > MOST_READERS) readers = MOST_READERS;
  uv_mutex_lock(&store->lock);  // they count themselves down, so none may run before the count
  start_thread(store, write_main);
  for (unsigned i = 0; store->thread_count > 0 && i < readers; i++) start_thread(store, read_main);
  store->running = store->thread_count;
  uv_mutex_unlock(&store->lock);
  return store->thread_count > 1;
}

static void begin_to_end(mh_store *store) {
  uv_mutex_lock(&store->lock);
  store->is_closing = true;
  uv_cond_broadcast(&store->has_write);
  uv_cond_broadcast(&store->has_read);
  uv_mutex_unlock(&store->lock);
}

int mh_store_acquire(mh_stores *stores, const char *path, const mh_store_options *options,
                     mh_store **found) {
  char *whole = options->guard != NULL ? mh_place_real(path) : absolute(path);
  mh_store *store = whole != NULL ? find(stores, whole) : NULL;
  *found = store;
  if (store != NULL) {
    store->users++;
    free(whole);
    return 0;
  }
  store = whole != NULL ? new_store(stores, whole, options) : NULL;
  if (store == NULL) {
    free(whole);
    return MOONHERD_ENOMEM;
  }
  bool has_threads = start_threads(store, options->readers);
  if (store->thread_count == 0) {
    free_store(store);
    return MOONHERD_ENOMEM;
  }
  store->next = stores->first;
  stores->first = store;
  store->loop->open_handles++;
  if (!has_threads) {
    begin_to_end(store);
    return MOONHERD_ENOMEM;
  }
  store->users = 1;
  *found = store;
  return 0;
}

void mh_store_keep(mh_store *store) {
  store->users++;
}

void mh_store_release(mh_store *store, mh_store_job *ended) {
  store->users--;
  if (ended != NULL) {
    mh_op_start(&ended->op);
    ended->state = MH_JOB_TAKEN;
    store->loop->open_jobs++;
  }
  if (store->users > 0) {
    if (ended != NULL) deliver(store, ended);
    return;
  }
  store->ended = ended;
  begin_to_end(store);
}

const char *mh_store_path(const mh_store *store) {
  return store->path;
}

/* The threads finish what is queued, then report to the loop as always. */
static void on_close(mh_closer *closer) {
  mh_stores *stores = (mh_stores *)closer;  // its first member
  for (mh_store *store = stores->first; store != NULL; store = store->next) {
    store->users = 0;
    begin_to_end(store);
  }
  while (stores->first != NULL) uv_run(&stores->host->loop.uv, UV_RUN_ONCE);
  stores->host->stores = NULL;
  free(stores);
}

mh_stores *mh_stores_of(mh_host *host) {
  if (host->stores != NULL) return host->stores;
  mh_stores *stores = calloc(1, sizeof *stores);
  if (stores == NULL) return NULL;
  stores->host = host;
  stores->closer.on_close = on_close;
  mh_host_on_close(host, &stores->closer);
  host->stores = stores;
  return stores;
}
