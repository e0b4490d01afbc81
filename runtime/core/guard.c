/* The questions to a guard. See guard.h. */
#include "core/guard.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SEGMENT = 512 /* bytes of the longest account or namespace that is looked at */ };

const char *mh_guard_process(const mh_guard *guard) {
  if (guard == NULL || guard->allows_processes) return NULL;
  return "the guard has no \"processes\": true";
}

const char *mh_guard_listen(const mh_guard *guard) {
  if (guard == NULL || guard->allows_network) return NULL;
  return "the guard has no \"network\": \"any\"";
}

/* The names under which cloudflare/target.lua finds them. */
bool mh_guard_hides(const mh_guard *guard, const char *variable, size_t n) {
  static const char *const names[] = {"CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY"};
  if (guard == NULL || guard->allows_processes) return false;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strlen(names[i]) == n && memcmp(names[i], variable, n) == 0) return true;
  return false;
}

/* ---- files -------------------------------------------------------------------------------- */

static bool is_inside(const char *path, const mh_strings *folders) {
  for (size_t i = 0; i < folders->count; i++) {
    const char *folder = folders->items[i];
    size_t n = strlen(folder);
    if (n == 1) return true;  // the root
    if (strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0')) return true;
  }
  return false;
}

/* The files beside a database, of which SQLite believes what they say: a journal names other files that
 * are to be deleted, and the one that it maps must not become shorter. */
static bool is_of_sqlite(const char *path) {
  static const char *const ends[] = {"-journal", "-wal", "-shm"};
  size_t n = strlen(path);
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
    size_t k = strlen(ends[i]);
    if (n >= k && strcmp(path + n - k, ends[i]) == 0) return true;
  }
  return false;
}

const char *mh_guard_real_path(const mh_guard *guard, const char *real_path, bool is_write) {
  if (guard == NULL) return NULL;
  if (is_write && is_of_sqlite(real_path))
    return "with a guard only SQLite itself writes files whose names end in -journal, -wal or -shm";
  if (is_inside(real_path, &guard->write)) return NULL;
  if (is_write) return "it is in none of the folders of \"files\": {\"write\": [...]} of the guard";
  if (is_inside(real_path, &guard->read)) return NULL;
  return "it is in none of the folders of \"files\": {\"read\": [...]} of the guard";
}

/* ---- paths of the API --------------------------------------------------------------------- */

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes %XX in place, until nothing is left of it: somebody behind the API may do so twice. */
static void decode(char *text) {
  for (bool has_changed = true; has_changed;) {
    char *to = text;
    has_changed = false;
    for (const char *from = text; *from != '\0'; from++) {
      int high = from[0] == '%' ? hex(from[1]) : -1, low = high >= 0 ? hex(from[2]) : -1;
      bool is_coded = low >= 0 && (high > 0 || low > 0);  // %00 stays, and is no letter
      *to++ = (char)(is_coded ? high * 16 + low : *from);
      if (is_coded) from += 2;
      has_changed = has_changed || is_coded;
    }
    *to = '\0';
  }
}

/* Whether a path leads where its segments say: none is empty, "." or "..", however it is written. */
static bool is_straight(const char *path) {
  char *text = strdup(path);
  if (text == NULL) return false;
  decode(text);
  bool is_good = true;
  for (const char *s = text; is_good && *s != '\0';) {
    s++;  // past the slash
    size_t n = strcspn(s, "/\\");
    size_t name = strcspn(s, "/\\;");  // some servers take what is behind a ; away
    bool is_dots = name <= 2 && strspn(s, ".") == name && n > 0;
    is_good = !is_dots && (n > 0 || s[0] == '\0') && s[n] != '\\';
    s += n;
  }
  free(text);
  return is_good;
}

/* Takes the next segment of a path, decoded; "" when there is none, or it is longer than all names. */
static const char *take(const char *path, char *segment) {
  if (*path == '/') path++;
  size_t n = strcspn(path, "/");
  size_t kept = n < SEGMENT ? n : 0;
  memcpy(segment, path, kept);
  segment[kept] = '\0';
  decode(segment);
  return path + n;
}

