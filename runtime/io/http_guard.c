/* Transfers and the guard. See http_guard.h. */
#include "io/http_guard.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/http_private.h"
#include "moonherd.h"

/* The parts of a URL, libcurl's. */
typedef struct parts {
  char *scheme, *host, *port, *path;
} parts;

static void free_parts(parts *p) {
  curl_free(p->scheme);
  curl_free(p->host);
  curl_free(p->port);
  curl_free(p->path);
}

static CURLUcode split(const char *url, parts *p) {
  CURLU *u = curl_url();
  if (u == NULL) return CURLUE_OUT_OF_MEMORY;
  // The flags that curl_easy_perform uses with CURLOPT_PATH_AS_IS.
  CURLUcode code = curl_url_set(u, CURLUPART_URL, url,
                                CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS);
  if (code == CURLUE_OK) code = curl_url_get(u, CURLUPART_SCHEME, &p->scheme, 0);
  if (code == CURLUE_OK) code = curl_url_get(u, CURLUPART_HOST, &p->host, 0);
  if (code == CURLUE_OK) code = curl_url_get(u, CURLUPART_PORT, &p->port, CURLU_DEFAULT_PORT);
  if (code == CURLUE_OK) code = curl_url_get(u, CURLUPART_PATH, &p->path, 0);
  curl_url_cleanup(u);
  return code;
}

/* Headers by which a request is for another host, or another method, than it seems. */
static bool has_own_host(const mh_transfer *t) {
  static const char *const names[] = {"host", "x-http-method-override", "x-http-method",
                                      "x-method-override", NULL};
  const char *line = t->text.data + t->lines;
  for (uint32_t i = 0; i < t->line_count; i++, line += strlen(line) + 1) {
    size_t n = strcspn(line, ":; \t");
    for (size_t k = 0; names[k] != NULL; k++)
      if (strlen(names[k]) == n && strncasecmp(line, names[k], n) == 0) return true;
  }
  return false;
}

bool mh_http_is_platform(const mh_transfer *t) {
  const char *path = mh_transfer_text(t, MH_TEXT_UNIX_SOCKET);
  mh_host *host = t->http->host;
  return path != NULL && host->owns_socket != NULL && host->owns_socket(host, path);
}

const char *mh_http_refusal(const mh_guard *guard, const mh_transfer *t) {
  if (guard == NULL) return NULL;
  parts p = {NULL, NULL, NULL, NULL};
  const char *why = "its URL cannot be read";
  if (split(mh_transfer_text(t, MH_TEXT_URL), &p) == CURLUE_OK) {
    const char *socket = mh_transfer_text(t, MH_TEXT_UNIX_SOCKET);
    bool is_platform = mh_http_is_platform(t);
    mh_guard_request r = {
        .method = mh_transfer_text(t, MH_TEXT_METHOD),
        .scheme = p.scheme,
        .host = p.host,
        .port = p.port,
        .path = p.path,
        .has_own_host = has_own_host(t),
        .is_platform = is_platform,
        .is_unix = socket != NULL && !is_platform,
    };
    why = mh_guard_request_refusal(guard, &r);
  }
  free_parts(&p);
  return why;
}

bool mh_http_gets_credential(const mh_guard *guard, const char *url) {
  parts p = {NULL, NULL, NULL, NULL};
  bool gets = false;
  if (split(url, &p) == CURLUE_OK) {
    mh_guard_request r = {.scheme = p.scheme, .host = p.host, .port = p.port, .path = p.path};
    gets = mh_guard_gives_credential(guard, &r);
  }
  free_parts(&p);
  return gets;
}

/* The prefix without slashes at its end. */
static char *copy_prefix(const char *path) {
  size_t n = strlen(path);
  while (n > 0 && path[n - 1] == '/') n--;
  return strndup(path, n);
}

int mh_api_place_set(mh_api_place *place, const char *url) {
  parts p = {NULL, NULL, NULL, NULL};
  CURLUcode code = split(url, &p);
  if (code == CURLUE_OK) {
    *place = (mh_api_place){strdup(p.scheme), strdup(p.host), strdup(p.port), copy_prefix(p.path)};
    if (!place->scheme || !place->host || !place->port || !place->prefix)
      code = CURLUE_OUT_OF_MEMORY;
  }
  free_parts(&p);
  if (code == CURLUE_OUT_OF_MEMORY) return MOONHERD_ENOMEM;
  return code == CURLUE_OK ? 0 : MOONHERD_EINVAL;
}
