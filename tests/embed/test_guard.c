/* The guard of a handle: what it refuses to read, and every public way out of it, the cases of
 * guard.lua. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "moonherd.h"

typedef struct host {
  moonherd *m;
  char output[4096], error[4096];
} host;

static void on_output(void *user, int stream, const char *bytes, size_t n) {
  host *h = user;
  (void)stream;
  size_t used = strlen(h->output);
  snprintf(h->output + used, sizeof h->output - used, "%.*s", (int)n, bytes);
}

static void on_error(void *user, const moonherd_error *e) {
  host *h = user;
  snprintf(h->error, sizeof h->error, "%s\n%s", moonherd_error_message(e), moonherd_error_trace(e));
}

static void on_log(void *user, int level, const char *json, size_t n) {
  (void)user, (void)level, (void)json, (void)n;
}

static const char *try_new(host *h, const char *options, const char *guard) {
  memset(h, 0, sizeof *h);
  moonherd_config config = {.size = sizeof config,
                            .user = h,
                            .on_output = on_output,
                            .on_error = on_error,
                            .on_log = on_log,
                            .options = options,
                            .guard = guard};
  const char *why = NULL;
  h->m = moonherd_new(&config, &why);
  return why;
}

/* ---- reading ------------------------------------------------------------------------------ */

static void what_is_wrong_with_a_guard_is_said(void **state) {
  (void)state;
  static const struct {
    const char *guard, *why;
  } cases[] = {
      {"", "guard: not a JSON object"},
      {"[]", NULL},  // cjson takes it for an empty object
      {"[1]", "guard: not a JSON object"},
      {"7", "guard: not a JSON object"},
      {"{\"acounts\":[]}", "guard: unknown member (did you mean \"accounts\"?)"},
      {"{\"readonly\":true}", "guard: unknown member (did you mean \"read_only\"?)"},
      {"{\"x\":1}",
       "guard: unknown member (members are accounts, namespaces, read_only, processes, "
       "files, network)"},
      {"{\"accounts\":\"a\"}", "guard: \"accounts\" must be a list of strings"},
      {"{\"accounts\":[1]}", "guard: \"accounts\" must be a list of strings"},
      {"{\"accounts\":{\"a\":1}}", "guard: \"accounts\" must be a list of strings"},
      {"{\"accounts\":[\"\"]}", "guard: \"accounts\" must be a list of strings"},
      {"{\"accounts\":null}", "guard: \"accounts\" must be a list of strings"},
      {"{\"read_only\":1}", "guard: \"read_only\" must be true or false"},
      {"{\"processes\":\"no\"}", "guard: \"processes\" must be true or false"},
      {"{\"network\":\"all\"}", "guard: \"network\" must be \"api\" or \"any\""},
      {"{\"files\":[\"/\"]}", "guard: \"files\" must be an object of read and write"},
      {"{\"files\":{\"reed\":[]}}", "guard: unknown member (did you mean \"read\"?)"},
      {"{\"files\":{\"read\":[\"/no/such/folder\"]}}",
       "guard: \"files\": \"read\" must be a list of folders that are there"},
  };
  host h;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const char *why = try_new(&h, NULL, cases[i].guard);
    if (cases[i].why == NULL) assert_null(why);
    else if (why == NULL || strcmp(why, cases[i].why) != 0)
      fail_msg("%s: %s", cases[i].guard, why != NULL ? why : "taken");
    moonherd_close(h.m);
  }
}

/* ---- the folder --------------------------------------------------------------------------- */

static char root[512];

