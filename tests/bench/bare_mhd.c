/* The rival of the HTTP server: libmicrohttpd alone, answering every request with the same bytes.
 *
 *   bare_mhd BYTES | TEXT PORT | PATH
 *
 * It answers with so many bytes, or with a text that begins with a brace; on a TCP port of 127.0.0.1
 * (0: any), or on the path of a unix socket.
 *
 * Prints the port or the path once it listens. Ends when its standard input does. */
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *n, void **context) {
  (void)url;
  (void)method;
  (void)version;
  (void)upload;
  if (*context == NULL || *n > 0) {  // the head, or a piece of the body: the answer comes behind it
    *context = cls;
    *n = 0;
    return MHD_YES;
  }
  return MHD_queue_response(connection, MHD_HTTP_OK, cls);
}

static int listen_unix(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  unlink(path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  bind(fd, (struct sockaddr *)&address, sizeof address);
  return fd;
}

static int listen_tcp(unsigned port) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  bind(fd, (struct sockaddr *)&address, sizeof address);
  return fd;
}

static void say_where(int fd, const char *where) {
  struct sockaddr_in address = {0};
  socklen_t n = sizeof address;
  if (where[0] != '/' && getsockname(fd, (struct sockaddr *)&address, &n) == 0)
    printf("%d\n", ntohs(address.sin_port));
  else printf("%s\n", where);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: bare_mhd BYTES|TEXT PORT|PATH\n"), 2;
  bool is_text = argv[1][0] == '{';
  size_t size = is_text ? strlen(argv[1]) : strtoul(argv[1], NULL, 10);
  char *bytes = malloc(size + 1);
  if (is_text) memcpy(bytes, argv[1], size);
  else memset(bytes, 'x', size);
  struct MHD_Response *response =
      MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE);
  MHD_add_response_header(response, "Content-Type", "application/json");
  int fd = argv[2][0] == '/' ? listen_unix(argv[2]) : listen_tcp((unsigned)atoi(argv[2]));
  if (listen(fd, SOMAXCONN) != 0) return perror("bare_mhd"), 1;
  struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, response,
                                               MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_END);
  if (daemon == NULL) return 1;
  say_where(fd, argv[2]);
  int epoll = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  struct pollfd polled[2] = {{.fd = epoll, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
  while (polled[1].revents == 0) {
    MHD_UNSIGNED_LONG_LONG ms;
    int wait = MHD_get_timeout(daemon, &ms) == MHD_YES ? (int)ms : -1;
    poll(polled, 2, wait);
    MHD_run(daemon);
  }
  MHD_stop_daemon(daemon);
  MHD_destroy_response(response);
  return 0;
}
