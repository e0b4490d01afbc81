/* The listening socket of an HTTP server: TCP, or a unix socket that only its owner may open. */
#include "io/serve_listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "moonherd.h"

static const char *word_for(int error) {
  switch (error) {
    case EADDRINUSE: return "address_in_use";
    case EACCES:
    case EPERM: return "permission";
    case EADDRNOTAVAIL: return "bad_address";
    default: return "cannot_listen";
  }
}

static int fail(const char **why, const char *word) {
  *why = word;
  return MOONHERD_EIO;
}

static int new_socket(int family) {
  return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* ---- TCP ---------------------------------------------------------------------------------- */

typedef union tcp_address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} tcp_address;

static bool parse_address(const char *host, unsigned port, tcp_address *address) {
  if (host == NULL || strcmp(host, "localhost") == 0) host = "127.0.0.1";
  return uv_ip4_addr(host, (int)port, &address->v4) == 0 ||
         uv_ip6_addr(host, (int)port, &address->v6) == 0;
}

static unsigned bound_port(int fd) {
  tcp_address address = {0};
  socklen_t n = sizeof address;
  if (getsockname(fd, &address.any, &n) != 0) return 0;
  in_port_t port = address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port;
  return ntohs(port);
}

static int open_tcp(mh_listener *l, const mh_server_options *o, const char **why) {
  tcp_address address = {0};
  if (o->port > 65535 || !parse_address(o->host, o->port, &address)) {
    errno = EINVAL;
    return fail(why, "bad_address");
  }
  int family = address.any.sa_family, on = 1;
  socklen_t n = family == AF_INET6 ? sizeof address.v6 : sizeof address.v4;
  l->fd = new_socket(family);
  if (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(l->fd, &address.any, n) != 0 || listen(l->fd, SOMAXCONN) != 0)
    return fail(why, word_for(errno));
  l->port = bound_port(l->fd);
  return 0;
}

/* ---- unix sockets ------------------------------------------------------------------------- */

/* Whether the file is a socket that nobody listens on: left by a process that was killed. */
static bool is_stale(const struct sockaddr_un *address) {
  struct stat file;
  if (lstat(address->sun_path, &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
  int fd = new_socket(AF_UNIX);
  if (fd < 0) return false;
  bool is_refused =
      connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED;
  close(fd);
  return is_refused;
}

static int bind_unix(int fd, const struct sockaddr_un *address) {
  if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0) return 0;
  if (errno != EADDRINUSE) return -1;
  if (!is_stale(address) || unlink(address->sun_path) != 0) {
    errno = EADDRINUSE;
    return -1;
  }
  return bind(fd, (const struct sockaddr *)address, sizeof *address);
}

static int open_unix(mh_listener *l, const char *path, const char **why) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return fail(why, "path_too_long");
  }
  memcpy(address.sun_path, path, strlen(path) + 1);
  l->fd = new_socket(AF_UNIX);
  // Linux gives the file the mode of the unbound socket: it never exists with a wider one.
  if (l->fd < 0 || fchmod(l->fd, 0600) != 0 || bind_unix(l->fd, &address) != 0)
    return fail(why, word_for(errno));
  l->unix_path = strdup(path);
  if (l->unix_path == NULL || lstat(path, &l->unix_file) != 0 || listen(l->fd, SOMAXCONN) != 0)
    return fail(why, word_for(errno));
  return 0;
}

int mh_listener_open(mh_listener *l, const mh_server_options *options, const char **why) {
  l->fd = -1;
  int e = options->unix_path != NULL ? open_unix(l, options->unix_path, why)
                                     : open_tcp(l, options, why);
  if (e == 0) return 0;
  int error = errno;
  if (l->fd >= 0) close(l->fd);
  mh_listener_close(l);
  errno = error;
  return e;
}

void mh_listener_close(mh_listener *l) {
  struct stat file;
  l->fd = -1;
  if (l->unix_path == NULL) return;
  if (lstat(l->unix_path, &file) == 0 && file.st_dev == l->unix_file.st_dev &&
      file.st_ino == l->unix_file.st_ino)
    unlink(l->unix_path);
  free(l->unix_path);
  l->unix_path = NULL;
}
