/* The stand-in server. See standin.h. */
#include "standin.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_PEERS = 256, TICK = 20 /* ms between looks at the stop flag */ };

struct standin {
  int fd;
  int port;
  char url[64];
  char path[108];
  standin_script *script;
  void *user;
  pthread_t acceptor;
  pthread_t peers[MAX_PEERS];
  atomic_uint connections, requests, ended;
  atomic_bool is_stopping;
};

/* ---- the verbs ---------------------------------------------------------------------------- */

static bool wait_for(standin_peer *peer, short events, int ms) {
  for (;;) {
    if (atomic_load(&peer->server->is_stopping) || peer->fd < 0) return false;
    struct pollfd p = {.fd = peer->fd, .events = events};
    int step = ms >= 0 && ms < TICK ? ms : TICK;
    int ready = poll(&p, 1, step);
    if (ready > 0) return true;
    if (ms >= 0 && (ms -= step) <= 0) return false;
  }
}

static bool read_some(standin_peer *peer) {
  if (!wait_for(peer, POLLIN, -1)) return false;
  if (peer->room - peer->len < 65536 + 1) {
    peer->room = peer->room * 2 + 65536 * 2;
    peer->bytes = realloc(peer->bytes, peer->room);
  }
  ssize_t n = recv(peer->fd, peer->bytes + peer->len, 65536, 0);
  if (n <= 0) return false;
  peer->len += (size_t)n;
  peer->bytes[peer->len] = '\0';
  return true;
}

bool standin_read(standin_peer *peer, size_t n) {
  size_t until = peer->len + n;
  while (peer->len < until)
    if (!read_some(peer)) return false;
  return true;
}

static void drop_last_request(standin_peer *peer) {
  if (peer->used == 0) return;
  peer->len -= peer->used;
  memmove(peer->bytes, peer->bytes + peer->used, peer->len + 1);
  peer->used = 0;
}

bool standin_head(standin_peer *peer) {
  drop_last_request(peer);
  char *stop;
  while (peer->len == 0 || (stop = strstr(peer->bytes, "\r\n\r\n")) == NULL)
    if (!read_some(peer)) return false;
  *stop = '\0';
  peer->used = (size_t)(stop - peer->bytes) + 4;
  peer->head = peer->bytes;
  atomic_fetch_add(&peer->server->requests, 1);
  return true;
}

/* Reads until `need` bytes are there, counted from the start of the request. */
static bool read_until(standin_peer *peer, size_t need) {
  while (peer->len < need)
    if (!read_some(peer)) return false;
  return true;
}

static bool read_chunks(standin_peer *peer) {
  size_t at = peer->used, out = peer->used;
  for (;;) {
    char *line_end;
    while (peer->len <= at || (line_end = strstr(peer->bytes + at, "\r\n")) == NULL)
      if (!read_some(peer)) return false;
    size_t n = strtoul(peer->bytes + at, NULL, 16);
    at = (size_t)(line_end - peer->bytes) + 2;
    if (!read_until(peer, at + n + 2)) return false;
    memmove(peer->bytes + out, peer->bytes + at, n);
    out += n;
    at += n + 2;
    if (n == 0) break;
  }
  peer->body_len = out - peer->used;
  peer->bytes[out] = '\0';
  peer->body = peer->bytes + peer->used;
  peer->used = at;
  return true;
}

bool standin_request(standin_peer *peer) {
  if (!standin_head(peer)) return false;
  size_t head_len = strlen(peer->head);
  if (strcasestr(peer->head, "\r\ntransfer-encoding: chunked") != NULL) {
    bool is_whole = read_chunks(peer);
    peer->head = peer->bytes;
    return is_whole;
  }
  const char *length = strcasestr(peer->head, "\r\ncontent-length:");
  peer->body_len = length != NULL ? strtoul(length + 17, NULL, 10) : 0;
  if (!read_until(peer, peer->used + peer->body_len)) return false;
  peer->bytes[head_len] = '\0';
  peer->head = peer->bytes;
  peer->body = peer->bytes + peer->used;
  peer->used += peer->body_len;
  return true;
}

