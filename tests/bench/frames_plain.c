/* The rival of the frames bench: libcurl's multi interface and libmicrohttpd in one frame loop, in plain
 * C. So many uploads of 2 KB are in flight, as many of them open as moonherd opens; the server keeps
 * nothing and answers with a few bytes.
 *
 *   frames_plain [FRAMES [TASKS [REST]]]     REST: ms between two steps */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <microhttpd.h>
#include <string.h>

#include "frames.h"

enum { OPEN = 16, BODY = 2048, WARM_UP = 300 };
static const double BUDGET_US = 1000;

typedef struct upload {
  long started; /* the frame */
  struct upload *next;
} upload;

/* Uploads wait for one of the handles, first come, first served. */
static struct {
  CURLM *multi;
  struct MHD_Daemon *server;
  struct MHD_Response *answer;
  upload *first, **end;
  CURL *unused[OPEN];
  int unused_count;
  long frame, done, slowest;
  char body[BODY];
} bench = {.end = &bench.first};

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *n, void **context) {
  (void)cls, (void)url, (void)method, (void)version, (void)bytes;
  if (*context != NULL && *n == 0) return MHD_queue_response(connection, MHD_HTTP_OK, bench.answer);
  *context = &bench;
  *n = 0;
  return MHD_YES;
}

static void wait_for_handle(upload *u) {
  u->started = bench.frame;
  u->next = NULL;
  *bench.end = u;
  bench.end = &u->next;
}

static void open_waiting(void) {
  while (bench.first != NULL && bench.unused_count > 0) {
    upload *u = bench.first;
    bench.first = u->next;
    if (bench.first == NULL) bench.end = &bench.first;
    CURL *easy = bench.unused[--bench.unused_count];
    curl_easy_setopt(easy, CURLOPT_PRIVATE, u);
    curl_multi_add_handle(bench.multi, easy);
  }
}

static void reap(void) {
  int left;
  for (CURLMsg *message; (message = curl_multi_info_read(bench.multi, &left)) != NULL;) {
    CURL *easy = message->easy_handle;
    upload *u = NULL;
    if (message->data.result != CURLE_OK) exit(1);
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&u);
    curl_multi_remove_handle(bench.multi, easy);
    bench.unused[bench.unused_count++] = easy;
    bench.done++;
    if (bench.frame - u->started > bench.slowest) bench.slowest = bench.frame - u->started;
    wait_for_handle(u);
  }
}

static double step(void) {
  double start = thread_us();
  do {
    int running;
    open_waiting();
    curl_multi_perform(bench.multi, &running);
    MHD_run(bench.server);
    reap();
  } while (thread_us() - start < BUDGET_US * 0.9);
  return thread_us() - start;
}

static size_t on_answer(char *bytes, size_t size, size_t n, void *user) {
  (void)bytes, (void)user;
  return size * n;
}

static void make_handles(unsigned port) {
  char url[64];
  snprintf(url, sizeof url, "http://127.0.0.1:%u/scripts/one", port);
  memset(bench.body, 'x', sizeof bench.body);
  for (int i = 0; i < OPEN; i++) {
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, bench.body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)BODY);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    bench.unused[bench.unused_count++] = easy;
  }
}

static void start_server(void) {
  static char text[] = "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":{}}";
  bench.answer = MHD_create_response_from_buffer(sizeof text - 1, text, MHD_RESPMEM_PERSISTENT);
  bench.server = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, NULL, MHD_OPTION_END);
  if (bench.server == NULL) exit(1);
}

int main(int argc, char **argv) {
  long frames = argc > 1 ? strtol(argv[1], NULL, 10) : 6000;
  long tasks = argc > 2 ? strtol(argv[2], NULL, 10) : 500;
  double rest_ms = argc > 3 ? strtod(argv[3], NULL) : 4;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  bench.multi = curl_multi_init();
  start_server();
  make_handles(MHD_get_daemon_info(bench.server, MHD_DAEMON_INFO_BIND_PORT)->port);
  upload *uploads = calloc((size_t)tasks, sizeof *uploads);
  for (long i = 0; i < tasks; i++) wait_for_handle(&uploads[i]);
  times steps = times_new((size_t)frames);
  for (bench.frame = 0; bench.frame < frames + WARM_UP; bench.frame++) {
    if (bench.frame == WARM_UP) bench.done = bench.slowest = 0;
    double us = step();
    if (bench.frame >= WARM_UP) times_add(&steps, us);
    rest(rest_ms);
  }
  times_print(&steps, "plain step");
  printf("%ld uploads, %.2f a frame, slowest %ld frames\n", bench.done,
         (double)bench.done / (double)frames, bench.slowest);
  return 0;
}
