/* A load: keeps CONNECTIONS busy with the same request for SECONDS, prints requests a second.
 *
 *   http_load [-b FILE] [-n REQUESTS] [-p PID] CONNECTIONS SECONDS PORT|UNIX-PATH [TARGET [HEADER…]]
 *
 * It is a GET, or with -b a PUT of the file's bytes. With -n it ends when so many are answered. With
 * -p it also prints how many microseconds of CPU the server of that id has spent on each. Four
 * hashes in the target stand for a number that each request counts up, so that writers do not all
 * wait for one another. Every answer must have a Content-Length and the status 200. One thread,
 * epoll, no pipelining. */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
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

static char request[65536];
static char *number; /* of the request, in its target; or NULL */
static size_t request_n, done, asked;

static double read_clock(clockid_t clock) {
  struct timespec t = {0};
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double now(void) {
  return read_clock(CLOCK_MONOTONIC);
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

static void add(const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(request + request_n, sizeof request - request_n, format, args);
  va_end(args);
  request_n += (size_t)n;
  if (request_n < sizeof request) return;
  errno = EMSGSIZE;
  die("the request");
}

static size_t read_file(const char *path, char *into, size_t max) {
  FILE *f = fopen(path, "rb");
  if (f == NULL) die(path);
  size_t n = fread(into, 1, max, f);
  fclose(f);
  return n;
}

static void build_request(const char *file, const char *target, char **headers) {
  char body[32768];
  size_t n = file != NULL ? read_file(file, body, sizeof body) : 0;
  add("%s %s HTTP/1.1\r\nHost: localhost\r\n", file != NULL ? "PUT" : "GET", target);
  number = strstr(request, "####");
  for (; *headers != NULL; headers++) add("%s\r\n", *headers);
  if (file != NULL) add("Content-Length: %zu\r\n", n);
  add("\r\n");
  if (n > sizeof request - request_n) n = sizeof request - request_n;
  memcpy(request + request_n, body, n);
  request_n += n;
}

/* Counts up the digits of the number in place. */
static void count_up(void) {
  size_t n = asked++;
  for (int i = 3; i >= 0; i--, n /= 10) number[i] = (char)('0' + n % 10);
}

static void ask(client *c) {
  c->have = c->need = 0;
  if (number != NULL) count_up();
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

/* The CPU that a process and all its threads have used; 0 without one. */
static double cpu_of(pid_t pid) {
  clockid_t clock;
  if (pid == 0) return 0;
  errno = clock_getcpuclockid(pid, &clock);
  if (errno != 0) die("the server's CPU");
  return read_clock(clock);
}

typedef struct options {
  const char *file;
  size_t most; /* requests */
  pid_t pid;   /* 0: nobody asks for its CPU */
} options;

static void read_options(int argc, char **argv, options *o) {
  int option;
  while ((option = getopt(argc, argv, "+b:n:p:")) != -1) {
    if (option == 'b') o->file = optarg;
    if (option == 'n') o->most = strtoul(optarg, NULL, 10);
    if (option == 'p') o->pid = (pid_t)atoi(optarg);
    if (option == '?') optind = argc;
  }
  if (argc - optind >= 3) return;
  fprintf(stderr,
          "usage: http_load [-b FILE] [-n REQUESTS] [-p PID] "
          "CONNECTIONS SECONDS PORT|PATH [TARGET [HEADER…]]\n");
  exit(2);
}

static int connect_all(client *clients, int count, const char *where) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < count; i++) {
    clients[i].fd = connect_to(where);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
    epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event);
    ask(&clients[i]);
  }
  return epoll;
}

int main(int argc, char **argv) {
  options o = {.most = SIZE_MAX};
  read_options(argc, argv, &o);
  argv += optind;
  argc -= optind;
  int count = atoi(argv[0]);
  double seconds = atof(argv[1]);
  client *clients = calloc((size_t)count, sizeof *clients);
  build_request(o.file, argc > 3 ? argv[3] : "/", argv + (argc > 3 ? 4 : argc));
  double cpu = cpu_of(o.pid);
  int epoll = connect_all(clients, count, argv[2]);
  double start = now();
  while (done < o.most && now() - start < seconds) {
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, 64, 100);
    for (int i = 0; i < n; i++) on_readable(events[i].data.ptr);
  }
  printf("%.0f", (double)done / (now() - start));
  if (o.pid != 0) printf(" %.1f", (cpu_of(o.pid) - cpu) / (double)done * 1e6);
  putchar('\n');
  free(clients);
  return 0;
}
