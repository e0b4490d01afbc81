/* The rival of the HTTP client: libcurl's multi interface on libuv, as its documentation shows it,
 * with reused easy handles and nothing else. Its answers are read and dropped.
 *
 *   plain_curl URL REQUESTS [IN_FLIGHT [UNIX_SOCKET]]
 *
 * Prints the CPU time of this process per request, in microseconds, and requests per second. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

enum { MAX_IN_FLIGHT = 1024 };

static CURLM *multi;
static uv_timer_t timer;
static long left_to_start, left_to_end;

static double seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void reap(void) {
  int left;
  CURLMsg *message;
  while ((message = curl_multi_info_read(multi, &left)) != NULL) {
    CURL *easy = message->easy_handle;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (message->data.result != CURLE_OK || status != 200) {
      fprintf(stderr, "plain_curl: %s, status %ld\n", curl_easy_strerror(message->data.result),
              status);
      exit(1);
    }
    curl_multi_remove_handle(multi, easy);
    if (--left_to_end == 0) uv_stop(uv_default_loop());
    if (left_to_start > 0) {
      left_to_start--;
      curl_multi_add_handle(multi, easy);
    }
  }
}

static void on_timer(uv_timer_t *unused) {
  (void)unused;
  int running;
  curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
  reap();
}

static int on_curl_timer(CURLM *unused, long ms, void *user) {
  (void)unused, (void)user;
  if (ms < 0) uv_timer_stop(&timer);
  else uv_timer_start(&timer, on_timer, (uint64_t)ms, 0);
  return 0;
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  int running, bits = 0;
  if (status < 0) bits = CURL_CSELECT_ERR;
  if (events & UV_READABLE) bits |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE) bits |= CURL_CSELECT_OUT;
  curl_multi_socket_action(multi, (curl_socket_t)(intptr_t)poll->data, bits, &running);
  reap();
}

static void on_closed(uv_handle_t *handle) {
  free(handle);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known) {
  (void)easy, (void)user;
  uv_poll_t *poll = known;
  if (what == CURL_POLL_REMOVE) {
    if (poll == NULL) return 0;
    uv_poll_stop(poll);
    uv_close((uv_handle_t *)poll, on_closed);
    curl_multi_assign(multi, fd, NULL);
    return 0;
  }
  if (poll == NULL) {
    poll = malloc(sizeof *poll);
    uv_poll_init(uv_default_loop(), poll, fd);
    poll->data = (void *)(intptr_t)fd;
    curl_multi_assign(multi, fd, poll);
  }
  int events = 0;
  if (what & CURL_POLL_IN) events |= UV_READABLE;
  if (what & CURL_POLL_OUT) events |= UV_WRITABLE;
  uv_poll_start(poll, events, on_poll);
  return 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *total) {
  (void)bytes;
  *(size_t *)total += size * n;
  return size * n;
}

int main(int argc, char **argv) {
  if (argc < 3) return fprintf(stderr, "usage: plain_curl URL REQUESTS [IN_FLIGHT [SOCKET]]\n"), 2;
  long requests = strtol(argv[2], NULL, 10);
  long in_flight = argc > 3 ? strtol(argv[3], NULL, 10) : 64;
  if (in_flight > requests) in_flight = requests;
  if (in_flight < 1 || in_flight > MAX_IN_FLIGHT)
    return fprintf(stderr, "plain_curl: 1 to 1024\n"), 2;
  size_t total = 0;
  CURL *easy[MAX_IN_FLIGHT];
  curl_global_init(CURL_GLOBAL_DEFAULT);
  multi = curl_multi_init();
  uv_timer_init(uv_default_loop(), &timer);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
  for (long i = 0; i < in_flight; i++) {
    easy[i] = curl_easy_init();
    curl_easy_setopt(easy[i], CURLOPT_URL, argv[1]);
    curl_easy_setopt(easy[i], CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy[i], CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy[i], CURLOPT_WRITEDATA, &total);
    if (argc > 4) curl_easy_setopt(easy[i], CURLOPT_UNIX_SOCKET_PATH, argv[4]);
    curl_multi_add_handle(multi, easy[i]);
  }
  left_to_start = requests - in_flight;
  left_to_end = requests;
  double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  wall = seconds(CLOCK_MONOTONIC) - wall;
  printf("%.1f us CPU per request, %.0f requests/s, %zu bytes\n", cpu * 1e6 / (double)requests,
         (double)requests / wall, total);
  for (long i = 0; i < in_flight; i++) {
    curl_multi_remove_handle(multi, easy[i]);
    curl_easy_cleanup(easy[i]);
  }
  curl_multi_cleanup(multi);
  curl_global_cleanup();
  return 0;
}
