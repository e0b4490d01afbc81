/* See signals.h. */
#include "cli/signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

/* The one thing signal handlers can reach. */
static struct {
  moonherd *handle;
  volatile sig_atomic_t count, number, dumps, resizes;
  volatile sig_atomic_t is_seen, alarms; /* by the loop; how often it was late */
  volatile sig_atomic_t ends_loops;      /* what runs is a line of the REPL */
  volatile sig_atomic_t is_told;         /* that the next one ends the process */
  volatile sig_atomic_t stops, continues;
  volatile sig_atomic_t lates; /* seconds after the end of the time */
  sig_atomic_t most;           /* signals, until the process ends where it is */
  bool has_terminal, is_paused;
  struct termios terminal; /* as it was found */
  struct termios paused;   /* as it was when Ctrl-Z came */
} interrupts;

/* Seconds in which the loop takes a signal, unless Lua code holds it. */
enum { PATIENCE = 1, PATIENT_MOST = 2, LATES_MOST = 2, LONGEST_LIMIT = 1 << 30 };

static void say_stuck(void) {
  if (interrupts.is_told) return;
  interrupts.is_told = 1;
  static const char text[] =
      "moonherd: what runs does not let itself be stopped; Ctrl-C again ends it where it is\n";
  if (interrupts.ends_loops && write(STDERR_FILENO, "\n", 1) < 0) return;  // behind ^C
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0) return;
}

/* The loop has not come to take the signal. A loop of Lua is told in its midst; one that catches that,
 * or a call of C, nobody can end but with the process. */
static void on_alarm(int number) {
  int saved = errno;
  (void)number;
  if (interrupts.dumps) moonherd_dump_running(interrupts.handle);
  interrupts.dumps = 0;
  if (interrupts.count > 0 && !interrupts.is_seen) {
    if (interrupts.alarms++ > 0) {
      say_stuck();
    } else {
      moonherd_interrupt(interrupts.handle);
      alarm(PATIENCE);
    }
  }
  errno = saved;
}

/* Whether the process ends here. A line of the REPL may be told twice, and be told of, before a Ctrl-C
 * takes the session away. */
static bool is_enough(int number) {
  bool is_patient = interrupts.ends_loops && number == SIGINT;
  if (!is_patient) return interrupts.count > interrupts.most;
  if (interrupts.count > 1 && interrupts.is_told) return true;
  if (interrupts.count > PATIENT_MOST) say_stuck();
  return false;
}

/* A question may have hidden what is typed. A process in the background would be stopped for it. */
static void put_terminal_back(void) {
  if (interrupts.has_terminal && tcgetpgrp(STDIN_FILENO) == getpgrp())
    tcsetattr(STDIN_FILENO, TCSANOW, &interrupts.terminal);
}

static void end_here(int code) {
  put_terminal_back();
  _exit(code);
}

static void on_signal(int number) {
  int saved = errno;
  interrupts.number = number;
  interrupts.count++;
  if (is_enough(number)) end_here(number == SIGINT ? EXIT_INTERRUPTED : EXIT_TERMINATED);
  if (number == SIGINT && interrupts.ends_loops) moonherd_interrupt(interrupts.handle);
  interrupts.alarms = 0;
  interrupts.is_seen = 0;
  alarm(PATIENCE);
  moonherd_wake(interrupts.handle);
  errno = saved;
}

/* The time is over, and the loop has not come to see it. */
static void on_limit(int number) {
  int saved = errno;
  static const char text[] = "moonherd: timed out, and what runs does not let itself be stopped\n";
  (void)number;
  if (interrupts.handle == NULL) return;
  interrupts.lates++;
  if (interrupts.lates <= LATES_MOST) moonherd_interrupt(interrupts.handle);
  else if (write(STDERR_FILENO, text, sizeof text - 1) != 0) end_here(EXIT_TIMED_OUT);
  errno = saved;
}

void cli_signals_limit(double seconds) {
  static timer_t timer;
  static bool has_timer;
  if (has_timer) timer_delete(timer);
  has_timer = false;
  interrupts.lates = 0;
  if (seconds <= 0 || seconds > LONGEST_LIMIT) return;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGVTALRM};
  has_timer = timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
  time_t whole = (time_t)seconds;
  struct itimerspec when = {.it_value = {whole + PATIENCE, (long)((seconds - (double)whole) * 1e9)},
                            .it_interval = {PATIENCE, 0}};
  if (has_timer) timer_settime(timer, 0, &when, NULL);
}

/* Ctrl-\ on a terminal: what is it doing? */
static void on_quit(int number) {
  int saved = errno;
  (void)number;
  interrupts.dumps = 1;
  alarm(PATIENCE);
  moonherd_wake(interrupts.handle);
  errno = saved;
}

static void on_resize(int number) {
  int saved = errno;
  (void)number;
  interrupts.resizes = 1;
  moonherd_wake(interrupts.handle);
  errno = saved;
}