bool standin_send_bytes(standin_peer *peer, const char *bytes, size_t n) {
  while (n > 0) {
    if (!wait_for(peer, POLLOUT, -1)) return false;
    ssize_t sent = send(peer->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) continue;
    if (sent < 0) return false;
    bytes += sent;
    n -= (size_t)sent;
  }
  return true;
}

bool standin_send(standin_peer *peer, const char *text) {
  return standin_send_bytes(peer, text, strlen(text));
}

bool standin_pause(standin_peer *peer, int ms) {
  wait_for(peer, 0, ms);
  return !atomic_load(&peer->server->is_stopping);
}

bool standin_until_gone(standin_peer *peer) {
  while (read_some(peer)) peer->len = peer->used = 0;
  return false;
}

void standin_hang_up(standin_peer *peer) {
  if (peer->fd >= 0) close(peer->fd);
  peer->fd = -1;
}

void standin_reset(standin_peer *peer) {
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  standin_hang_up(peer);
}

/* ---- the server --------------------------------------------------------------------------- */

static void *run_peer(void *arg) {
  standin_peer *peer = arg;
  peer->server->script(peer);
  standin_hang_up(peer);
  atomic_fetch_add(&peer->server->ended, 1);
  free(peer->bytes);
  free(peer);
  return NULL;
}

static void *run_acceptor(void *arg) {
  standin *s = arg;
  while (!atomic_load(&s->is_stopping)) {
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    if (poll(&p, 1, TICK) <= 0) continue;
    int fd = accept(s->fd, NULL, NULL);
    if (fd < 0) continue;
    unsigned number = atomic_fetch_add(&s->connections, 1);
    standin_peer *peer = calloc(1, sizeof *peer);
    *peer = (standin_peer){.server = s, .user = s->user, .fd = fd, .number = number + 1};
    pthread_create(&s->peers[number % MAX_PEERS], NULL, run_peer, peer);
  }
  return NULL;
}

static void listen_on_path(standin *s, const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(s->path, sizeof s->path, "%s", path);
  memcpy(address.sun_path, s->path, sizeof s->path);
  unlink(path);
  s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bind(s->fd, (struct sockaddr *)&address, sizeof address);
}

static void listen_on_port(standin *s) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof address;
  s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bind(s->fd, (struct sockaddr *)&address, n);
  getsockname(s->fd, (struct sockaddr *)&address, &n);
  s->port = ntohs(address.sin_port);
  snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", s->port);
}

standin *standin_start(const char *path, standin_script *script, void *user) {
  standin *s = calloc(1, sizeof *s);
  s->script = script;
  s->user = user;
  if (path != NULL) listen_on_path(s, path);
  else listen_on_port(s);
  listen(s->fd, script != NULL ? 256 : 0);
  if (script != NULL) pthread_create(&s->acceptor, NULL, run_acceptor, s);
  return s;
}

void standin_stop(standin *s) {
  atomic_store(&s->is_stopping, true);
  if (s->script != NULL) pthread_join(s->acceptor, NULL);
  for (unsigned i = 0; i < atomic_load(&s->connections) && i < MAX_PEERS; i++)
    pthread_join(s->peers[i], NULL);
  close(s->fd);
  if (s->path[0] != '\0') unlink(s->path);
  free(s);
}

int standin_port(const standin *s) {
  return s->port;
}

const char *standin_url(const standin *s) {
  return s->url;
}

unsigned standin_connections(const standin *s) {
  return atomic_load(&s->connections);
}

unsigned standin_requests(const standin *s) {
  return atomic_load(&s->requests);
}

unsigned standin_ended(const standin *s) {
  return atomic_load(&s->ended);
}
