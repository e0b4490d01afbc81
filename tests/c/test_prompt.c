/* Questions on a real terminal: what is typed is read, a secret is not shown, and the terminal is as it
 * was afterwards, also after Ctrl-C. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

typedef struct terminal {
  int fd;
  pid_t pid;
  char seen[8192];
  size_t n, at; /* at: what expect has found */
} terminal;

static void start(terminal *t, const char *code) {
  char program[256];
  const char *build = getenv("B");
  snprintf(program, sizeof program, "%s/moonherd", build != NULL ? build : "build");
  memset(t, 0, sizeof *t);
  t->pid = forkpty(&t->fd, NULL, NULL, NULL);
  assert_true(t->pid >= 0);
  if (t->pid > 0) return;
  setenv("TERM", "dumb", 1);
  execl(program, program, "--target", "local", "-e", code, (char *)NULL);
  _exit(127);
}

/* Reads until the text comes, behind what was found before. */
static void expect(terminal *t, const char *text) {
  for (;;) {
    char *found = strstr(t->seen + t->at, text);
    if (found != NULL) {
      t->at = (size_t)(found - t->seen) + strlen(text);
      return;
    }
    struct pollfd p = {.fd = t->fd, .events = POLLIN};
    ssize_t n = poll(&p, 1, PATIENCE_MS) > 0 && t->n < sizeof t->seen - 1
                    ? read(t->fd, t->seen + t->n, sizeof t->seen - 1 - t->n)
                    : -1;
    if (n <= 0) fail_msg("'%s' does not come; there is: %s", text, t->seen);
    t->n += (size_t)n;
  }
}

static void type(terminal *t, const char *text) {
  assert_int_equal(write(t->fd, text, strlen(text)), strlen(text));
}

static bool echoes(const terminal *t) {
  struct termios state;
  assert_int_equal(tcgetattr(t->fd, &state), 0);
  return (state.c_lflag & ECHO) != 0;
}

/* The prompt is there before the terminal is told not to echo. */
static void wait_for_echo(const terminal *t, bool wanted) {
  for (int i = 0; echoes(t) != wanted; i++) {
    if (i == PATIENCE_MS) fail_msg("the terminal %s", wanted ? "does not echo" : "echoes");
    poll(NULL, 0, 1);
  }
}

static int finish(terminal *t) {
  int status = 0;
  assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
  close(t->fd);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void asks_until_it_has_an_answer(void **state) {
  (void)state;
  terminal t;
  start(&t,
        "local prompt = require 'moonherd'.prompt\n"
        "print(prompt.confirm 'Sure?')\n"
        "print(prompt.confirm('Still?', { default = true }))\n"
        "print(prompt.choose('Where?', { 'staging', 'production' }))\n"
        "print(prompt.text('Who?', { default = 'me' }) .. '!')");
  expect(&t, "Sure? [y/n] ");
  type(&t, "maybe\n");
  expect(&t, "yes or no?\r\nSure? [y/n] ");
  type(&t, "YES\n");
  expect(&t, "true\r\n");
  expect(&t, "Still? [Y/n] ");
  type(&t, "\n");
  expect(&t, "true\r\n");
  expect(&t, "  2  production\r\nnumber or name ");
  type(&t, "3\n");
  expect(&t, "a number from 1 to 2, or a name is expected");
  expect(&t, "number or name ");
  type(&t, "prod\n");
  expect(&t, "\nproduction\r\n");
  expect(&t, "Who? [me] ");
  type(&t, "\n");
  expect(&t, "me!");
  assert_int_equal(finish(&t), 0);
}

static void a_secret_is_not_shown(void **state) {
  (void)state;
  terminal t;
  start(&t,
        "local prompt = require 'moonherd'.prompt\n"
        "local key = prompt.secret 'Key?'\n"
        "print(key, #key:reveal())\n"
        "print(prompt.text 'More?')");
  expect(&t, "Key? ");
  wait_for_echo(&t, false);
  type(&t, "hunter2\n");
  expect(&t, "***\t7");
  assert_null(strstr(t.seen, "hunter2"));
  expect(&t, "More? ");
  wait_for_echo(&t, true);
  type(&t, "no\n");
  expect(&t, "no\r\nno\r\n");
  assert_int_equal(finish(&t), 0);
}

static void ctrl_c_cancels_and_the_terminal_echoes_again(void **state) {
  (void)state;
  terminal t;
  start(&t, "print(require 'moonherd'.prompt.secret 'Key?')");
  expect(&t, "Key? ");
  wait_for_echo(&t, false);
  type(&t, "\003");
  wait_for_echo(&t, true);
  assert_int_equal(finish(&t), 130);
}

static void a_deadline_ends_a_question(void **state) {
  (void)state;
  terminal t;
  start(&t,
        "local m = require 'moonherd'\n"
        "local _, err = m.try(m.timeout, '50ms', m.prompt.secret, 'Key?')\n"
        "print(err.kind)\n"
        "print(m.prompt.text 'And now?')");
  expect(&t, "timeout\r\n");
  expect(&t, "And now? ");
  wait_for_echo(&t, true);
  type(&t, "fine\n");
  expect(&t, "fine\r\nfine");
  assert_int_equal(finish(&t), 0);
}

static void the_end_of_the_input_is_no_answer(void **state) {
  (void)state;
  terminal t;
  start(&t,
        "local _, err = require 'moonherd'.try(require 'moonherd'.prompt.text, 'Who?')\n"
        "print(err.reason)");
  expect(&t, "Who? ");
  type(&t, "\004");
  expect(&t, "no_answer");
  assert_int_equal(finish(&t), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(asks_until_it_has_an_answer),
      cmocka_unit_test(a_secret_is_not_shown),
      cmocka_unit_test(ctrl_c_cancels_and_the_terminal_echoes_again),
      cmocka_unit_test(a_deadline_ends_a_question),
      cmocka_unit_test(the_end_of_the_input_is_no_answer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