/* A signal that whoever has started us wants to be ignored stays so. */
static void set_handler(int number, void (*handler)(int)) {
  struct sigaction before, action = {.sa_handler = handler};
  sigemptyset(&action.sa_mask);
  if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
    sigaction(number, &action, NULL);
}

static void on_pause(int number);

/* The handler goes with the first one, which is not kept back in it: raised there it stops. */
static void catch_pause(void) {
  struct sigaction before,
      action = {.sa_handler = on_pause, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGTSTP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
    sigaction(SIGTSTP, &action, NULL);
}

/* Ctrl-Z: the shell gets its terminal as it was, also when a question hides what is typed. */
static void on_pause(int number) {
  int saved = errno;
  interrupts.is_paused =
      interrupts.has_terminal && tcgetattr(STDIN_FILENO, &interrupts.paused) == 0;
  put_terminal_back();
  raise(number);
  catch_pause();
  errno = saved;
}

/* The question hides it again. In the background that would stop us: the terminal is another's. */
static void on_continue(int number) {
  int saved = errno;
  (void)number;
  if (interrupts.is_paused && tcgetpgrp(STDIN_FILENO) == getpgrp()) {
    interrupts.is_paused = false;
    tcsetattr(STDIN_FILENO, TCSANOW, &interrupts.paused);
  }
  errno = saved;
}

void cli_signals_catch(moonherd *handle) {
  interrupts.handle = handle;
  interrupts.most = 1;
  interrupts.has_terminal = tcgetattr(STDIN_FILENO, &interrupts.terminal) == 0;
  struct sigaction action = {.sa_handler = on_signal};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  set_handler(SIGHUP, on_signal);  // what is left of programs would live on: they have no terminal
  set_handler(SIGCONT, on_continue);
  catch_pause();
  action.sa_handler = on_quit;
  sigaction(SIGQUIT, &action, NULL);
  action.sa_handler = on_alarm;
  sigaction(SIGALRM, &action, NULL);
  action.sa_handler = on_limit;
  sigaction(SIGVTALRM, &action, NULL);
  action.sa_handler = on_resize;
  sigaction(SIGWINCH, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // writing beyond a limit is an error like a full disk
}

/* ---- stopping, and going on --------------------------------------------------------------- */

static void on_stop(int number) {
  int saved = errno;
  if (number == SIGTSTP) interrupts.stops = 1;
  else interrupts.continues = 1;
  moonherd_wake(interrupts.handle);
  errno = saved;
}

void cli_signals_hold_terminal(bool on) {
  if (on) set_handler(SIGTSTP, on_stop);
  else catch_pause();
  set_handler(SIGCONT, on ? on_stop : on_continue);
}

/* Where no shell could make us go on, the system does not stop us either. */
void cli_signals_stop(void) {
  struct sigaction held, usual = {.sa_handler = SIG_DFL};
  sigemptyset(&usual.sa_mask);
  sigaction(SIGTSTP, &usual, &held);
  raise(SIGTSTP);
  sigaction(SIGTSTP, &held, NULL);
  interrupts.continues = 0;
}

int cli_signals_take_stop(void) {
  int wanted = interrupts.stops ? CLI_STOP_WANTED : interrupts.continues ? CLI_STOP_OVER : 0;
  interrupts.stops = interrupts.continues = 0;
  return wanted;
}

/* ---- what has come ------------------------------------------------------------------------ */

int cli_signals_take(void) {
  if (interrupts.count == 0) return CLI_SIGNAL_NONE;
  interrupts.count = 0;
  interrupts.is_told = 0;
  return interrupts.number == SIGINT ? CLI_SIGNAL_INTERRUPT : CLI_SIGNAL_TERMINATE;
}

void cli_signals_end_loops(bool on) {
  interrupts.ends_loops = on;
}

void cli_signals_release(void) {
  interrupts.handle = NULL;
}

bool cli_signals_have_come(void) {
  interrupts.is_seen = 1;
  return interrupts.count > 0;
}

/* They are kept back but in the wait itself: one that came in between would be missed. */
bool cli_signals_wait(int fd) {
  sigset_t ending, before;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  sigprocmask(SIG_BLOCK, &ending, &before);
  struct pollfd wanted = {.fd = fd, .events = POLLIN};
  int r = 0;
  while (!cli_signals_have_come() && r <= 0) r = ppoll(&wanted, 1, NULL, &before);
  sigprocmask(SIG_SETMASK, &before, NULL);
  return !cli_signals_have_come();
}

int cli_signals_exit_code(void) {
  return interrupts.number == SIGINT ? EXIT_INTERRUPTED : EXIT_TERMINATED;
}

bool cli_signals_take_dump(void) {
  bool is_wanted = interrupts.dumps != 0;
  interrupts.dumps = 0;
  return is_wanted;
}

bool cli_signals_take_resize(void) {
  bool has_come = interrupts.resizes != 0;
  interrupts.resizes = 0;
  return has_come;
}
