/* A load: keeps CONNECTIONS busy with the same GET for SECONDS, prints requests a second.
 *
 *   http_load CONNECTIONS SECONDS PORT|UNIX-PATH [TARGET [HEADER…]]
 *
 * Every answer must have a Content-Length and the status 200. One thread, epoll, no pipelining. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

typedef struct client {
  int fd;
  size_t have; /* bytes of the answer so far */
  size_t need; /* bytes of the whole answer; 0: its head is not complete */
  char head[4096];
} client;

static char request[8192];
static size_t request_n, done;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what) {
  fprintf(stderr, "http_load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int connect_to(const char *where) {
  struct sockaddr_un path = {.sun_family = AF_UNIX};
  struct sockaddr_in port = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(where)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int is_unix = where[0] == '/';
  snprintf(path.sun_path, sizeof path.sun_path, "%s", where);
  int fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
  const struct sockaddr *address = is_unix ? (struct sockaddr *)&path : (struct sockaddr *)&port;
  if (connect(fd, address, is_unix ? sizeof path : sizeof port) != 0) die(where);
  return fd;
}

static void build_request(int argc, char **argv) {
  request_n = (size_t)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n",
                               argc > 4 ? argv[4] : "/");
  for (int i = 5; i < argc; i++)
    request_n +=
        (size_t)snprintf(request + request_n, sizeof request - request_n, "%s\r\n", argv[i]);
  request_n += (size_t)snprintf(request + request_n, sizeof request - request_n, "\r\n");
}

static void ask(client *c) {
  c->have = c->need = 0;
  if (send(c->fd, request, request_n, MSG_NOSIGNAL) != (ssize_t)request_n) die("send");
}

static void parse_head(client *c) {
  c->head[c->have] = '\0';
  const char *end = strstr(c->head, "\r\n\r\n");
  if (end == NULL) return;
  const char *length = strcasestr(c->head, "\r\ncontent-length:");
  if (strncmp(c->head, "HTTP/1.1 200", 12) != 0 || length == NULL) {
    fprintf(stderr, "http_load: answered with\n%s\n", c->head);
    exit(1);
  }
  c->need = (size_t)(end + 4 - c->head) + strtoul(length + 17, NULL, 10);
}

static void on_readable(client *c) {
  char scrap[65536];
  int in_head = c->need == 0;
  char *into = in_head ? c->head + c->have : scrap;
  size_t room = in_head ? sizeof c->head - 1 - c->have : sizeof scrap;
  ssize_t n = recv(c->fd, into, room, 0);
  if (n <= 0) die("the server closed a connection");
  c->have += (size_t)n;
  if (in_head) parse_head(c);
  if (c->need == 0 || c->have < c->need) return;
  done++;
  ask(c);
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: http_load CONNECTIONS SECONDS PORT|PATH [TARGET [HEADER…]]\n");
    return 2;
  }
  int count = atoi(argv[1]);
  double seconds = atof(argv[2]);
  client *clients = calloc((size_t)count, sizeof *clients);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  build_request(argc, argv);
  for (int i = 0; i < count; i++) {
    clients[i].fd = connect_to(argv[3]);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
    epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event);
    ask(&clients[i]);
  }
  double start = now();
  while (now() - start < seconds) {
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, 64, 100);
    for (int i = 0; i < n; i++) on_readable(events[i].data.ptr);
  }
  printf("%.0f\n", (double)done / (now() - start));
  free(clients);
  return 0;
}