static void put(const char *name, const char *text) {
  char path[600];
  snprintf(path, sizeof path, "%s/%s", root, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void make(const char *name, const char *target) {
  char path[600];
  snprintf(path, sizeof path, "%s/%s", root, name);
  assert_int_equal(0, target != NULL ? symlink(target, path) : mkdir(path, 0700));
}

static bool is_there(const char *name) {
  char path[600];
  struct stat st;
  snprintf(path, sizeof path, "%s/%s", root, name);
  return lstat(path, &st) == 0;
}

static int make_folder(void **state) {
  (void)state;
  static const char made[] = "/tmp/moonherd-guard-XXXXXX";
  snprintf(root, sizeof root, "%s", made);
  if (mkdtemp(root) == NULL) return -1;
  static const char *const folders[] = {"in", "out", "secret", "inx"};
  for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) make(folders[i], NULL);
  put("in/file", "mine");
  put("in/module.lua", "#!/usr/bin/env moonherd\nreturn 7");
  put("out/file", "mine");
  put("secret/file", "top secret");
  put("secret/hidden.lua", "return 'top secret'");
  make("in/link", "../secret");
  make("out/way", "../secret");
  make("out/dangling", "../secret/new");
  char sockets[600];
  snprintf(sockets, sizeof sockets, "%s/in", root);
  return setenv("XDG_RUNTIME_DIR", sockets, 1);
}

static int remove_folder(void **state) {
  (void)state;
  char command[600];
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  return system(command);
}

/* ---- ways out ----------------------------------------------------------------------------- */

#define FILES "\"files\":{\"read\":[\"%1$s/in\"],\"write\":[\"%1$s/out\"]}"
static const char LOCAL[] = "{\"target\":\"local\",\"log\":\"error\",\"state\":\"%1$s/state\"}";
static const char STRICT[] =
    "{" FILES
    ",\"accounts\":[\"11111111111111111111111111111111\",\"00000000000000000000000000000000"
    "\"],\"namespaces\":[\"prod-*\"]}";

/* Where nobody listens. */
static const char REMOTE[] =
    "{\"target\":\"http://127.0.0.1:9/client/v4\",\"log\":\"error\","
    "\"account\":\"11111111111111111111111111111111\"}";

static const struct {
  const char *name, *options, *guard; /* NULL: LOCAL, STRICT */
} ways[] = {
    {"files_are_not_read", NULL, NULL},
    {"files_are_not_written", NULL, "{" FILES ",\"network\":\"any\"}"},
    {"a_link_that_leads_nowhere_makes_no_file", NULL, NULL},
    {"a_link_that_is_moved_in_meanwhile", NULL, NULL},
    {"sql_stays_in_its_file", NULL, NULL},
    {"files_of_sqlite_are_its_own", NULL, NULL},
    {"lines_take_many_formats", NULL, NULL},
    {"what_is_inside_works", NULL, NULL},
    {"modules_are_found_inside_alone", NULL, NULL},
    {"no_process_is_started", NULL, NULL},
    {"no_c_module_is_loaded", NULL, NULL},
    {"no_bytecode_is_loaded", NULL, NULL},
    {"debug_looks_and_does_not_touch", NULL, NULL},
    {"metatables_of_handles_are_out_of_reach", NULL, NULL},
    {"replaced_functions_change_nothing", NULL, NULL},
    {"private_modules_are_out_of_reach", NULL, NULL},
    {"public_modules_are_the_same_everywhere", NULL, NULL},
    {"replaced_functions_see_no_credential", REMOTE, NULL},
    {"replaced_libraries_see_nothing", NULL, NULL},
    {"strings_keep_their_methods", NULL, NULL},
    {"credentials_are_the_clients", REMOTE, NULL},
    {"processes_would_tell_them", NULL, "{\"processes\":true}"},
    {"the_environment_is_not_looked_at", NULL, NULL},
    {"other_threads_are_no_way_out", NULL, NULL},
    {"finalizers_at_the_end", NULL, NULL},
    {"no_network_but_the_api", NULL, "{" FILES "}"},
    {"paths_lead_where_they_seem_to", NULL, NULL},
    {"a_request_is_one_request", NULL, NULL},
    {"the_client_is_held_too", NULL, NULL},
    {"a_script_that_only_reads", NULL, "{" FILES ",\"read_only\":true}"},
    {"with_any_network_the_api_is_guarded_still",
     "{\"target\":\"http://api.test:9/client/v4\",\"insecure_base_url\":true}",
     "{\"accounts\":[\"1\"],\"network\":\"any\"}"},
    {"the_credential_goes_to_the_api_alone", "{\"insecure_base_url\":true,\"log\":\"error\"}",
     "{\"network\":\"any\"}"},
};

static void fill(char *text, size_t size, const char *format) {
  for (const char *s = format; *s != '\0' && size > 1;) {
    bool is_root = strncmp(s, "%1$s", 4) == 0;
    int n = is_root ? snprintf(text, size, "%s", root) : snprintf(text, size, "%c", *s);
    s += is_root ? 4 : 1;
    text += n;
    size -= (size_t)n;
  }
}

static void open_guarded(host *h, const char *options, const char *guard) {
  char o[2048], g[2048];
  fill(o, sizeof o, options != NULL ? options : LOCAL);
  fill(g, sizeof g, guard != NULL ? guard : STRICT);
  const char *why = try_new(h, o, g);
  if (why != NULL) fail_msg("%s", why);
}

static void start_case(host *h, const char *name, const char *extra) {
  const char *const argv[] = {"guard.lua", name, root, extra};
  assert_int_equal(0, moonherd_load_file(h->m, "tests/embed/guard.lua"));
  assert_int_equal(0, moonherd_start(h->m, extra != NULL ? 4 : 3, argv));
}

static void no_way_leads_out(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    host h;
    open_guarded(&h, ways[i].options, ways[i].guard);
    start_case(&h, ways[i].name, NULL);
    assert_int_equal(MOONHERD_DONE, moonherd_run(h.m));
    if (moonherd_exit_code(h.m) != 0) fail_msg("%s: %s", ways[i].name, h.error);
    assert_string_equal("held\n", h.output);
    moonherd_close(h.m);
    assert_false(is_there("secret/made"));
    assert_false(is_there("secret/new"));
    assert_true(is_there("secret/file"));
    assert_false(is_there("in/new"));
  }
}

