/* The engine: libcurl's multi interface on the loop, and the queue of what it may not start yet.
 * libcurl's functions must not be called from its callbacks; callbacks here note things down, and
 * what follows from them is done when libcurl has returned. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/http_private.h"
#include "moonherd.h"

enum {
  FIRST_WATCHES = 64,
  SPARE_SLOTS = 256,       /* idle easy handles kept: about 6 KB each */
  LEAST_CONNECTIONS = 128, /* idle connections kept */
  SHORT_DELAY = 1000       /* ms; see on_curl_timer */
};

/* ---- sockets ------------------------------------------------------------------------------ */

static mh_http_watch *find_watch(mh_http *http, curl_socket_t fd) {
  return fd >= 0 && (size_t)fd < http->watch_room ? http->watches[fd] : NULL;
}

static bool make_room(mh_http *http, curl_socket_t fd) {
  if ((size_t)fd < http->watch_room) return true;
  size_t room = http->watch_room == 0 ? FIRST_WATCHES : http->watch_room;
  while (room <= (size_t)fd) room *= 2;
  mh_http_watch **watches = realloc(http->watches, room * sizeof(mh_http_watch *));
  if (watches == NULL) return false;
  memset(watches + http->watch_room, 0, (room - http->watch_room) * sizeof(mh_http_watch *));
  http->watches = watches;
  http->watch_room = room;
  return true;
}

static mh_http_watch *new_watch(mh_http *http, curl_socket_t fd) {
  if (!make_room(http, fd)) return NULL;
  mh_http_watch *watch = calloc(1, sizeof *watch);
  if (watch == NULL) return NULL;
  if (uv_poll_init(&http->loop->uv, &watch->poll, fd) != 0) {
    free(watch);
    return NULL;
  }
  watch->poll.data = watch;
  watch->http = http;
  watch->fd = fd;
  http->watches[fd] = watch;
  return watch;
}

static void on_watch_closed(uv_handle_t *handle) {
  free(handle->data);
}

