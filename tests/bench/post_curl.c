/* The rival of asset uploads: libcurl alone, posting so many bytes from memory in so many requests,
 * one after the other on one connection.
 *
 *   post_curl URL BYTES REQUESTS
 *
 * The answers are read and dropped. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t on_body(char *bytes, size_t size, size_t n, void *user) {
  (void)bytes, (void)user;
  return size * n;
}

static int post(CURL *easy, const char *bytes, size_t n) {
  long status = 0;
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, bytes);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
  CURLcode e = curl_easy_perform(easy);
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (e == CURLE_OK && status == 200) return 0;
  return fprintf(stderr, "post_curl: %s, status %ld\n", curl_easy_strerror(e), status), 1;
}

int main(int argc, char **argv) {
  if (argc != 4) return fprintf(stderr, "usage: post_curl URL BYTES REQUESTS\n"), 2;
  size_t requests = strtoul(argv[3], NULL, 10);
  if (requests < 1) return fprintf(stderr, "post_curl: at least one request\n"), 2;
  size_t n = strtoul(argv[2], NULL, 10) / requests;
  char *bytes = malloc(n);
  if (bytes == NULL) return 1;
  memset(bytes, 'x', n);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL *easy = curl_easy_init();
  struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
  curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  int failed = 0;
  for (size_t i = 0; i < requests && !failed; i++) failed = post(easy, bytes, n);
  curl_slist_free_all(headers);
  curl_easy_cleanup(easy);
  curl_global_cleanup();
  free(bytes);
  return failed;
}