/* A second handle in the same process is a server whose answers lead elsewhere. */
static void a_redirect_leads_nowhere(void **state) {
  (void)state;
  static const char server[] =
      "require 'moonherd'.serve{port = 0,\n"
      "  on_listen = function (s) io.stderr:write(s.port, ' ') end,\n"
      "  handler = function (request) io.stderr:write(request.target)\n"
      "    request:respond(302, {location = 'http://127.0.0.1:9/stolen'}) end}";
  host other, h;
  assert_null(try_new(&other, NULL, NULL));
  assert_int_equal(0, moonherd_load(other.m, "=server", server, strlen(server)));
  assert_int_equal(0, moonherd_start(other.m, 0, NULL));
  while (strchr(other.output, ' ') == NULL && moonherd_step(other.m, 1) > 0) {
  }
  if (other.error[0] != '\0') fail_msg("%s", other.error);
  char base[64], options[256];
  snprintf(base, sizeof base, "http://127.0.0.1:%d", atoi(other.output));
  snprintf(options, sizeof options, "{\"target\":\"%s/client/v4\"}", base);
  open_guarded(&h, options, NULL);
  start_case(&h, "a_redirect_is_not_followed", base);
  while (moonherd_step(h.m, 0.001) > 0) moonherd_step(other.m, 0.001);
  if (moonherd_exit_code(h.m) != 0) fail_msg("%s", h.error);
  moonherd_close(h.m);
  moonherd_close(other.m);
  assert_non_null(strstr(other.output, "tokens/verify"));
}

int main(void) {
  setenv("CLOUDFLARE_API_TOKEN", "a-token-that-no-script-sees", 1);
  setenv("CLOUDFLARE_API_BASE_URL", "http://127.0.0.1:9/client/v4", 1);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_wrong_with_a_guard_is_said),
      cmocka_unit_test(no_way_leads_out),
      cmocka_unit_test(a_redirect_leads_nowhere),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