static void drop_watch(mh_http_watch *watch) {
  watch->http->watches[watch->fd] = NULL;
  uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static void act(mh_http *http, curl_socket_t fd, int bits) {
  int running;
  http->now = mh_loop_now(http->loop);
  curl_multi_socket_action(http->multi, fd, bits, &running);
  mh_http_reap(http);
}

/* The bits of CURL_POLL_ and CURL_CSELECT_ are those of UV_READABLE and UV_WRITABLE. */
_Static_assert(CURL_POLL_IN == UV_READABLE && CURL_POLL_OUT == UV_WRITABLE, "the same bits");
_Static_assert(CURL_CSELECT_IN == CURL_POLL_IN && CURL_CSELECT_OUT == CURL_POLL_OUT, "again");

static void arm(mh_http_watch *watch, int bits);  // and on_poll each other

static void on_poll(uv_poll_t *poll, int status, int events) {
  mh_http_watch *watch = poll->data;
  mh_http *http = watch->http;
  curl_socket_t fd = watch->fd;
  int bits = events;
  if (status < 0) {  // libuv has stopped watching; libcurl finds out what happened when it reads
    watch->armed = 0;
    bits = CURL_CSELECT_IN | CURL_CSELECT_OUT;
  }
  bits &= watch->want;
  if (bits != 0) {
    mh_loop_event(http->loop);
    act(http, fd, bits);
    watch = find_watch(http, fd);
  }
  if (watch != NULL && (bits == 0 || watch->armed == 0)) arm(watch, watch->want);
}

static void arm(mh_http_watch *watch, int bits) {
  if (watch->armed == bits) return;
  watch->armed = bits;
  if (bits == 0) uv_poll_stop(&watch->poll);
  else uv_poll_start(&watch->poll, bits, on_poll);
}

/* Between two transfers libcurl takes its hands off a connection and back on. libuv goes on
 * watching for input all the while, which saves four system calls a transfer; should a byte come
 * that nobody wants, on_poll stops it. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *unused) {
  (void)easy, (void)unused;
  mh_http *http = user;
  mh_http_watch *watch = find_watch(http, fd);
  if (what == CURL_POLL_REMOVE) {
    if (watch == NULL) return 0;
    watch->want = 0;
    if (!watch->is_connection) drop_watch(watch);
    else arm(watch, watch->armed & CURL_POLL_IN);
    return 0;
  }
  if (watch == NULL) watch = new_watch(http, fd);  // one that libcurl made for itself
  if (watch == NULL) return -1;
  watch->want = what;
  arm(watch, what | (watch->armed & CURL_POLL_IN));
  return 0;
}

static curl_socket_t on_open(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
  (void)purpose;
  mh_http *http = user;
  int type = address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK;
  curl_socket_t fd = socket(address->family, type, address->protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  // One that never got connected is closed by libcurl alone, and its number comes again.
  mh_http_watch *stale = find_watch(http, fd);
  if (stale != NULL) drop_watch(stale);
  mh_http_watch *watch = new_watch(http, fd);
  if (watch == NULL) {
    close(fd);
    errno = ENOMEM;
    return CURL_SOCKET_BAD;
  }
  watch->is_connection = true;
  return fd;
}

static int on_close(void *user, curl_socket_t fd) {
  mh_http_watch *watch = find_watch(user, fd);
  if (watch != NULL) drop_watch(watch);
  return close(fd);
}

/* ---- libcurl's timer ---------------------------------------------------------------------- */

static void on_timer(mh_timer *timer) {
  mh_http *http = (mh_http *)((char *)timer - offsetof(mh_http, curl_timer));
  act(http, CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl measures its delays on the real clock. With a virtual clock a delay while something
 * connects (the next address to try, a look at the resolver) holds the virtual time: it is due at
 * once, and again until libcurl finds its time come. Any other is a leftover of one, or a limit of
 * libcurl's own: it does not count. */
static int on_curl_timer(CURLM *multi, long ms, void *user) {
  (void)multi;
  mh_http *http = user;
  uint64_t due = mh_loop_now(http->loop);
  if (!http->loop->clock.is_virtual) due = ms < 0 ? MH_NEVER : due + (uint64_t)ms * MH_MILLISECOND;
  else if (ms != 0 && (ms < 0 || ms > SHORT_DELAY || http->connecting == 0)) due = MH_NEVER;
  mh_timer_start(http->loop, &http->curl_timer, due);
  return 0;
}

/* ---- slots -------------------------------------------------------------------------------- */

static mh_http_slot *new_slot(mh_http *http) {
  mh_http_slot *slot = mh_http_slot_new(http);
  if (slot == NULL) return NULL;
  CURLcode code = CURLE_OK;
  code |= curl_easy_setopt(slot->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
  code |= curl_easy_setopt(slot->easy, CURLOPT_OPENSOCKETDATA, http);
  code |= curl_easy_setopt(slot->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
  code |= curl_easy_setopt(slot->easy, CURLOPT_CLOSESOCKETDATA, http);
  if (code == CURLE_OK) return slot;
  mh_http_slot_free(slot);
  return NULL;
}

static mh_http_slot *take_slot(mh_http *http) {
  mh_http_slot *slot = http->spare;
  if (slot == NULL) return new_slot(http);
  http->spare = slot->next;
  http->spare_count--;
  return slot;
}

static void give_slot(mh_http *http, mh_http_slot *slot) {
  slot->transfer = NULL;
  if (http->spare_count >= SPARE_SLOTS) {
    mh_http_slot_free(slot);
    return;
  }
  slot->next = http->spare;
  http->spare = slot;
  http->spare_count++;
}

/* ---- admission ---------------------------------------------------------------------------- */

static void append(mh_transfer_list *list, mh_transfer *t) {
  t->next = NULL;
  t->prev = list->tail;
  if (list->tail != NULL) list->tail->next = t;
  else list->head = t;
  list->tail = t;
  list->count++;
}

static void take_out(mh_transfer_list *list, mh_transfer *t) {
  if (t->prev != NULL) t->prev->next = t->next;
  else list->head = t->next;
  if (t->next != NULL) t->next->prev = t->prev;
  else list->tail = t->prev;
  t->next = t->prev = NULL;
  list->count--;
}

static bool has_room(const mh_http *http) {
  return http->host->max_transfers == 0 || http->open.count < http->host->max_transfers;
}

static bool is_held(mh_http *http) {
  if (http->step != http->loop->steps) {
    http->step = http->loop->steps;
    http->started = 0;
  }
  return http->host->admit_per_step != 0 && http->started >= http->host->admit_per_step;
}

static CURLcode start(mh_http *http, mh_transfer *t) {
  CURLcode code = mh_http_slot_set_up(t->slot, t);
  if (code != CURLE_OK) return code;
  return curl_multi_add_handle(http->multi, t->slot->easy) == CURLM_OK ? CURLE_OK
                                                                       : CURLE_OUT_OF_MEMORY;
}

void mh_http_admit(mh_http *http) {
  while (http->queue.head != NULL && has_room(http) && !is_held(http)) {
    mh_transfer *t = http->queue.head;
    take_out(&http->queue, t);
    append(&http->open, t);
    http->started++;
    http->events->on_admission(t);  // also of one that cannot be set up: its state says where it is
    t->slot = take_slot(http);
    if (t->slot != NULL) t->slot->transfer = t;
    CURLcode code = t->slot != NULL ? start(http, t) : CURLE_OUT_OF_MEMORY;
    if (code != CURLE_OK) http->events->on_done(t, code);
  }
  // Held back until the next step, which must not sleep meanwhile.
  if (http->queue.head != NULL && has_room(http))
    mh_timer_start(http->loop, &http->held_timer, mh_loop_now(http->loop));
}

static void on_held_timer(mh_timer *timer) {
  mh_http_admit((mh_http *)((char *)timer - offsetof(mh_http, held_timer)));
}

void mh_http_enqueue(mh_http *http, mh_transfer *t) {
  append(&http->queue, t);
  mh_http_admit(http);
}

void mh_http_leave(mh_http *http, mh_transfer *t) {
  if (t->state == MH_TRANSFER_QUEUED) {
    take_out(&http->queue, t);
    return;
  }
  take_out(&http->open, t);
  if (t->slot == NULL) return;
  CURL *easy = t->slot->easy;
  // An HTTP/2 connection on which nothing moves must not get the next request.
  bool is_stuck = t->reason == MH_HTTP_TIMEOUT_STALL || t->reason == MH_HTTP_TIMEOUT_TOTAL;
  if (is_stuck) curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  curl_multi_remove_handle(http->multi, easy);
  if (is_stuck) curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 0L);
  give_slot(http, t->slot);
  t->slot = NULL;
}

void mh_http_reap(mh_http *http) {
  int left;
  CURLMsg *message;
  while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
    mh_http_slot *slot;
    if (message->msg != CURLMSG_DONE) continue;
    CURLcode code = message->data.result;  // gone when the handle is removed
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
    http->events->on_done(slot->transfer, code);
  }
  mh_http_admit(http);
}

/* ---- beginning and end -------------------------------------------------------------------- */

/* The environment's list and whatever is this machine. Returns NULL without memory. */
static char *compose_no_proxy(void) {
  static const char here[] = "localhost,127.0.0.0/8,::1,";
  const char *listed = getenv("no_proxy");
  if (listed == NULL) listed = getenv("NO_PROXY");
  if (listed == NULL) listed = "";
  if (strcmp(listed, "*") == 0) return strdup(listed);  // everything, but only when it stands alone
  char *all = malloc(sizeof here + strlen(listed));
  if (all == NULL) return NULL;
  memcpy(all, here, sizeof here - 1);
  memcpy(all + sizeof here - 1, listed, strlen(listed) + 1);
  return all;
}

/* SSL_CERT_FILE, as for OpenSSL, else the file that libcurl was built to trust, if it is there: *file,
 * or NULL. One that is named and not there makes every connection fail, which says so. False without
 * memory: to trust others instead would be a surprise. */
static bool find_ca_file(char **file) {
  const char *named = getenv("SSL_CERT_FILE");
  CURL *easy = curl_easy_init();
  char *built_in = NULL;
  if (easy != NULL) curl_easy_getinfo(easy, CURLINFO_CAINFO, &built_in);
  bool is_there = built_in != NULL && access(built_in, R_OK) == 0;
  const char *found = named != NULL && named[0] != '\0' ? named : is_there ? built_in : NULL;
  *file = found != NULL ? strdup(found) : NULL;
  bool has_memory = easy != NULL && (found == NULL || *file != NULL);
  curl_easy_cleanup(easy);
  return has_memory;
}

static bool set_up_multi(mh_http *http) {
  long connections =
      http->host->max_transfers > LEAST_CONNECTIONS ? http->host->max_transfers : LEAST_CONNECTIONS;
  CURLMcode code = CURLM_OK;
  code |= curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  code |= curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
  code |= curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
  code |= curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
  code |= curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, connections);
  return code == CURLM_OK;
}

static void on_host_close(mh_closer *closer) {
  mh_http *http = (mh_http *)((char *)closer - offsetof(mh_http, closer));
  while (http->queue.head != NULL) http->events->on_close(http->queue.head);
  while (http->open.head != NULL) http->events->on_close(http->open.head);
  while (http->spare != NULL) {
    mh_http_slot *slot = http->spare;
    http->spare = slot->next;
    mh_http_slot_free(slot);
  }
  curl_multi_cleanup(http->multi);
  for (size_t i = 0; i < http->watch_room; i++)
    if (http->watches[i] != NULL) drop_watch(http->watches[i]);
  mh_timer_stop(http->loop, &http->curl_timer);
  mh_timer_stop(http->loop, &http->held_timer);
  http->host->http = NULL;
  free(http->watches);
  free(http->ca_file);
  free(http->no_proxy);
  free(http);
  curl_global_cleanup();
}

mh_http *mh_http_new(mh_host *host, const mh_http_events *events) {
  mh_http *http = calloc(1, sizeof *http);
  if (http == NULL) return NULL;
  http->host = host;
  http->loop = &host->loop;
  http->events = events;
  http->curl_timer.on_timer = on_timer;
  http->held_timer.on_timer = on_held_timer;
  http->closer.on_close = on_host_close;
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
    free(http);
    return NULL;
  }
  http->multi = curl_multi_init();
  http->no_proxy = compose_no_proxy();
  bool has_ca_file = find_ca_file(&http->ca_file);
  if (http->multi == NULL || http->no_proxy == NULL || !has_ca_file || !set_up_multi(http)) {
    on_host_close(&http->closer);
    return NULL;
  }
  host->http = http;
  mh_host_on_close(host, &http->closer);
  return http;
}
