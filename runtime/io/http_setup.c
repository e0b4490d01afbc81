/* Easy handles: the options that never change are set once, and for each transfer only what differs
 * from the last one. (curl_easy_reset and a full set-up cost more than a small request.) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/http_private.h"
#include "io/http_text.h"
#include "moonherd.h"

#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87 or newer is needed"
#endif

/* libcurl's own limit for connecting cannot be switched off, but put off: it is 300 s unless set,
 * and costs a timer per transfer when set. */
static const double LIBCURL_CONNECT_LIMIT = 250;

/* Bytes of a body that is joined: a copy of them costs less than a write of their own. */
enum { JOINED_MOST = 16 * 1024 };

static CURLcode set_callbacks(mh_http_slot *slot) {
  CURL *easy = slot->easy;
  const mh_http_events *events = slot->http->events;
  CURLcode code = CURLE_OK;
  code |= curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
  code |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, slot->error);
  code |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, events->on_body);
  code |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, slot);
  code |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, events->on_header);
  code |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, slot);
  code |= curl_easy_setopt(easy, CURLOPT_READFUNCTION, events->on_read);
  code |= curl_easy_setopt(easy, CURLOPT_READDATA, slot);
  code |= curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, events->on_progress);
  code |= curl_easy_setopt(easy, CURLOPT_XFERINFODATA, slot);
  code |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, events->on_request);
  code |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, slot);
  return code;
}

static CURLcode set_constants(mh_http_slot *slot) {
  CURL *easy = slot->easy;
  CURLcode code = CURLE_OK;
  code |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  code |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // never joins a resolver's thread
  code |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  // Over TLS the server chooses; libcurl 7.88 fails on cleartext HTTP/2.
  code |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  code |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  code |= curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
  code |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "moonherd/" MOONHERD_VERSION);
  code |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  code |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  code |= curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  code |= curl_easy_setopt(easy, CURLOPT_NOPROXY, slot->http->no_proxy);
  // With a directory besides the file libcurl would read all certificates for each connection
  // instead of once.
  if (slot->http->ca_file != NULL) code |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  return code;
}

mh_http_slot *mh_http_slot_new(mh_http *http) {
  mh_http_slot *slot = calloc(1, sizeof *slot);
  if (slot == NULL) return NULL;
  slot->http = http;
  slot->easy = curl_easy_init();
  if (slot->easy == NULL || set_callbacks(slot) != CURLE_OK || set_constants(slot) != CURLE_OK) {
    mh_http_slot_free(slot);
    return NULL;
  }
  return slot;
}

void mh_http_slot_free(mh_http_slot *slot) {
  if (slot == NULL) return;
  curl_easy_cleanup(slot->easy);
  for (int i = 0; i < MH_KEPT_COUNT; i++) free(slot->kept[i]);
  free(slot->nodes);
  free(slot->joined);
  free(slot);
}

static bool is_same(const char *a, const char *b) {
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static CURLcode keep(mh_http_slot *slot, mh_kept which, CURLoption option, const char *value) {
  if (is_same(slot->kept[which], value)) return CURLE_OK;
  char *copy = value != NULL ? strdup(value) : NULL;
  CURLcode code = value != NULL && copy == NULL ? CURLE_OUT_OF_MEMORY
                                                : curl_easy_setopt(slot->easy, option, value);
  if (code != CURLE_OK) {
    free(copy);
    return code;
  }
  free(slot->kept[which]);
  slot->kept[which] = copy;
  return CURLE_OK;
}

/* The pieces of a small body as one: NULL without memory, which costs no more than a second write. */
static const char *join(mh_http_slot *slot, const mh_segment *segments, size_t count) {
  if (slot->joined == NULL) slot->joined = malloc(JOINED_MOST);
  char *to = slot->joined;
  for (size_t i = 0; to != NULL && i < count; i++) {
    memcpy(to, segments[i].bytes, segments[i].n);
    to += segments[i].n;
  }
  return slot->joined;
}

/* One string is handed over where it stands, and sent in one write with the headers when it is small;
 * libcurl asks on_read for everything else. */
static CURLcode set_body(mh_http_slot *slot, const mh_transfer *t) {
  const mh_segment *segments = (const mh_segment *)t->segments.data;
  size_t count = t->segments.len / sizeof *segments;
  const char *bytes = count == 1 ? segments[0].bytes : t->length == 0 ? "" : NULL;
  if (count > 1 && t->length <= JOINED_MOST) bytes = join(slot, segments, count);
  CURLcode code = curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->length);
  if (code != CURLE_OK) return code;
  return curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, bytes);
}

static CURLcode set_kind(mh_http_slot *slot, mh_http_kind kind) {
  if (slot->kind == kind) return CURLE_OK;
  slot->kind = kind;
  // Progress is needed to see whether a body still moves.
  CURLcode code = curl_easy_setopt(slot->easy, CURLOPT_NOPROGRESS, kind == MH_KIND_BODY ? 0L : 1L);
  if (code != CURLE_OK) return code;
  switch (kind) {
    case MH_KIND_BODY: return curl_easy_setopt(slot->easy, CURLOPT_POST, 1L);
    case MH_KIND_HEAD: return curl_easy_setopt(slot->easy, CURLOPT_NOBODY, 1L);
    default: return curl_easy_setopt(slot->easy, CURLOPT_HTTPGET, 1L);
  }
}

