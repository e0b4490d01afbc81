/* The counterpart of the HTTP client's bench: answers every request that has no body with the same
 * small JSON, as an API would, and spends as little time as possible on it.
 *
 *   http_answer PORT | PATH        a TCP port on 127.0.0.1 (0: any), or the path of a unix socket
 *
 * Prints the port or the path once it listens. Ends when its standard input does. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char BODY[] =
    "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":{\"id\":\"tenant-0042\","
    "\"etag\":\"13a3240e8fb414561b0366813b0b8f42b3e6cfa0d9e70e99835dae83d0d8a794\","
    "\"handlers\":[\"fetch\"],\"created_on\":\"2026-03-01T12:34:56.789012Z\","
    "\"modified_on\":\"2026-03-02T08:00:00.123456Z\",\"usage_model\":\"standard\",\"size\":48213}}";

static const char HEAD[] =
    "HTTP/1.1 200 OK\r\nDate: Sun, 01 Mar 2026 12:00:00 GMT\r\nContent-Type: application/json\r\n"
    "CF-Ray: 8f2e4c1d9a7b6c5d-AMS\r\nServer: cloudflare\r\nContent-Length: ";

static int listen_on(const char *where) {
  struct sockaddr_un path = {.sun_family = AF_UNIX};
  struct sockaddr_in port = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(where, NULL, 10)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(where[0] == '/' ? AF_UNIX : AF_INET, SOCK_STREAM, 0), on = 1, is_bound;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (where[0] == '/') {
    snprintf(path.sun_path, sizeof path.sun_path, "%s", where);
    unlink(where);
    is_bound = bind(fd, (struct sockaddr *)&path, sizeof path) == 0;
  } else {
    is_bound = bind(fd, (struct sockaddr *)&port, sizeof port) == 0;
  }
  if (!is_bound || listen(fd, 1024) != 0) return -1;
  socklen_t n = sizeof port;
  if (where[0] != '/' && getsockname(fd, (struct sockaddr *)&port, &n) == 0)
    printf("%d\n", ntohs(port.sin_port));
  else printf("%s\n", where);
  fflush(stdout);
  return fd;
}

/* Requests are small and arrive whole: each ends with an empty line. */
static void answer(int fd, const char *whole, size_t length) {
  char bytes[16384];
  ssize_t n = recv(fd, bytes, sizeof bytes, 0);
  if (n <= 0 || n < 4 || memcmp(bytes + n - 4, "\r\n\r\n", 4) != 0 ||
      send(fd, whole, length, MSG_NOSIGNAL) < 0)
    close(fd);
}

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: http_answer PORT|PATH\n"), 2;
  int listener = listen_on(argv[1]), loop = epoll_create1(0);
  if (listener < 0) return fprintf(stderr, "http_answer: cannot listen on %s\n", argv[1]), 1;
  struct epoll_event event = {.events = EPOLLIN, .data.fd = 0}, events[64];
  epoll_ctl(loop, EPOLL_CTL_ADD, 0, &event);
  event.data.fd = listener;
  epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
  char whole[1024];
  int length = snprintf(whole, sizeof whole, "%s%zu\r\n\r\n%s", HEAD, sizeof BODY - 1, BODY);
  for (;;) {
    int n = epoll_wait(loop, events, 64, -1);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      if (fd == 0) return 0;
      if (fd != listener) {
        answer(fd, whole, (size_t)length);
        continue;
      }
      event.data.fd = accept(listener, NULL, NULL);
      epoll_ctl(loop, EPOLL_CTL_ADD, event.data.fd, &event);
    }
  }
}