/* What may stand in the name of an account or a namespace. Anything else matches no pattern. */
static bool is_name(const char *text) {
  static const char letters[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_. ";
  return text[0] != '\0' && strspn(text, letters) == strlen(text);
}

static bool matches(const char *pattern, const char *text) {
  const char *star = NULL, *mark = NULL;
  while (*text != '\0') {
    if (*pattern == '*') {
      star = pattern++;
      mark = text;
    } else if (*pattern == *text) {
      pattern++;
      text++;
    } else if (star != NULL) {
      pattern = star + 1;
      text = ++mark;
    } else {
      return false;
    }
  }
  while (*pattern == '*') pattern++;
  return *pattern == '\0';
}

static bool is_listed(const mh_strings *names, const char *name,
                      bool (*is)(const char *, const char *)) {
  for (size_t i = 0; is_name(name) && i < names->count; i++)
    if (is(names->items[i], name)) return true;
  return false;
}

static bool is_same(const char *a, const char *b) {
  return strcmp(a, b) == 0;
}

static bool is_reading(const char *method) {
  return is_same(method, "GET") || is_same(method, "HEAD");
}

/* `rest`: the path behind /accounts/ACCOUNT. A namespace itself is not made or changed: its new name
 * would stand in the body. */
static bool allows_namespace(const mh_guard *guard, const char *rest, const char *method) {
  static const char upload[] = "/workers/assets/upload";  // what a session of a script allows
  static const char folder[] = "/workers/dispatch/namespaces/";
  char name[SEGMENT];
  if (is_same(rest, upload)) return true;
  if (strncmp(rest, folder, sizeof folder - 1) != 0) return false;
  const char *below = take(rest + sizeof folder - 2, name);
  if (!is_listed(&guard->namespaces, name, matches)) return false;
  bool is_inside_it = below[0] == '/' && below[1] != '\0';
  return is_inside_it || is_reading(method) || is_same(method, "DELETE");
}

/* `path`: behind the prefix of the API. */
static const char *check_path(const mh_guard *guard, const char *path, const char *method) {
  static const char accounts[] = "/accounts/";
  if (!guard->has_accounts && !guard->has_namespaces) return NULL;
  if (is_same(path, "/user/tokens/verify") && is_reading(method)) return NULL;
  if (!is_straight(path)) return "its path does not lead straight to an account";
  if (strncmp(path, accounts, sizeof accounts - 1) != 0)
    return "it is for no account, and the guard has \"accounts\" or \"namespaces\"";
  char account[SEGMENT];
  const char *rest = take(path + sizeof accounts - 2, account);
  if (guard->has_accounts && !is_listed(&guard->accounts, account, is_same))
    return "the account is not in \"accounts\" of the guard";
  if (guard->has_namespaces && !allows_namespace(guard, rest, method))
    return "it is not for what is inside of one of the \"namespaces\" of the guard";
  return NULL;
}

/* ---- requests ----------------------------------------------------------------------------- */

/* "host." is "host" for the resolver. */
static bool is_same_host(const char *a, const char *b) {
  size_t n = strlen(a);
  if (n > 0 && a[n - 1] == '.') n--;
  return strlen(b) == n && strncasecmp(a, b, n) == 0;
}

/* The path behind the API's prefix, or NULL: the request goes elsewhere. */
static const char *path_in_api(const mh_guard *guard, const mh_guard_request *r) {
  static const char platform[] = "/client/v4";
  const mh_api_place *api = &guard->api;
  const char *prefix = r->is_platform ? platform : api->prefix;
  if (!r->is_platform) {
    if (r->is_unix || api->host == NULL) return NULL;
    if (!is_same_host(r->host, api->host)) return NULL;
    if (!is_same(r->scheme, api->scheme) || !is_same(r->port, api->port)) return NULL;
  }
  size_t n = strlen(prefix);
  return strncmp(r->path, prefix, n) == 0 && r->path[n] == '/' ? r->path + n : NULL;
}

/* With "any" the rules hold for all that the API's host answers to. */
static bool is_for_api(const mh_guard *guard, const mh_guard_request *r) {
  if (r->is_platform) return true;
  return !r->is_unix && guard->api.host != NULL && is_same_host(r->host, guard->api.host);
}

const char *mh_guard_request_refusal(const mh_guard *guard, const mh_guard_request *r) {
  if (guard == NULL) return NULL;
  if (guard->is_read_only && !is_reading(r->method)) return "the guard has \"read_only\": true";
  if (r->has_own_host) return "with a guard no header may say another host or method";
  const char *path = path_in_api(guard, r);
  if (path != NULL) return check_path(guard, path, r->method);
  if (!guard->allows_network ||
      (is_for_api(guard, r) && (guard->has_accounts || guard->has_namespaces)))
    return "it leads elsewhere than to the API, and the guard has no \"network\": \"any\"";
  return NULL;
}

bool mh_guard_gives_credential(const mh_guard *guard, const mh_guard_request *r) {
  return guard == NULL || guard->allows_processes || path_in_api(guard, r) != NULL;
}

/* ---- the end ------------------------------------------------------------------------------ */

static void free_strings(mh_strings *strings) {
  for (size_t i = 0; i < strings->count; i++) free(strings->items[i]);
  free(strings->items);
}

void mh_guard_free(mh_guard *guard) {
  if (guard == NULL) return;
  free_strings(&guard->accounts);
  free_strings(&guard->namespaces);
  free_strings(&guard->read);
  free_strings(&guard->write);
  free(guard->api.scheme);
  free(guard->api.host);
  free(guard->api.port);
  free(guard->api.prefix);
  free(guard->state);
  free(guard);
}