/* libcurl knows three kinds of request; every method is one of them under its own name. */
static CURLcode set_method(mh_http_slot *slot, const mh_transfer *t) {
  const char *method = mh_transfer_text(t, MH_TEXT_METHOD);
  mh_http_kind kind = t->has_body                   ? MH_KIND_BODY
                      : strcmp(method, "HEAD") == 0 ? MH_KIND_HEAD
                                                    : MH_KIND_PLAIN;
  static const char *const own[] = {
      [MH_KIND_PLAIN] = "GET", [MH_KIND_HEAD] = "HEAD", [MH_KIND_BODY] = "POST"};
  CURLcode code = set_kind(slot, kind);
  if (code != CURLE_OK) return code;
  if (strcmp(method, own[kind]) == 0) method = NULL;
  code = keep(slot, MH_KEPT_METHOD, CURLOPT_CUSTOMREQUEST, method);
  if (code != CURLE_OK || kind != MH_KIND_BODY) return code;
  return set_body(slot, t);
}

static CURLcode set_peer(mh_http_slot *slot, const mh_transfer *t) {
  const char *unix_socket = mh_transfer_text(t, MH_TEXT_UNIX_SOCKET);
  const char *ca_file = mh_transfer_text(t, MH_TEXT_CA_FILE);
  if (!is_same(slot->kept[MH_KEPT_UNIX_SOCKET], unix_socket)) {
    // "": no proxy, whatever the environment says.
    CURLcode code = curl_easy_setopt(slot->easy, CURLOPT_PROXY, unix_socket != NULL ? "" : NULL);
    if (code != CURLE_OK) return code;
  }
  CURLcode code = keep(slot, MH_KEPT_UNIX_SOCKET, CURLOPT_UNIX_SOCKET_PATH, unix_socket);
  if (code == CURLE_OK)
    code = keep(slot, MH_KEPT_CA_FILE, CURLOPT_CAINFO,
                ca_file != NULL ? ca_file : slot->http->ca_file);
  if (code == CURLE_OK)
    code = keep(slot, MH_KEPT_CERT_FILE, CURLOPT_SSLCERT, mh_transfer_text(t, MH_TEXT_CERT_FILE));
  if (code == CURLE_OK)
    code = keep(slot, MH_KEPT_KEY_FILE, CURLOPT_SSLKEY, mh_transfer_text(t, MH_TEXT_KEY_FILE));
  return code;
}

static CURLcode set_flag(mh_http_slot *slot, bool *kept, bool on, CURLoption option, long value) {
  if (*kept == on) return CURLE_OK;
  *kept = on;
  return curl_easy_setopt(slot->easy, option, on ? value : 0L);
}

static CURLcode set_connecting(mh_http_slot *slot, const mh_transfer *t) {
  // Over TLS, transfers wait to share one HTTP/2 connection; in cleartext there is none to share.
  bool is_tls = strncasecmp(mh_transfer_text(t, MH_TEXT_URL), "https:", 6) == 0;
  CURLcode code = set_flag(slot, &slot->keeps_pipewait, is_tls, CURLOPT_PIPEWAIT, 1);
  if (code != CURLE_OK) return code;
  bool is_long = slot->http->loop->clock.is_virtual ||
                 (t->connect_timeout > LIBCURL_CONNECT_LIMIT && t->timeout > LIBCURL_CONNECT_LIMIT);
  return set_flag(slot, &slot->keeps_long_connect, is_long, CURLOPT_CONNECTTIMEOUT_MS, INT32_MAX);
}

static void add_node(mh_http_slot *slot, size_t *count, const char *line) {
  struct curl_slist *node = &slot->nodes[*count];
  node->data = (char *)line;  // libcurl reads it and nothing else
  node->next = NULL;
  if (*count > 0) slot->nodes[*count - 1].next = node;
  ++*count;
}

/* Builds the list in place: libcurl neither changes nor frees it. */
static CURLcode set_headers(mh_http_slot *slot, const mh_transfer *t) {
  size_t need = t->line_count + 3;
  if (need > slot->node_room) {
    struct curl_slist *nodes = realloc(slot->nodes, need * sizeof *nodes);
    if (nodes == NULL) return CURLE_OUT_OF_MEMORY;
    slot->nodes = nodes;
    slot->node_room = need;
  }
  size_t count = 0;
  const char *line = t->text.data + t->lines;
  for (uint32_t i = 0; i < t->line_count; i++, line += strlen(line) + 1)
    add_node(slot, &count, line);
  if (t->has_body) {
    add_node(slot, &count, "Expect:");                                  // without "100-continue"
    if (!t->has_content_type) add_node(slot, &count, "Content-Type:");  // without libcurl's guess
    if (t->length < 0) add_node(slot, &count, "Transfer-Encoding: chunked");
  }
  return curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, count > 0 ? slot->nodes : NULL);
}

/* libcurl guesses what others mean: a name of a host, say, for HTTP without TLS. */
static bool is_http(const char *url) {
  return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

CURLcode mh_http_slot_set_up(mh_http_slot *slot, const mh_transfer *t) {
  slot->error[0] = '\0';
  if (!is_http(mh_transfer_text(t, MH_TEXT_URL))) {
    snprintf(slot->error, sizeof slot->error, "the URL does not begin with http:// or https://");
    return CURLE_UNSUPPORTED_PROTOCOL;
  }
  CURLcode code = curl_easy_setopt(slot->easy, CURLOPT_URL, mh_transfer_text(t, MH_TEXT_URL));
  if (code == CURLE_OK) code = set_method(slot, t);
  if (code == CURLE_OK) code = set_peer(slot, t);
  if (code == CURLE_OK) code = set_connecting(slot, t);
  if (code == CURLE_OK) code = set_headers(slot, t);
  return code;
}
